"""`minimill doctor`: what is found, and that it is told without changing or showing anything."""

import datetime as dt
import re
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from minimill import PluginError
from minimill.cli import _checks, _checks_money
from minimill.testing import Simulator

from .conftest import Run


def found(out: str) -> dict[str, tuple[str, str]]:
    """What was looked at: level and text."""
    told = [line for line in out.splitlines()[2:] if re.match(r"(ok|note|wrong) ", line)]
    rows = [re.split(r" {2,}", line, maxsplit=2) for line in told]
    return {what: (level, text) for level, what, text in rows}


@pytest.fixture(autouse=True)
def few_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own providers only."""
    monkeypatch.setattr(_checks, "all_providers", lambda catalog: list(filter(catalog.knows, ["acme", "other"])))


def test_a_sound_installation(run: Run, world: Path, sim: Simulator) -> None:
    """Everything is there; the books do not exist yet and are not made."""
    result = run("doctor")
    told = found(result.stdout)
    assert told["versions"][1].startswith("minimill 0.1.0 · Python 3.")
    assert " · httpx 0.2" in told["versions"][1]
    assert told["extra cli"] == ("ok", "installed")
    assert told["configuration"] == ("ok", str(world))
    assert told["looked at"][1].startswith(f"--config: not set · MINIMILL_CONFIG: not set · {world}: used · ")
    assert told["provider acme"] == ("ok", f"ACME_API_KEY: set · {sim.base_url('qwen')} · in route default")
    assert told["provider other"] == ("ok", f"ACME_API_KEY: set · {sim.base_url('openai')}")
    assert told["route default"] == ("ok", "1 of 1 candidates have what they need")
    assert told["prices"] == ("ok", "1 model in routes: checked in the last 90 days")
    assert told["ledger"] == ("ok", f"{world.parent}/books.db does not exist yet: the first call makes it")
    assert told["budget all"] == ("ok", "¥1.00, not used yet")
    assert result.stdout.endswith("\nnothing is wrong\n")
    assert not (world.parent / "books.db").exists()


def test_after_a_call(run: Run, world: Path) -> None:
    """The ledger's schema, and what is left of the budget."""
    run("chat", "hello")
    told = found(run("doctor").stdout)
    assert re.fullmatch(r"sqlite:///.*/books\.db · schema 4 · \d+ kB, .* free", told["ledger"][1])
    assert told["budget all"] == ("ok", "¥0.99986 left of ¥1.00, window total")


def test_money_that_nobody_knows_about(run: Run, world: Path, books: str) -> None:
    """Unconfirmed holds, in books that are named."""
    told = found(run("doctor", "--ledger", books).stdout)
    assert told["budget all"] == ("note", "¥0.04 left of ¥0.05, window total, ¥0.01 unconfirmed")
    assert told["holds"] == ("note", "1 unconfirmed: they count as spent until corrected (minimill budget holds)")


def test_no_configuration(run: Run) -> None:
    """Worth knowing, not wrong."""
    told = found(run("doctor").stdout)
    assert told["configuration"] == ("note", "none was found: calls name their model, and no budget limits them")
    assert told["budgets"] == ("note", "there is none: nothing limits what calls cost")


def test_a_broken_configuration(run: Run, world: Path) -> None:
    """The fault in one line, and the rest is looked at still; exit code 1."""
    world.write_text("ledgr = 1\n", encoding="utf-8")
    result = run("doctor", code=1)
    assert 'unknown key "ledgr"' in result.stdout
    assert "versions" in result.stdout
    assert result.stdout.endswith("1 thing is wrong\n")


