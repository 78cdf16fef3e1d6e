"""Markdown pages taken apart: fenced blocks with their marks, headings, links, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"(`{3,})(\w*)\s*")
_MARK = re.compile(r"<!-- (.+?) -->")
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_SOURCE = re.compile(r"""(?:src|srcset|href)=["']([^"']+)["']""")


@dataclass(frozen=True)
class Block:
    """One fenced block. `mark` is the text of the HTML comment in the line before it."""

    line: int
    language: str
    text: str
    mark: str = ""


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        """The path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order."""
        return list(_blocks(self.text.splitlines()))

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks and comments."""
        kept, fence = [], ""
        for line in self.text.splitlines():
            found = _FENCE.fullmatch(line)
            if found and not fence:
                fence = found[1]
            elif fence and line.strip() == fence:
                fence = ""
            elif not fence:
                kept.append(line)
        return re.sub(r"<!--.*?-->", "", "\n".join(kept), flags=re.S)

    @cached_property
    def headings(self) -> list[str]:
        """Headings without their marks."""
        return [found[1].strip() for found in re.finditer(r"^#{1,6} (.+)$", self.prose, re.M)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link to this page may name after `#`, as common Markdown hosts make it of headings."""
        found: set[str] = set()
        for heading in self.headings:
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            number, unique = 1, slug
            while unique in found:
                unique, number = f"{slug}-{number}", number + 1
            found.add(unique)
        return found

    @cached_property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        plain = re.sub(r"`[^`\n]*`", "``", self.prose)
        return [*(found[1] for found in _LINK.finditer(plain)), *_SOURCE.findall(plain)]

    def section(self, heading: str) -> str:
        """The prose under a heading, up to the next of the same or a higher level."""
        lines = self.prose.splitlines()
        start = next((at for at, line in enumerate(lines) if line.lstrip("#").strip() == heading), None)
        if start is None:
            raise LookupError(f"{self.name} has no heading {heading!r}")
        level = len(lines[start]) - len(lines[start].lstrip("#"))
        for end, line in enumerate(lines[start + 1 :], start + 1):
            if re.match(rf"#{{1,{level}}} ", line):
                return "\n".join(lines[start + 1 : end])
        return "\n".join(lines[start + 1 :])

    def table(self, heading: str) -> dict[str, list[str]]:
        """The rows of the tables under a heading, before any deeper heading: first cell to the others."""
        rows = {}
        lines = re.split(r"^#", self.section(heading), maxsplit=1, flags=re.M)[0].splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith("|") and "| ---" not in line + following:
                first, *others = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|")))
                rows[first.strip("`")] = others
        return rows


def _blocks(lines: list[str]) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        found = _FENCE.fullmatch(lines[at])
        if found is None:
            at += 1
            continue
        end = lines.index(found[1], at + 1)
        mark = _MARK.fullmatch(lines[at - 1]) if at else None
        yield Block(at + 1, found[2], "\n".join(lines[at + 1 : end]) + "\n", mark[1] if mark else "")
        at = end + 1


def read(path: Path) -> Page:
    """One page."""
    return Page(path, path.read_text(encoding="utf-8"))


def all_pages() -> list[Page]:
    """Every page that is written for users and contributors."""
    names = "README.md CONTRIBUTING.md CHANGELOG.md".split()
    names += "providers/README.md examples/README.md benchmarks/README.md".split()
    return [page(name) for name in names] + [read(path) for path in sorted((ROOT / "docs").rglob("*.md"))]


def page(name: str) -> Page:
    """The page of that path from the root."""
    return read(ROOT / name)
