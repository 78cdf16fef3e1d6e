"""Plans say which candidates a budget's use shuts out, and from when on the others are."""

from pathlib import Path
from typing import Any

import pytest

import minimill
from minimill.testing import Length, Simulator

from . import acme

pytestmark = pytest.mark.anyio
CEILING = acme.ceiling("hello")
FROM_HALF = "from 50 % of budget 'all' on only free models may serve"
LATER = "from 80 % of budget 'all' on only free models may serve"


@pytest.fixture
def full(sim: Simulator) -> Simulator:
    """Every answer of `acme` costs exactly its ceiling: 424,000 nanos."""
    sim.configure("openai", length=Length.fill(), input_tokens=acme.at_ceiling)
    return sim


def two(sim: Simulator, ledger: str = "memory:", **budget: Any) -> dict[str, Any]:
    """`acme`, which costs, before `home`, which is free, under a budget for two calls of `acme`."""
    vendors = {"acme": acme.provider(sim, "openai"), "home": acme.provider(sim, "openai", free=True)}
    routes = {"default": {"models": ["acme:m", "home:m"], "order": "listed", "max_output_tokens": 50}}
    limit = {"limit": f"0.{CEILING * 2:09} CNY", "narrow": [{"above": "50%", "only": "free"}], **budget}
    return acme.config(sim, vendors, ledger, routes=routes, budgets={"all": limit})


def told(plan: minimill.Plan) -> list[tuple[str, tuple[str, ...]]]:
    return [(candidate.name, candidate.narrowed) for candidate in plan.candidates]


@pytest.mark.parametrize("thresholds", [["50%"], []])
async def test_a_plan_is_narrowed_as_the_call_would_be(full: Simulator, thresholds: list[str]) -> None:
    """Before the threshold the candidate says when it ends; from there on it is left out, with the reason."""
    async with minimill.Client(two(full, thresholds=thresholds)) as client:
        assert told(client.plan("hello")) == [("acme:m", (FROM_HALF,)), ("home:m", ())]
        assert f"\n   acme:m: {FROM_HALF}" in str(client.plan("hello"))
        await client.chat("hello")
        plan = client.plan("hello")
        assert told(plan) == [("home:m", ())]
        reason = (
            "budget 'all' has used ¥0.000424 of ¥0.000848: above 50 % only free models may serve, and acme:m is not "
            "one of them"
        )
        assert [(left.name, left.reason) for left in plan.left_out] == [("acme:m", reason)]
        assert (await client.chat("hello")).provider == "home"


async def test_a_new_client_learns_it_from_the_books(full: Simulator, tmp_path: Path) -> None:
    """Until then it tells the rule alone; `learn` reads the budgets again each time."""
    config = two(full, f"sqlite:///{tmp_path}/books.db")
    async with minimill.Client(config) as first, minimill.Client(config) as second:
        await second.learn()  # there are no books yet
        assert told(second.plan("hello")) == [("acme:m", (FROM_HALF,)), ("home:m", ())]
        await first.chat("hello")
        await first.spend()  # the settlement is in the file
        assert told(second.plan("hello")) == [("acme:m", (FROM_HALF,)), ("home:m", ())]
        await second.learn()
        assert told(second.plan("hello")) == [("home:m", ())]


async def test_each_account_is_narrowed_by_itself(full: Simulator) -> None:
    """By the tags of the call; a call that no budget covers is not narrowed."""
    async with minimill.Client(two(full, by="user", scope={"app": "web"}), app="web") as client:
        await client.chat("hello", tags={"user": "ada"})
        assert told(client.plan("hello", tags={"user": "ada"})) == [("home:m", ())]
        other = "from 50 % of budget 'all' of 'bob' on only free models may serve"
        assert told(client.plan("hello", tags={"user": "bob"})) == [("acme:m", (other,)), ("home:m", ())]
        assert told(client.plan("hello", app="cron", tags={"user": "ada"})) == [("acme:m", ()), ("home:m", ())]


async def test_the_next_threshold_is_told_where_one_is_passed(full: Simulator) -> None:
    """Of those that shut the candidate out."""
    narrow = [{"above": "50%", "max_cost": f"0.{CEILING:09} CNY"}, {"above": "80%", "only": "free"}]
    async with minimill.Client(two(full, narrow=narrow)) as client:
        assert told(client.plan("hello")) == [("acme:m", (LATER,)), ("home:m", ())]
        await client.chat("hello")
        assert told(client.plan("hello")) == [("acme:m", (LATER,)), ("home:m", ())]
        dear = client.plan("hello", max_output_tokens=51)
        assert [left.name for left in dear.left_out] == ["acme:m"]
        assert dear.left_out[0].reason.endswith(
            "above 50 % only models that cost at most ¥0.000424 a call may serve, and acme:m is not one of them"
        )


async def test_a_window_that_is_over_narrows_nothing(full: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen of it is not held against the next one."""
    from minimill._client import _thresholds

    async with minimill.Client(two(full, window="day", zone="Asia/Shanghai")) as client:
        await client.chat("hello")
        assert told(client.plan("hello")) == [("home:m", ())]
        real = _thresholds.to_us
        monkeypatch.setattr(_thresholds, "to_us", lambda at: real(at) + 86_400_000_000)
        assert told(client.plan("hello")) == [("acme:m", (FROM_HALF,)), ("home:m", ())]
