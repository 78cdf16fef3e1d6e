"""Addresses that cannot be reached are refused when they are read, and what is secret in them is not shown."""

import datetime as dt
import traceback

import pytest

import minimill
from minimill._config import load_settings
from minimill.catalog import Catalog, load_provider
from minimill.catalog._catalog import checked_provider
from minimill.catalog._faults import shown
from minimill.catalog._marks import base_url_fault, url_fault


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://[::zz]/v1",
        "http://a..b/v1",
        f"http://{'a' * 64}.example/v1",
        "http://a:65536/v1",
        "http://a:0/v1",
        "http://a:/v1",
        "http://a:b/v1",
        "http://a b/v1",
    ],
)
def test_an_address_that_is_none_is_refused_at_load(url: str) -> None:
    """In one clear line, with the key."""
    config = {"providers": {"openai": {"base_url": url}}}
    with pytest.raises(minimill.ConfigError, match=r"providers\.openai\.base_url: expected an ") as caught:
        load_settings(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://[::1]:8000/v1", "http://127.0.0.1:8000", "https://my_service/v1", "https://bücher.example./v1"],
)
def test_an_address_that_is_one_is_taken(url: str) -> None:
    """IPv6, service names with underscores, and names of other scripts included."""
    assert url_fault(url) is None


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://api.acme.example/v1/chat/completions", "https://api.acme.example/v1"),
        ("https://api.acme.example/v1/chat/completions/", "https://api.acme.example/v1"),
        ("https://api.acme.example/v1/completions", "https://api.acme.example/v1"),
        ("https://api.acme.example/v1/responses", "https://api.acme.example/v1"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("https://acme.example/apps/anthropic/v1/messages", "https://acme.example/apps/anthropic"),
        ("https://acme.example/gemini:generateContent", "https://acme.example/gemini"),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash:streamGenerateContent",
            "https://generativelanguage.googleapis.com",
        ),
        (
            "https://mine.openai.azure.com/openai/deployments/helpdesk-2/chat/completions",
            "https://mine.openai.azure.com",
        ),
    ],
)
def test_the_address_of_a_call_is_refused_at_load(url: str, right: str) -> None:
    """The path would be appended twice, and every call answered with 404; the right value is shown."""
    with pytest.raises(minimill.ConfigError) as caught:
        load_settings({"providers": {"acme": {"dialect": "openai_chat", "base_url": url}}})
    line = f'the address without the path of a call, which is appended to it: "{right}"'
    assert str(caught.value).startswith(f"config: providers.acme.base_url: expected {line}, found ")
    with pytest.raises(minimill.ConfigError) as caught:
        Catalog(environ={"OPENAI_BASE_URL": url}).provider("openai")
    assert str(caught.value) == f"OPENAI_BASE_URL: expected {line}"
    assert url_fault(right) is None and base_url_fault(right) is None


@pytest.mark.parametrize(
    ("dialect", "url", "right"),
    [
        ("anthropic", "https://api.acme.example/v1", "https://api.acme.example"),
        ("gemini", "https://api.acme.example/v1beta/", "https://api.acme.example"),
    ],
)
def test_a_version_that_the_path_of_a_call_begins_with_is_refused(dialect: str, url: str, right: str) -> None:
    """Messages and Gemini say the version in the path of each call; with it in the address it would stand twice."""
    with pytest.raises(minimill.ConfigError) as caught:
        Catalog({"acme": {"dialect": dialect, "base_url": url}}).provider("acme")
    text = f'expected the address without the version, which each call adds: "{right}"'
    assert str(caught.value) == f"providers.acme.base_url: {text}"
    with pytest.raises(minimill.ConfigError, match='each call adds: "https://spark-api-open.xf-yun.com"$'):
        Catalog({"spark": {"base_url": "https://spark-api-open.xf-yun.com/v1"}}).provider("spark")
    with pytest.raises(minimill.ConfigError) as caught:
        Catalog(environ={"ANTHROPIC_BASE_URL": "https://api.acme.example/v1"}).provider("anthropic")
    assert str(caught.value) == (
        'ANTHROPIC_BASE_URL: expected the address without the version, which each call adds: "https://api.acme.example"'
    )


