"""Where the configuration is: the argument, MINIMILL_CONFIG, the working folder, the user's folder.

It may import `_errors` and `catalog`'s reader.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from minimill._errors import ConfigError
from minimill.catalog._files import read_toml

FILE = "minimill.toml"


class Found(NamedTuple):
    """A configuration as it was found."""

    tables: Mapping[str, Any]
    source: Path | None
    """None: a mapping, or nothing was found."""
    name: str
    """What errors call it."""
    folder: Path
    """Where relative paths in it begin."""


def find(given: str | os.PathLike[str] | Mapping[str, Any] | None, environ: Mapping[str, str]) -> Found:
    """The configuration to use; an empty one where there is none.

    Raises:
        ConfigError: a file that was named does not exist, or a file cannot be read or is no TOML.
    """
    if isinstance(given, Mapping):
        return Found(given, None, "config", Path.cwd())
    if given is not None:
        return _read(Path(given), str(given))
    named = environ.get("MINIMILL_CONFIG", "").strip()
    if named:
        return _read(Path(named).expanduser(), f"MINIMILL_CONFIG: {named}")
    for place in _usual_places(environ):
        if place.exists():
            return _read(place, FILE if place.parent == Path.cwd() else str(place))
    return Found({}, None, "config", Path.cwd())


def _read(path: Path, name: str) -> Found:
    tables = read_toml(path, name, ConfigError)
    return Found(tables, path.absolute(), name, path.absolute().parent)


def _usual_places(environ: Mapping[str, str]) -> list[Path]:
    places = [Path.cwd() / FILE]
    if base := _user_folder(environ, "XDG_CONFIG_HOME", ".config"):
        places.append(base / "minimill" / FILE)
    home = environ.get("HOME", "")
    if sys.platform == "darwin" and home:
        places.append(Path(home) / "Library" / "Application Support" / "minimill" / FILE)
    return places


def _user_folder(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
    """A folder of the XDG base directory specification, which ignores relative values."""
    value = environ.get(variable, "")
    if os.path.isabs(value):
        return Path(value)
    home = environ.get("HOME", "") or os.path.expanduser("~")
    return Path(home) / usual if os.path.isabs(home) else None


def default_ledger(environ: Mapping[str, str]) -> str:
    """URL of the ledger in the user's state folder.

    Raises:
        ConfigError: the user has no home folder.
    """
    base = _user_folder(environ, "XDG_STATE_HOME", ".local/state")
    if base is None:
        raise ConfigError('there is no home folder for the ledger: say ledger = "sqlite:////path/ledger.db"')
    return sqlite_url(base / "minimill" / "ledger.db")


def sqlite_url(path: Path) -> str:
    """The ledger URL of a file."""
    return f"sqlite:///{str(path).replace('%', '%25')}"


def placed_ledger(url: str, folder: Path) -> str:
    """`url` with a relative SQLite path made absolute, from `folder`; other URLs stay."""
    path = url.removeprefix("sqlite:///")
    if path == url or not path or path.startswith(":") or os.path.isabs(path):
        return url
    if path.startswith("~/"):
        return f"sqlite:///{os.path.expanduser('~')}{path[1:]}"
    return f"{sqlite_url(folder)}/{path}"
