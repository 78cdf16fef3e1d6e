"""Simulated vendors for every engine test."""

from collections.abc import Iterator

import pytest

from minimill.testing import Simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Vendors on loopback; answers have 10 tokens."""
    with Simulator(["openai", "doubao", "qwen", "glm"], length=10) as running:
        yield running
