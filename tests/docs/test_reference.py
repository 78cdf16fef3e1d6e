"""Reference pages are complete: every key, option, error and public name, with the defaults that hold."""

import dataclasses
import inspect
import json
import re
from decimal import Decimal
from importlib.metadata import requires
from typing import Any, get_type_hints

import click
import pytest
from packaging.requirements import Requirement

import minimill
import minimill.dialects
import minimill.ledger
import minimill.testing
from minimill import _errors as errors
from minimill._client import ChatOptions
from minimill._config import _entries as config
from minimill._config import _find, _load
from minimill._config._types import Timeouts
from minimill.catalog import provider_ids
from minimill.cli._app import app

from . import capabilities, reference
from .pages import page

CONFIGURATION = page("docs/reference/configuration.md")
ERRORS = page("docs/reference/errors.md")
API = page("docs/reference/api.md")
CLI = page("docs/reference/cli.md")
VENDORS = page("docs/reference/vendors.md")


# --- configuration ---


@pytest.mark.parametrize(
    ("heading", "table", "without"),
    [
        ("Top level", config.ConfigEntry, None),
        ("defaults", config.DefaultsEntry, None),
        ("timeouts", config.TimeoutsEntry, None),
        ("routes", config.RouteEntry, config.DefaultsEntry),
        ("budgets", config.BudgetEntry, None),
        ("narrow", config.NarrowEntry, None),
        ("rates", config.RateEntry, None),
        ("usage_exports", config.UsageExportEntry, None),
    ],
)
def test_every_key_is_there(heading: str, table: type, without: type | None) -> None:
    """The table under each heading has the keys of the schema, no more and no fewer."""
    known = {item.name for item in dataclasses.fields(without)} if without else set()
    expected = [item.name for item in dataclasses.fields(table) if item.name not in known]
    assert sorted(CONFIGURATION.table(heading)) == sorted(expected)


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("Top level", config.ConfigEntry),
        ("budgets", config.BudgetEntry),
        ("rates", config.RateEntry),
        ("usage_exports", config.UsageExportEntry),
        ("timeouts", Timeouts),
    ],
)
def test_defaults_are_true(heading: str, table: type) -> None:
    """Where the schema has a default, the page says it."""
    for key, cells in CONFIGURATION.table(heading).items():
        default = {item.name: item.default for item in dataclasses.fields(table)}[key]
        if isinstance(default, (bool, str, int, float, Decimal)):
            assert cells[0] == f"`{as_toml(default)}`", key


def as_toml(value: object) -> str:
    """A value as the page writes it."""
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def test_defaults_of_routes_are_true() -> None:
    """Those that are filled in when a route is built."""
    routes = {"r": {"models": ["openai:gpt-5.6-luna"]}}
    route = _load.load_settings({"ledger": "memory:", "routes": routes}, environ={}).routes["r"]
    table = CONFIGURATION.table("defaults")
    for key in ("order", "wait_s", "retries", "on_content_filter", "accept_unsure_prices"):
        assert table[key][0] == f"`{as_toml(getattr(route, key))}`", key
    for key in ("max_attempts", "max_cost", "deadline_s", "min_output_tokens", "max_output_tokens"):
        assert getattr(route, key) is None, key


def test_keys_of_providers_exist() -> None:
    """What the page says of `[providers.ID]` is in the schema, and what only users have is on the page."""
    known = {item.name for item in dataclasses.fields(config.ProviderTable)}
    told = set(CONFIGURATION.table("providers"))
    assert told <= known
    assert set(reference.USERS) <= told


def test_environment_variables_are_there() -> None:
    """Every MINIMILL_ variable that the configuration reads, and the folders that it looks in."""
    read = set(
        re.findall(r'"((?:MINIMILL|XDG)_[A-Z_]+)"', inspect.getsource(_load) + inspect.getsource(_find))
    )
    assert len(read) >= 6
    assert [name for name in sorted(read) if f"`{name}`" not in CONFIGURATION.text] == []


