"""Each broken `minimill.toml` gives one clear line: file, key, what was expected, what was found."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from minimill import ConfigError
from minimill._config import load_settings

KEYS = (
    "aliases, app, budgets, defaults, http, ledger, max_rate_age_days, price_files, providers, rates, "
    "require_budget, routes, usage_exports"
)
SECRET = "sk-1234567890abcdefghij"

BROKEN = [
    # the whole file
    ("ap = 'x'", 'unknown key "ap", did you mean "app"?'),
    ("route = {}", 'unknown key "route", did you mean "routes"?'),
    ("colour = 'red'", f'unknown key "colour"; known: {KEYS}'),
    ("app = 5", "app: expected text, found 5"),
    ("app = ''", 'app: expected some text, found ""'),
    ("require_budget = 'no'", 'require_budget: expected true or false, found "no"'),
    ("routes = []", "routes: expected a table, found a list"),
    ("app = 'a'\napp = 'b'\n", "not TOML: cannot overwrite a value (at line 2, column 10)"),
    ("app = helpdesk", "not TOML: invalid value (at line 1, column 7)"),
    ("[routes.default\n", "not TOML: expected ']' at the end of a table declaration (at line 1, column 16)"),
    # the ledger
    (
        "ledger = 'books.db'",
        "ledger: a ledger is a URL beginning with one of memory:, sqlite:, redis:, rediss:, postgresql:, "
        "such as sqlite:///books.db",
    ),
    (
        "ledger = 'sqlit:///books.db'",
        "ledger: no ledger is called 'sqlit'; known are memory:, sqlite:, redis:, rediss:, postgresql: "
        "(did you mean sqlite:?)",
    ),
    (
        f"ledger = 'redis://:{SECRET}@host/0?ledger=My'",
        "ledger: ?ledger= names the ledger on its server with up to 40 letters a to z, digits and underscores, "
        "beginning with a letter, not 'My'",
    ),
    ("ledger = 'memory:x'", "ledger: books in memory have no name; write memory:"),
    (
        f"ledger = '{SECRET}'",
        "ledger: expected a URL such as sqlite:///books.db or memory:, found a text (not shown)",
    ),
    # thresholds
    (
        "[budgets.all]\nlimit = '1 CNY'\nthresholds = [80]",
        "budgets.all.thresholds[0]: expected text, found 80",
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nthresholds = ['80%', '0 %']",
        'budgets.all.thresholds[1]: expected a share above 0%, found "0 %"',
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nnarrow = [{ above = '0.8', only = 'free' }]",
        "budgets.all.narrow[0].above: expected a share such as '80%', found \"0.8\"",
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nnarrow = [{ above = '80%' }]",
        "budgets.all.narrow[0]: expected one of only and max_cost, to say which models still serve",
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nnarrow = [{ above = '80%', only = 'free', max_cost = '1 CNY' }]",
        "budgets.all.narrow[0]: expected one of only and max_cost, to say which models still serve",
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nnarrow = [{ above = '80%', only = ['smal'] }]\n"
        "[aliases]\nsmall = 'openai:gpt-5.6-luna'",
        'budgets.all.narrow[0].only[0]: unknown alias "smal", did you mean "small"?',
    ),
    (
        "[budgets.all]\nlimit = '1 CNY'\nnarrow = [{ above = '80%', max_cost = '99999999999 CNY' }]",
        "budgets.all.narrow[0].max_cost: an amount beyond 9.2 billion units does not fit the books",
    ),
    # usage exports
    (
        "[usage_exports.bill]\nprovider = 'opena'\namount = 'Cost'\ncurrency = 'USD'\nrequest_id = 'Id'",
        'usage_exports.bill.provider: unknown provider "opena", did you mean "openai"?',
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\nrequest_id = 'Id'",
        "usage_exports.bill: expected currency or currency_column, to say what the amounts are in",
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\nrequest_id = 'Id'\ncurrency = 'USD'\n"
        "currency_column = 'Unit'",
        "usage_exports.bill: expected currency or currency_column, found both",
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\ncurrency = 'USD'\ntime = 'Time'",
        "usage_exports.bill: expected the column request_id, or time and model, to find the attempt by",
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\ncurrency = 'USD'\nrequest_id = 'Id'\n"
        "encoding = 'utf-9'\nzone = 'UTZ'",
        'usage_exports.bill.zone: unknown time zone "UTZ", did you mean "UTC"? (and 1 more)',
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\ncurrency = 'USD'\nrequest_id = 'Id'",
        'usage_exports.bill: the key "amount" is missing',
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\ncurrency = 'USD'\nrequest_id = 'Id'\n"
        "delimiter = '||'",
        'usage_exports.bill.delimiter: expected one character, found "||"',
    ),
    (
        "[usage_exports.bill]\nprovider = 'openai'\namount = 'Cost'\ncurrency = 'USD'\nrequest_id = 'Id'\n"
        "encoding = 'hex'",
        'usage_exports.bill.encoding: expected a text encoding such as utf-8, found "hex"',
    ),
    # keys
    (
        f"[providers.openai]\napi_key = '{SECRET}'",
        (
            "providers.openai.api_key: keys do not belong in this file: set an environment variable and name it "
            'here: key_env = "OPENAI_API_KEY"'
        ),
    ),
    (
        f"[providers.openai]\nauth = {{ token = '{SECRET}' }}",
        (
            "providers.openai.auth.token: keys do not belong in this file: set an environment variable and name it "
            'here: key_env = "OPENAI_API_KEY"'
        ),
    ),
    (
        f"[providers.openai.headers]\nAuthorization = 'Bearer {SECRET}'",
        (
            "providers.openai.headers.Authorization: keys do not belong in this file: set an environment variable "
            "and name it in key_env, with auth.scheme and auth.header"
        ),
    ),
    (
        f"[providers.openai]\nkey_env = '{SECRET}'",
        "providers.openai.key_env: expected the name of an environment variable, found a text (not shown)",
    ),
    (f"api_key = '{SECRET}'", f'unknown key "api_key"; known: {KEYS}'),
    (
        f"[defaults]\norder = '{SECRET}'",
        "defaults.order: expected one of cost, listed, found a text (not shown)",
    ),
    (
        "[providers.openai]\nproxy = 'http://me:pa55word@proxy:3128'",
        "providers.openai.proxy: expected a proxy address without a password, found a text (not shown)",
    ),
    # providers
    (
        "[providers.openai.quirks]\nextra_body = { best_of = 3 }",
        (
            "providers.openai.quirks.extra_body.best_of: it decides what a call can cost; only arguments of a call "
            "set it"
        ),
    ),
    (
        "[[providers.qwen.models]]\nid = 'qwen-plus'\nquirks = { extra_body = { enable_thinking = true } }",
        (
            "providers.qwen.models[0].quirks.extra_body.enable_thinking: it decides what a call can cost; use "
            "reasoning=, and here at most what turns thinking off"
        ),
    ),
    (
        "[providers.opanai]\nkey_env = 'K'",
        'providers: unknown provider "opanai", did you mean "openai"?',
    ),
    (
        "[providers.homemade]\nbase_url = 'http://h/v1'",
        'providers: unknown provider "homemade"; a provider of your own says dialect and base_url',
    ),
    (
        "[providers.Mine]\ndialect = 'openai_chat'",
        "providers.Mine: a provider's name is small letters, digits, '-' and '_', a letter first",
    ),
    ("[providers.mine]\ndialect = 'openai_chat'", 'providers.mine: the key "base_url" is missing'),
    (
        "[providers.openai]\nbase_url = 'localhost:8000'",
        (
            "providers.openai.base_url: expected an http(s) address without a query or a password, "
            'found "localhost:8000"'
        ),
    ),
    (
        "[providers.openai]\nbase_ur = 'x'",
        'providers.openai: unknown key "base_ur", did you mean "base_url"?',
    ),
    ("[providers]\nopenai = true", "providers.openai: expected a table, found true"),
    (
        "[providers.doubao.quirks]\nthinking_swich = 'none'",
        'providers.doubao.quirks: unknown key "thinking_swich", did you mean "thinking_switch"?',
    ),
    (
        "[[providers.doubao.models]]\nid = 'x'\n[[providers.doubao.models.prices]]\nsince = 2026-01-01",
        (
            "providers.doubao.models[0].prices[0].since: expected a date and time with offset such as "
            "2026-03-01T00:00:00+08:00, found 2026-01-01"
        ),
    ),
    ("[[providers.doubao.models]]\nfree = true", 'providers.doubao.models[0]: the key "id" is missing'),
    # aliases
    ("[aliases]\n'a:b' = 'vllm:x'", 'aliases."a:b": an alias is a bare name, without colon, slash or space'),
    ("[aliases]\na = 'b'\nb = 'vllm:x'", 'aliases.a: expected provider:model, found the alias "b"'),
    ("[aliases]\na = 'vlm:x'", 'aliases.a: unknown provider "vlm" in "vlm:x", did you mean "vllm"?'),
    ("[aliases]\na = 7", "aliases.a: expected text, found 7"),
    # routes
    (
        f"[routes.default]\nmodels = ['{SECRET}']",
        "routes.default.models[0]: a text (not shown) names no provider: write it as provider:model",
    ),
    ("[routes.default]\norder = 'cost'", 'routes.default: the key "models" is missing'),
    ("[routes.default]\nmodels = []", "routes.default.models: expected at least one model"),
    ("[routes.default]\nmodels = 'vllm:x'", 'routes.default.models: expected a list, found "vllm:x"'),
    (
        "[routes.default]\nmodels = ['doubau:x']",
        'routes.default.models[0]: unknown provider "doubau" in "doubau:x", did you mean "doubao"?',
    ),
    (
        "[routes.default]\nmodels = ['vllm:x', 'vllm:x']",
        'routes.default.models[1]: "vllm:x" is listed twice, first as models[0]',
    ),
    (
        "[aliases]\ncheap = 'vllm:x'\n[routes.default]\nmodels = ['vllm:x', 'cheap']",
        'routes.default.models[1]: "cheap" is listed twice, first as models[0]',
    ),
    (
        "[aliases]\ncheap = 'vllm:x'\n[routes.default]\nmodels = ['chaep']",
        'routes.default.models[0]: unknown alias "chaep", did you mean "cheap"?',
    ),
    (
        "[routes.default]\nmodels = ['doubao-seed-1-8-251228']",
        (
            'routes.default.models[0]: "doubao-seed-1-8-251228" names no provider: write it as provider:model, '
            'such as "doubao:doubao-seed-1-8-251228"'
        ),
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\norder = 'price'",
        'routes.default.order: expected one of cost, listed, found "price"',
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\nrequires = ['tool']",
        (
            "routes.default.requires[0]: expected one of streaming, tools, vision, json_schema, json_object, audio, "
            'files, n, reasoning, found "tool", did you mean "tools"?'
        ),
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\nmax_cost = '5 dollars'",
        "routes.default.max_cost: expected an amount such as '0.05 USD', found \"5 dollars\"",
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\nmax_cost = '99999999999 USD'",
        "routes.default.max_cost: an amount beyond 9.2 billion units does not fit the books",
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\nmin_output_tokens = 9\nmax_output_tokens = 8",
        "routes.default.min_output_tokens: expected at most max_output_tokens = 8, found 9",
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\ntimeouts = { total_s = 0 }",
        "routes.default.timeouts.total_s: expected more than 0, found 0",
    ),
    (
        "[routes.default]\nmodels = ['vllm:x']\ntimeouts = { first_tokens_s = 5 }",
        'routes.default.timeouts: unknown key "first_tokens_s", did you mean "first_token_s"?',
    ),
    ("[defaults]\nmax_attempts = 0", "defaults.max_attempts: expected at least 1, found 0"),
    ("[defaults]\nretries = 1.5", "defaults.retries: expected a whole number, found 1.5"),
    ("[defaults]\nwait_s = '5s'", 'defaults.wait_s: expected a number, found "5s"'),
    # budgets
    ("[budgets.b]\nwindow = 'day'", 'budgets.b: the key "limit" is missing'),
    (
        "[budgets.b]\nlimit = 50",
        (
            "budgets.b.limit: expected an amount such as '50 CNY', or a number with a currency, "
            "found 50 without one"
        ),
    ),
    (
        "[budgets.b]\nlimit = 'fifty CNY'",
        (
            "budgets.b.limit: expected an amount such as '50 CNY', or a number with a currency, "
            'found "fifty CNY"'
        ),
    ),
    (
        "[budgets.b]\nlimit = true",
        "budgets.b.limit: expected an amount such as '50 CNY', or a number with a currency, found true",
    ),
    ("[budgets.b]\nlimit = '-1 CNY'", 'budgets.b.limit: expected at least 0, found "-1 CNY"'),
    (
        "[budgets.b]\nlimit = '99999999999 CNY'",
        'budgets.b.limit: expected at most 9223372036, found "99999999999 CNY"',
    ),
    (
        "[budgets.b]\nlimit = nan\ncurrency = 'CNY'",
        "budgets.b.limit: expected an amount such as '50 CNY', or a number with a currency, found NaN",
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\ncurrency = 'USD'",
        'budgets.b.limit: the limit is in CNY, but currency = "USD"',
    ),
    (
        "[budgets.b]\nlimit = 5\ncurrency = 'yuan'",
        'budgets.b.currency: expected three capital letters such as CNY or USD, found "yuan"',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nwindow = 'daily'",
        'budgets.b.window: expected one of total, hour, day, week, month, found "daily", did you mean "day"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nzone = 'Asia/Shangai'",
        'budgets.b.zone: unknown time zone "Asia/Shangai", did you mean "Asia/Shanghai"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { apps = 'x' }",
        (
            'budgets.b.scope: expected app, route, provider, model or the name of a tag, found "apps", '
            'did you mean "app"?'
        ),
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { app = '' }",
        "budgets.b.scope.app: an empty text covers no call",
    ),
    ("[budgets.b]\nlimit = '5 CNY'\nscope = { user = 42 }", "budgets.b.scope.user: expected text, found 42"),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { provider = 'doubau' }",
        'budgets.b.scope.provider: unknown provider "doubau", did you mean "doubao"?',
    ),
    (
        "[routes.main]\nmodels = ['vllm:x']\n[budgets.b]\nlimit = '5 CNY'\nscope = { route = 'mian' }",
        'budgets.b.scope.route: unknown route "mian", did you mean "main"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { provider = 'vllm', model = 'doubao:x' }",
        'budgets.b.scope.model: "doubao:x" is not of the provider "vllm": no call is both',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { model = 'opanai:gpt-4o' }",
        'budgets.b.scope.model: unknown provider "opanai" in "opanai:gpt-4o", did you mean "openai"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { model = 'openai/gpt-4oo' }",
        'budgets.b.scope.model: openai has no model "gpt-4oo", did you mean "gpt-4o"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nscope = { provider = 'openai', model = 'gpt-4oo' }",
        'budgets.b.scope.model: openai has no model "gpt-4oo", did you mean "gpt-4o"?',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nby = ''",
        'budgets.b.by: expected app, route, provider, model or the name of a tag, found ""',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nby = 'app'\nscope = { app = 'x' }",
        'budgets.b.by: the scope holds "app" to one value: there is nothing to split',
    ),
    (
        "[budgets.b]\nlimit = '5 CNY'\nunconfirmed_share = 20",
        "budgets.b.unconfirmed_share: expected at most 1, found 20",
    ),
    ("[budgets.b]\nlimit = '5 CNY'\nhard = 'yes'", 'budgets.b.hard: expected true or false, found "yes"'),
    ("[budgets.' ']\nlimit = '5 CNY'", "budgets: a budget needs a name"),
    # rates
    (
        "[rates]\nUSDCNY = { rate = 7, date = 2026-11-01 }",
        'rates.USDCNY: expected two currencies such as "USD/CNY"',
    ),
    (
        "[rates]\n'USD/USD' = { rate = 1, date = 2026-11-01 }",
        'rates."USD/USD": a rate is between two different currencies',
    ),
    (
        "[rates]\n'USD/CNY' = { rate = 7, date = 2026-11-01 }\n'CNY/USD' = { rate = 0.14, date = 2026-11-01 }",
        'rates."CNY/USD": the same rate is there as "USD/CNY": keep one',
    ),
    (
        "[rates]\n'USD/CNY' = { rate = 0, date = 2026-11-01 }",
        'rates."USD/CNY".rate: expected more than 0, found 0',
    ),
    ("[rates]\n'USD/CNY' = { rate = 7 }", 'rates."USD/CNY": the key "date" is missing'),
    (
        "[rates]\n'USD/CNY' = { rate = 7, date = 2026-11-01, margn = 0.1 }",
        'rates."USD/CNY": unknown key "margn", did you mean "margin"?',
    ),
    ("max_rate_age_days = 0", "max_rate_age_days: expected at least 1, found 0"),
]


@pytest.mark.parametrize(("text", "line"), BROKEN, ids=[line[:60] for _, line in BROKEN])
def test_one_clear_line(text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names file, key, expectation and find."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minimill.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == f"minimill.toml: {line}"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        (
            {"budgets": {"b": {"limit": 0.5, "currency": "CNY"}}},
            (
                "config: budgets.b.limit: expected an amount such as '50 CNY', or a number with a currency, "
                'found the binary float 0.5: write Decimal("0.5")'
            ),
        ),
        (
            {"budgets": {"b": {"limit": "5 CNY", "unconfirmed_share": 0.1}}},
            (
                "config: budgets.b.unconfirmed_share: expected an exact number, found the binary float 0.1: "
                'write Decimal("0.1")'
            ),
        ),
        ({"routes": {"r": {"models": object()}}}, "config: routes.r.models: expected a list, found a object"),
        ({"app": None}, "config: app: expected text, found nothing"),
    ],
)
def test_mappings_get_the_same_lines(tables: dict[str, Any], line: str) -> None:
    """A mapping instead of a file is checked alike."""
    with pytest.raises(ConfigError) as caught:
        load_settings(tables)
    assert str(caught.value) == line


def test_an_exact_share_in_a_mapping() -> None:
    """What the line above asks for is taken."""
    tables = {
        "budgets": {"b": {"limit": Decimal("0.5"), "currency": "CNY", "unconfirmed_share": Decimal("0.1")}}
    }
    (budget,) = load_settings(tables).budgets
    assert (budget.limit_nanos, budget.unconfirmed_share_ppm) == (500_000_000, 100_000)


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "MINIMILL_REQUIRE_BUDGET",
            "maybe",
            "MINIMILL_REQUIRE_BUDGET: expected true or false, found a text of 5 characters",
        ),
        (
            "MINIMILL_LEDGER",
            "books.db",
            "MINIMILL_LEDGER: a ledger is a URL beginning with one of memory:, sqlite:, redis:, rediss:, postgresql:, "
            "such as sqlite:///books.db",
        ),
        ("MINIMILL_CONFIG", "nowhere.toml", "MINIMILL_CONFIG: nowhere.toml: there is no such file"),
        ("MINIMILL_CONFIG", ".", "MINIMILL_CONFIG: .: expected a file, found a folder"),
    ],
)
def test_the_environment_is_told_by_variable(
    variable: str, value: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that is wrong is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == line


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    """Only files that were not named may be missing."""
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'}: there is no such file"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding is told by the place."""
    (tmp_path / "c.toml").write_bytes("app = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "c.toml")
    assert str(caught.value) == f"{tmp_path / 'c.toml'}: expected UTF-8, found the byte 0xe9 at 7"


@pytest.mark.parametrize(
    "scope",
    [
        {"model": "openai/gpt-4o"},
        {"model": "vllm:Qwen/Qwen3-8B"},
        {"model": "main"},
        {"model": "anything-bare"},
        {"provider": "ollama", "model": "llama3:8b"},
        {"provider": "openai", "model": "main"},
    ],
)
def test_models_that_a_scope_may_name(scope: dict[str, str]) -> None:
    """With a colon or a slash, by alias, or bare."""
    tables = {"aliases": {"main": "openai:gpt-4o"}, "budgets": {"b": {"limit": "5 CNY", "scope": scope}}}
    assert load_settings(tables).budgets[0].scope == scope
