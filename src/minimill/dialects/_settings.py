"""What a model does with the settings of a request: takes them, takes them without effect, or refuses them.

The same for every dialect. It may import `_chat` and the helpers beside it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from minimill._chat import ChatRequest
from minimill._values import dataclass
from minimill.dialects._base import Target
from minimill.dialects._refuse import forbid, refuse

_NEEDED = frozenset({"tools", "tool_choice", "response_format", "service_tier", "stream_options"})
"""What an answer cannot do without: never left out."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The settings that are sent."""

    settings: dict[str, Any]
    extra: dict[str, Any]
    """The vendor's own fields."""
    dropped: tuple[str, ...]
    """Names of the settings that are left out: without effect, or refused and the caller lets them go."""


def keep_settings(
    settings: Mapping[str, Any],
    request: ChatRequest,
    target: Target,
    *,
    thinking: bool,
    absent: Collection[str] = (),
) -> Kept:
    """Sort out what the model does not take.

    Args:
        settings: What would be sent, by our names; the user under the vendor's, where it has one.
        request: What is asked for; its fields of the vendor's own are sorted too.
        target: Whom it is sent to.
        thinking: Whether the model will think about this request.
        absent: Settings that the wire has no field for.

    Raises:
        InvalidRequestError: a setting is refused and the request does not let it go, or is no finite number.
    """
    if not settings and not request.extra:
        return Kept({}, {}, ())
    quirks = target.quirks
    always = {*quirks.refused_params, *absent}
    refused = {*always, *(quirks.thinking_refused_params if thinking else ())}
    idle = {*quirks.ignored_params, *(quirks.thinking_ignored_params if thinking else ())} - _NEEDED
    own_names = {quirks.user_field or "user": "user", quirks.seed_field: "seed"}
    dropped: dict[str, None] = {}

    nameless = set() if quirks.user_field else {"user"}

    def stays(key: str, value: Any, without_effect: Collection[str], refused: Collection[str]) -> bool:
        name = own_names.get(key, key)
        if isinstance(value, float) and not math.isfinite(value):
            raise forbid(target, f"{key} is not a finite number")
        if name in refused:
            if name in _NEEDED or not request.drop_refused:
                where = " while it thinks" if name not in always and name not in nameless else ""
                raise refuse(target, name, f"at all{where}", "the request without it")
        elif name not in without_effect:
            return True
        dropped[name] = None
        return False

    kept = {key: value for key, value in settings.items() if stays(key, value, idle, refused | nameless)}
    extra = {key: value for key, value in request.extra.items() if stays(key, value, (), refused)}
    return Kept(kept, extra, tuple(dropped))


def check_values(
    settings: Mapping[str, Any], target: Target, *, least: float | None = None, most: float | None = None
) -> None:
    """Refuse values that lie outside what the model takes, of the settings that are sent.

    Args:
        settings: What is sent, by our names.
        target: Whom it is sent to.
        least: The wire's own lower end of temperature and top_p, where the model names none.
        most: The upper one.

    Raises:
        InvalidRequestError: the text names the setting and what is accepted.
    """
    if not settings:
        return
    quirks = target.quirks
    for name, low, high in (
        ("temperature", quirks.min_temperature, quirks.max_temperature),
        ("top_p", quirks.min_top_p, quirks.max_top_p),
    ):
        _check_range(
            name, settings.get(name), least if low is None else low, most if high is None else high, target
        )
    many, stops = settings.get("n", 1), settings.get("stop", ())
    if quirks.max_n is not None and many > quirks.max_n:
        raise refuse(target, "n", many, f"at most {quirks.max_n}")
    if quirks.max_stop is not None and len(stops) > quirks.max_stop:
        raise refuse(target, "stop", f"with {len(stops)} strings", f"at most {quirks.max_stop}")


def _check_range(
    name: str, value: float | None, least: float | None, most: float | None, target: Target
) -> None:
    if value is None or ((least is None or value >= least) and (most is None or value <= most)):
        return
    raise refuse(target, name, value, f"{0 if least is None else least} to {'any' if most is None else most}")


def output_limit(request: ChatRequest, target: Target) -> int | None:
    """The output limit to send; None where the request has none.

    Raises:
        InvalidRequestError: it lies outside what the vendor takes.
    """
    limit, least, most = (
        request.max_output_tokens,
        target.quirks.output_limit_min,
        target.quirks.output_limit_max,
    )
    if limit is not None and (limit < least or (most is not None and limit > most)):
        accepted = f"{least} or more" if most is None else f"{least} to {most}"
        raise refuse(target, "max_output_tokens", limit, accepted)
    return limit


def service_tier(request: ChatRequest, target: Target) -> str | None:
    """The service tier to send; None where it is the ordinary one, or none is asked for.

    Raises:
        InvalidRequestError: the vendor has no such tier.
    """
    tier, quirks = request.service_tier, target.quirks
    if tier is None or tier in quirks.service_tiers:
        return tier
    if tier in quirks.default_service_tiers:
        return None
    raise refuse(target, "service_tier", repr(tier), one_of(quirks.service_tiers))


def one_of(words: tuple[str, ...]) -> str:
    """What may be sent, in words."""
    return f"one of {', '.join(words)}" if words else "the request without it"
