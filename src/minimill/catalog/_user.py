"""A user's own tables over the shipped provider files: the same keys, merged before they are checked.

Tables merge key by key and models by id; the user's error lines come first; other lists replace. It may
import its siblings.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from minimill._pricing import Clock
from minimill._pricing._exchange import EASTERNMOST
from minimill.catalog._checks import FREE_ALONE
from minimill.catalog._entries import ProviderEntry, UserProviderEntry
from minimill.catalog._faults import Fault, Path, unknown_word
from minimill.catalog._types import Provider

Table = Mapping[str, Any]
OPEN_ABILITIES = ("streaming", "tools", "json_schema", "json_object")
"""What a user's own model is taken to do where the file does not say."""
_LIKE_ANY = ("abilities", "reasoning", "default_output_tokens")
"""What it has from the entry for any model, where the provider's file has one."""
_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Origin(NamedTuple):
    """Where the user says something: the file, and when somebody last looked at it."""

    file: str
    edited: dt.date
    """The day of its last change, which is the `checked` of what does not say one."""
    place: int | None = None
    """For a model that a price file names: its place in that file's list."""


Origins = Mapping[str, Origin]
"""By id of the model: where its price is from, if not from the file of the user's other tables."""


def overlay(
    base: Table | None, own: Table, provider: str, origin: Origin, origins: Origins
) -> dict[str, Any]:
    """One raw provider table: `own` over `base`, or `own` filled up where there is no `base`.

    What is not of the right kind is left as it stands, for the checks to tell.
    """
    if base is None:
        base = {
            "id": provider,
            "name": provider,
            "currency": "USD",
            "status": "documented",
            "source": origin.file,
            "checked": origin.edited,
            "auth": {"optional": not ("key_env" in own or "env" in _table(own.get("auth")))},
        }
        own = {"models": [{"id": "*"}], **own}
    if "dialect" in own and isinstance(base.get("models"), (list, tuple)):
        # Said of the whole provider: also of the shipped models that name another.
        base = {**base, "models": [_without(model, "dialect") for model in base["models"]]}
    currency = own.get("currency", base["currency"])
    models = own.get("models")
    if isinstance(models, list):
        own = {**own, "models": [_filled(model, base, currency, origin, origins) for model in models]}
    merged = _merged(base, own)
    if isinstance(own.get("key_env"), (str, list, tuple)):
        merged["auth"] = {**_table(merged.get("auth")), "env": _as_list(own["key_env"])}
        regions = _table(merged.get("regions"))
        merged["regions"] = {name: _without(region, "key_env") for name, region in regions.items()}
    return merged


def _merged(base: Table, own: Table) -> dict[str, Any]:
    result = dict(base)
    for key, value in own.items():
        before = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value)
        elif key == "models" and isinstance(before, (list, tuple)) and isinstance(value, list):
            result[key] = _merged_models(before, value)
        elif key == "errors" and isinstance(before, (list, tuple)) and isinstance(value, list):
            result[key] = [*value, *before]
        else:
            result[key] = value
    return result


def _merged_models(base: Any, own: list[Any]) -> list[Any]:
    result = list(base)
    places = {model["id"]: place for place, model in enumerate(base)}
    for model in own:
        place = places.get(model.get("id")) if isinstance(model, dict) else None
        if place is None:
            result.append(model)
        else:
            result[place] = _merged(base[place], model)
    return result


def _filled(model: Any, base: Table, currency: Any, origin: Origin, origins: Origins) -> Any:
    """A user's model with the keys that only shipped files must give."""
    if not isinstance(model, dict):
        return model
    filled = dict(model)
    if isinstance(model.get("id"), str):
        origin = origins.get(model["id"], origin)
    source, checked = origin.file, origin.edited
    known = {each.get("id"): each for each in base.get("models", ())}
    if model.get("id") not in known:
        any_model = known.get("*", {})
        like = {key: any_model[key] for key in _LIKE_ANY if key in any_model}
        filled = {"source": source, "checked": checked, "abilities": list(OPEN_ABILITIES), **like, **model}
    if isinstance(model.get("prices"), list):
        defaults = {"since": _EVER, "currency": currency, "source": source, "checked": checked}
        filled["prices"] = [{**defaults, **row} if isinstance(row, dict) else row for row in model["prices"]]
    return filled


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _without(region: Any, key: str) -> Any:
    if not isinstance(region, dict):
        return region
    return {name: value for name, value in region.items() if name != key}


