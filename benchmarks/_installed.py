"""How many distributions a package brings, and how large they are; prints JSON. Run in the package's environment."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

try:
    from packaging.requirements import Requirement
except ImportError:  # an environment of a peer need not have it, but it has pip
    from pip._vendor.packaging.requirements import Requirement  # type: ignore[assignment]  # the same class


def required(name: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """The distribution and all that it requires here, by name."""
    found: dict[str, Distribution] = {}
    seen = set()
    wanted = [(name, extras)]
    while wanted:
        name, extras = wanted.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if (key, extras) in seen:
            continue
        seen.add((key, extras))
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found[key].requires or ():
            requirement = Requirement(text)
            if any(requirement.marker is None or requirement.marker.evaluate({"extra": e}) for e in (extras or {""})):
                wanted.append((requirement.name, frozenset(requirement.extras)))
    return found


def size(found: Distribution) -> int:
    """Bytes of its files without compiled ones."""
    paths = [Path(str(file.locate())) for file in found.files or () if not str(file).endswith(".pyc")]
    return sum(path.stat().st_size for path in paths if path.is_file())


def own_size(name: str, found: Distribution) -> int:
    """The same for a distribution that is installed in place, with nothing but a link to its folder."""
    module = sys.modules.get(name)
    if module is None or module.__file__ is None:
        return size(found)
    folder = Path(module.__file__).parent
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


if __name__ == "__main__":
    package = sys.argv[1]
    brought = required(package)
    bytes_ = sum(size(one) for one in brought.values())
    if package == "minimill":
        import minimill  # noqa: F401  # own_size looks where it lies

        bytes_ += max(0, own_size(package, brought[package]) - size(brought[package]))
    print(json.dumps({"distributions": len(brought), "installed_mb": bytes_ / 1e6}))
