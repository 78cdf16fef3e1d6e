"""`minimill doctor`: whether everything that a call needs is there.

It may import click and its neighbours; what is looked at is in `_checks` and `_checks_money`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from minimill._errors import ConfigError
from minimill.cli._common import Common, common, config_option, ledger_option
from minimill.cli._output import Output, Styled, Table

if TYPE_CHECKING:
    from minimill._config import Settings
    from minimill.cli._checks import Finding

_STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


@click.command(short_help="Check configuration, keys, ledger, prices.")
@ledger_option
@config_option
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check the installation, the configuration, keys, routes, prices, exchange rates, the ledger and its budgets.

    Nothing is sent and nothing is changed. Keys are never shown, only whether their variables are set. Exit code 1
    if something is wrong; a `note` is worth knowing and not wrong.
    """
    found = findings(common(ctx))
    out = Output()
    table = Table(["", "what", "~found"])
    for finding in found:
        table.add(Styled(finding.level, _STYLES[finding.level]), finding.what, finding.text)
    out.table(table)
    wrong = sum(finding.level == "wrong" for finding in found)
    out.line()
    if wrong:
        out.line(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong", "bold red")
        ctx.exit(1)
    out.line("nothing is wrong", "bold green")


def findings(given: Common) -> list[Finding]:
    """Everything that was looked at, in the order of a call's way."""
    from minimill.cli import _checks as checks
    from minimill.cli import _checks_money as money

    settings: Settings | None = None
    found = [*checks.installation(), *checks.places(given.config)]
    try:
        settings = given.reading()
    except ConfigError as error:
        found.append(checks.Finding("wrong", "configuration", error.message))
    if settings is not None:
        catalog = settings.catalog
        providers, faults = checks.loaded(catalog)
        found += [*faults, *checks.providers(providers, settings), *checks.routes(providers, settings)]
        found += [*money.prices(settings), *money.rates(settings)]
    url = given.ledger if given.ledger is not None else settings.ledger if settings is not None else None
    if url is not None:
        found += money.ledger(url, settings)
    return found