def test_generated_files_are_fresh() -> None:
    """After a change of the schema: python -m tests.docs.reference."""
    assert reference.TABLES.read_text(encoding="utf-8").endswith(
        f"{reference.MARK}\n{reference.tables_text()}"
    )
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema_text()


def test_the_table_of_vendors_is_fresh() -> None:
    """After a change of a provider file: python -m tests.docs.reference."""
    text = capabilities.PAGE.read_text(encoding="utf-8")
    assert text.endswith(f"{reference.MARK}\n{capabilities.page_text()}")


def test_the_table_of_vendors_knows_them_all() -> None:
    """A row for each in every table, and cells that say what the files say."""
    who, asked, money = (VENDORS.table(heading) for heading in ("Who", "Requests", "Thinking, caching, money"))
    ids = sorted(provider_ids())
    assert sorted(who) == sorted(asked) == sorted(money) == ids
    assert who["azure"][1:3] == ["`AZURE_OPENAI_API_KEY`", "your own: `AZURE_OPENAI_ENDPOINT`"]
    assert who["groq"][-1] == "verified 2026-11-25"
    assert who["together"][-1] == "documented 2026-11-22"
    columns = dict(zip(capabilities.TABLES[1][2], asked["groq"], strict=True))
    assert (columns["seed"], columns["log probabilities"], columns["`n`"]) == ("yes", "no", "no")
    assert columns["images"] == "1 of 3: data, address"
    bills = [name for name, cells in money.items() if cells[-1] != "no"]
    assert bills == ["openrouter", "xai"]


VENDORS_THAT_SHIP = """
openai azure gemini anthropic mistral groq together xai openrouter deepseek doubao qwen glm ernie hunyuan spark moonshot
minimax baichuan stepfun siliconflow sambanova vllm sglang llamacpp ollama
"""


def test_every_vendor_has_a_mark_and_a_day() -> None:
    """The twenty-six that ship, each verified or documented, and when."""
    who = VENDORS.table("Who")
    assert len(VENDORS_THAT_SHIP.split()) == 26
    assert sorted(who) == sorted(VENDORS_THAT_SHIP.split())
    marks = {name: cells[-1] for name, cells in who.items()}
    assert all(re.fullmatch(r"(verified|documented) 2026-\d\d-\d\d", mark) for mark in marks.values()), marks
    assert sorted(name for name, mark in marks.items() if mark.startswith("verified")) == [
        "anthropic", "deepseek", "gemini", "groq", "llamacpp", "mistral", "openai", "openrouter", "qwen", "vllm",
    ]  # fmt: skip


# --- errors ---


def classes() -> list[type[errors.MinimillError]]:
    """Every error of the tree."""
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, errors.MinimillError)]


def test_the_tree_is_the_one_in_the_code() -> None:
    """The picture at the top of the module, word for word."""
    picture = inspect.cleandoc((errors.__doc__ or "").partition("\n\n")[2].partition("\n\nIt may import")[0])
    assert ERRORS.blocks[0].text == f"{picture}\n"
    for error in classes():
        assert re.search(rf"\b{error.__name__}\b", picture), error


def test_every_error_has_its_row() -> None:
    """With what a route does next."""
    told = {
        name: cells
        for heading in ("Nothing was sent", "One attempt failed", "Every candidate failed")
        for name, cells in ERRORS.table(heading).items()
    }
    assert set(told) == {error.__name__ for error in classes()}
    for error in classes():
        if issubclass(error, errors.ProviderError):
            assert told[error.__name__][0] == f"`{error.then.value}`", error


def test_every_field_of_errors_is_there() -> None:
    """Fields of instances, in the table of fields."""
    made: list[errors.MinimillError] = [
        errors.BudgetExceededError(""),
        errors.UnpricedModelError(""),
        errors.TransportError(""),
        errors.AllAttemptsFailedError(""),
    ]
    names = {name for error in made for name in vars(error)} | {
        "attempts",
        "cost",
        "call_id",
        "partial",
        "then",
    }
    section = ERRORS.section("What errors carry")
    assert [name for name in sorted(names) if f"`{name}`" not in section] == []


