"""What money allows: caps, ceilings per call, waiting, lowering a limit, unknown prices, free models."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

import minimill
from minimill.testing import Fault, Length, Simulator

from . import acme

pytestmark = pytest.mark.anyio
CEILING = acme.ceiling("hello")


async def test_a_cap_refuses_before_sending(sim: Simulator) -> None:
    """The error says limit, settled, held and needed; the vendor saw nothing."""
    async with minimill.Client(acme.config(sim, budgets=acme.cap("0.0001"))) as client:
        with pytest.raises(minimill.BudgetExceededError) as caught:
            await client.chat("hello", model="acme:m", max_output_tokens=50)
    error = caught.value
    assert (error.budget, error.limit) == ("all", minimill.Money(100_000, "CNY"))
    assert (error.settled, error.held) == (minimill.Money(0, "CNY"), minimill.Money(0, "CNY"))
    assert error.needed == minimill.Money(CEILING, "CNY")
    assert sim.calls == ()


async def test_exactly_as_many_calls_as_the_cap_is_worth(sim: Simulator) -> None:
    """Twenty at the ceiling fit, two hundred ask at once, twenty are paid."""
    sim.configure("openai", length=Length.fill(), input_tokens=acme.at_ceiling)
    config = acme.config(sim, budgets={"all": {"limit": f"0.{CEILING * 20:09} CNY"}})
    outcomes: list[str] = []
    async with minimill.Client(config) as client:

        async def one() -> None:
            try:
                await client.chat("hello", model="acme:m", max_output_tokens=50)
                outcomes.append("answered")
            except minimill.BudgetExceededError:
                outcomes.append("refused")

        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(one)
        assert await acme.spent(client) == (CEILING * 20, 0)
    assert outcomes.count("answered") == len(sim.paid_calls) == 20
    assert sim.bill(acme.price) == CEILING * 20


async def test_waiting_for_held_money(sim: Simulator) -> None:
    """The cap covers one ceiling; three calls that cost less follow one another."""
    config = acme.config(sim, budgets={"all": {"limit": f"0.{CEILING + 250_000:09} CNY"}})
    async with minimill.Client(config) as client:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(
                    lambda: client.chat("hello", model="acme:m", max_output_tokens=50, wait_s=10)
                )
        settled, held = await acme.spent(client)
    assert len(sim.paid_calls) == 3
    assert (settled, held) == (sim.bill(acme.price), 0)


async def test_waiting_ends_in_a_refusal(sim: Simulator) -> None:
    """Money that does not come free in time is refused with the reason."""
    sim.always("openai", Fault.no_usage())
    config = acme.config(sim, budgets={"all": {"limit": f"0.{CEILING + 1:09} CNY", "unconfirmed_share": 1}})
    async with minimill.Client(config) as client:
        await client.chat("hello", model="acme:m", max_output_tokens=50)
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello", model="acme:m", max_output_tokens=50, wait_s=0.05)
    assert len(sim.calls) == 1


async def test_max_cost_limits_one_call(sim: Simulator) -> None:
    """With and without a budget; failed attempts that are held count."""
    vendors = {"acme": acme.provider(sim, "openai"), "other": acme.provider(sim, "glm")}
    async with minimill.Client(acme.config(sim, vendors)) as client:
        with pytest.raises(minimill.BudgetExceededError, match="max_cost"):
            await client.chat("hello", model="acme:m", max_output_tokens=50, max_cost="0.0001 CNY")
        assert sim.calls == ()
        sim.always("openai", Fault.html_502())
        most = minimill.Money(CEILING * 2 - 1, "CNY")
        with pytest.raises(minimill.AllAttemptsFailedError) as caught:
            await client.chat("hello", model=["acme:m", "other:m"], max_output_tokens=50, max_cost=most)
    assert [type(error).__name__ for error in caught.value.errors] == ["ServerError", "BudgetExceededError"]
    assert [call.vendor for call in sim.calls] == ["openai"]


async def test_a_lower_limit_that_fits(sim: Simulator) -> None:
    """Asked for, the output limit shrinks to the largest that the money left covers."""
    sim.configure("openai", length=Length.fill(), input_tokens=acme.at_ceiling)
    route = {"default": {"models": ["acme:m"], "max_output_tokens": 50, "min_output_tokens": 10}}
    left = acme.ceiling("hello", 31) + 7_999
    async with minimill.Client(
        acme.config(sim, routes=route, budgets={"all": {"limit": f"0.{left:09} CNY"}})
    ) as client:
        reply = await client.chat("hello")
        assert sim.calls[0].body["max_completion_tokens"] == 31
        assert reply.usage is not None and reply.usage.output_tokens == 31
        with pytest.raises(minimill.BudgetExceededError):
            await client.chat("hello")


async def test_an_unknown_price_is_refused_under_a_hard_cap(sim: Simulator) -> None:
    """Nothing is sent; without a budget the call goes through and its cost is unknown, not zero."""
    vendors = {"acme": acme.provider(sim, "openai", models=[{"id": "m"}])}
    async with minimill.Client(acme.config(sim, vendors, budgets=acme.cap(1))) as client:
        with pytest.raises(minimill.UnpricedModelError, match="price"):
            await client.chat("hello", model="acme:m")
    assert sim.calls == ()
    async with minimill.Client(acme.config(sim, vendors)) as client:
        reply = await client.chat("hello", model="acme:m")
        assert reply.cost.total is None
        assert reply.cost.certainty == "unpriced"


async def test_a_soft_budget_records_and_lets_through(sim: Simulator) -> None:
    """Unpriced calls are counted; the balance is then at least what is known."""
    vendors = {"acme": acme.provider(sim, "openai", models=[{"id": "m"}])}
    async with minimill.Client(acme.config(sim, vendors, budgets=acme.cap(1, hard=False))) as client:
        await client.chat("hello", model="acme:m")
        await client._ledger.flush()
        (balance,) = await client.balance("all")
        assert (balance.settled_nanos, balance.held_nanos, balance.unpriced_calls) == (0, 0, 1)


async def test_free_models_are_never_refused_for_money(sim: Simulator) -> None:
    """Not even by a cap of nothing."""
    vendors = {"acme": acme.provider(sim, "openai", free=True)}
    async with minimill.Client(acme.config(sim, vendors, budgets=acme.cap(0))) as client:
        reply = await client.chat("hello", model="acme:m")
    assert reply.cost.total == minimill.Money(0, "CNY")


async def test_a_call_that_no_budget_covers_is_refused(sim: Simulator) -> None:
    """Unless the configuration opens that."""
    budgets = {"team": {"limit": "1 CNY", "scope": {"app": "helpdesk"}}}
    async with minimill.Client(acme.config(sim, budgets=budgets)) as client:
        with pytest.raises(minimill.BudgetExceededError, match="no budget covers"):
            await client.chat("hello", model="acme:m")
        await client.chat("hello", model="acme:m", app="helpdesk")
    async with minimill.Client(acme.config(sim, budgets=budgets, require_budget=False)) as client:
        await client.chat("hello", model="acme:m")


async def test_one_account_for_each_user(sim: Simulator) -> None:
    """One user's calls do not eat another's money; a missing tag has its own account."""
    budgets = {"each": {"limit": f"0.{CEILING:09} CNY", "by": "user"}}
    sim.configure("openai", length=Length.fill(), input_tokens=acme.at_ceiling)
    async with minimill.Client(acme.config(sim, budgets=budgets)) as client:
        for tags in ({"user": "a"}, {"user": "b"}, {}):
            await client.chat("hello", model="acme:m", max_output_tokens=50, tags=tags)
        with pytest.raises(minimill.BudgetExceededError) as caught:
            await client.chat("hello", model="acme:m", max_output_tokens=50, tags={"user": "a"})
        assert caught.value.key == "a"
        keys = [balance.key for balance in await client.balance("each")]
    assert keys == ["(none)", "a", "b"]


async def test_budgets_in_two_currencies(sim: Simulator) -> None:
    """A dollar vendor debits a yuan budget at the rate plus margin, the same at reserve and settle."""
    vendors = {"acme": acme.provider(sim, "openai", currency="USD")}
    rates = {
        "USD/CNY": {
            "rate": Decimal(7),
            "date": dt.date(2026, 11, 1),
            "source": "a test",
            "margin": Decimal(0),
        }
    }
    sim.configure("openai", input_tokens=lambda body: 30)
    async with minimill.Client(acme.config(sim, vendors, budgets=acme.cap(1), rates=rates)) as client:
        reply = await client.chat("hello", model="acme:m", max_output_tokens=50)
        assert reply.cost.total == minimill.Money(140_000, "USD")
        assert await acme.spent(client) == (980_000, 0)
        assert any("1 USD = 7 CNY" in rate for rate in reply.attempts[0].rates)


async def test_a_charge_above_the_ceiling_is_booked_in_full(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A vendor that overshoots puts the budget over; it is said, not clipped."""
    sim.configure("openai", length=Length.beyond(25), input_tokens=acme.at_ceiling)
    config = acme.config(sim, budgets={"all": {"limit": f"0.{CEILING:09} CNY"}})
    async with minimill.Client(config) as client:
        await client.chat("hello", model="acme:m", max_output_tokens=50)
        assert await acme.spent(client) == (CEILING + 25 * 8_000, 0)
        (balance,) = await client.balance("all")
        assert balance.left_nanos == -200_000
    assert "more than the ceiling" in caplog.text


