"""Where the configuration is found."""

import os
import sys
from pathlib import Path

import pytest

from minimill import ConfigError
from minimill._config import load_settings


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A working folder and a user's folder, both empty."""
    work, user = tmp_path / "work", tmp_path / "user"
    for folder in (work, user / "minimill", tmp_path / "elsewhere"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user))
    return {
        "work": work / "minimill.toml",
        "user": user / "minimill" / "minimill.toml",
        "named": tmp_path / "elsewhere" / "other.toml",
    }


def test_nothing_found_is_fine(places: dict[str, Path]) -> None:
    """A client works without any configuration."""
    settings = load_settings()
    assert settings.source is None
    assert settings.routes == {}
    assert settings.budgets == ()
    assert settings.require_budget is True


def test_the_nearest_place_wins(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, MINIMILL_CONFIG, working folder, user's folder."""
    for name, path in places.items():
        path.write_text(f"app = '{name}'")
    assert load_settings(places["user"]).app == "user"
    monkeypatch.setenv("MINIMILL_CONFIG", str(places["named"]))
    assert load_settings().app == "named"
    monkeypatch.setenv("MINIMILL_CONFIG", "")
    settings = load_settings()
    assert (settings.app, settings.source) == ("work", places["work"])
    places["work"].unlink()
    assert load_settings().app == "user"


def test_a_relative_argument_becomes_a_full_path(places: dict[str, Path]) -> None:
    """The source is where the file is, also after a change of folder."""
    places["work"].write_text("app = 'x'")
    assert load_settings("minimill.toml").source == places["work"]


def test_a_file_in_the_users_folder_is_named_in_full(places: dict[str, Path]) -> None:
    """Nobody should look for it in the working folder."""
    places["user"].write_text("ap = 1")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == f'{places["user"]}: unknown key "ap", did you mean "app"?'


def test_relative_xdg_folders_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The specification says so."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config" / "minimill").mkdir(parents=True)
    (tmp_path / ".config" / "minimill" / "minimill.toml").write_text("app = 'home'")
    settings = load_settings()
    assert settings.app == "home"
    assert settings.ledger == f"sqlite:///{tmp_path}/.local/state/minimill/ledger.db"


def test_the_folder_of_mac_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~/Library/Application Support` is looked at on macOS only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "Library" / "Application Support" / "minimill"
    folder.mkdir(parents=True)
    (folder / "minimill.toml").write_text("app = 'mac'")
    monkeypatch.setattr(sys, "platform", "linux")
    assert load_settings().app is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert load_settings().app == "mac"


def test_another_environment_can_be_given(tmp_path: Path) -> None:
    """Nothing of the process's own then counts."""
    environ = {"HOME": str(tmp_path), "MINIMILL_APP": "given"}
    settings = load_settings(environ=environ)
    assert settings.app == "given"
    assert settings.ledger == f"sqlite:///{tmp_path}/.local/state/minimill/ledger.db"


def test_no_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The books must lie somewhere; everything else works without."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ConfigError, match=r'^there is no home folder for the ledger: say ledger = "sqlite:'):
        load_settings(environ={})
    assert load_settings(environ={"MINIMILL_LEDGER": "memory:"}).ledger == "memory:"


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("memory:", "memory:"),
        ("sqlite:////var/lib/books.db", "sqlite:////var/lib/books.db"),
        ("sqlite:///books.db", "sqlite:///{folder}/books.db"),
        ("sqlite:///sub/books.db", "sqlite:///{folder}/sub/books.db"),
        ("sqlite:///~/books.db", "sqlite:///{home}/books.db"),
    ],
)
def test_a_relative_ledger_lies_beside_its_file(
    said: str, url: str, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the program is started, it is the same book."""
    monkeypatch.setenv("HOME", "/home/someone")
    places["named"].write_text(f"ledger = '{said}'")
    settings = load_settings(places["named"])
    assert settings.ledger == url.format(folder=places["named"].parent, home="/home/someone")


def test_a_ledger_in_the_environment_lies_in_the_working_folder(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MINIMILL_LEDGER wins over the file."""
    places["work"].write_text("ledger = 'memory:'")
    monkeypatch.setenv("MINIMILL_LEDGER", "sqlite:///a.db")
    assert load_settings().ledger == f"sqlite:///{places['work'].parent}/a.db"


def test_a_folder_with_a_percent_sign(tmp_path: Path) -> None:
    """It is a URL: the sign is written %25."""
    folder = tmp_path / "100%"
    folder.mkdir()
    (folder / "m.toml").write_text("ledger = 'sqlite:///b.db'")
    assert load_settings(folder / "m.toml").ledger == f"sqlite:///{tmp_path}/100%25/b.db"
