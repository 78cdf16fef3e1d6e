"""Which region of a provider an address belongs to, and what becomes of its prices where none does.

It may import `_errors` and its siblings.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from minimill._errors import ConfigError
from minimill.catalog._types import Model, Provider, Region

_VERSIONS = {"anthropic": ("/v1",), "gemini": ("/v1beta", "/v1")}
"""Beginnings of the paths of a dialect, where they hold the version of the interface."""


def without_version(address: str, provider: Provider) -> str | None:
    """The address without a version that the path of each call begins with; None: it holds none."""
    own_path = (provider.quirks.chat_path or "").removesuffix("/chat/completions")
    ends = [*_VERSIONS.get(provider.dialect, ()), *([own_path] if own_path else [])]
    version = next((end for end in ends if address.endswith(end)), None)
    return None if version is None else address.removesuffix(version)


def at_address(provider: Provider, address: str, place: str, wanted: str | None) -> Provider:
    """The provider at another address, with the region whose prices hold there.

    Args:
        provider: As its file and the user's tables say.
        address: Where it is to be called.
        place: What names the address, for errors.
        wanted: The region that the user names; None: nobody names one.

    Raises:
        ConfigError: the address is one of another region than the one that is named, or is billed by use where a
            subscription is named.
    """
    address = address.rstrip("/")
    plan = provider.plan or _plan_at(provider, address)
    here = [region.name for region in provider.regions.values() if _serves(region, address)]
    by_plan = _plan_regions(provider, plan, address)
    if plan is not None and here and not by_plan and provider.plans[plan].addresses:
        raise ConfigError(
            f'{place}: calls there are billed by use, but providers.{provider.id}.plan says "{plan}", which has an '
            "address of its own: take one of the two out"
        )
    here += by_plan
    if wanted is None:
        region = provider.region if provider.region in here or not here else here[0]
    elif here and wanted not in here:
        known = ", ".join(f'"{name}"' for name in dict.fromkeys(here))
        raise ConfigError(
            f"{place}: {_host(address)} is an address of the region {known}, but providers.{provider.id}.region "
            f'says "{wanted}", which has other prices: take one of the two out'
        )
    else:
        region = wanted
    moved = replace(provider, base_url=address, region=region, plan=plan, checks_keys=bool(here))
    if plan is not None:
        return _by_plan(moved)
    known_prices = wanted is not None or here or _is_local(address) or _is_ones_own(provider)
    return moved if known_prices else _unpriced(moved)


def at_plan(provider: Provider) -> Provider:
    """The provider where the subscription that the user names is called, or as it is where none is named."""
    if provider.plan is None:
        return provider
    address = provider.plans[provider.plan].addresses.get(provider.region or "", provider.base_url)
    return _by_plan(replace(provider, base_url=address))


def _plan_at(provider: Provider, address: str) -> str | None:
    """The subscription that an address belongs to."""
    found = (plan.id for plan in provider.plans.values() if _plan_regions(provider, plan.id, address))
    return next(found, None)


def _plan_regions(provider: Provider, plan: str | None, address: str) -> list[str]:
    """The regions in which a subscription is called at an address."""
    addresses = provider.plans[plan].addresses if plan is not None else {}
    shared = {_host(region.base_url) for region in provider.regions.values()}
    return [name for name, own in addresses.items() if _is_below(address, own, whole=_host(own) not in shared)]


def _is_below(address: str, own: str, *, whole: bool) -> bool:
    """Whether an address is one of those that begin like `own`, or on its host where the `whole` of that is meant."""
    if _host(address) != _host(own):
        return False
    path = re.sub(r"/v\d+$", "", urlsplit(own).path)
    return whole or f"{urlsplit(address).path}/".startswith(f"{path}/")


def _by_plan(provider: Provider) -> Provider:
    """The provider as a subscription calls it: only the user can say what that costs."""
    plan = provider.plans[provider.plan or ""]
    reason = (
        f"{provider.base_url.partition('://')[2]} is called by a subscription ({plan.name}), so that no price per "
        f'token holds: give prices of your own, or free = true with plan = "{plan.id}", under [providers.{provider.id}]'
    )

    def priced(model: Model) -> Model:
        own = tuple(row for row in model.rows if row.origin != "catalog")
        return replace(model, rows=own, unpriced="" if own else reason)

    other = provider.any_model
    models = {name: priced(model) for name, model in provider.models.items()}
    return replace(provider, models=models, any_model=None if other is None else priced(other))


def _serves(region: Region, address: str) -> bool:
    """Whether a region names the host of an address: itself, or the end of it after a star."""
    host = _host(address)
    return (bool(region.base_url) and host == _host(region.base_url)) or any(
        host.endswith(name[1:]) if name.startswith("*") else host == name for name in region.hosts
    )


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").removesuffix(".")


def _is_local(address: str) -> bool:
    """Whether an address is on this computer: a simulator, or a door of the user's own to the vendor."""
    host = _host(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ones_own(provider: Provider) -> bool:
    """Whether every user has an address of their own at the vendor, so that none can be known beforehand."""
    return not any(region.base_url for region in provider.regions.values()) and bool(provider.regions)


def _unpriced(provider: Provider) -> Provider:
    """The provider without the prices that its file says; the user's own stay."""
    said = [*provider.models.values(), *([provider.any_model] if provider.any_model else ())]
    if all(row.origin != "catalog" for model in said for row in model.rows):
        return provider
    reason = _why(provider)
    other = provider.any_model
    return replace(
        provider,
        models={name: _own_only(model, reason) for name, model in provider.models.items()},
        any_model=None if other is None else _own_only(other, reason),
    )


def _own_only(model: Model, reason: str) -> Model:
    own = tuple(row for row in model.rows if row.origin != "catalog")
    return model if len(own) == len(model.rows) else replace(model, rows=own, unpriced="" if own else reason)


def _why(provider: Provider) -> str:
    host, table = _host(provider.base_url), f"[providers.{provider.id}]"
    own = "give prices of your own"
    if not provider.regions:
        return f"{host} is not where {provider.id} is known to be sold, so that its prices need not hold: {own}"
    return (
        f"{host} is no address of {provider.id} that is known, so that its prices need not hold there: set "
        f"region = {_one_of(provider.regions)} under {table} to say whose prices do, or {own}"
    )


def _one_of(names: Iterable[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)
