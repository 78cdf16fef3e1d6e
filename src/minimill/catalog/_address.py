"""Which region of a provider an address belongs to, and what becomes of its prices where none does.

It may import `_errors` and its siblings.
"""

import ipaddress
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
        ConfigError: the address is one of another region than the one that is named.
    """
    address = address.rstrip("/")
    here = [region.name for region in provider.regions.values() if _serves(region, address)]
    if wanted is None:
        region = provider.region if provider.region in here or not here else here[0]
        moved = replace(provider, base_url=address, region=region)
        return moved if here or _is_local(address) or _is_ones_own(provider) else _unpriced(moved)
    if here and wanted not in here:
        known = ", ".join(f'"{name}"' for name in here)
        raise ConfigError(
            f"{place}: {_host(address)} is an address of the region {known}, but providers.{provider.id}.region "
            f'says "{wanted}", which has other prices: take one of the two out'
        )
    return replace(provider, base_url=address, region=wanted)


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
