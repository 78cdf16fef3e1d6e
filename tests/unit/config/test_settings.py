"""What a configuration comes to."""

import datetime as dt
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from minimill import Money
from minimill._config import Connection, Route, Settings, Timeouts, json_schema, load_settings
from minimill._pricing import Rate
from minimill.ledger import BudgetDefinition

TEXT = """
app = "helpdesk"
ledger = "memory:"
require_budget = false
max_rate_age_days = 30

[defaults]
max_output_tokens = 2_000
wait_s = 1.5
retries = 1
timeouts = { connect_s = 5, total_s = 300 }

[aliases]
cheap = "vllm:qwen"

[routes.default]
models = ["cheap", "doubao/doubao-seed-1-8-251228"]
requires = ["tools", "reasoning"]
order = "listed"
max_cost = "0.05 CNY"
max_attempts = 3
min_output_tokens = 200
deadline_s = 60
retries = 0
timeouts = { first_token_s = 20 }
on_content_filter = "next"
accept_unsure_prices = true

[budgets.monthly]
limit = "50 CNY"
window = "month"
zone = "Asia/Shanghai"

[budgets.user]
limit = 0.5
currency = "USD"
window = "day"
scope = { app = "helpdesk", provider = "doubao", model = "doubao:doubao-seed-1-8-251228", tenant = "a" }
by = "user"
hard = false
unconfirmed_share = 0.05

[rates]
"USD/CNY" = { rate = 7.1, date = 2026-11-20, source = "my bank", margin = 0.01 }
"EUR/CNY" = { rate = 8, date = 2026-11-20 }

[providers.vllm]
free = true
base_url = "http://gpu:8000/v1"
proxy = "http://proxy:3128"
ca_file = "roots.pem"

[providers.doubao]
ca_file = "/etc/roots.pem"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Everything that can be said, said once."""
    (tmp_path / "minimill.toml").write_text(TEXT, encoding="utf-8")
    return load_settings(tmp_path / "minimill.toml")


def test_the_top(settings: Settings, tmp_path: Path) -> None:
    """Where it came from, and what is said for all."""
    assert settings.source == tmp_path / "minimill.toml"
    assert (settings.app, settings.ledger, settings.require_budget) == ("helpdesk", "memory:", False)
    assert settings.aliases == {"cheap": "vllm:qwen"}


def test_a_route_over_the_defaults(settings: Settings) -> None:
    """The route's own word wins, timeouts one by one."""
    assert settings.routes["default"] == Route(
        name="default",
        models=("cheap", "doubao/doubao-seed-1-8-251228"),
        order="listed",
        requires=("tools", "reasoning"),
        max_output_tokens=2_000,
        min_output_tokens=200,
        max_attempts=3,
        max_cost=Money(50_000_000, "CNY"),
        deadline_s=60.0,
        wait_s=1.5,
        retries=0,
        timeouts=Timeouts(connect_s=5.0, first_token_s=20.0, between_token_s=120.0, total_s=300.0),
        on_content_filter="next",
        accept_unsure_prices=True,
    )


def test_calls_that_name_their_model_take_the_defaults(settings: Settings) -> None:
    """The plain route has no models of its own."""
    assert settings.plain_route == Route(
        name=None,
        models=(),
        max_output_tokens=2_000,
        wait_s=1.5,
        retries=1,
        timeouts=Timeouts(connect_s=5.0, first_token_s=600.0, between_token_s=120.0, total_s=300.0),
    )
    assert load_settings({}).plain_route == Route(name=None, models=())


def test_budgets(settings: Settings) -> None:
    """As the ledger knows them."""
    assert settings.budgets == (
        BudgetDefinition("monthly", 50_000_000_000, "CNY", "month", "Asia/Shanghai"),
        BudgetDefinition(
            "user",
            500_000_000,
            "USD",
            "day",
            "UTC",
            {
                "app": "helpdesk",
                "provider": "doubao",
                "model": "doubao:doubao-seed-1-8-251228",
                "tenant": "a",
            },
            "user",
            hard=False,
            unconfirmed_share_ppm=50_000,
        ),
    )


def test_a_limit_of_zero_is_allowed() -> None:
    """It blocks every call that costs."""
    (budget,) = load_settings({"budgets": {"none": {"limit": "0 CNY"}}}).budgets
    assert budget.limit_nanos == 0


