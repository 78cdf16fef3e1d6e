"""Writes what is made of the schema and of the provider files: the tables of provider keys, the JSON Schema of
minimill.toml, and the table of what each vendor can do.

`python -m tests.docs.reference` after a change of the schema or of a provider file.
"""

import json
from typing import Any

from minimill._config import json_schema
from minimill.catalog import json_schema as provider_schema

from . import capabilities
from .pages import ROOT

TABLES = ROOT / "docs" / "reference" / "provider-tables.md"
SCHEMA = ROOT / "docs" / "schema" / "minimill.schema.json"
MARK = "<!-- generated -->\n"
USERS = ("key_env", "free", "plan", "endpoints", "proxy", "ca_file")
ORDER = (
    # definition, heading, what it is
    ("", "Provider", "The top of a provider file, or `[providers.ID]`."),
    ("Auth", "auth", "`[auth]`."),
    ("Region", "regions", "`[regions.NAME]`."),
    ("WrongKey", "auth.wrong_keys", "`[[auth.wrong_keys]]`."),
    ("Plan", "plans", "`[plans.NAME]`."),
    ("Model", "models", "`[[models]]`."),
    ("Price", "prices", "`[[models.prices]]`."),
    ("Tier", "tiers", "`tiers` of a price: the prices of the row that it replaces, and when it does."),
    ("Clock", "clocks", "`[clocks.NAME]`."),
    ("Calendar", "calendars", "`[calendars.NAME]`."),
    ("Error", "errors", "`[[errors]]`."),
    ("Bounds", "bounds", "`[bounds]`, of a provider or of one of its models."),
    ("Quirks", "quirks", "`[quirks]`, of a provider or of one of its models."),
)


def schema_text() -> str:
    """The JSON Schema of minimill.toml as its file holds it."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"


def tables_text() -> str:
    """The generated part of the page."""
    whole = provider_schema()
    definitions: dict[str, Any] = whole["definitions"]  # type: ignore[assignment]
    assert set(definitions) == {name for name, *_ in ORDER if name}, (
        "a table is new: give it a place in ORDER"
    )
    parts = [_section(definitions.get(name, whole), heading, what) for name, heading, what in ORDER]
    return "\n".join([*parts, _users()])


def _section(table: dict[str, Any], heading: str, what: str) -> str:
    lines = [f"## {heading}", "", what, "", "| key | default | meaning |", "| --- | --- | --- |"]
    required = table.get("required", ())
    for key, schema in table["properties"].items():
        lines.append(f"| `{key}` | {_default(schema, key in required)} | {_words(schema)} |")
    return "\n".join([*lines, ""])


def _users() -> str:
    """Keys that only a user's table has."""
    table: dict[str, Any] = json_schema()["definitions"]["ProviderTable"]  # type: ignore[index]
    lines = [
        "## Keys of a user's own table",
        "",
        "Only in `minimill.toml`; a model there has `free` as well.",
        "",
        "| key | default | meaning |",
        "| --- | --- | --- |",
    ]
    lines += [f"| `{key}` | none | {_words(table['properties'][key])} |" for key in USERS]
    return "\n".join([*lines, ""])


def _default(schema: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    if "default" not in schema or schema["default"] in ("", []):
        return "none"
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`"


def _words(schema: dict[str, Any]) -> str:
    text = str(schema.get("description", "")).replace("|", "\\|").replace("None:", "left out:")
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if all(f"`{word}`" in text for word in choices or ()):
        return text
    return f"{text} {'One' if 'enum' in schema else 'Any'} of {', '.join(f'`{word}`' for word in choices)}."


def main() -> None:
    """Write all of them."""
    for page, text in ((TABLES, tables_text()), (capabilities.PAGE, capabilities.page_text())):
        written = page.read_text(encoding="utf-8").partition(MARK)[0]
        page.write_text(f"{written}{MARK}\n{text}", encoding="utf-8")
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
