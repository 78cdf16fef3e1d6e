"""Where provider files are, and reading TOML with exact numbers.

It may import `_errors` and `_faults`.
"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from minimill._errors import CatalogError, ConfigError

_PACKAGE = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """The folder of the provider files: inside an installed package, or beside `src` in a checkout.

    Raises:
        CatalogError: there is none; the installation is damaged.
    """
    for place in (_PACKAGE / "_providers", _PACKAGE.parent.parent / "providers"):
        if place.is_dir():
            return place
    raise CatalogError(f"no provider files beside {_PACKAGE}: the installation is damaged")


def shipped_ids() -> list[str]:
    """Ids of the providers that ship with minimill, in order; no file is read."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def read_toml(path: Path, name: str, kind: type[ConfigError]) -> dict[str, Any]:
    """The tables of a file, numbers with a point as `Decimal`.

    Raises:
        kind: the file cannot be read, is not UTF-8, or is no TOML; one line that begins with `name`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text, parse_float=Decimal)
    except FileNotFoundError:
        raise kind(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise kind(f"{name}: expected a file, found a folder") from None
    except OSError as error:
        raise kind(f"{name}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        byte = f"0x{error.object[error.start]:02x}"
        raise kind(f"{name}: expected UTF-8, found the byte {byte} at {error.start}") from None
    except RecursionError:
        raise kind(f"{name}: lists or tables are nested too deeply") from None
    except ValueError as error:
        text = str(error)
        raise kind(f"{name}: not TOML: {text[:1].lower()}{text[1:]}") from None
