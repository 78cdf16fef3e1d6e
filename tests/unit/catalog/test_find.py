"""Names, and what they stand for."""

import datetime as dt
import pickle
import tomllib
from pathlib import Path

import pytest

import minimill
from minimill import ConfigError, MissingKeyError, UnknownModelError
from minimill.catalog import Catalog, Provider, find_model, load_provider


@pytest.mark.parametrize(
    ("name", "provider", "wire"),
    [
        ("doubao:doubao-seed-1-8-251228", "doubao", "doubao-seed-1-8-251228"),
        ("doubao/doubao-seed-1-8-251228", "doubao", "doubao-seed-1-8-251228"),
        ("vllm:Qwen/Qwen3-8B", "vllm", "Qwen/Qwen3-8B"),
        ("vllm/Qwen/Qwen3-8B", "vllm", "Qwen/Qwen3-8B"),
        ("vllm:qwen3:8b", "vllm", "qwen3:8b"),
        ("vllm/qwen3:8b", "vllm", "qwen3:8b"),
    ],
)
def test_names_are_split_once(name: str, provider: str, wire: str) -> None:
    """At the first colon, or at the first slash where a known provider stands before it."""
    offer = find_model(name)
    assert (offer.provider.id, offer.wire_model) == (provider, wire)
    assert offer.name == f"{provider}:{wire}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("doubou:x", 'unknown provider "doubou" in "doubou:x", did you mean "doubao"?'),
        ("qqqqq:x", 'unknown provider "qqqqq" in "qqqqq:x"'),
        (
            "doubao:doubao-seed-1-8",
            'doubao has no model "doubao-seed-1-8", did you mean "doubao-seed-1-8-251228"?',
        ),
        ("doubao:zzz", 'doubao has no model "zzz"'),
        ("doubao:", '"doubao:" names no model: write it as provider:model'),
        (
            "doubao-seed-1-8-251228",
            (
                '"doubao-seed-1-8-251228" names no provider: write it as provider:model, '
                'such as "doubao:doubao-seed-1-8-251228"'
            ),
        ),
        ("zzzz", '"zzzz" names no provider: write it as provider:model'),
        ("zzzz/x", '"zzzz/x" names no provider: write it as provider:model'),
        ("../doubao:x", 'unknown provider ".." in "../doubao:x"'),
        (
            "doubao:ep-20240704-abcde",
            (
                '"doubao:ep-20240704-abcde" hides which model runs there: say it in minimill.toml under '
                '[providers.doubao], with the model that you deployed: '
                'endpoints = { "ep-20240704-abcde" = "doubao-seed-2-1-pro-260915" }'
            ),
        ),
        (
            "azure:helpdesk-2",
            (
                'azure has no model "helpdesk-2". Where it is a deployment of your own, say what runs there in '
                "minimill.toml under [providers.azure], with the model that you deployed: "
                'endpoints = { "helpdesk-2" = "gpt-4o" }'
            ),
        ),
        (
            "azure:our-gpt5-mini",
            (
                'azure has no model "our-gpt5-mini", did you mean "gpt-5-mini"? Where it is a deployment of your own, '
                "say what runs there in minimill.toml under [providers.azure], with the model that you deployed: "
                'endpoints = { "our-gpt5-mini" = "gpt-5-mini" }'
            ),
        ),
    ],
)
def test_unknown_names_offer_the_nearest(name: str, line: str) -> None:
    """No match is an error with the nearest names, never a guess."""
    with pytest.raises(UnknownModelError) as caught:
        find_model(name)
    assert str(caught.value) == line


@pytest.mark.parametrize(("provider", "name"), [("azure", 'the "big" one'), ("doubao", "ep-20240704-abcde")])
def test_the_line_that_is_told_can_be_pasted(provider: str, name: str) -> None:
    """What the error tells to write makes the name known, in the file that the user has."""
    with pytest.raises(UnknownModelError) as caught:
        Catalog({provider: {}}, origin="/srv/app/minimill.toml").find(f"{provider}:{name}")
    text = str(caught.value)
    assert f" in /srv/app/minimill.toml under [providers.{provider}], " in text
    own = tomllib.loads(text[text.index("endpoints = ") :])
    assert Catalog({provider: own}).find(f"{provider}:{name}").wire_model == name


def test_an_unlisted_id_has_no_price() -> None:
    """A self-hosted model is not free until its owner says so."""
    offer = find_model("vllm:anything")
    assert offer.rows == ()
    assert offer.model.listed is False
    assert offer.provider.accepts_any_model


def test_an_unknown_provider() -> None:
    """The text offers the nearest."""
    with pytest.raises(UnknownModelError, match=r'^unknown provider "vlm", did you mean "vllm"\?$'):
        load_provider("vlm")


