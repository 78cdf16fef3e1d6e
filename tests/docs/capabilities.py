"""Writes what each vendor can do, from the provider files: a row for each vendor, a column for each feature.

Whether a setting goes out is not read from a list but tried: the vendor's own codec writes a request with it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from minimill._chat import ChatRequest, Image, JsonSchema, NamedTool, Text, Tool, user
from minimill._errors import InvalidRequestError
from minimill.catalog import Catalog, Model, Provider, provider_ids
from minimill.dialects import Target, get_dialect

from .pages import ROOT

PAGE = ROOT / "docs" / "reference" / "vendors.md"
ASK = (user("Reply in json."),)
TOOL = Tool("weather", "", {"type": "object", "properties": {}, "additionalProperties": False})
SCHEMA = JsonSchema({"type": "object", "properties": {}, "additionalProperties": False}, name="answer")
PIXEL = b"\x89PNG\r\n\x1a\n"
Cell = Callable[[Provider, list[Model]], str]


def page_text() -> str:
    """The generated part of the page."""
    catalog = Catalog(environ={})  # no addresses of whoever runs this
    vendors = [catalog.provider(name) for name in provider_ids()]
    parts = [_table(heading, intro, columns, vendors) for heading, intro, columns in TABLES]
    return "\n".join(parts)


def _table(heading: str, intro: str, columns: dict[str, Cell], vendors: list[Provider]) -> str:
    lines = [f"## {heading}", "", intro, "", f"| vendor | {' | '.join(columns)} |"]
    lines.append("| --- |" + " --- |" * len(columns))
    for provider in vendors:
        models = sold(provider)
        cells = [cell(provider, models) for cell in columns.values()]
        lines.append(f"| `{provider.id}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def sold(provider: Provider) -> list[Model]:
    """Models that can be asked; for a server of one's own the one that stands for all."""
    listed = [model for model in provider.models.values() if model.status != "retired"]
    return listed or [model for model in [provider.any_model] if model is not None]


def share(flags: Iterable[bool]) -> str:
    """Whether all, some or none."""
    told = list(flags)
    if all(told):
        return "yes"
    return f"{sum(told)} of {len(told)}" if any(told) else "no"


def _taken(provider: Provider, model: Model, **asked: Any) -> bool:
    """Whether a setting goes out: neither refused nor left out."""
    codec = get_dialect(model.dialect or provider.dialect)
    target = Target(provider.id, model.id, model.quirks, provider.errors)
    asked = {"messages": ASK, "max_output_tokens": 16, **asked}
    try:
        return not codec.encode(ChatRequest(**asked), target, stream=False).dropped
    except InvalidRequestError:
        return False


def able(word: str) -> Cell:
    """How many models have an ability."""
    return lambda provider, models: share(word in model.abilities for model in models)


def sends(needs: str | None = None, **asked: Any) -> Cell:
    """How many models take a setting; of those with an ability, where the setting needs one."""

    def cell(provider: Provider, models: list[Model]) -> str:
        fit = [model for model in models if needs is None or needs in model.abilities]
        return share(_taken(provider, model, **asked) for model in fit) if fit else "no"

    return cell


def _choices(provider: Provider, models: list[Model]) -> str:
    fit = [model for model in models if "tools" in model.abilities]
    named = {"auto": "auto", "none": "none", "required": "required", "named": NamedTool("weather")}
    found = {
        word: share(_taken(provider, model, tools=(TOOL,), tool_choice=choice) for model in fit)
        for word, choice in named.items()
        if fit
    }
    return _listed(found)


def _listed(found: dict[str, str]) -> str:
    """What is taken, each with its share where that is not all."""
    told = [word if said == "yes" else f"{word} ({said})" for word, said in found.items() if said != "no"]
    return ", ".join(told) or "no"


def _json(provider: Provider, models: list[Model]) -> str:
    kinds = {"schema": ("json_schema", SCHEMA), "object": ("json_object", "json")}
    found = {
        word: share(
            ability in model.abilities and _taken(provider, model, response_format=wanted) for model in models
        )
        for word, (ability, wanted) in kinds.items()
    }
    return _listed(found)


def _with_tools(provider: Provider, models: list[Model]) -> str:
    fit = [model for model in models if "tools" in model.abilities and {"json_schema", "json_object"} & model.abilities]
    return share(model.quirks.json_with_tools for model in fit) if fit else "no"


def _schema_streams(provider: Provider, models: list[Model]) -> str:
    fit = [model for model in models if "json_schema" in model.abilities]
    return share(model.quirks.schema_in_streams for model in fit) if fit else "no"


def _images(provider: Provider, models: list[Model]) -> str:
    fit = [model for model in models if "vision" in model.abilities]
    if not fit:
        return "no"
    kinds = {"data": Image(data=PIXEL, media_type="image/png"), "address": Image(url="https://acme.example/a.png")}
    ways = [
        name
        for name, image in kinds.items()
        if any(_taken(provider, model, messages=(user([Text("json?"), image]),)) for model in fit)
    ]
    return f"{share('vision' in model.abilities for model in models)}: {', '.join(ways)}"


