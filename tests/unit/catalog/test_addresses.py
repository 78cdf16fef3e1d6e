"""Addresses that cannot be reached are refused when they are read, and what is secret in them is not shown."""

import traceback

import pytest

import minimill
from minimill._config import load_settings
from minimill.catalog import load_provider
from minimill.catalog._faults import shown
from minimill.catalog._marks import url_fault


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
