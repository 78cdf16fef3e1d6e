"""Every file in `providers/` goes through these tests; a new provider is tested by existing."""

import datetime as dt
import json
import pickle
from pathlib import Path

import pytest

from minimill._pricing import PriceRow
from minimill.catalog import Catalog, Provider, json_schema, load_provider, provider_ids
from minimill.catalog.__main__ import schema_text
from minimill.catalog._files import folder, shipped_ids

TODAY = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


@pytest.fixture(params=shipped_ids())
def provider(request: pytest.FixtureRequest) -> Provider:
    """Each shipped provider in turn."""
    return load_provider(request.param)


def in_force(row: PriceRow) -> bool:
    """Whether a row holds today."""
    return row.since <= TODAY and (row.until is None or row.until > TODAY)


def test_it_loads_under_its_name(provider: Provider) -> None:
    """The id is the file's name, and there is an address to reach it by."""
    assert provider.id in provider_ids()
    assert provider.base_url.startswith("http") or (not provider.base_url and provider.base_url_env)
    assert not provider.base_url.endswith("/")


def test_it_has_current_models_with_sources(provider: Provider) -> None:
    """Each model and each price says where and when it was read."""
    assert provider.models or provider.accepts_any_model
    for model in provider.models.values():
        assert model.source
        assert model.checked
        for row in model.rows:
            assert row.source
            assert dt.date(2024, 1, 1) <= row.checked <= TODAY.date()
            assert row.origin == "catalog"


@pytest.mark.parametrize("name", [name for name in shipped_ids() if load_provider(name).models])
def test_a_hosted_provider_has_a_price_in_force(name: str) -> None:
    """At least one current model can be paid for today."""
    provider = load_provider(name)
    current = [model for model in provider.models.values() if model.status == "current"]
    assert any(in_force(row) for model in current for row in model.rows)


def test_every_model_sends_an_output_limit_that_it_takes(provider: Provider) -> None:
    """The default limit lies inside what the model and its limit field take."""
    for model in [*provider.models.values(), *filter(None, [provider.any_model])]:
        assert 1 <= model.default_output_tokens <= (model.max_output_tokens or 10**9)
        assert model.default_output_tokens <= (model.quirks.output_limit_max or 10**9)
        assert model.default_output_tokens >= model.quirks.output_limit_min


def test_it_pickles(provider: Provider) -> None:
    """Settings with providers go to other processes."""
    assert pickle.loads(pickle.dumps(provider)) == provider


def test_every_model_is_found_by_id_and_alias(provider: Provider) -> None:
    """`provider:id` and `provider:alias` give the model, and send its id."""
    catalog = Catalog()
    for model in provider.models.values():
        for name in (model.id, *model.aliases):
            offer = catalog.find(f"{provider.id}:{name}")
            assert offer.model == model
            assert offer.wire_model == model.id


def test_the_schema_file_is_fresh() -> None:
    """After a change of the schema: python -m minimill.catalog schema > providers/schema.json."""
    assert (folder() / "schema.json").read_text(encoding="utf-8") == schema_text()


def tables(schema: dict[str, object]) -> dict[str, dict[str, dict[str, object]]]:
    """The properties of every table of a schema."""
    found = {"": schema["properties"]}
    for name, table in schema["definitions"].items():  # type: ignore[attr-defined]
        found[name] = table["properties"]
    return found  # type: ignore[return-value]


def test_every_key_of_the_schema_is_described() -> None:
    """Editors show what a key means."""
    schema = json_schema()
    bare = [
        f"{t}.{key}"
        for t, keys in tables(schema).items()
        for key, value in keys.items()
        if "description" not in value
    ]
    assert bare == []


def test_the_schema_says_what_is_required_and_closed() -> None:
    """Unknown keys are refused by editors too."""
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["id", "name", "dialect", "currency", "status", "source", "checked"]
    price = schema["definitions"]["Price"]  # type: ignore[index]
    assert price["required"] == ["since", "currency", "source", "checked"]
    assert price["properties"]["certainty"]["enum"] == ["vendor", "reported", "unsure"]
    assert price["properties"]["input_per_mtok"]["minimum"] == 0
    assert schema["properties"]["id"]["pattern"] == "^(?:[a-z][a-z0-9_-]*)$"  # type: ignore[index]


def test_the_schema_text_is_json() -> None:
    """The file is what the function says."""
    assert json.loads(Path(folder() / "schema.json").read_text(encoding="utf-8")) == json_schema()
