"""What several commands share: the options --config and --ledger, values with units, access to the books.

It may import click, `_errors`, `_money`; the rest of minimill when it is needed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from minimill._errors import LedgerError
from minimill._money import Money
from minimill._values import dataclass

if TYPE_CHECKING:
    from minimill._client import Client
    from minimill._config import Settings
    from minimill.ledger import Ledger

F = TypeVar("F", bound=Callable[..., Any])

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """`text` without line ends and characters that steer a terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\t\r\n]", " ", text))


def one_line(text: str) -> str:
    """`text` in one line, its words one space apart."""
    return clean(" ".join(text.split()))


# --- common options ---


@dataclass(slots=True)
class Common:
    """What the common options said."""

    config: Path | None = None
    ledger: str | None = None

    def settings(self) -> Settings:
        """The configuration. Raises ConfigError."""
        from minimill._config import load_settings
        from minimill._plugins import load_provider_file

        return load_settings(self.config, finder=load_provider_file)

    def ledger_url(self) -> str:
        """The URL of the ledger. Raises ConfigError."""
        return self.settings().ledger if self.ledger is None else self.ledger

    def calling(self) -> Settings:
        """The configuration for calls: its budgets hold whichever ledger is named. Raises ConfigError."""
        settings = self.settings()
        return settings if self.ledger is None else replace(settings, ledger=self.ledger)

    def reading(self) -> Settings:
        """The configuration for looking: its budgets belong to its own ledger, not to one named by --ledger.

        Raises ConfigError.
        """
        settings = self.settings()
        return settings if self.ledger is None else replace(settings, ledger=self.ledger, budgets=())


def common(ctx: click.Context) -> Common:
    """What the common options said, on the group or on the command."""
    return ctx.find_root().ensure_object(Common)


def _kept(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if value is not None and param.name is not None:
        setattr(common(ctx), param.name, value)
    return value


def config_option(command: F) -> F:
    """Adds --config."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Configuration file, instead of the one found by itself.",
        expose_value=False,
        is_eager=True,
        callback=_kept,
    )(command)


def ledger_option(command: F) -> F:
    """Adds --ledger."""
    return click.option(
        "--ledger",
        metavar="URL",
        help="Ledger, instead of the configured one: sqlite:///file.db, or the URL of a server.",
        expose_value=False,
        is_eager=True,
        callback=_kept,
    )(command)


# --- values with units ---


def amount(text: str) -> Money:
    """An amount of money: `0.05 USD`. Raises click.BadParameter."""
    try:
        money = Money.of(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error)) from None
    if money.nanos < 0:
        raise click.BadParameter(f"an amount is zero or more, not {text!r}")
    return money


def amount_or_number(text: str) -> Money | str:
    """An amount of money, or a number without a currency as it was written. Raises click.BadParameter."""
    return text if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else amount(text)


def time_zone(text: str) -> dt.tzinfo:
    """A time zone by its IANA name. Raises click.BadParameter."""
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise click.BadParameter(
            f"no time zone is called {text!r}; write one such as Asia/Shanghai or UTC"
        ) from None


_AGO = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(text: str, zone: dt.tzinfo | None, *, end: bool, now: dt.datetime | None = None) -> dt.datetime:
    """The instant that a text means; a day means its beginning, or with `end` the beginning of the next.

    Args:
        text: `2026-11-24`, `2026-11-24T08:30`, `today`, `yesterday`, or how long ago: `90m`, `24h`, `7d`, `2w`.
        zone: For texts without one; None: this computer's.
        end: Whether it ends a span: a day then counts whole.
        now: Instead of the present.

    Raises:
        ValueError: it is none of these.
    """
    now = (now or dt.datetime.now(dt.UTC)).astimezone(zone)
    if ago := _AGO.fullmatch(text):
        return now - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    days = {"today": 0, "yesterday": 1}
    try:
        if text in days:
            day = now.date() - dt.timedelta(days=days[text])
        elif "T" in text or " " in text:
            return _zoned(dt.datetime.fromisoformat(text), zone)
        else:
            day = dt.date.fromisoformat(text)
        return _zoned(dt.datetime.combine(day + dt.timedelta(days=int(end)), dt.time()), zone)
    except (ValueError, OverflowError):
        raise ValueError(
            f"expected a time such as 2026-11-24, 2026-11-24T08:30, today, 24h or 7d, found {text!r}"
        ) from None


def _zoned(moment: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    return moment.astimezone() if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)


@contextmanager
def meant() -> Iterator[None]:
    """What minimill refuses as senseless is a wrong use of the command: exit code 2."""
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise click.UsageError(str(error)) from error


# --- access to the books ---


@asynccontextmanager
async def books(given: Common) -> AsyncIterator[Ledger]:
    """The ledger, for looking only: nothing is declared, and a file that does not exist is not made.

    Raises:
        ConfigError: the configuration, or the URL, is wrong.
        LedgerError: it cannot be read, or --ledger names a file that does not exist.
    """
    from minimill.ledger import open_ledger

    ledger = open_ledger(given.ledger_url())
    if absent(ledger) is not None:
        if given.ledger is not None:
            raise LedgerError(f"there is no ledger at {absent(ledger)}")
        ledger = open_ledger("memory:")
    try:
        yield ledger
    finally:
        await ledger.aclose()


@asynccontextmanager
async def client(settings: Settings, *, named: bool) -> AsyncIterator[Client]:
    """A client. `named`: its ledger was given by --ledger, and a file that does not exist is an error.

    Raises:
        LedgerError: there is no such file.
    """
    from minimill._client import Client
    from minimill.ledger import open_ledger

    if named and (path := absent(open_ledger(settings.ledger))):
        raise LedgerError(f"there is no ledger at {path}")
    async with Client(settings) as made:
        yield made


def why_empty(given: Common) -> str:
    """Why books show nothing: there are none yet, they end with each process, or nothing fits."""
    from minimill.ledger import open_ledger

    ledger = open_ledger(given.ledger_url())
    if ledger.url == "memory:":
        return f"the ledger is {ledger.url}, which ends with the process that keeps it"
    path = absent(ledger)
    return "the books hold no attempt of that time" if path is None else f"there is no ledger at {path} yet"


def absent(ledger: Ledger) -> Path | None:
    """The file of a ledger whose file does not exist."""
    path: str | None = getattr(ledger, "path", None)
    return Path(path) if path is not None and not Path(path).exists() else None
