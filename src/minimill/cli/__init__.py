"""The command `minimill`: chat, plans, models, budgets, spend and the state of the installation.

Each command lives in a module of its own that is imported when it is used. Only these modules import click
and rich, which the extra `cli` brings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn

EXTRA = ("click", "rich")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit: 0 well, 1 failed, 2 wrong use or configuration, 130 interrupted."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        words = f"the command line needs {' and '.join(missing)}: pip install 'minimill[cli]'"
        print(f"error: {words}", file=sys.stderr)
        sys.exit(2)
    from minimill.cli._app import app

    app.main(args=None if args is None else list(args), prog_name="minimill")
    sys.exit(0)