def test_queries_and_passwords_are_not_shown() -> None:
    """Some vendors take keys in a query."""
    assert shown("https://x/v1?key=hidden") == '"https://x/v1?..."'
    assert shown("x/v1?key=hidden", ("base_url",)) == '"x/v1?..."'
    assert "hidden" not in shown("https://me:hid/hidden@x/v1") + shown("me:hidden@x/v1", ("base_url",))


@pytest.mark.parametrize(
    "key",
    ["sk-a\nb", "sk-a\x00b", "sk-ключ", "sk-a\x7fb", "sk-a b", '"sk-a"', "'sk-a'", '" sk-a "', "sk-a\u200b"],
)
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(key: str) -> None:
    """The variable is named; its value is in no line of the traceback."""
    provider = load_provider("openai")
    with pytest.raises(minimill.ConfigError, match="the value of OPENAI_API_KEY holds characters") as caught:
        provider.key({"OPENAI_API_KEY": key})
    assert "sk-a" not in "".join(traceback.format_exception(caught.value))
    assert provider.key({"OPENAI_API_KEY": " sk-ok\n"}) == "sk-ok"
    assert provider.key({"OPENAI_API_KEY": "k"}) == "k"
    assert provider.auth_header(" sk-ok\n") == ("authorization", "Bearer sk-ok")
    assert load_provider("gemini").auth_header(" sk-ok ") == ("x-goog-api-key", "sk-ok")


def test_an_address_of_ones_own_gets_the_vendors_path() -> None:
    """From the file or the environment, with the path already there or not."""
    host = "https://me.openai.azure.com"
    for address in (host, f"{host}/", f"{host}/openai/v1", f"{host}/openai/v1/"):
        own = Catalog({"azure": {"base_url": address}}, environ={}).provider("azure")
        found = Catalog(environ={"AZURE_OPENAI_ENDPOINT": address}).provider("azure")
        assert own.base_url == found.base_url == "https://me.openai.azure.com/openai/v1"
        assert own.region == "global"
    in_europe = Catalog({"azure": {"base_url": host, "region": "eu"}}, environ={}).provider("azure")
    assert in_europe.region == "eu"


def test_a_vendor_without_an_address_says_what_to_set() -> None:
    """When it is asked, not when it is looked up: its prices can be read without one."""
    provider = Catalog(environ={}).provider("azure")
    assert provider.base_url == ""
    with pytest.raises(minimill.ConfigError, match="azure needs your address: set AZURE_OPENAI_ENDPOINT or"):
        provider.check_address()


@pytest.mark.anyio
async def test_a_call_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent."""
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sim-key")
    async with minimill.Client({"ledger": "memory:"}) as client:
        with pytest.raises(minimill.ConfigError, match="azure needs your address"):
            await client.chat("hi", model="azure:gpt-5-mini")


def test_a_region_without_an_address_needs_a_variable() -> None:
    """Else nobody could say it but every user's own file."""
    raw = {
        "id": "acme", "name": "Acme", "dialect": "openai_chat", "region": "eu", "currency": "USD",
        "status": "documented", "source": "https://acme.example", "checked": dt.date(2026, 11, 20),
        "regions": {"eu": {"source": "https://acme.example", "checked": dt.date(2026, 11, 20)}},
    }  # fmt: skip
    with pytest.raises(minimill.CatalogError, match=r'regions\.eu: the key "base_url" is missing'):
        checked_provider(raw, "acme.toml", "acme")
    assert checked_provider({**raw, "base_url_env": ["ACME_URL"]}, "acme.toml", "acme").base_url == ""


@pytest.mark.parametrize("path", ["openai", "/openai/", "/a b", "/v1?x=1"])
def test_a_path_that_is_none(path: str) -> None:
    """It begins with a slash and has none at its end."""
    with pytest.raises(minimill.ConfigError, match="expected a path such as"):
        Catalog({"openai": {"base_path": path}}, environ={}).provider("openai")