def test_kinds_of_transport_errors_are_there() -> None:
    """Every word that `TransportError.kind` can be."""
    from minimill._transport import _errors as translation

    row = ERRORS.table("What errors carry")["kind"][1]
    assert set(re.findall(r"`(\w+)`", row)) == set(translation._WORDS)


# --- Python API ---


@pytest.mark.parametrize("module", [minimill, minimill.testing, minimill.ledger, minimill.dialects])
def test_every_public_name_is_there(module: Any) -> None:
    """In the part of the page that is about its module."""
    text = API.text if module is minimill else API.section(module.__name__)
    missing = [name for name in module.__all__ if not re.search(rf"`[^`]*\b{re.escape(name)}\b[^`]*`", text)]
    assert missing == []


def test_every_option_of_a_call_is_there() -> None:
    """One row each, or together with its like."""
    told = re.findall(
        r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", API.section("Options of a call"), re.M))
    )
    assert sorted(told) == sorted(get_type_hints(ChatOptions))


@pytest.mark.parametrize(
    ("cls", "heading"),
    [
        (minimill.Client, "Client"),
        (minimill.ChatStream, "ChatStream"),
        (minimill.Reply, "Reply"),
        (minimill.Attempt, "Reply"),
        (minimill.Cost, "Reply"),
        (minimill.Balance, "Budgets and books"),
        (minimill.HoldInfo, "Budgets and books"),
        (minimill.Message, "Messages"),
        (minimill.Tool, "Messages"),
        (minimill.Image, "Messages"),
        (minimill.File, "Messages"),
        (minimill.ToolCall, "Messages"),
        (minimill.ToolResult, "Messages"),
        (minimill.JsonSchema, "Messages"),
    ],
)
def test_every_member_is_there(cls: type, heading: str) -> None:
    """Public fields, properties and methods."""
    section = API.section(heading)
    names = [item.name for item in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    names += [name for name in vars(cls) if not name.startswith("_")]
    ours = {"budget"} if cls is minimill.Cost else set()
    missing = [name for name in dict.fromkeys(names) if not re.search(rf"\b{name}\b", section)]
    assert set(missing) - ours - {"address"} == set()


def test_the_number_of_dependencies_is_true() -> None:
    """What comes with the package when it is installed without extras."""
    found: set[str] = set()
    waiting = ["minimill"]
    while waiting:
        for line in requires(waiting.pop()) or ():
            wanted = Requirement(line)
            name = re.sub(r"[-_.]+", "-", wanted.name).lower()
            if name not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                found.add(name)
                waiting.append(name)
    for name in ("README.md", "docs/design/dependencies.md"):
        told = re.search(r"\b(\d+)\s+packages", page(name).text)
        assert told, name
        assert len(found) <= int(told[1]), name


# --- commands ---


def commands(group: click.Group, path: str = "minimill") -> list[tuple[str, click.Command]]:
    """Every command with its full name."""
    found: list[tuple[str, click.Command]] = [(path, group)]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = f"{path} {name}"
        found += commands(command, inner) if isinstance(command, click.Group) else [(inner, command)]
    return found


@pytest.mark.parametrize(
    ("name", "command"), commands(app), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_there(name: str, command: click.Command) -> None:
    """A heading for each command; under it each option by each of its names, no more and no fewer."""
    told = set(re.findall(r"`?(--?[a-z][a-z-]*)", " ".join(CLI.table(name))))
    wanted = set()
    for option in command.params:
        if isinstance(option, click.Option):
            wanted |= {*option.opts, *option.secondary_opts}
    general = set() if command is app else {"--config"}
    assert told - {"-h", "--help"} == wanted - general


def test_no_command_is_made_up() -> None:
    """Headings that begin with the program's name are commands."""
    told = [heading for heading in CLI.headings if heading.startswith("minimill")]
    assert sorted(told) == sorted(name for name, _ in commands(app))
