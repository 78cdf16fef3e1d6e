"""A user's own tables over the shipped files."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from minimill import ConfigError
from minimill.catalog import Catalog, load_provider

MINE = {"dialect": "openai_chat", "base_url": "http://gpu/v1"}


def test_a_server_of_ones_own_takes_any_model_and_has_no_price() -> None:
    """Free only where the file says so."""
    offer = Catalog({"mine": MINE}).find("mine:llama3:8b")
    assert offer.wire_model == "llama3:8b"
    assert offer.rows == ()
    assert offer.provider.origin == "minimill.toml"
    assert offer.provider.key({}) is None
    assert offer.model.abilities == {"streaming", "tools", "json_schema", "json_object"}
    assert offer.model.default_output_tokens == 4096


def test_free_gives_a_free_row() -> None:
    """The row names the user's file."""
    (row,) = Catalog({"mine": {**MINE, "free": True}}, origin="my.toml").find("mine:x").rows
    assert row.free
    assert row.origin == "my.toml"
    assert row.source == "free = true in my.toml"
    (row,) = Catalog({"vllm": {"free": True}}).find("vllm:x").rows
    assert row.free


def test_one_free_model_among_others() -> None:
    """Each model can say it for itself."""
    models = [{"id": "a", "free": True}, {"id": "b", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2}]}]
    catalog = Catalog({"mine": {**MINE, "models": models}})
    assert catalog.find("mine:a").rows[0].free
    (row,) = catalog.find("mine:b").rows
    assert (row.rates.input_per_mtok, row.rates.output_per_mtok) == (Decimal(1), Decimal(2))
    assert (row.currency, row.origin, row.since.year) == ("USD", "minimill.toml", 1970)
    assert not catalog.provider("mine").accepts_any_model


def test_a_rate_for_every_model_of_a_server() -> None:
    """The entry `*` stands for ids that are not listed."""
    models = [{"id": "*", "prices": [{"input_per_mtok": Decimal("0.1"), "output_per_mtok": Decimal("0.3")}]}]
    catalog = Catalog({"vllm": {"currency": "CNY", "models": models}})
    (row,) = catalog.find("vllm:x").rows
    assert (row.currency, row.rates.output_per_mtok) == ("CNY", Decimal("0.3"))
    assert "n" in catalog.find("vllm:x").model.abilities


def test_the_users_prices_replace_the_shipped_ones() -> None:
    """Sizes and abilities stay; the row says whose it is."""
    changed = {
        "models": [{"id": "doubao-seed-1-8-251228", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2}]}]
    }
    catalog = Catalog({"doubao": changed})
    offer, shipped = catalog.find("doubao:doubao-seed-1-8-251228"), load_provider("doubao")
    assert [row.origin for row in offer.rows] == ["minimill.toml"]
    assert offer.rows[0].currency == "CNY"
    assert offer.model.context_tokens == 256_000
    others = [model for model in catalog.provider("doubao").models.values() if model.id != offer.model.id]
    assert others == [model for model in shipped.models.values() if model.id != offer.model.id]


def test_a_new_model_of_a_known_vendor() -> None:
    """It inherits the vendor's quirks and bounds."""
    new = {"id": "doubao-seed-9", "reasoning": "always", "quirks": {"max_tools": 4}}
    offer = Catalog({"doubao": {"models": [new]}}).find("doubao:doubao-seed-9")
    assert offer.quirks.max_tools == 4
    assert offer.quirks.opaque_reasoning_field == "encrypted_content"
    assert offer.model.default_output_tokens == 16_384
    assert offer.rows == ()


def test_a_model_of_a_server_that_takes_any_can_what_any_can() -> None:
    """Naming one to give it a price takes nothing from it; what the user says of it stands."""
    price = {"input_per_mtok": 1, "output_per_mtok": 2}
    models = [{"id": "x", "prices": [price]}, {"id": "y", "abilities": ["streaming"], "default_output_tokens": 256}]
    catalog = Catalog({"vllm": {"models": models}})
    named, anyone = catalog.find("vllm:x").model, catalog.find("vllm:other").model
    assert named.abilities == anyone.abilities == {"streaming", "tools", "json_schema", "json_object", "n", "reasoning"}
    assert (named.default_output_tokens, catalog.find("vllm:y").model.default_output_tokens) == (1_024, 256)
    assert catalog.find("vllm:y").model.abilities == {"streaming", "reasoning"}


def test_tables_merge_key_by_key_and_lists_replace() -> None:
    """One changed quirk leaves the others."""
    own = {
        "quirks": {"extra_body": {"caching": True}, "efforts": ["low"]},
        "bounds": {"per_message_tokens": 99},
        "headers": {"x-project-name": "p"},
    }
    provider = Catalog({"doubao": own}).provider("doubao")
    assert provider.quirks.extra_body == {"caching": True}
    assert provider.quirks.efforts == ("low",)
    assert provider.quirks.output_limit_max == 65_536
    assert provider.bounds.per_message_tokens == 99
    assert provider.headers == {"x-project-name": "p"}
    assert provider.key_names() == ("ARK_API_KEY",)


