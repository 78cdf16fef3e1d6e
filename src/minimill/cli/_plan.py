"""`minimill plan`: what a call would do, without doing it.

It may import click, `_client`, `_report` and its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from minimill.cli._asking import asked, asking_options, message_of, messages_of
from minimill.cli._common import Common, books, common, config_option, meant
from minimill.cli._output import Output, Table, aligned

if TYPE_CHECKING:
    from minimill._routing import Candidate, Plan


@click.command(short_help="What a chat call would do and cost; nothing is sent.")
@click.argument("message", nargs=-1)
@asking_options
@click.option("--details", is_flag=True, help="For each candidate, what its ceiling is made of.")
@config_option
@click.pass_context
def plan(ctx: click.Context, /, message: tuple[str, ...], details: bool, **values: Any) -> None:
    """What a chat call would do: candidates in order, what each probably costs and can cost at most, and why others
    are left out. What is probable is learned from the books. Nothing is sent, nothing is reserved.

    MESSAGE is the prompt; - reads it from standard input. Exit code 1 if no candidate is left.
    """
    import anyio

    text = message_of(message)
    if text is None:
        raise click.UsageError("give a MESSAGE, or - to read it from standard input")
    with meant():
        made = anyio.run(_planned, common(ctx), messages_of(values["system"], text), asked(values))
    show_plan(Output(), made, details=details)
    if not made.candidates:
        ctx.exit(1)


async def _planned(given: Common, messages: Any, options: dict[str, Any]) -> Plan:
    from minimill._client import Client

    async with books(given) as ledger, Client(given.settings(), ledger=ledger) as client:
        await client.learn()
        return client.plan(messages, **options)


def show_plan(out: Output, made: Plan, *, details: bool) -> None:
    """Candidates in order, then those left out."""
    if made.candidates:
        out.table(_candidates(made))
    for candidate in made.candidates:
        if candidate.unpriced:
            out.line(f"{candidate.name}: {candidate.unpriced}", "yellow")
    for candidate in made.candidates:
        for words in candidate.narrowed:
            out.line(f"{candidate.name}: {words}")
    if made.left_out:
        if made.candidates:
            out.line()
        left = Table(["left out", "~because"])
        for item in made.left_out:
            left.add(item.name, item.reason)
        out.table(left)
    if details:
        for candidate in made.candidates:
            _details(out, candidate)


def _candidates(made: Plan) -> Table:
    table = Table([">", "candidate", ">expected", ">at most", ">output limit", ">input at most", ">context", "thinks"])
    expected = aligned(candidate.expected for candidate in made.candidates)
    most = aligned(None if c.ceiling is None else c.ceiling.money for c in made.candidates)
    for number, candidate in enumerate(made.candidates, 1):
        ceiling = candidate.ceiling
        bound = None if ceiling is None else ceiling.input_tokens
        table.add(
            f"{number}.",
            candidate.name,
            expected[number - 1],
            most[number - 1],
            _tokens(candidate.request.max_output_tokens),
            _tokens(bound),
            _tokens(candidate.offer.model.context_tokens),
            {True: "yes", False: "no", None: "unknown"}[candidate.thinking],
        )
    return table


def _tokens(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _details(out: Output, candidate: Candidate) -> None:
    from minimill._report import Details
    from minimill.cli._explain import show_ceiling

    if candidate.ceiling is None:
        return
    out.line()
    out.line(f"{candidate.name}: at most {candidate.ceiling.money}", "bold")
    show_ceiling(out, Details(None, None, candidate.ceiling, ())["ceiling"])
