"""From a file's tables to the plain data that prices and calls are made of."""

import dataclasses
import datetime as dt
import tomllib
from decimal import Decimal
from zoneinfo import ZoneInfo

from minimill._pricing import Bounds, Certainty, Clock, PriceRow, Rates, Tier
from minimill.catalog import ErrorRule, Provider, Quirks, Region
from minimill.catalog._catalog import checked_provider
from minimill.catalog._entries import PriceEntry, ProviderEntry, RatesEntry, TierEntry

FILE = """
id = "acme"
name = "Acme AI"
dialect = "openai_chat"
region = "east"
currency = "CNY"
status = "verified"
verified_on = 2026-11-21
source = "https://docs.acme.example"
checked = 2026-11-20
headers = { x-version = "3" }

[regions.east]
base_url = "https://east.acme.example/v1/"
source = "https://docs.acme.example"
checked = 2026-11-20
[regions.west]
base_url = "https://west.acme.example/v1"
key_env = ["ACME_WEST_KEY"]
source = "https://docs.acme.example"
checked = 2026-11-20

[quirks]
max_temperature = 1
finish_reasons = { sensitive = "content_filter", done = "stop" }
efforts = ["low", "high"]

[bounds]
tokens_per_byte = 1
image_tokens = 12_000

[[errors]]
statuses = 429
codes = ["1113"]
message_contains = "Balance"
kind = "quota_exhausted"
billed = false
source = "https://docs.acme.example/errors"
checked = 2026-11-20

[calendars.cn]
off = [2026-10-01, 2026-10-02]
known_until = 2026-12-31
source = "https://holidays.example"
checked = 2026-11-20

[clocks.peak]
zone = "Asia/Shanghai"
days = ["mon", "fri"]
hours = ["09:00-12:00", "22:30-24:00"]
holidays = "cn"
source = "https://acme.example/pricing"
checked = 2026-11-20
[clocks.always]
zone = "UTC"
source = "https://acme.example/pricing"
checked = 2026-11-20

[[models]]
id = "big"
aliases = ["large"]
context_tokens = 1_000_000
max_input_tokens = 900_000
max_output_tokens = 100_000
abilities = ["streaming", "tools"]
reasoning = "optional"
status = "deprecated"
retires_on = 2027-01-14
quirks = { finish_reasons = { done = "length" }, efforts = ["max"] }
bounds = { limit_covers_reasoning = false, max_reasoning_tokens = 5_000, source = "own" }
source = "https://acme.example/models"
checked = 2026-11-20
note = "n"

[[models.prices]]
since = 2026-03-01T00:00:00+08:00
until = 2026-06-01T00:00:00+08:00
currency = "USD"
input_per_mtok = 0.8
cached_input_per_mtok = 0
output_per_mtok = 2
per_unit = { web_search = 0.01 }
regions = ["west"]
tiers = [
  { input_from = 32_000, thinking = true, output_per_mtok = 4.5 },
  { clock = "peak", service_tier = "fast", output_over = 200, input_per_mtok = 1 },
]
marginal = true
priced_at = "completion"
cache_writes = "explicit"
certainty = "unsure"
promotion = true
source = "https://acme.example/pricing"
checked = 2026-11-20
note = "promotion"

[[models.prices]]
since = 2026-06-01T00:00:00+08:00
currency = "USD"
free = true
source = "https://acme.example/pricing"
checked = 2026-11-20

[[models]]
id = "small"
max_output_tokens = 1_000
source = "https://acme.example/models"
checked = 2026-11-20
"""


def acme() -> Provider:
    """The file above."""
    raw = tomllib.loads(FILE, parse_float=Decimal)
    return checked_provider(raw, "acme.toml", "acme")


def test_a_price_row() -> None:
    """Every condition and every price, exact."""
    zone = dt.timezone(dt.timedelta(hours=8))
    paid, free = acme().models["big"].rows
    assert paid == PriceRow(
        currency="USD",
        since=dt.datetime(2026, 3, 1, tzinfo=zone),
        until=dt.datetime(2026, 6, 1, tzinfo=zone),
        source="https://acme.example/pricing",
        checked=dt.date(2026, 11, 20),
        rates=Rates(
            input_per_mtok=Decimal("0.8"),
            cached_input_per_mtok=Decimal(0),
            output_per_mtok=Decimal(2),
            per_unit={"web_search": Decimal("0.01")},
        ),
        tiers=(
            Tier(Rates(output_per_mtok=Decimal("4.5")), input_from=32_000, thinking=True),
            Tier(Rates(input_per_mtok=Decimal(1)), clock="peak", service_tier="fast", output_over=200),
        ),
        marginal=True,
        regions=frozenset({"west"}),
        priced_at="completion",
        cache_writes="explicit",
        certainty=Certainty.UNSURE,
        promotion=True,
        note="promotion",
    )
    assert type(paid.rates.output_per_mtok) is Decimal
    assert free.free
    assert free.rates == Rates()
    assert (free.certainty, free.origin) == (Certainty.VENDOR, "catalog")