def own_prices(own: Table) -> frozenset[str]:
    """Ids of the models that the user prices."""
    models = own.get("models", ())
    return frozenset(model["id"] for model in models if isinstance(model, dict) and "prices" in model)


def own_clocks(
    provider: Provider, entry: ProviderEntry, own: Table, file: str
) -> dict[str, Clock]:
    """The clocks, those with the user's file for their origin that the user defines or changes, or whose holidays."""
    changed = {*_table(own.get("clocks"))}
    days = {*_table(own.get("calendars"))}
    changed |= {name for name, clock in entry.clocks.items() if clock.holidays in days}
    return {
        name: replace(clock, origin=file) if name in changed else clock for name, clock in provider.clocks.items()
    }


def own_path(path: Path, merged: Table, own: Table) -> Path:
    """Where a place in the merged table stands in the user's own."""
    if path[:2] == ("auth", "env") and "key_env" in own:
        return ("key_env", *(path[2:] if isinstance(own["key_env"], list) else ()))
    if len(path) < 2 or path[0] != "models" or not isinstance(path[1], int):
        return path
    model = merged["models"][path[1]]
    name = model.get("id") if isinstance(model, dict) else None
    for place, mine in enumerate(own.get("models", ())):
        if mine is model or (isinstance(mine, dict) and mine.get("id") == name):
            return ("models", place, *path[2:])
    return path


def user_faults(entry: UserProviderEntry, base: Table | None) -> list[Fault]:
    """What is wrong with the keys that only a user's table has."""
    faults = [*_plan_faults(entry)]
    sold = any(model.get("prices") for model in (base or {}).get("models", ()))
    if entry.free and sold:
        plans = " or ".join(f'"{name}"' for name in entry.plans)
        more = f"; say plan = {plans} too where they are calls of a subscription" if plans else ""
        faults.append(Fault(("free",), f"free = true is for self-hosted servers; {entry.id} has prices{more}"))
    names = {name for model in entry.models for name in (model.id, *model.aliases)}
    for endpoint, model_id in entry.endpoints.items():
        if model_id not in names:
            faults.append(Fault(("endpoints", endpoint), f'{entry.id} has no model "{model_id}"'))
    for place, model in enumerate(entry.models):
        if model.free and model.prices:
            faults.append(Fault(("models", place, "free"), FREE_ALONE))
    return faults


def _plan_faults(entry: UserProviderEntry) -> Iterator[Fault]:
    if entry.plan is None:
        return
    plan = entry.plans.get(entry.plan)
    if plan is None:
        text = unknown_word("plan", entry.plan, entry.plans)
        yield Fault(("plan",), text if entry.plans else f"no subscription of {entry.id} is known")
    elif plan.addresses and entry.region not in plan.addresses and entry.base_url is None:
        known = ", ".join(f'"{region}"' for region in plan.addresses)
        text = f'the {plan.name} has no address in the region "{entry.region}", only in {known}'
        yield Fault(("plan",), f"{text}: set region, or base_url")


def without_prices(base: dict[str, Any]) -> dict[str, Any]:
    """A provider's raw table without what its models cost."""
    models = base.get("models")
    if not isinstance(models, (list, tuple)):
        return base
    return {**base, "models": [_without(model, "prices") for model in models]}


def future_faults(entry: UserProviderEntry, own: Table, edited: dt.date) -> list[Fault]:
    """Prices of the user's own that are said to be checked on a day that has come nowhere on earth."""
    last = max((dt.datetime.now(dt.UTC) + EASTERNMOST).date(), edited)
    priced = own_prices(own)
    return [
        Fault(("models", place, "prices", number, "checked"), f"expected a day that has come, found {row.checked}")
        for place, model in enumerate(entry.models)
        if model.id in priced
        for number, row in enumerate(model.prices)
        if row.checked > last
    ]
