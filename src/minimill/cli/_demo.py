"""`minimill demo`: a real workload on simulated vendors, under a cap that is too small for it.

It may import click and its neighbours; what is played is in `_demo_play`.
"""

from __future__ import annotations

import click

from minimill._money import Money
from minimill.cli._common import amount, common, ledger_option
from minimill.cli._output import Output

CALLS, CALLS_WITH_LOCAL = 300, 120
LOCAL_CALLS = 24
NANOS_A_CALL = 1_200_000
"""The cap for one call unless --cap says otherwise: about two thirds of what a call takes."""


@click.command(short_help="A real workload on simulated vendors, under a cap.")
@click.option(
    "--calls",
    type=click.IntRange(min=1),
    help=f"Questions to ask. Left out: {CALLS}, or {CALLS_WITH_LOCAL} with --local.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 1000), default=40, show_default=True, help="Calls at once."
)
@click.option(
    "--cap",
    type=amount,
    metavar="AMOUNT",
    help="Hard cap, such as '0.5 CNY'. Left out: too little for all calls.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Decides answers, their lengths, and what goes wrong.",
)
@click.option(
    "--local",
    metavar="URL",
    help=f"An OpenAI-compatible server of your own (llama.cpp, vLLM): the free candidate of {LOCAL_CALLS} calls.",
)
@click.option("--local-key", metavar="KEY", envvar="MINIMILL_LOCAL_KEY", help="Its key, if it wants one.")
@click.option("--local-model", metavar="ID", help="Its model. Left out: the first that it lists.")
@ledger_option
@click.pass_context
def demo(
    ctx: click.Context,
    calls: int | None,
    concurrency: int,
    cap: Money | None,
    seed: int,
    local: str | None,
    local_key: str | None,
    local_model: str | None,
) -> int:
    """Ask hundreds of real questions of four simulated vendors, under a hard cap that is too small for all of them.

    Doubao, Qwen, GLM and OpenAI are simulated on this computer with their real wire, errors and prices; no key and no
    network is needed. Two limit the rate, one dies in the middle of streams, one falls silent, one forgets to report
    usage, and some users go away. At the end the books, which are thrown away unless --ledger names a place, are
    compared with what the vendors generated: never less than their bill, never more than the cap. Exit code 1 if that
    does not hold.
    """
    import anyio

    from minimill.cli._demo_play import Demand, Local, show

    calls = calls or (CALLS if local is None else CALLS_WITH_LOCAL)
    if cap is None:
        cap = Money(NANOS_A_CALL * calls, "CNY")
    if cap.currency != "CNY" or not cap.nanos:
        raise click.UsageError("the cap is an amount above zero in CNY, such as '0.5 CNY'")
    server = None if local is None else Local(local, min(calls, LOCAL_CALLS), local_key, local_model)
    demand = Demand(calls, concurrency, seed, cap, common(ctx).ledger, server)
    return anyio.run(show, demand, Output())