def test_clocks() -> None:
    """Weekdays from Monday, spans with midnight at the end, holidays of their calendar."""
    clocks = acme().clocks
    assert clocks["peak"] == Clock(
        "Asia/Shanghai",
        frozenset({0, 4}),
        ((dt.time(9), dt.time(12)), (dt.time(22, 30), dt.time(0))),
        frozenset({dt.date(2026, 10, 1), dt.date(2026, 10, 2)}),
        dt.date(2026, 12, 31),
    )
    assert clocks["always"] == Clock("UTC")
    assert ZoneInfo(clocks["peak"].zone)


def test_the_address_is_the_regions() -> None:
    """Without a slash at its end; keys and prices go with the region."""
    provider = acme()
    assert provider.base_url == "https://east.acme.example/v1"
    assert provider.region == "east"
    assert provider.regions["west"] == Region("west", "https://west.acme.example/v1", ("ACME_WEST_KEY",))
    assert provider.verified_on == dt.date(2026, 11, 21)
    assert provider.headers == {"x-version": "3"}


def test_quirks_and_bounds_of_a_model_lie_over_the_providers() -> None:
    """Tables key by key, lists whole."""
    provider = acme()
    model = provider.models["big"]
    assert provider.quirks.max_temperature == 1.0
    assert provider.quirks.finish_reasons == {"sensitive": "content_filter", "done": "stop"}
    assert model.quirks.finish_reasons == {"sensitive": "content_filter", "done": "length"}
    assert model.quirks.efforts == ("max",)
    assert model.quirks.max_temperature == 1.0
    assert model.bounds.image_tokens == 12_000
    assert (model.bounds.limit_covers_reasoning, model.bounds.max_reasoning_tokens) == (False, 5_000)
    assert (model.bounds.source, provider.bounds.source) == ("own", "https://docs.acme.example")
    assert provider.models["small"].quirks is provider.quirks
    assert provider.models["small"].bounds is provider.bounds


def test_a_model() -> None:
    """Sizes, abilities, and the limit that is sent by default."""
    provider = acme()
    big, small = provider.models["big"], provider.models["small"]
    assert (big.context_tokens, big.max_input_tokens, big.max_output_tokens) == (1_000_000, 900_000, 100_000)
    assert big.abilities == {"streaming", "tools", "reasoning"}
    assert (big.status, big.retires_on, big.note) == ("deprecated", dt.date(2027, 1, 14), "n")
    assert (big.default_output_tokens, small.default_output_tokens) == (16_384, 1_000)
    assert small.abilities == {"streaming"}
    assert provider.names == {"large": "big"}
    assert provider.any_model is None


def test_an_error_line() -> None:
    """One item may stand for a list of one."""
    assert acme().errors == (
        ErrorRule(
            "quota_exhausted",
            statuses=frozenset({429}),
            codes=frozenset({"1113"}),
            message_contains=("balance",),
            billed=False,
            source="https://docs.acme.example/errors",
        ),
    )


def names(table: type) -> set[str]:
    """The fields of a dataclass."""
    return {item.name for item in dataclasses.fields(table)}


def test_no_field_is_forgotten() -> None:
    """What a price row can hold, a file can say, and the other way round."""
    assert names(RatesEntry) == names(Rates)
    assert names(TierEntry) - names(RatesEntry) == names(Tier) - {"rates"}
    assert names(PriceEntry) - names(RatesEntry) - {"region_factors"} == names(PriceRow) - {"rates", "origin"}
    assert names(ProviderEntry) - {"calendars"} <= names(Provider)


def test_defaults_are_those_of_the_dialects_own_page() -> None:
    """A file without quirks and bounds gets the defaults."""
    raw = tomllib.loads(FILE, parse_float=Decimal)
    del raw["quirks"], raw["bounds"]
    provider = checked_provider(raw, "acme.toml", "acme")
    assert provider.quirks == Quirks()
    assert provider.bounds == Bounds(source="https://docs.acme.example")
