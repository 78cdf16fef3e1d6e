"""The group of commands: each loaded when it is used, every error one line, every exit code one meaning.

It may import click, `_errors` and `_common`; a command's module brings the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import click

from minimill import __version__
from minimill._errors import ConfigError, MinimillError
from minimill.cli._common import config_option, one_line


class Entry(NamedTuple):
    """Where a command lives, and what the list of commands says about it."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "chat": Entry("minimill.cli._chat", "chat", "Ask a model, or talk with one."),
    "plan": Entry("minimill.cli._plan", "plan", "What a chat call would do and cost; nothing is sent."),
    "models": Entry("minimill.cli._models", "models", "Models, what they can do, and today's prices."),
    "prices": Entry("minimill.cli._prices", "prices", "Prices: today's or another day's, history, checks."),
    "budget": Entry("minimill.cli._budget", "budget", "Budgets: what is left, held, to correct."),
    "spend": Entry("minimill.cli._spend", "spend", "What was spent, on what and by whom."),
    "explain": Entry("minimill.cli._explain", "explain", "The arithmetic of one call's charge."),
    "doctor": Entry("minimill.cli._doctor", "doctor", "Check configuration, keys, ledger, prices."),
    "demo": Entry("minimill.cli._demo", "demo", "A real workload on simulated vendors, under a cap."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return [name for name, entry in COMMANDS.items() if find_spec(entry.module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; its module is imported."""
        if cmd_name not in self.list_commands(ctx):
            return None
        entry = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(entry.module), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; offer the nearest word for one that does not exist."""
        name = args[0]
        if name.startswith("-") or name in self.list_commands(ctx):
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self.list_commands(ctx))}"
        raise click.UsageError(f"there is no command {name!r}{hint}", ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit: see `minimill.cli.main`. An error is one line on standard error."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        run = super().main
        with _warnings_shown():
            sys.exit(_run(lambda: run(args, prog_name, complete_var, standalone_mode=False, **extra)))


def _run(command: Any) -> int:
    try:
        result = command()
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        return _failed(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except ConfigError as error:
        return _failed(error.message, 2)
    except MinimillError as error:
        return _failed(error.message, 1)
    except BrokenPipeError:
        _let_go_of_stdout()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _failed(f"{where}{error.strerror or error}", 1)


def _failed(message: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        print(f"error: {one_line(message)}", file=sys.stderr)
    return code


def _let_go_of_stdout() -> None:
    """The reader is gone: let the interpreter's last flush go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname.lower()}: {one_line(record.getMessage())}", file=sys.stderr)


@contextlib.contextmanager
def _warnings_shown() -> Iterator[None]:
    """What minimill logs from warnings up becomes a line each on standard error."""
    log, handler = logging.getLogger("minimill"), _Lines(logging.WARNING)
    log.addHandler(handler)
    before, log.propagate = log.propagate, False
    try:
        yield
    finally:
        log.propagate = before
        log.removeHandler(handler)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@config_option
@click.version_option(__version__, prog_name="minimill", message="%(prog)s %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Chat with large language models over many vendors: the cheapest first, never above a budget,
    every call with its bill.

    Settings come from minimill.toml: the one that --config or MINIMILL_CONFIG names, else the one in this
    folder, else the one in your configuration folder.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