def test_a_named_configuration_that_does_not_exist(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By option or by variable."""
    assert "there is no such file" in run("doctor", "--config", "no.toml", code=1).stdout
    monkeypatch.setenv("MINIMILL_CONFIG", "no.toml")
    assert "MINIMILL_CONFIG: no.toml: there is no such file" in run("doctor", code=1).stdout


def test_missing_keys(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's name; a route without any candidate that can be called is wrong."""
    monkeypatch.delenv("ACME_API_KEY")
    told = found(run("doctor", code=1).stdout)
    assert told["provider acme"][0] == "note"
    assert told["provider acme"][1].startswith("ACME_API_KEY: not set · ")
    assert told["provider other"][0] == "ok"
    assert told["route default"] == ("wrong", "no candidate can be called: their keys are not set")


def test_a_key_of_another_kind(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one is needed; never the key."""
    monkeypatch.setattr(_checks, "all_providers", lambda catalog: ["ernie"])
    for name in ("QIANFAN_API_KEY", "QIANFAN_BEARER_TOKEN", "BAIDU_QIANFAN_API_KEY", "BAIDU_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QIANFAN_AK", "Abcdefghij0123456789abcd")
    pair = run("doctor").stdout
    assert "BAIDU_API_KEY: not set; QIANFAN_AK is set, but the API key and secret key of an application" in pair
    monkeypatch.setenv("QIANFAN_API_KEY", "Abcdefghij0123456789abcd")
    alone = run("doctor").stdout
    assert (
        "BAIDU_API_KEY: set, cannot be used; QIANFAN_API_KEY holds one of the pair of an application, or a secret key"
    ) in alone
    monkeypatch.setenv("QIANFAN_API_KEY", "Abcdefghij-0123456789")
    odd = run("doctor").stdout
    assert "BAIDU_API_KEY: set; the key does not begin with bce-v3/: the API key and secret key" in odd
    assert "Abcdef" not in pair + alone + odd
    monkeypatch.setenv("QIANFAN_API_KEY", "bce-v3/ALTAK-abc/def")
    assert "of an application" not in run("doctor").stdout


def test_a_subscription_is_told(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of one that is not named, and an address of one."""
    monkeypatch.setattr(_checks, "all_providers", lambda catalog: ["qwen"])
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-sp-0123abcd")
    text = world.read_text("utf-8")
    key = "DASHSCOPE_API_KEY: set, cannot be used; DASHSCOPE_API_KEY holds a key of a subscription (Coding Plan or"
    assert key in run("doctor").stdout
    world.write_text(f'{text}[providers.qwen]\nplan = "coding"\n', encoding="utf-8")
    told = found(run("doctor").stdout)
    assert told["provider qwen"] == (
        "ok",
        "DASHSCOPE_API_KEY: set · https://coding.dashscope.aliyuncs.com/v1 · by a subscription (Coding Plan)",
    )


def test_a_model_that_does_not_exist(run: Run, world: Path) -> None:
    """Named with its route."""
    world.write_text(world.read_text(encoding="utf-8").replace('["acme:m"]', '["acme:m", "acme:x"]'), encoding="utf-8")
    out = run("doctor", code=1).stdout
    assert re.search(r"wrong +route default +acme has no model \"x\"", out)


def test_a_provider_table_that_is_wrong(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped provider is read when it is asked for; its fault is told with its name."""
    monkeypatch.setattr(_checks, "all_providers", lambda catalog: ["acme", "openai"])
    world.write_text(world.read_text("utf-8") + '[providers.openai]\nregion = "moon"\n', encoding="utf-8")
    told = found(run("doctor", code=1).stdout)
    assert told["provider openai"][0] == "wrong"


@pytest.mark.parametrize(
    ("change", "what", "level", "said"),
    [
        (("checked = ", "checked = 2020-01-01 # "), "price acme:m", "note", "last checked 2020-01-01, "),
        (("since = 2024", "since = 2999"), "price acme:m", "wrong", "no price is known today: hard budgets refuse it"),
        (("output_per_mtok", 'certainty = "unsure"\noutput_per_mtok'), "price acme:m", "wrong",
         "its sources leave it unsure: hard budgets refuse it"),
        (('"1 CNY"', '"1 EUR"'), "rate CNY/EUR", "wrong", "no exchange rate between CNY and EUR is known"),
        (('"sqlite:///books.db"', '"memory:"'), "ledger", "note",
         "memory:: its caps and records end with each process"),
    ],
)  # fmt: skip
def test_money_matters(
    run: Run, world: Path, change: tuple[str, str], what: str, level: str, said: str
) -> None:
    """Stale, unknown and unsure prices, a missing rate, books that do not last."""
    text = world.read_text(encoding="utf-8")
    assert change[0] in text
    world.write_text(text.replace(*change), encoding="utf-8")
    told = found(run("doctor", code=1 if level == "wrong" else 0).stdout)
    assert told[what][0] == level
    assert said in told[what][1]


@pytest.mark.parametrize(("days", "level"), [(10, "ok"), (100, "note"), (200, "wrong")])
def test_the_age_of_a_rate(run: Run, world: Path, days: int, level: str) -> None:
    """A rate in use that is too old is refused by calls, so it is wrong."""
    date = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    table = f'[rates."CNY/EUR"]\nrate = 0.13\ndate = {date.isoformat()}\n'
    world.write_text(world.read_text("utf-8").replace('"1 CNY"', '"1 EUR"') + table, encoding="utf-8")
    told = found(run("doctor", code=1 if level == "wrong" else 0).stdout)
    assert told["rate CNY/EUR"][0] == level
    assert f"{days} days old" in told["rate CNY/EUR"][1]


def test_a_limit_that_differs(run: Run, world: Path) -> None:
    """The ledger's limit is the lower one."""
    run("budget", "set-limit", "all", "0.5 CNY")
    out = run("doctor").stdout
    assert "its limit in the ledger is ¥0.50, in the configuration ¥1.00" in out


def test_a_budget_in_another_currency(run: Run, world: Path) -> None:
    """Calls would fail, so it is wrong."""
    run("budget")
    world.write_text(world.read_text("utf-8").replace('"1 CNY"', '"1 USD"'), encoding="utf-8")
    assert "the ledger has it in CNY, the configuration in USD" in run("doctor", code=1).stdout


def test_a_ledger_of_another_program(run: Run, world: Path) -> None:
    """Told, and left as it is."""
    db = sqlite3.connect(world.parent / "books.db")
    db.execute("CREATE TABLE mine (x)")
    db.commit()
    db.close()
    told = found(run("doctor", code=1).stdout)
    assert told["ledger"][0] == "wrong"
    assert "is a SQLite file of another program" in told["ledger"][1]


def test_a_folder_that_cannot_be_written(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call could not make the books."""
    monkeypatch.setattr(_checks_money.os, "access", lambda path, mode: False)
    told = found(run("doctor", code=1).stdout)
    assert told["ledger"] == (
        "wrong",
        f"{world.parent}/books.db does not exist, and {world.parent} cannot be written to",
    )


def test_a_disk_that_is_nearly_full(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The books could soon not grow any more."""
    run("chat", "hello")
    usage = namedtuple("usage", "total used free")(10, 9, 1_000_000)
    monkeypatch.setattr(_checks_money.shutil, "disk_usage", lambda path: usage)
    assert found(run("doctor", code=1).stdout)["ledger"][1].endswith(", 1 MB free")


def test_environment_variables_that_win(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names are told."""
    monkeypatch.setenv("MINIMILL_APP", "helpdesk")
    monkeypatch.setenv("MINIMILL_LEDGER", "memory:")
    assert found(run("doctor").stdout)["environment"] == (
        "ok",
        "MINIMILL_APP, MINIMILL_LEDGER: set, and over the configuration",
    )


def test_an_address_from_the_environment(run: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that gives it is named; proxies are mentioned, not shown."""
    monkeypatch.setattr(_checks, "all_providers", lambda catalog: ["openai"])
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    table = '[providers.openai]\nproxy = "http://proxy.example:3128"\nca_file = "roots.pem"\n'
    world.write_text(world.read_text("utf-8") + table, encoding="utf-8")
    text = found(run("doctor").stdout)["provider openai"][1]
    assert "http://127.0.0.1:1/v1 (from OPENAI_BASE_URL) · by a proxy · roots in " in text


def test_plug_ins_that_quarrel(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packages claim one name."""

    def names(group: str) -> tuple[str, ...]:
        if group.endswith("dialects"):
            return ("morse",)
        raise PluginError("two packages claim 'acme'")

    monkeypatch.setattr("minimill._plugins.plugin_names", names)
    out = run("doctor", code=1).stdout
    assert re.search(r"ok +plug-ins +dialects: morse\n", out)
    assert re.search(r"wrong +plug-ins +two packages claim 'acme'\n", out)


def test_extras_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each extra names what is missing."""
    asked = ['rich>=13; extra == "cli"', "nosuchthing>=1 ; extra == 'dev'", 'minimill[cli]; extra == "dev"', "httpx"]
    monkeypatch.setattr(_checks, "requires", lambda name: asked)
    extras = {finding.what: finding.text for finding in _checks.installation() if finding.what.startswith("extra")}
    assert extras == {"extra cli": "installed", "extra dev": "not installed (nosuchthing missing)"}


def test_a_used_up_budget_is_a_state(run: Run, world: Path, sim: Simulator) -> None:
    """Nothing is left: worth knowing, and no fault of the installation."""
    run("chat", "hello")
    run("budget", "set-limit", "all", "0.0001")
    told = re.findall(r"note +budget all +(.*)\n", run("doctor").stdout)
    assert told[-1] == "-¥0.00004 left of ¥0.0001, window total"


def test_prices_of_unpriced_models_without_a_hard_budget(run: Run, world: Path) -> None:
    """Nothing refuses them: a note."""
    text = world.read_text("utf-8").replace("since = 2024", "since = 2999")
    text = text.replace('limit = "1 CNY"', 'limit = "1 CNY"\nhard = false')
    world.write_text(text, encoding="utf-8")
    assert found(run("doctor").stdout)["price acme:m"] == ("note", "no price is known today: its cost is unknown")


def test_sizes_in_words() -> None:
    """From bytes to terabytes."""
    assert [_checks_money._bytes(n) for n in (12, 4_096, 85e9, 3e13)] == ["12 bytes", "4 kB", "85 GB", "30.0 TB"]