async def test_a_budget_in_the_ledger_binds_whoever_spends_there(sim: Simulator, tmp_path: Path) -> None:
    """Also a client whose own configuration does not name it, or names another one."""
    ledger = f"sqlite:///{tmp_path}/shared.db"
    async with minimill.Client(acme.config(sim, budgets=acme.cap(0), ledger=ledger)) as first:
        with pytest.raises(minimill.BudgetExceededError):
            await first.chat("hello", model="acme:m")
    for others in ({}, {"budgets": {"mine": {"limit": "9 CNY"}}}):
        async with minimill.Client(acme.config(sim, ledger=ledger, **others)) as second:
            with pytest.raises(minimill.BudgetExceededError) as caught:
                await second.chat("hello", model="acme:m")
            assert caught.value.budget == "all"
    assert sim.calls == ()


async def test_a_budget_that_another_process_declares_later_binds_as_well(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once, but within two seconds, which are not waited for here."""
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    async with minimill.Client(acme.config(sim, ledger=ledger, budgets=acme.cap(1))) as early:
        await early.chat("hello", model="acme:m")
        closed = {**acme.cap(1), "closed": {"limit": "0 CNY"}}
        async with minimill.Client(acme.config(sim, ledger=ledger, budgets=closed)) as late:
            with pytest.raises(minimill.BudgetExceededError):
                await late.chat("hello", model="acme:m")
        await early.chat("hello", model="acme:m")
        monkeypatch.setattr("minimill._client._client.ADOPT_S", 0.0)
        with pytest.raises(minimill.BudgetExceededError) as caught:
            await early.chat("hello", model="acme:m")
        assert caught.value.budget == "closed"


@pytest.mark.parametrize(
    "extra",
    [
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"web_search_options": {}},
        {"enable_search": True},
    ],
)
async def test_what_the_vendor_runs_itself_is_refused_under_a_hard_cap(
    sim: Simulator, extra: dict[str, object]
) -> None:
    """Nothing bounds what it reads, nor its fees. Without a budget, and for free models, it goes."""
    async with minimill.Client(acme.config(sim, budgets=acme.cap(1))) as client:
        with pytest.raises(minimill.UnpricedModelError, match="which the vendor runs itself"):
            await client.chat("hello", model="acme:m", extra=extra)
        assert sim.calls == ()
    async with minimill.Client(acme.config(sim)) as client:
        await client.chat("hello", model="acme:m", extra=extra)
    free = {"acme": acme.provider(sim, "openai", free=True)}
    async with minimill.Client(acme.config(sim, free, budgets=acme.cap(1))) as client:
        await client.chat("hello", model="acme:m", extra={"enable_search": False})
        await client.chat("hello", model="acme:m", extra=extra)
