"""`python -m minimill.catalog schema` prints the JSON Schema of provider files; `check FILE …` checks."""

import json
import sys
from pathlib import Path

from minimill._errors import CatalogError
from minimill.catalog import json_schema
from minimill.catalog._catalog import checked_provider
from minimill.catalog._files import read_toml

_USAGE = "usage: python -m minimill.catalog schema | check FILE …"


def main(arguments: list[str]) -> int:
    """Run one command; 0: done, 1: a file is wrong, 2: the command is unknown."""
    if arguments == ["schema"]:
        print(schema_text(), end="")
        return 0
    if len(arguments) > 1 and arguments[0] == "check":
        return max(_check(Path(name)) for name in arguments[1:])
    print(_USAGE, file=sys.stderr)
    return 2


def schema_text() -> str:
    """The schema as the file `providers/schema.json` holds it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _check(path: Path) -> int:
    try:
        provider = checked_provider(read_toml(path, str(path), CatalogError), str(path), path.stem)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return 1
    priced = sum(bool(model.rows) for model in provider.models.values())
    print(f"{path}: {len(provider.models)} models, {priced} with prices")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