def _reasoning(provider: Provider, models: list[Model]) -> str:
    words = {"always": 0, "optional": 0, "never": 0}
    for model in models:
        words[model.reasoning] += 1
    found = [word for word, count in words.items() if count]
    return found[0] if len(found) == 1 else ", ".join(f"{word} {words[word]}" for word in found)


def _steered(provider: Provider, models: list[Model]) -> str:
    fit = [model for model in models if model.reasoning != "never"]
    ways = {
        "off": sends(reasoning=False), "effort": sends(reasoning="high"), "budget": _budgets,
    }  # fmt: skip
    told = {
        name: way(provider, [m for m in fit if name != "effort" or m.quirks.efforts]) if fit else "no"
        for name, way in ways.items()
    }
    if told["effort"] == "yes" and not all(model.quirks.efforts for model in fit):
        told["effort"] = share(bool(model.quirks.efforts) for model in fit)
    return _listed(told)


def _budgets(provider: Provider, models: list[Model]) -> str:
    return share(bool(model.quirks.thinking_budget_field) for model in models)


def _kept_thoughts(provider: Provider, models: list[Model]) -> str:
    if provider.dialect in ("anthropic", "gemini"):
        return "sealed"
    if any((model.dialect or provider.dialect) == "openai_responses" for model in models):
        return "sealed, by Responses"
    when = provider.quirks.reasoning_history
    return {"never": "no", "with_tools": "with tools", "with_calls": "with tools or calls", "always": "yes"}[when]


def _marks(provider: Provider, models: list[Model]) -> str:
    if provider.dialect == "anthropic":
        return "yes"
    return share(model.quirks.cache_marks != "none" for model in models)


def _tiers(provider: Provider, models: list[Model]) -> str:
    return ", ".join(provider.quirks.service_tiers) or "no"


def _stream_usage(provider: Provider, models: list[Model]) -> str:
    if provider.dialect in ("anthropic", "gemini"):
        return "unasked"
    return {"ask": "asked for", "always": "unasked", "never": "no"}[provider.quirks.stream_usage]


def _own_bill(provider: Provider, models: list[Model]) -> str:
    path = provider.quirks.billed_cost_path
    return f"`usage.{path}`" if path else "no"


def _priced(provider: Provider, models: list[Model]) -> str:
    if provider.any_model is not None and not provider.models:
        return "yours"
    return f"{sum(bool(model.rows) for model in models)} of {len(models)}"


def _mark(provider: Provider, models: list[Model]) -> str:
    if provider.verified_on is not None:
        return f"verified {provider.verified_on}"
    return f"documented {provider.checked}"


def _keys(provider: Provider, models: list[Model]) -> str:
    names = [*provider.auth.env]
    names += [name for region in provider.regions.values() for name in region.key_env if name not in names]
    return ", ".join(f"`{name}`" for name in names) + (", or none" if provider.auth.optional else "")


def _address(provider: Provider, models: list[Model]) -> str:
    region = provider.regions.get(provider.region or "")
    url = provider.base_url or (region.base_url if region else "")
    return f"`{url}`" if url else f"your own: `{'`, `'.join(provider.base_url_env)}`"


def _regions(provider: Provider, models: list[Model]) -> str:
    return ", ".join(f"**{name}**" if name == provider.region else name for name in provider.regions) or "one"


def _wires(provider: Provider, models: list[Model]) -> str:
    found = dict.fromkeys([provider.dialect, *(model.dialect or provider.dialect for model in models)])
    return ", ".join(f"`{name}`" for name in found)


def _name(provider: Provider, models: list[Model]) -> str:
    return f"[{provider.name}]({provider.docs})" if provider.docs else provider.name


def _count(provider: Provider, models: list[Model]) -> str:
    listed = str(len([model for model in models if model.listed and model.id != "*"]))
    return "any" if listed == "0" else f"{listed} and any" if provider.any_model is not None else listed


TABLES: tuple[tuple[str, str, dict[str, Cell]], ...] = (
    (
        "Who",
        "The default region is in bold.",
        {
            "name": _name,
            "key": _keys,
            "address": _address,
            "regions": _regions,
            "wire": _wires,
            "models": _count,
            "priced": _priced,
            "mark": _mark,
        },
    ),
    (
        "Requests",
        "Plain calls go to every model.",
        {
            "stream": able("streaming"),
            "tools": able("tools"),
            "tool choice": _choices,
            "parallel tools": sends("tools", tools=(TOOL,), parallel_tool_calls=False),
            "JSON": _json,
            "JSON with tools": _with_tools,
            "schema in streams": _schema_streams,
            "images": _images,
            "files": able("files"),
            "sound": able("audio"),
            "`n`": sends("n", n=2),
            "log probabilities": sends(top_logprobs=1),
            "seed": sends(seed=1),
            "stop": sends(stop=("x",)),
            "temperature": sends(temperature=0.5),
        },
    ),
    (
        "Thinking, caching, money",
        "",
        {
            "thinks": _reasoning,
            "steered by": _steered,
            "thoughts go back": _kept_thoughts,
            "cache marks": _marks,
            "service tiers": _tiers,
            "usage in streams": _stream_usage,
            "tells its own bill": _own_bill,
        },
    ),
)
