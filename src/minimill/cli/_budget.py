"""`minimill budget`: balances, holds, corrections, limits, and adding up the books anew.

It may import click, `ledger` and its neighbours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import click

from minimill._errors import LedgerError
from minimill._money import Money
from minimill._report import certainty_of, charge_of
from minimill.cli._common import (
    Common,
    amount_or_number,
    books,
    client,
    common,
    config_option,
    ledger_option,
    meant,
)
from minimill.cli._output import Output, Styled, Table, aligned
from minimill.cli._reconcile import reconcile_command
from minimill.ledger import Balance, BudgetDefinition, HoldInfo, SpendRow


@click.group(invoke_without_command=True, short_help="Budgets: what is left, held, to correct.")
@ledger_option
@config_option
@click.pass_context
def budget(ctx: click.Context) -> None:
    """Budgets: what each has left in its present window. Commands below look closer, or change something.

    In a bar, full cells are spent, half cells are held, and dots are left. The configuration's budgets are made known
    to its ledger, as a call does.
    """
    if ctx.invoked_subcommand is None:
        import anyio

        given = common(ctx)
        balances, unused = anyio.run(_balances, given)
        show_balances(Output(), balances, unused)


async def _balances(given: Common) -> tuple[list[Balance], list[BudgetDefinition]]:
    """The balances, and the split budgets of the configuration that nobody has used in this window."""
    settings = given.reading()
    async with client(settings, named=given.ledger is not None) as opened:
        balances = await opened.balance()
    used = {balance.budget for balance in balances}
    return balances, [definition for definition in settings.budgets if definition.name not in used]


def show_balances(out: Output, balances: Sequence[Balance], unused: Sequence[BudgetDefinition] = ()) -> None:
    """The table of balances."""
    if not balances and not unused:
        out.line("there is no budget: nothing limits what calls cost")
        return
    table = Table(["budget", "account", "window", ">limit", ">settled", ">held", ">unconfirmed", ">left", "used",
                   "resets", "~note"])  # fmt: skip
    names = ("limit", "settled", "held", "unconfirmed", "left")
    columns = [
        aligned(Money(getattr(balance, f"{name}_nanos"), balance.currency) for balance in balances) for name in names
    ]
    for balance, limit, settled, held, unconfirmed, left in zip(balances, *columns, strict=True):
        style = "red" if balance.left_nanos < 0 else "yellow" if balance.unconfirmed_nanos else ""
        table.add(
            balance.budget,
            balance.key,
            balance.window_id,
            limit,
            f"≥ {settled}" if balance.unpriced_calls else settled,
            held,
            unconfirmed if balance.unconfirmed_nanos else "",
            Styled(left, style),
            Styled(_bar(out, balance), style or "green"),
            "" if balance.resets_at is None else balance.resets_at.strftime("%Y-%m-%d %H:%M %z"),
            _note(balance),
        )
    for definition in unused:
        limit = str(Money(definition.limit_nanos, definition.currency))
        each = f"(each {definition.by})" if definition.by else ""
        table.add(definition.name, each, definition.window, limit, "", "", "", limit, "", "", "not used yet")
    out.table(table.without_empty("account", "unconfirmed", "resets", "note"))


def _bar(out: Output, balance: Balance) -> str:
    parts = [(balance.settled_nanos, "█", "#"), (balance.held_nanos, "▒", "=")]
    used = balance.settled_nanos + balance.held_nanos
    share = f"{100 * used / balance.limit_nanos:.0f} %" if balance.limit_nanos else "-"
    return f"{out.bar(parts, balance.limit_nanos)} {share:>5}"


def _note(balance: Balance) -> str:
    notes = [] if balance.hard else ["soft"]
    if balance.left_nanos < 0:
        notes.append("over")
    if balance.unpriced_calls:
        notes.append(f"{balance.unpriced_calls} of unknown cost")
    return ", ".join(notes)


# --- holds ---


@budget.command(short_help="Money that is set aside for attempts.")
@ledger_option
@config_option
@click.pass_context
def holds(ctx: click.Context) -> None:
    """Money that is set aside for attempts that have not been settled, oldest first.

    An unconfirmed one ended, or ran out of time, without anyone knowing what the vendor bills. It counts as spent
    until `minimill budget correct` says what it cost.
    """
    import anyio

    show_holds(Output(), anyio.run(_holds, common(ctx)))


async def _holds(given: Common) -> list[HoldInfo]:
    async with books(given) as ledger:
        return await ledger.holds()


def show_holds(out: Output, found: Sequence[HoldInfo]) -> None:
    """The table of holds: one line for each budget that an attempt holds."""
    if not found:
        out.line("nothing is held")
        return
    lines = [(hold, *amount) for hold in found for amount in (hold.amounts or (("", "", None, ""),))]
    amounts = aligned((_money(nanos, currency) for *_, nanos, currency in lines), "")
    table = Table(["attempt", "model", "app", "since", "state", "budget", "account", ">held"])
    for (hold, name, key, _, _), held in zip(lines, amounts, strict=True):
        state = Styled("unconfirmed", "yellow") if hold.unconfirmed else "open"
        since = hold.reserved_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add(hold.attempt_id, f"{hold.provider}:{hold.model}", hold.app or "", since, state, name, key, held)
    out.table(table.without_empty("app", "budget", "account", "held"))
    if any(hold.unconfirmed for hold in found):
        out.line("minimill budget correct ATTEMPT AMOUNT --reason TEXT books what one really cost", "dim")


def _money(nanos: int | None, currency: str) -> Money | None:
    return Money(nanos, currency) if nanos is not None and currency else None


# --- changes ---


@budget.command(short_help="Book what an attempt really cost.")
@click.argument("attempt", metavar="CALL_OR_ATTEMPT_ID")
@click.argument("amount", type=amount_or_number)
@click.option("--reason", required=True, help="Where the truth was found; kept in the books.")
@ledger_option
@config_option
@click.pass_context
def correct(ctx: click.Context, attempt: str, amount: Money | str, reason: str) -> None:
    """Book what an attempt really cost, as the vendor's bill says, in place of its hold.

    AMOUNT is in the currency the vendor bills in: `"0.12 CNY"`, or a number alone where the books know the currency;
    0 for "was not billed". The difference is booked as an entry of its own.
    """
    import anyio

    if not reason.strip():
        raise click.UsageError("--reason says where the truth was found")
    with meant():
        before, after = anyio.run(_correct, common(ctx), attempt, amount, reason)
    old, new = (charge_of(row) for row in (before, after))
    words = f"{after.record.attempt_id}: {'unknown' if old is None else old} ({certainty_of(before)})"
    Output().line(f"{words} is now {'unknown' if new is None else new}")


async def _correct(given: Common, attempt: str, amount: Money | str, reason: str) -> tuple[SpendRow, SpendRow]:
    async with client(given.reading(), named=given.ledger is not None) as opened:
        before = {row.record.attempt_id: row for row in await opened.spend(call_id=attempt.partition("-")[0])}
        money = amount if isinstance(amount, Money) else _in_currency(amount, before, attempt)
        await opened.correct(attempt, money, reason=reason)
        after = await opened.spend(call_id=attempt.partition("-")[0])
    changed = [row for row in after if row != before.get(row.record.attempt_id)] or [
        row for row in after if attempt in (row.record.attempt_id, row.record.meta.call_id)
    ]
    return before[changed[0].record.attempt_id], changed[0]


def _in_currency(number: str, rows: dict[str, SpendRow], attempt: str) -> Money:
    found = [row.record.currency for name, row in rows.items() if attempt in (name, row.record.meta.call_id)]
    currencies = {currency for currency in found if currency is not None}
    if not found:
        raise LedgerError(f"the books know no attempt or call {attempt!r}; nothing was corrected")
    if len(currencies) != 1:
        raise click.UsageError(f"say the currency that the vendor bills in, such as '{number} CNY'")
    return Money.of(number, currencies.pop())


@budget.command("set-limit", short_help="Change a budget's limit for every process.")
@click.argument("name")
@click.argument("limit", metavar="AMOUNT", type=amount_or_number)
@ledger_option
@config_option
@click.pass_context
def set_limit(ctx: click.Context, name: str, limit: Money | str) -> None:
    """Change a budget's limit for every process, up or down.

    AMOUNT is in the budget's currency: `"80 CNY"`, or 80. It holds until the configuration asks for another limit than
    it asked for before.
    """
    import anyio

    with meant():
        money, balances = anyio.run(_set_limit, common(ctx), name, limit)
    out = Output()
    out.line(f"budget {name} is limited to {money}")
    if balances:
        show_balances(out, balances)


async def _set_limit(given: Common, name: str, limit: Money | str) -> tuple[Money, list[Balance]]:
    settings = given.reading()
    async with client(settings, named=given.ledger is not None) as opened:
        currencies = {balance.currency for balance in await opened.balance(name)}
        currencies |= {definition.currency for definition in settings.budgets if definition.name == name}
        money = limit if isinstance(limit, Money) else _limit_in(currencies, limit)
        if money.currency not in (currencies or {money.currency}):
            raise click.UsageError(f"budget {name!r} is in {', '.join(currencies)}, not {money.currency}")
        await opened.set_limit(name, money)
        return money, await opened.balance(name)


def _limit_in(currencies: set[str], number: str) -> Money:
    if len(currencies) != 1:
        raise click.UsageError(f"say the budget's currency, such as '{number} CNY'")
    return Money.of(number, next(iter(currencies)))


budget.add_command(reconcile_command)


# --- audit ---


@budget.command(short_help="Add up the books anew.")
@ledger_option
@config_option
@click.pass_context
def audit(ctx: click.Context) -> None:
    """Add up every entry of the books anew and compare. Exit code 1 if a sum differs.

    The books keep every entry for ever: none is changed, deleted or put together with others.
    """
    import anyio

    began = dt.datetime.now(dt.UTC)
    found = anyio.run(_audit, common(ctx))
    out = Output()
    for sentence in found:
        out.line(sentence, "red")
    if found:
        ctx.exit(1)
    seconds = (dt.datetime.now(dt.UTC) - began).total_seconds()
    out.line(f"every sum in the books equals its entries ({seconds:.1f} s)")


async def _audit(given: Common) -> list[str]:
    async with books(given) as ledger:
        return await ledger.audit()