def test_the_users_rates_replace_the_shipped_ones(settings: Settings) -> None:
    """Of the same pair, whichever way it is written; others stay."""
    own = Rate("USD", "CNY", Decimal("7.1"), dt.date(2026, 11, 20), "my bank", Decimal("0.01"))
    assert settings.exchange.find("USD", "CNY", dt.date(2026, 11, 24)) == (own,)
    assert settings.exchange.max_age_days == 30
    other = settings.exchange.find("EUR", "CNY", dt.date(2026, 11, 24))[0]
    assert (other.source, other.margin) == ("minimill.toml", Decimal("0.02"))
    tables = {"rates": {"CNY/USD": {"rate": Decimal("0.14"), "date": dt.date(2026, 1, 1)}}}
    (rate,) = load_settings(tables).exchange.find("USD", "CNY", dt.date(2026, 11, 24))
    assert rate.base == "CNY"
    assert [rate.source for rate in load_settings({}).exchange.rates] != []


def test_how_providers_are_reached(settings: Settings, tmp_path: Path) -> None:
    """A CA file lies beside the configuration; what is left is the catalog's."""
    assert settings.connections == {
        "vllm": Connection("http://proxy:3128", str(tmp_path / "roots.pem")),
        "doubao": Connection(None, "/etc/roots.pem"),
    }
    assert settings.catalog.provider("vllm").base_url == "http://gpu:8000/v1"
    assert settings.catalog.find("vllm:x").rows[0].origin == str(tmp_path / "minimill.toml")
    assert settings.catalog.provider("doubao").origin == "catalog"


def test_the_environment_wins(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the file."""
    assert settings.source is not None
    monkeypatch.setenv("MINIMILL_APP", "batch")
    monkeypatch.setenv("MINIMILL_REQUIRE_BUDGET", "On")
    monkeypatch.setenv("MINIMILL_LEDGER", "sqlite:////tmp/x.db")
    monkeypatch.setenv("VLLM_BASE_URL", "http://other:9/v1")
    again = load_settings(settings.source)
    assert (again.app, again.require_budget, again.ledger) == ("batch", True, "sqlite:////tmp/x.db")
    assert again.catalog.provider("vllm").base_url == "http://other:9/v1"


def test_settings_pickle_without_keys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process gets the configuration, and looks for keys in its own environment."""
    monkeypatch.setenv("ARK_API_KEY", "hunter2hunter2")
    settings.catalog.provider("doubao").key()
    data = pickle.dumps(settings)
    assert b"hunter2" not in data
    again = pickle.loads(data)
    assert again.routes == settings.routes
    assert again.budgets == settings.budgets
    assert again.catalog.find("vllm:x").rows == settings.catalog.find("vllm:x").rows


def test_no_file_of_a_vendor_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of providers are checked without it; models when they are used."""
    from minimill.catalog import _catalog

    def read(*_: object) -> None:
        pytest.fail("a provider file was read")

    monkeypatch.setattr(_catalog, "read_toml", read)
    settings = load_settings(
        {
            "routes": {"default": {"models": ["doubao:no-such-model", "vllm:x"]}},
            "providers": {"openai": {"key_env": "K"}},
        }
    )
    assert settings.routes["default"].models == ("doubao:no-such-model", "vllm:x")


def test_a_provider_of_a_plug_in_is_known(tmp_path: Path) -> None:
    """The finder is asked for names that nobody else knows."""
    file = tmp_path / "plug.toml"
    tables = {"routes": {"default": {"models": ["plug:x"]}}, "providers": {"plug": {"key_env": "K"}}}
    settings = load_settings(tables, finder={"plug": file}.get)
    assert settings.catalog.knows("plug")


def test_the_schema_demands_only_what_users_must_say() -> None:
    """Editors do not ask for what minimill fills in."""
    schema = json_schema()
    assert "required" not in schema
    tables = schema["definitions"]
    assert isinstance(tables, dict)
    required = {name: table["required"] for name, table in tables.items() if "required" in table}
    assert required["Route"] == ["models"]
    assert required["Budget"] == ["limit"]
    assert required["Rate"] == ["rate", "date"]
    assert required["UserModel"] == ["id"]
    assert "required" not in tables["ProviderTable"]
    assert "proxy" in tables["ProviderTable"]["properties"]
    for name, table in tables.items():
        bare = [key for key, value in table["properties"].items() if "description" not in value]
        assert bare == [], name
