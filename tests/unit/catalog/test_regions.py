"""An address decides whose prices hold: its region's, or nobody's."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from minimill import ConfigError, UnpricedModelError, Usage
from minimill.catalog import Catalog, Offer

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
MILLION = Usage(1_000_000, 1_000_000, cached_input_tokens=0, cache_write_tokens=0)
"""Of gpt-5.4: above 272,000, so at 5 and 22.50."""


def offer(name: str, environ: dict[str, str] | None = None, **table: Any) -> Offer:
    """A model of a provider over which the user writes `table`."""
    provider = name.partition(":")[0]
    return Catalog({provider: table} if table else {}, environ=environ or {}).find(name)


@pytest.mark.parametrize(
    ("name", "address", "region"),
    [
        ("openai:gpt-5.4", "https://api.openai.com/v1/", "global"),
        ("openai:gpt-5.4", "https://us.api.openai.com/v1", "us"),
        ("openai:gpt-5.4", "https://eu.api.openai.com/v1", "eu"),
        ("qwen:qwen-plus", "https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1", "cn-beijing"),
        ("qwen:qwen-plus", "https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "singapore"),
        ("qwen:qwen-plus", "https://ws-1.us-east-1.maas.aliyuncs.com/compatible-mode/v1", "us"),
        ("qwen:qwen-plus", "https://dashscope-intl.aliyuncs.com/apps/other", "singapore"),
        ("glm:glm-4.7", "https://api.z.ai/api/other/v4", "international"),
        ("openai:gpt-5.4", "http://127.0.0.1:8765/openai/v1", "global"),
        ("openai:gpt-5.4", "http://[::1]:8765/openai/v1", "global"),
        ("openai:gpt-5.4", "http://localhost/v1", "global"),
    ],
)
def test_a_known_host_names_its_region(name: str, address: str, region: str) -> None:
    """Whatever the path. This computer stands for the default: a simulator, or a door to the vendor."""
    found = offer(name, base_url=address)
    assert (found.region, found.model.unpriced) == (region, "")
    assert found.provider.base_url == address.rstrip("/")


@pytest.mark.parametrize(
    ("name", "address", "regions"),
    [
        ("openai:gpt-5.4", "https://jp.api.openai.com/v1", '"global" or "us" or "eu"'),
        ("openai:gpt-5.4", "https://me.openai.azure.com/openai/v1", '"global" or "us" or "eu"'),
        ("openai:gpt-5.4", "https://api.openai.com.evil.example/v1", '"global" or "us" or "eu"'),
        ("openai:gpt-5.4", "https://127.0.0.1.nip.io/v1", '"global" or "us" or "eu"'),
        (
            "qwen:qwen-plus",
            "https://ws-1.eu-central-1.maas.aliyuncs.com/compatible-mode/v1",
            '"cn-beijing" or "singapore" or "us"',
        ),
        ("doubao:doubao-seed-2-0-pro-260215", "https://ark.ap-southeast.bytepluses.com/api/v3", '"cn-beijing"'),
        ("ernie:ernie-5.0", "https://gateway.corp.example/v2", '"mainland"'),
        ("gemini:gemini-2.5-pro", "https://gateway.corp.example", '"global"'),
        ("anthropic:claude-opus-4-8", "https://gateway.corp.example", '"global"'),
    ],
)
def test_an_unknown_host_has_no_price(name: str, address: str, regions: str) -> None:
    """The error says the host and what to write; no region's price is taken by silence."""
    provider = name.partition(":")[0]
    found = offer(name, base_url=address)
    host = address.split("/")[2]
    said = (
        f"{host} is no address of {provider} that is known, so that its prices need not hold there: set region = "
        f"{regions} under [providers.{provider}] to say whose prices do, or give prices of your own"
    )
    assert (found.rows, found.model.unpriced) == ((), said)
    with pytest.raises(UnpricedModelError) as caught:
        found.charge(MILLION, NOW)
    assert caught.value.message == said


def test_an_address_of_the_environment_is_an_address() -> None:
    """It wins over the file's, and decides the region."""
    environ = {"OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}
    assert offer("openai:gpt-5.4", environ).region == "eu"
    assert offer("openai:gpt-5.4", environ, base_url="https://us.api.openai.com/v1").region == "eu"
    assert offer("openai:gpt-5.4", {"OPENAI_BASE_URL": "https://x.example"}).rows == ()


def test_the_users_word_gives_an_unknown_host_prices() -> None:
    """A region, or prices of the user's own for some models."""
    assert offer("openai:gpt-5.4", base_url="https://gw.example/v1", region="us").region == "us"
    own = [{"id": "gpt-5.4", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2}]}]
    table = {"openai": {"base_url": "https://gw.example/v1", "models": own}}
    catalog = Catalog(table, environ={})
    mine, other = catalog.find("openai:gpt-5.4"), catalog.find("openai:gpt-5.5")
    assert [row.rates.input_per_mtok for row in mine.rows] == [1]
    assert (mine.model.unpriced, other.rows) == ("", ())
    assert str(mine.charge(MILLION, NOW).money) == "$3.00"
    with pytest.raises(UnpricedModelError, match=r"^gw\.example is no address of openai"):
        other.charge(MILLION, NOW)


