"""Reading a vendor's usage export: comma-separated values, by the columns that the configuration names.

A fault is one line that names file, line and column, with exit code 2. It may import click, `_config`, `_report` and
its neighbours.
"""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from zoneinfo import ZoneInfo

import click

from minimill._money import Money
from minimill._report import BillLine

if TYPE_CHECKING:
    from minimill._config import UsageExport

_COLUMNS = ("request_id", "time", "model", "input_tokens", "output_tokens", "amount", "currency_column")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_SIGNS = {"CNY": "¥￥", "USD": "$", "EUR": "€", "GBP": "£"}
_LONGEST = 60
"""Characters of a value that a message shows."""


def read_export(
    path: Path, shape: UsageExport, progress: Callable[[int], None] = lambda done: None
) -> list[BillLine]:
    """Every line of the export. `progress` is called with the bytes that were read.

    Raises:
        click.UsageError: the file, a column or a value is not as the configuration says.
    """
    encoding = "utf-8-sig" if shape.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else shape.encoding
    try:
        with path.open(encoding=encoding, newline="") as file:
            return list(_Reader(path.name, shape, file, progress).lines())
    except UnicodeError as error:
        raise click.UsageError(f"{path.name}: it is not {shape.encoding} text (encoding): {error}") from None
    except OSError as error:
        raise click.UsageError(f"{path.name}: {error.strerror or error}") from None


class _Reader:
    def __init__(self, name: str, shape: UsageExport, file: TextIO, progress: Callable[[int], None]) -> None:
        self._name = name
        self._shape = shape
        self._zone = ZoneInfo(shape.zone)
        self._bytes = 0
        self._progress = progress
        self._rows = csv.reader(self._counted(file), delimiter=shape.delimiter, strict=True)
        self._number = 0

    def _counted(self, file: TextIO) -> Iterator[str]:
        for text in file:
            self._bytes += len(text)
            self._progress(self._bytes)
            yield text

    def lines(self) -> Iterator[BillLine]:
        rows = self._read()
        header = next(rows, None)
        if header is None:
            raise click.UsageError(f"{self._name}: it is empty; a first line with the names of the columns is expected")
        places = self._places([cell.strip() for cell in header])
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise self._fault(f"expected {len(header)} columns as in the first line, found {len(row)}")
            yield self._line({key: row[place].strip() for key, place in places.items()})

    def _read(self) -> Iterator[list[str]]:
        """Rows; `_number` is the line that a row begins in."""
        while True:
            self._number = self._rows.line_num + 1
            try:
                row = next(self._rows, None)
            except csv.Error as error:
                raise self._fault(f"it is not comma-separated: {error}") from None
            if row is None:
                return
            yield row

    def _places(self, header: Sequence[str]) -> dict[str, int]:
        places = {}
        for key in _COLUMNS:
            column = getattr(self._shape, key)
            if column is None:
                continue
            if header.count(column) != 1:
                where = f"usage_exports.{self._shape.name}.{key}"
                raise click.UsageError(f"{self._name}: {_no_column(column, header)} ({where})")
            places[key] = header.index(column)
        return places

    def _line(self, cells: dict[str, str]) -> BillLine:
        shape = self._shape
        model = cells.get("model") or None
        return BillLine(
            number=self._number,
            amount=self._money(cells),
            request_id=cells.get("request_id") or None,
            at=self._time(cells["time"]) if cells.get("time") else None,
            model=None if model is None else shape.models.get(model, model),
            input_tokens=self._count("input_tokens", cells),
            output_tokens=self._count("output_tokens", cells),
        )

    def _money(self, cells: dict[str, str]) -> Money:
        shape, text = self._shape, cells["amount"]
        currency = shape.currency or cells["currency_column"].upper()
        number = text.translate({ord(sign): None for sign in _SIGNS.get(currency, "")}).strip()
        if _THOUSANDS.fullmatch(number):
            number = number.replace(",", "")
        try:
            return Money.of(number, currency)
        except OverflowError as error:
            raise self._fault(f"{shape.amount}: {error}") from None
        except ValueError:
            pass
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise self._fault(
                f"{shape.currency_column}: expected a currency of three letters such as CNY, found {_shown(currency)}"
            )
        raise self._fault(f"{shape.amount}: expected a number such as 0.0123, found {_shown(text)}")

    def _count(self, key: str, cells: dict[str, str]) -> int | None:
        text = cells.get(key)
        if not text:
            return None
        try:
            number = Decimal(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
            count = int(number)
        except (InvalidOperation, ValueError, OverflowError):
            count, number = -1, Decimal(0)
        if count < 0 or count != number:
            raise self._fault(f"{getattr(self._shape, key)}: expected a count of tokens, found {_shown(text)}")
        return count

    def _time(self, text: str) -> dt.datetime:
        form = self._shape.time_format
        try:
            if form in ("unix", "unix_ms"):
                seconds = Decimal(text) / (1000 if form == "unix_ms" else 1)
                return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(seconds * 1_000_000))
            if form is None:
                moment = dt.datetime.fromisoformat(text)
            else:
                moment = dt.datetime.strptime(text, form)  # noqa: DTZ007 - a zone follows where it has none
        except (ValueError, OverflowError, InvalidOperation):
            words = "an ISO 8601 time such as 2026-11-24T08:30:00" if form is None else f"a time as {form}"
            raise self._fault(f"{self._shape.time}: expected {words}, found {_shown(text)} (time_format)") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)

    def _fault(self, text: str) -> click.UsageError:
        return click.UsageError(f"{self._name} line {self._number}: {text}")


def _no_column(column: str, header: Sequence[str]) -> str:
    if column in header:
        return f"two columns are called {_shown(column)}"
    near = difflib.get_close_matches(column, header, 1)
    hint = f", did you mean {_shown(near[0])}?" if near else f"; there are {', '.join(map(_shown, header))}"
    return f"there is no column {_shown(column)}{hint}"


def _shown(text: str) -> str:
    return f'"{text if len(text) <= _LONGEST else text[:_LONGEST] + "…"}"'
