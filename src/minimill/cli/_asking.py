"""The options of commands that ask a model, and the request they make.

It may import click, `_chat` and `_common`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from minimill.cli._common import amount

F = TypeVar("F", bound=Callable[..., Any])
_Decorator = Callable[[Any], Any]

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SWITCH = {"on": True, "off": False}


def _reasoning(text: str) -> str | bool | int:
    if text in _EFFORTS:
        return text
    if text in _SWITCH:
        return _SWITCH[text]
    if text.isascii() and text.isdigit():
        return int(text)
    words = f"on, off, {', '.join(_EFFORTS)} or a number of tokens"
    raise click.BadParameter(f"expected {words}, found {text!r}")


def _tag(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"expected NAME=VALUE, found {text!r}")
    return name, value


def asking_options(command: F) -> F:
    """Adds what `chat` and `plan` have in common; `asked` turns their values into a call's options."""
    options: tuple[_Decorator, ...] = (
        click.option(
            "--model", multiple=True, metavar="PROVIDER:MODEL", help="Model or alias; repeat to give a choice."
        ),
        click.option("--route", metavar="NAME", help="Route of the configuration; left out, and no model: default."),
        click.option("--system", metavar="TEXT", help="What the model is told before the message."),
        click.option(
            "--max-output-tokens",
            "--max-tokens",
            type=click.IntRange(min=1),
            metavar="N",
            help="Most output tokens; left out: the route's or the model's default.",
        ),
        click.option(
            "--reasoning",
            type=_reasoning,
            metavar="HOW",
            help=f"Thinking: on, off, {', '.join(_EFFORTS)}, or a number of tokens.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def paying_options(command: F) -> F:
    """Adds who a call is for, and what it may cost."""
    options: tuple[_Decorator, ...] = (
        click.option("--app", metavar="NAME", help="Who the call is for; budgets may be limited to an app."),
        click.option("--tag", "tags", type=_tag, multiple=True, metavar="NAME=VALUE", help="More about who; repeat."),
        click.option("--max-cost", type=amount, metavar="AMOUNT", help="Most that the call may cost: '0.05 USD'."),
        click.option("--wait", "wait_s", type=click.FloatRange(min=0), metavar="SECONDS",
                     help="How long to wait for held money to come free."),
        click.option(
            "--deadline", "deadline_s", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help="How long a call may take.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def asked(values: dict[str, Any]) -> dict[str, Any]:
    """The options of a call from the values of a command's options; what was left out is left out."""
    models = values["model"]
    if models and values["route"] is not None:
        raise click.UsageError("say either --model or --route, not both")
    options = {name: value for name, value in values.items() if value is not None and name not in ("model", "system")}
    if models:
        options["model"] = models[0] if len(models) == 1 else models
    if "tags" in options:
        options["tags"] = dict(options["tags"])
    return options


def messages_of(system: str | None, text: str) -> list[Any]:
    """A conversation that begins with `text`."""
    from minimill._chat import system as told
    from minimill._chat import user

    return [*([told(system)] if system else []), user(text)]


def message_of(words: tuple[str, ...]) -> str | None:
    """The message given as arguments, or on standard input for `-` or where that is no terminal; None: neither.

    Raises click.UsageError: it is empty, or no UTF-8.
    """
    if words and words != ("-",):
        text = " ".join(words)
    elif words or not sys.stdin.isatty():
        text = _standard_input()
    else:
        return None
    if not text.strip():
        raise click.UsageError("the message is empty")
    return text


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError("the message on standard input is not UTF-8") from None