def test_addresses_in_the_environment_win() -> None:
    """The first variable that is set counts; a slash at the end does not."""
    catalog = Catalog(environ={"VLLM_BASE_URL": " http://gpu-box:8000/v1/ "})
    assert catalog.provider("vllm").base_url == "http://gpu-box:8000/v1"
    catalog = Catalog({"vllm": {"base_url": "http://mine/v1"}}, environ={"VLLM_BASE_URL": "http://env/v1"})
    assert catalog.provider("vllm").base_url == "http://env/v1"
    catalog = Catalog({"vllm": {"base_url": "http://mine/v1/"}}, environ={})
    assert catalog.provider("vllm").base_url == "http://mine/v1"


@pytest.mark.parametrize("value", ["gpu-box:8000", "http://me:pa55word@host/v1", "http://host/v1?key=abc"])
def test_a_wrong_address_in_the_environment_is_not_shown(value: str) -> None:
    """It may hold a password."""
    with pytest.raises(ConfigError) as caught:
        Catalog(environ={"VLLM_BASE_URL": value}).provider("vllm")
    assert str(caught.value) == "VLLM_BASE_URL: expected an http(s) address without a query or a password"


def test_the_address_of_another_region_is_that_region(tmp_path: Path) -> None:
    """Prices go with the place that is asked."""
    file = tmp_path / "plug.toml"
    file.write_text(PLUGIN)
    catalog = Catalog(environ={"PLUG_BASE_URL": "https://west.plug.example/v1/"}, finder={"plug": file}.get)
    assert catalog.provider("plug").region == "west"
    catalog = Catalog(environ={"PLUG_BASE_URL": "http://127.0.0.1:1/v1"}, finder={"plug": file}.get)
    assert catalog.provider("plug").region == "east"
    catalog = Catalog({"plug": {"region": "west"}}, environ={}, finder={"plug": file}.get)
    assert catalog.provider("plug").base_url == "https://west.plug.example/v1"
    assert catalog.provider("plug").key_names() == ("PLUG_WEST_KEY",)
    catalog = Catalog({"plug": {"region": "west", "key_env": "OWN"}}, finder={"plug": file}.get)
    assert catalog.provider("plug").key_names() == ("OWN",)
    own = {"plug": {"base_url": "https://west.plug.example/v1"}}
    assert Catalog(own, environ={}, finder={"plug": file}.get).provider("plug").region == "west"


PLUGIN = """
id = "plug"
name = "Plug"
dialect = "openai_chat"
base_url_env = ["PLUG_BASE_URL"]
region = "east"
auth = { env = ["PLUG_KEY"] }
currency = "USD"
status = "documented"
source = "https://plug.example"
checked = 2026-11-20
[regions.east]
base_url = "https://east.plug.example/v1"
source = "https://plug.example"
checked = 2026-11-20
[regions.west]
base_url = "https://west.plug.example/v1/"
key_env = ["PLUG_WEST_KEY"]
source = "https://plug.example"
checked = 2026-11-20
"""


def test_a_plug_in_brings_a_provider_but_replaces_none(tmp_path: Path) -> None:
    """Its file is asked for only where nothing is shipped, and its path is in the errors."""
    file = tmp_path / "plug.toml"
    file.write_text(PLUGIN)
    files = {"plug": file, "doubao": file}
    catalog = Catalog(finder=files.get)
    assert catalog.provider("plug").region == "east"
    assert catalog.provider("doubao").name == "Doubao (Volcengine Ark)"
    file.write_text(PLUGIN.replace("USD", "dollar"))
    with pytest.raises(ConfigError) as caught:
        Catalog(finder=files.get).provider("plug")
    expected = 'currency: expected three capital letters such as CNY or USD, found "dollar"'
    assert str(caught.value) == f"{file}: {expected}"
    with pytest.raises(ConfigError) as caught:
        Catalog({"plug": {"key_env": "K"}}, finder=files.get).provider("plug")
    assert str(caught.value) == f"{file}: {expected}"


def test_a_catalog_pickles_without_the_environment() -> None:
    """Other processes read files and environment again; keys do not travel."""
    catalog = Catalog({"vllm": {"free": True}}, environ={"VLLM_BASE_URL": "http://secret-host/v1"})
    catalog.provider("vllm")
    data = pickle.dumps(catalog)
    assert b"secret-host" not in data
    assert pickle.loads(data).find("vllm:x").rows[0].free


# --- keys ---


