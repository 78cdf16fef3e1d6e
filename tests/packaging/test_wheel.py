"""What is shipped: the wheel, built from the sdist and installed where nothing of this folder can be seen."""

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = sorted(path.stem for path in (ROOT / "providers").glob("*.toml"))
HISTORY = sorted(path.stem for path in (ROOT / "providers" / "history").glob("*.toml"))

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [path] = built.glob("minimill-*.whl")
    return path


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel and this environment's other packages, but not this project's folder.

    The other packages come by a path alone, so that the .pth file of an editable install is not read.
    """
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, symlinks=True, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"),
        *("--target", str(site), str(wheel)),
        cwd=home,
    )
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "python"


def run(*command: str, cwd: Path) -> str:
    """Run a command; a failure shows what it said."""
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def answer(python: Path, code: str) -> Any:
    """Run code in a fresh, isolated interpreter and return the JSON that it prints."""
    return json.loads(run(str(python), "-I", "-c", code, cwd=python.parent))


def test_the_wheel_knows_every_provider(clean_python: Path) -> None:
    """The installed wheel finds the provider files that it carries, without the project beside it."""
    code = """
import json, sys

def refuse(event, arguments):
    if event == "open" and str(arguments[0]).startswith(FORBIDDEN):
        raise RuntimeError(f"opened {arguments[0]}")

sys.addaudithook(refuse)
import minimill
from minimill import catalog
print(json.dumps([minimill.__file__, sorted(catalog.provider_ids())]))
"""
    forbidden = (str(ROOT / "src"), str(ROOT / "providers"))
    [file, providers] = answer(clean_python, f"FORBIDDEN = {forbidden!r}\n{code}")
    assert Path(file).is_relative_to(clean_python.parents[1])
    assert len(providers) > 0
    assert providers == PROVIDERS


def test_the_command_starts(clean_python: Path) -> None:
    """The installed wheel brings the `minimill` command's module."""
    code = "import json; from minimill.cli import main; print(json.dumps(callable(main)))"
    assert answer(clean_python, code) is True


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    """The wheel has the type marker and the provider files, and no tests, documents or scripts."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "minimill/py.typed" in names
    files = [Path(name) for name in names if name.startswith("minimill/_providers/")]
    found = sorted(file for file in files if file.suffix == ".toml")
    assert [file.stem for file in found if file.parent.name == "_providers"] == PROVIDERS
    assert [file.stem for file in found if file.parent.name == "history"] == HISTORY
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"minimill"}
    assert not [name for name in names if Path(name).match("test_*") or Path(name).suffix == ".pyc"]


def test_the_sdist_can_be_tested(built: Path) -> None:
    """The sdist carries what its own tests and its README's commands need."""
    [path] = built.glob("minimill-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "scripts/test", "tests/conftest.py"} <= names


def test_the_core_is_small() -> None:
    """An install without extras brings at most 13 distributions, minimill itself included."""
    names = closure("minimill")
    assert {"httpx", "pydantic", "anyio", "tenacity"} <= names
    assert len(names) <= 13, sorted(names)


def closure(name: str) -> set[str]:
    """Name a distribution and everything that it requires here without extras."""
    pending, known = [name], set[str]()
    while pending:
        current = canonicalize_name(pending.pop())
        if current not in known:
            known.add(current)
            pending += requirements(current)
    return known


def requirements(name: str) -> list[str]:
    """Name what a distribution requires on this computer, without its extras."""
    stated = [Requirement(line) for line in distribution(name).requires or ()]
    return [need.name for need in stated if need.marker is None or need.marker.evaluate({"extra": ""})]


def test_importing_reads_and_loads_little(clean_python: Path) -> None:
    """`import minimill` loads none of the heavy modules and reads no provider file."""
    code = """
import json, sys

opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
import minimill
heavy = {"anyio", "asyncio", "httpx", "pydantic", "sqlite3", "ssl", "tenacity", "tomllib"}
print(json.dumps([sorted(heavy & set(sys.modules)), [name for name in opened if name.endswith(".toml")]]))
"""
    assert answer(clean_python, code) == [[], []]
