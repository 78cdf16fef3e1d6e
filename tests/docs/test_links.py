"""Links lead somewhere, pages are on the map, and no page says what it should not."""

import re
from pathlib import Path

import pytest

from .pages import ROOT, Page, all_pages, page, read

PAGES = all_pages()
FORBIDDEN = ("TODO", "FIXME", "XXX", "TBD", "lorem ipsum", "/work/", "coming soon")


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_links_resolve(one: Page) -> None:
    """Files exist and have the heading that a link names. Addresses elsewhere are not asked."""
    broken = []
    for link in one.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (one.path.parent / target).resolve() if target else one.path
        if not path.exists() or (anchor and anchor not in read(path).anchors):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_pages_are_finished(one: Page) -> None:
    """Nothing is left for later, and no page speaks of the place it was written in."""
    assert [word for word in FORBIDDEN if word in one.text] == []
    assert one.text.endswith("\n")
    assert not re.search(r"[ \t]+$", one.text, re.M)


def test_every_page_is_on_the_map() -> None:
    """The map of the documentation names each page, and the README leads to the map."""
    linked: set[Path] = set()
    for name in ("docs/README.md", "docs/design/README.md"):
        one = page(name)
        linked |= {(one.path.parent / link.partition("#")[0]).resolve() for link in one.links}
    pages = set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs" / "README.md"}
    assert sorted(str(path) for path in pages - linked) == []
    assert "docs/README.md" in {link.partition("#")[0] for link in page("README.md").links}


def test_vendors_pages_are_cited_by_https() -> None:
    """A source can be followed."""
    for one in PAGES:
        assert [link for link in one.links if link.startswith("http://")] == []
