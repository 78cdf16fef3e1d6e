"""Where provider files are, and the commands that read them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from minimill import CatalogError
from minimill.catalog import _files, find_model
from minimill.catalog.__main__ import main
from tests.unit.catalog.test_broken_files import GOOD


def test_an_installed_package_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`_providers` inside the package wins over `providers` beside `src`."""
    package = tmp_path / "src" / "minimill"
    monkeypatch.setattr(_files, "_PACKAGE", package)
    with pytest.raises(CatalogError, match=r"^no provider files beside .*: the installation is damaged$"):
        _files.folder()
    (tmp_path / "providers").mkdir()
    assert _files.folder() == tmp_path / "providers"
    (package / "_providers").mkdir(parents=True)
    (package / "_providers" / "b.toml").touch()
    (package / "_providers" / "a.toml").touch()
    (package / "_providers" / "README.md").touch()
    assert _files.shipped_ids() == ["a", "b"]


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system's own word is told."""

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(CatalogError, match=r"^x: cannot be read: Permission denied$"):
        _files.read_toml(tmp_path / "x.toml", "x", CatalogError)


def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`schema` prints the schema, `check` tells what is in a file, anything else how to use it."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "A minimill provider file"
    assert main(["check", str(_files.folder() / "vllm.toml"), str(tmp_path / "none.toml")]) == 1
    said = capsys.readouterr()
    assert said.out.endswith("vllm.toml: 0 models, 0 with prices\n")
    assert said.err == f"{tmp_path / 'none.toml'}: there is no such file\n"
    assert main([]) == 2
    assert main(["check"]) == 2
    assert "usage" in capsys.readouterr().err


def test_it_runs_as_a_module() -> None:
    """`python -m minimill.catalog`."""
    done = subprocess.run(
        [sys.executable, "-m", "minimill.catalog"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "usage: python -m minimill.catalog schema | check FILE …\n")


def test_an_offer_gives_what_prices_need() -> None:
    """Rows, bounds, quirks, clocks and region of one model."""
    offer = find_model("doubao:doubao-seed-1-8-251228")
    assert offer.rows == offer.model.rows
    assert offer.bounds == offer.model.bounds
    assert offer.quirks.output_limit_field == "max_completion_tokens"
    assert offer.clocks == {}
    assert offer.region == "cn-beijing"


def test_the_command_tells_the_same_line(tmp_path: Path) -> None:
    """`python -m minimill.catalog check` ends with 1 and the line on stderr."""
    (tmp_path / "acme.toml").write_text(GOOD.replace("base_url", "base_uri"))
    command = [sys.executable, "-m", "minimill.catalog", "check", "acme.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == 'acme.toml: unknown key "base_uri", did you mean "base_url"?\n'
    (tmp_path / "acme.toml").write_text(GOOD)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "acme.toml: 1 models, 1 with prices\n")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is told as such."""
    with pytest.raises(CatalogError, match=r"^x: there is no such file$"):
        _files.read_toml(tmp_path / "nothing.toml", "x", CatalogError)
    with pytest.raises(CatalogError, match=r"^x: expected a file, found a folder$"):
        _files.read_toml(tmp_path, "x", CatalogError)