def test_an_address_of_one_region_is_not_called_another() -> None:
    """Prices of the cheaper region would be wrong there."""
    for environ, table, place in (
        ({}, {"base_url": "https://us.api.openai.com/v1"}, "providers.openai.base_url"),
        ({"OPENAI_BASE_URL": "https://us.api.openai.com/v1"}, {}, "OPENAI_BASE_URL"),
    ):
        with pytest.raises(ConfigError) as caught:
            offer("openai:gpt-5.4", environ, region="global", **table)
        assert str(caught.value) == (
            f'{place}: us.api.openai.com is an address of the region "us", but providers.openai.region says '
            '"global", which has other prices: take one of the two out'
        )
    same = offer("deepseek:deepseek-v4-pro", base_url="https://api.deepseek.com", region="usd")
    assert same.region == "usd"  # one host, two lists
    assert offer("deepseek:deepseek-v4-pro", base_url="https://api.deepseek.com").region == "cny"


def test_a_server_of_ones_own_is_anywhere() -> None:
    """Its file says no prices; the user's hold."""
    found = offer("vllm:m", base_url="https://gpu.example/v1", free=True)
    assert (found.rows[0].free, found.model.unpriced) == (True, "")


@pytest.mark.parametrize(
    ("region", "model", "total"),
    [
        (None, "gpt-5.4", "$27.50"),
        ("global", "gpt-5.4", "$27.50"),
        ("us", "gpt-5.4", "$30.25"),
        ("eu", "gpt-5.4", "$30.25"),
        ("eu", "gpt-5.4-mini", "$5.775"),
        ("us", "gpt-5.2", "$15.75"),
    ],
)
def test_residency_costs_a_tenth_more(region: str | None, model: str, total: str) -> None:
    """From gpt-5.4 on, long inputs included: 1.1 × (5 + 22.50)."""
    table = {} if region is None else {"region": region}
    assert str(offer(f"openai:{model}", **table).charge(MILLION, NOW).money) == total


def test_a_factor_reaches_every_price() -> None:
    """Tiers, fees and storage too; the other regions keep the plain row."""
    entry = {
        "since": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "currency": "USD", "source": "https://a.example",
        "checked": dt.date(2026, 11, 20), "input_per_mtok": 2, "output_per_mtok": 4, "per_request": 1,
        "per_unit": {"search": Decimal("0.5")}, "cache_storage_per_mtok_hour": 1,
        "tiers": [{"input_over": 10, "input_per_mtok": 3}], "region_factors": {"us": 2, "eu": Decimal("1.5")},
    }  # fmt: skip
    table = {
        "dialect": "openai_chat", "currency": "USD", "region": "rest",
        "regions": {
            name: {"base_url": f"https://{name}.a.example", "source": "a page", "checked": dt.date(2026, 11, 20)}
            for name in ("rest", "eu", "us")
        },
        "models": [{"id": "m", "prices": [entry]}],
    }  # fmt: skip
    rows = Catalog({"acme": table}, environ={}).find("acme:m").rows
    more = "times the price of other regions."
    told = [
        (
            sorted(row.regions), row.rates.input_per_mtok, row.rates.per_request, row.rates.per_unit["search"],
            row.rates.cache_storage_per_mtok_hour, row.tiers[0].rates.input_per_mtok, row.note,
        )
        for row in rows
    ]  # fmt: skip
    assert told == [
        (["rest"], 2, 1, Decimal("0.5"), 1, 3, ""),
        (["eu"], 3, Decimal("1.5"), Decimal("0.75"), Decimal("1.5"), Decimal("4.5"), f"1.5 {more}"),
        (["us"], 4, 2, 1, 2, 6, f"2 {more}"),
    ]  # fmt: skip
    everywhere = {**entry, "region_factors": {"us": 2, "eu": 2, "rest": 2}}
    table["models"] = [{"id": "m", "prices": [everywhere]}]
    assert [sorted(row.regions) for row in Catalog({"acme": table}, environ={}).find("acme:m").rows] == [
        ["eu", "rest", "us"]
    ]
    table["models"] = [{"id": "m", "prices": [{**entry, "region_factors": {"mars": 2}}]}]
    with pytest.raises(ConfigError) as caught:
        Catalog({"acme": table}, environ={}).find("acme:m")
    assert str(caught.value) == (
        'minimill.toml: providers.acme.models[0].prices[0].region_factors.mars: unknown region "mars"; '
        "known: eu, rest, us"
    )


def test_a_vendor_without_regions_is_priced_at_its_own_address_alone(tmp_path: Path) -> None:
    """A plug-in's file that names one address: another one has no price, until the user gives one."""
    (tmp_path / "plug.toml").write_text(PLUG, encoding="utf-8")

    def find(**table: Any) -> Offer:
        files = {"plug": tmp_path / "plug.toml"}
        return Catalog({"plug": table} if table else {}, environ={}, finder=files.get).find("plug:m")

    assert len(find().rows) == len(find(base_url="http://127.0.0.1:1").rows) == 1
    moved = find(base_url="https://gw.example/v1")
    assert moved.rows == ()
    assert moved.model.unpriced == (
        "gw.example is not where plug is known to be sold, so that its prices need not hold: give prices of your own"
    )


PLUG = """
id = "plug"
name = "Plug"
dialect = "openai_chat"
base_url = "https://plug.example/v1"
currency = "USD"
status = "documented"
source = "https://plug.example"
checked = 2026-11-20

[[models]]
id = "*"
source = "https://plug.example"
checked = 2026-11-20

[[models.prices]]
since = 2026-01-01T00:00:00Z
currency = "USD"
input_per_mtok = 1
output_per_mtok = 2
source = "https://plug.example"
checked = 2026-11-20
"""
