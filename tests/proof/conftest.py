"""No process outlives the test that started it."""

from collections.abc import Iterator

import pytest

from . import world


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """Kill what a failed test left running."""
    yield
    while world.started:
        process = world.started.pop()
        if process.poll() is None:
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()
