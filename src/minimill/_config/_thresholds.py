"""What happens as a budget is used up: `thresholds` and `narrow` of `[budgets.NAME]`, checked.

It may import `catalog`, `_money` and its siblings.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from minimill._config._entries import BudgetEntry, ConfigEntry, NarrowEntry
from minimill._config._types import Narrowing, Thresholds
from minimill._money import Money
from minimill.catalog._faults import Fault, Path, shown

_FREE = ("free",)
_PPM_OF_PERCENT = 10_000


def threshold_faults(entry: ConfigEntry, model_fault: Callable[[str], str | None]) -> Iterator[Fault]:
    """What is wrong with them. `model_fault` says what is wrong with the name of a model."""
    for name, budget in entry.budgets.items():
        path: Path = ("budgets", name)
        for place, text in enumerate(budget.thresholds):
            if not _ppm(text):
                yield Fault((*path, "thresholds", place), f"expected a share above 0%, found {shown(text)}")
        for place, narrow in enumerate(budget.narrow):
            yield from _narrow_faults(narrow, (*path, "narrow", place), model_fault)


def _narrow_faults(narrow: NarrowEntry, path: Path, model_fault: Callable[[str], str | None]) -> Iterator[Fault]:
    if (not narrow.only) == (narrow.max_cost is None):
        yield Fault(path, "expected one of only and max_cost, to say which models still serve")
    for place, model in enumerate(narrow.only if narrow.only != _FREE else ()):
        if fault := model_fault(model):
            yield Fault((*path, "only", place), fault)
    if narrow.max_cost is not None:
        try:
            Money.of(narrow.max_cost)
        except (ValueError, OverflowError) as error:
            yield Fault((*path, "max_cost"), str(error))


def thresholds_of(budget: BudgetEntry, aliases: Mapping[str, str]) -> Thresholds:
    """Checked levels."""
    return Thresholds(
        tuple(sorted({_ppm(text) for text in budget.thresholds})),
        tuple(_narrowing(narrow, aliases) for narrow in budget.narrow),
    )


def _narrowing(narrow: NarrowEntry, aliases: Mapping[str, str]) -> Narrowing:
    free = narrow.only == _FREE
    return Narrowing(
        _ppm(narrow.above),
        free=free,
        models=() if free else tuple(aliases.get(model, model) for model in narrow.only),
        max_cost=None if narrow.max_cost is None else Money.of(narrow.max_cost),
    )


def _ppm(text: str) -> int:
    return int(Decimal(text.strip().rstrip("%").strip()) * _PPM_OF_PERCENT)
