"""Fixtures for the tests of applications: simulated vendors, and a configuration that leads to them.

Loaded by pytest when minimill is installed; imports nothing before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from minimill.testing import Simulator


@pytest.fixture
def minimill_simulator() -> Iterator[Simulator]:
    """Every simulated vendor on loopback, for one test. No key, no network."""
    from minimill.testing import Simulator

    with Simulator() as running:
        yield running


@pytest.fixture
def minimill_config(minimill_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A configuration for `minimill.Client` in which the shipped providers live on the simulator.

    Books are in memory and there is no budget; add what the test needs. Key variables are set for the test.
    """
    from minimill.catalog import load_provider, provider_ids

    providers: dict[str, Any] = {}
    for name, address in minimill_simulator.base_urls().items():
        if name in provider_ids():
            providers[name] = {"base_url": address}
            provider = load_provider(name)
            for variable in provider.base_url_env:
                monkeypatch.delenv(variable, raising=False)  # it would win over the address given here
            for variable in provider.key_names():
                monkeypatch.setenv(variable, "sim-key")
    return {"providers": providers, "ledger": "memory:"}