def test_keys_come_from_the_first_variable_that_is_set() -> None:
    """They are read when they are asked for."""
    doubao = load_provider("doubao")
    assert doubao.key({"ARK_API_KEY": " secret "}) == "secret"
    assert doubao.auth_header("secret") == ("authorization", "Bearer secret")
    with pytest.raises(
        MissingKeyError, match=r"^doubao needs a key: set the environment variable ARK_API_KEY$"
    ):
        doubao.key({"ARK_API_KEY": ""})
    assert load_provider("vllm").key({}) is None
    assert load_provider("vllm").key({"VLLM_API_KEY": "k"}) == "k"


def test_the_user_names_another_variable() -> None:
    """`key_env` takes the place of the shipped variables."""
    catalog = Catalog({"doubao": {"key_env": "MY_KEY"}})
    assert catalog.provider("doubao").key({"ARK_API_KEY": "no", "MY_KEY": "yes"}) == "yes"


def test_a_key_in_a_header_of_its_own() -> None:
    """Scheme `header` sends the bare key; scheme `none` sends none."""
    own = {"dialect": "openai_chat", "base_url": "http://h/v1"}
    tables = {
        "a": {**own, "auth": {"scheme": "header", "header": "api-key", "env": ["A_KEY"]}},
        "b": {**own, "auth": {"scheme": "none"}},
        "c": {**own, "auth": {"optional": False}},
    }
    catalog = Catalog(tables)
    assert catalog.provider("a").auth_header("k") == ("api-key", "k")
    with pytest.raises(MissingKeyError):
        catalog.provider("a").key({})
    assert catalog.provider("b").key({"A_KEY": "k"}) is None
    with pytest.raises(MissingKeyError, match=r"^c needs a key: .* no variable is named: say key_env$"):
        catalog.provider("c").key({})


# --- error tables ---


@pytest.fixture
def doubao() -> Provider:
    """The pattern of a hosted vendor."""
    return load_provider("doubao")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "QuotaExceeded", "quota_exhausted"),
        (429, "RateLimitExceeded.EndpointRPMExceeded", "rate_limited"),
        (429, "ServerOverloaded", "overloaded"),
        (400, "InvalidParameter.UnsupportedParameter", "invalid_request"),
        (400, "InputTextSensitiveContentDetected.PolicyViolation", "content_filtered"),
        (404, "ModelNotOpen", "model_not_found"),
        (429, "SomethingNew", None),
        (429, None, None),
    ],
)
def test_errors_by_code(doubao: Provider, status: int, code: str | None, kind: str | None) -> None:
    """Exact codes and prefixes of families; the first line that holds wins."""
    rule = doubao.error_rule(status, code)
    assert (rule.kind if rule else None) == kind


def test_errors_by_blamed_field() -> None:
    """vLLM's codes are statuses; the field it blames tells more."""
    vllm = load_provider("vllm")
    rule = vllm.error_rule(400, "400", "BadRequestError", "input_tokens")
    assert rule is not None
    assert rule.kind == "context_length"
    assert vllm.error_rule(400, "400", "BadRequestError", "max_tokens") is None


def test_words_in_a_message_are_the_last_resort() -> None:
    """Any case; every condition of the line must hold."""
    line = {
        "statuses": 429,
        "codes": "insufficient_quota",
        "message_contains": "Free allocated quota",
        "kind": "quota_exhausted",
        "billed": False,
        "source": "s",
        "checked": dt.date(2026, 11, 20),
    }
    catalog = Catalog({"vllm": {"errors": [line]}})
    vllm = catalog.provider("vllm")
    rule = vllm.error_rule(429, "insufficient_quota", message="FREE ALLOCATED QUOTA exceeded")
    assert rule is not None
    assert (rule.kind, rule.billed) == ("quota_exhausted", False)
    assert vllm.error_rule(429, "insufficient_quota", message="slow down") is None
    assert vllm.error_rule(429, "other", message="free allocated quota") is None


def test_a_retired_model_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its day, where one is known."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("ARK_API_KEY", "key")
    monkeypatch.setenv("TOKENHUB_API_KEY", "key")
    names = ["openai:gpt-4-turbo", "doubao:doubao-pro-128k", "hunyuan:hunyuan-pro", "qwen:qwen-max"]
    names.append("openai:gpt-5.4-mini")
    plan = minimill.Client({"ledger": "memory:"}).plan("hello", model=names)
    assert [candidate.name for candidate in plan.candidates] == ["openai:gpt-5.4-mini"]
    assert [(left.name, left.reason) for left in plan.left_out] == [
        ("openai:gpt-4-turbo", "retired by the vendor on 2026-10-23"),
        ("doubao:doubao-pro-128k", "retired by the vendor"),
        ("hunyuan:hunyuan-pro", "retired by the vendor on 2026-06-22"),
        ("qwen:qwen-max", "retired by the vendor on 2026-07-13"),
    ]
