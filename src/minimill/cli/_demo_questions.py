"""The workload of the demo: the docstrings of the standard library that runs it, and Chinese questions.

Knows no vendor. Standard library only.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Iterator
from importlib.resources import files
from itertools import count, cycle, islice
from typing import Any

from minimill._values import dataclass

MODULES = (
    "argparse asyncio base64 bisect calendar collections concurrent.futures contextlib copy csv dataclasses datetime "
    "decimal difflib email.message enum fractions functools gzip hashlib heapq html inspect io ipaddress itertools "
    "json logging math operator os.path pathlib pickle pprint queue random re sched secrets shelve shlex shutil "
    "socket sqlite3 statistics string struct subprocess tempfile textwrap threading timeit tokenize traceback types "
    "unicodedata urllib.parse uuid weakref zipfile zoneinfo"
).split()
SHORTEST, LONGEST = 60, 1_500
"""Characters of a docstring: shorter ones say too little, longer ones are cut."""
DOCS_APP, CHAT_APP = "docs-bot", "wenda"
USERS = ("ada", "li", "mei", "omar", "zhang")
_CHINESE_EVERY = 4
_STREAM_EVERY = 2
_LEAVE_EVERY, _LEAVE_FROM = 25, 5
"""Of so many questions one user has seen enough in the middle of the answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call of the workload."""

    number: int
    text: str
    """Different for every question, so that a vendor's record can be found by it."""
    app: str
    user: str
    stream: bool
    leaves: bool
    """Whether the user goes away in the middle of the answer."""


def questions(calls: int) -> list[Question]:
    """The first `calls` questions: every fourth is Chinese, every second is streamed."""
    docs, chinese = _repeated(docstring_prompts()), _repeated(chinese_prompts())
    return [
        _question(number, next(chinese if number % _CHINESE_EVERY == 3 else docs)) for number in range(calls)
    ]


def local_questions(calls: int) -> list[Question]:
    """Short questions in English for a small model; numbered below zero."""
    short = [f"In one sentence. {text}" for text in docstring_prompts() if len(text) < 500]
    numbered = enumerate(islice(_repeated(short), calls), 1)
    return [
        Question(-number, text, DOCS_APP, USERS[number % len(USERS)], number % 4 > 0, False)
        for number, text in numbered
    ]


def _question(number: int, text: str) -> Question:
    app = CHAT_APP if number % _CHINESE_EVERY == 3 else DOCS_APP
    leaves = number % _LEAVE_EVERY == _LEAVE_FROM
    stream = leaves or number % _STREAM_EVERY == 0
    return Question(number, text, app, USERS[number % len(USERS)], stream, leaves)


def _repeated(texts: list[str]) -> Iterator[str]:
    """The texts for ever; from the second round on they say which round it is."""
    rounds = count(1)
    current = 0
    for place, text in cycle(enumerate(texts)):
        if place == 0:
            current = next(rounds)
        yield text if current == 1 else f"({current}) {text}"


def chinese_prompts() -> list[str]:
    """The Chinese questions that ship with the package."""
    text = files("minimill.cli").joinpath("_demo_questions_zh.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]


def docstring_prompts() -> list[str]:
    """A question about every documented function and class of `MODULES`, one of each module in turn."""
    waiting = [_of_module(name) for name in MODULES]
    prompts: dict[str, None] = {}
    while waiting:
        still = []
        for prompts_of_one in waiting:
            prompt = next(prompts_of_one, None)
            if prompt is not None:
                prompts[prompt] = None
                still.append(prompts_of_one)
        waiting = still
    return list(prompts)


def _of_module(name: str) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = importlib.import_module(name)
        except ImportError:  # a Python built without, say, sqlite3
            return
        public = getattr(module, "__all__", None) or [one for one in vars(module) if one[:1] != "_"]
        documented = [(one, _docstring(getattr(module, one, None))) for one in sorted(public)]
    for attribute, doc in documented:
        if doc is not None:
            yield f"Explain in one paragraph what {name}.{attribute} is for:\n\n{doc}"


def _docstring(thing: Any) -> str | None:
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        return None
    doc = inspect.getdoc(thing)
    return doc[:LONGEST] if doc is not None and len(doc) >= SHORTEST else None