def test_the_users_error_lines_come_first() -> None:
    """A user can correct the table."""
    line = {"codes": "QuotaExceeded", "kind": "rate_limited", "source": "s", "checked": dt.date(2026, 11, 1)}
    rule = Catalog({"doubao": {"errors": [line]}}).provider("doubao").error_rule(429, "QuotaExceeded")
    assert rule is not None
    assert rule.kind == "rate_limited"


def test_endpoint_ids_stand_for_models() -> None:
    """The endpoint's id is sent; the model behind it prices the call."""
    own = {"endpoints": {"ep-2024": "doubao-seed-1-8-251228", "ep-old": "doubao-pro"}}
    catalog = Catalog({"doubao": own})
    offer = catalog.find("doubao:ep-2024")
    assert (offer.wire_model, offer.model.id) == ("ep-2024", "doubao-seed-1-8-251228")
    assert offer.name == "doubao:ep-2024"
    assert catalog.find("doubao:ep-old").model.id == "doubao-pro-32k"


def test_a_key_variable_of_ones_own_server_is_needed() -> None:
    """A server that names a key does not go without it."""
    provider = Catalog({"mine": {**MINE, "key_env": ["A", "B"]}}).provider("mine")
    assert provider.auth.optional is False
    assert provider.key({"B": "k"}) == "k"


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        (
            {"deepseek": {"free": True}},
            "providers.deepseek.free: free = true is for self-hosted servers; deepseek has prices",
        ),
        (
            {"doubao": {"endpoints": {"ep-1": "doubao-seed-0"}}},
            'providers.doubao.endpoints.ep-1: doubao has no model "doubao-seed-0"',
        ),
        (
            {"doubao": {"models": [{"id": "doubao-seed-1-8-251228", "context_tokens": "many"}]}},
            'providers.doubao.models[0].context_tokens: expected a whole number, found "many"',
        ),
        (
            {"doubao": {"models": [{"id": "new", "prices": [{"input_per_mtok": -1}]}]}},
            "providers.doubao.models[0].prices[0].input_per_mtok: expected at least 0, found -1",
        ),
        (
            {"doubao": {"models": [{"id": "a"}, {"id": "b", "aliases": ["doubao-pro"]}]}},
            'providers.doubao.models[1].aliases[0]: "doubao-pro" already names the model "doubao-pro-32k"',
        ),
        ({"doubao": {"models": [{"free": True}]}}, 'providers.doubao.models[0]: the key "id" is missing'),
        ({"doubao": {"models": {"id": "x"}}}, "providers.doubao.models: expected a list, found a table"),
        ({"doubao": {"models": ["x"]}}, 'providers.doubao.models[0]: expected a table, found "x"'),
        ({"doubao": {"id": "other"}}, 'providers.doubao.id: expected the name of the table, "doubao"'),
        ({"mine": {"dialect": "openai_chat"}}, 'providers.mine: the key "base_url" is missing'),
        ({"mine": {"base_url": "http://h"}}, 'providers.mine: the key "dialect" is missing'),
        (
            {"mine": {**MINE, "models": [{"id": "a", "free": True, "prices": [{"output_per_mtok": 1}]}]}},
            "providers.mine.models[0].free: free = true stands alone; take the prices out, or free = true",
        ),
        ({"vllm": {"region": "east"}}, 'providers.vllm.region: this provider has no regions, found "east"'),
        (
            {"vllm": {"key_env": "K", "regions": {"a": 1}}},
            "providers.vllm.regions.a: expected a table, found 1",
        ),
        ({"vllm": {"regions": 5}}, "providers.vllm.regions: expected a table, found 5"),
        ({"vllm": {"auth": "none"}}, "providers.vllm.auth: expected a table, found a text (not shown)"),
        (
            {"vllm": {"key_env": ["A", "b-c"]}},
            "providers.vllm.key_env[1]: expected the name of an environment variable, found a text (not shown)",
        ),
        (
            {"openai": {"quirks": {"extra_body": {"service_tier": "priority"}}}},
            "providers.openai.quirks.extra_body.service_tier: expected one of default, standard, found "
            '"priority"; ask for others with service_tier=',
        ),
        (
            {"vllm": {"models": [{"id": "x", "quirks": {"extra_body": {"thinking_token_budget": 9}}}]}},
            "providers.vllm.models[0].quirks.extra_body.thinking_token_budget: it decides what a call can cost; "
            "use reasoning=, and here at most what turns thinking off",
        ),
        ({"vllm": {"key_env": 5}}, "providers.vllm.key_env: expected text, found 5"),
    ],
)
def test_what_is_wrong_is_told_where_the_user_wrote_it(tables: dict[str, Any], line: str) -> None:
    """Not where it stands after merging."""
    catalog = Catalog(tables)
    with pytest.raises(ConfigError) as caught:
        catalog.provider(next(iter(tables)))
    assert str(caught.value) == f"minimill.toml: {line}"
