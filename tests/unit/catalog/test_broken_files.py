"""Each broken provider file gives one clear line: file, key, what was expected, what was found."""

from pathlib import Path

import pytest

from minimill import CatalogError
from minimill.catalog._catalog import checked_provider
from minimill.catalog._files import read_toml

GOOD = """
id = "acme"
name = "Acme AI"
dialect = "openai_chat"
base_url = "https://api.acme.example/v1"
auth = { env = ["ACME_API_KEY"] }
currency = "CNY"
status = "documented"
source = "https://docs.acme.example"
checked = 2026-11-20

[quirks]
output_limit_field = "max_tokens"

[bounds]
per_request_tokens = 64

[[errors]]
statuses = [429]
kind = "rate_limited"
source = "https://docs.acme.example/errors"
checked = 2026-11-20

[calendars.public]
off = [2026-10-01]
known_until = 2026-12-31
source = "https://holidays.example"
checked = 2026-11-20

[clocks.peak]
zone = "Asia/Shanghai"
hours = ["09:00-12:00"]
holidays = "public"
source = "https://acme.example/pricing"
checked = 2026-11-20

[[models]]
id = "acme-small"
aliases = ["small"]
context_tokens = 128_000
max_output_tokens = 8_192
source = "https://acme.example/models"
checked = 2026-11-20

[[models.prices]]
since = 2026-03-01T00:00:00+08:00
currency = "CNY"
input_per_mtok = 0.8
output_per_mtok = 2
tiers = [{ input_over = 32_000, output_per_mtok = 4 }]
source = "https://acme.example/pricing"
checked = 2026-11-20
"""

ROW = """
[[models.prices]]
since = {since}
currency = "CNY"
input_per_mtok = 1
output_per_mtok = 3
source = "https://acme.example/pricing"
checked = 2026-11-20
"""

MORE = '\n[[models]]\nid = "{id}"\nsource = "x"\nchecked = 2026-11-20\n'

REGIONS = """[regions.east]
base_url = "https://east.acme.example"
source = "https://docs.acme.example"
checked = 2026-11-20

[quirks]"""

# what is written, what is written instead, the line
BROKEN = [
    ('name = "Acme AI"\n', "", 'acme.toml: the key "name" is missing'),
    ("[quirks]", "surprise = 1\n[quirks]", 'acme.toml: unknown key "surprise"'),
    ("base_url =", "base_uri =", 'acme.toml: unknown key "base_uri", did you mean "base_url"?'),
    ('id = "acme"', 'id = "acne"', 'acme.toml: id: expected the name of the file, "acme", found "acne"'),
    (
        'id = "acme"',
        'id = "Acme"',
        "acme.toml: id: expected small letters, digits, '-' and '_', starting with a letter, found \"Acme\"",
    ),
    ('name = "Acme AI"', "name = 5", "acme.toml: name: expected text, found 5"),
    ('name = "Acme AI"', 'name = " "', 'acme.toml: name: expected some text, found " "'),
    (
        "https://api.acme.example/v1",
        "api.acme.example",
        (
            "acme.toml: base_url: expected an http(s) address without a query or a password, "
            'found "api.acme.example"'
        ),
    ),
    (
        "https://api.acme.example/v1",
        "https://me:pa55@api.acme.example/v1",
        (
            "acme.toml: base_url: expected an http(s) address without a query or a password, "
            "found a text (not shown)"
        ),
    ),
    (
        '["ACME_API_KEY"]',
        '["sk-1234567890abcdef"]',
        "acme.toml: auth.env[0]: expected the name of an environment variable, found a text (not shown)",
    ),
    (
        '["ACME_API_KEY"] }',
        '["ACME_API_KEY"], scheme = "barer" }',
        'acme.toml: auth.scheme: expected one of bearer, header, none, found "barer", did you mean "bearer"?',
    ),
    (
        'currency = "CNY"\nstatus',
        'currency = "yuan"\nstatus',
        'acme.toml: currency: expected three capital letters such as CNY or USD, found "yuan"',
    ),
    (
        'status = "documented"',
        'status = "verified"',
        'acme.toml: verified_on: say the date of the check with status = "verified", and only with it',
    ),
    (
        "checked = 2026-11-20\n\n[quirks]",
        'checked = "2026-11-20"\n\n[quirks]',
        'acme.toml: checked: expected a date such as 2026-11-20, found "2026-11-20"',
    ),
    (
        "checked = 2026-11-20\n\n[quirks]",
        "checked = 2026-11-20T10:00:00Z\n\n[quirks]",
        "acme.toml: checked: expected a date such as 2026-11-20, found 2026-11-20T10:00:00+00:00",
    ),
    (
        "[quirks]",
        'headers = { Authorization = "Bearer abc" }\n[quirks]',
        "acme.toml: headers.Authorization: keys do not belong in this file; name their variable in auth.env",
    ),
    (
        "[quirks]",
        'region = "east"\n[quirks]',
        'acme.toml: region: this provider has no regions, found "east"',
    ),
    (
        'base_url = "https://api.acme.example/v1"',
        "",
        'acme.toml: the key "base_url" is missing',
    ),
    ("[quirks]", REGIONS, 'acme.toml: the key "region" is missing: the default among east (and 1 more)'),
    (
        "[quirks]",
        'region = "west"\n' + REGIONS,
        'acme.toml: region: unknown region "west", did you mean "east"? (and 1 more)',
    ),
    (
        "[quirks]",
        'region = "east"\n' + REGIONS,
        "acme.toml: base_url: the regions say it: take it out",
    ),
    (
        'output_limit_field = "max_tokens"',
        'output_limit_field = "max_token"',
        (
            "acme.toml: quirks.output_limit_field: expected one of max_tokens, max_completion_tokens, "
            'found "max_token", did you mean "max_tokens"?'
        ),
    ),
    (
        "[bounds]",
        "stream_usages = 1\n[bounds]",
        'acme.toml: quirks: unknown key "stream_usages", did you mean "stream_usage"?',
    ),
    (
        "[bounds]",
        "extra_body = { n = 5 }\n[bounds]",
        ("acme.toml: quirks.extra_body.n: it decides what a call can cost; only arguments of a call set it"),
    ),
    (
        "[bounds]",
        "extra_body = { enable_thinking = true }\n[bounds]",
        (
            "acme.toml: quirks.extra_body.enable_thinking: it decides what a call can cost; use reasoning=, "
            "and here at most what turns thinking off"
        ),
    ),
    (
        "[bounds]",
        "extra_body = { chat_template_kwargs = { thinking = true } }\n[bounds]",
        (
            "acme.toml: quirks.extra_body.chat_template_kwargs.thinking: it decides what a call can cost; use "
            "reasoning=, and here at most what turns thinking off"
        ),
    ),
    (
        "[bounds]",
        'extra_body = { service_tier = "priority" }\n[bounds]',
        (
            'acme.toml: quirks.extra_body.service_tier: expected one of default, standard, found "priority"; '
            "ask for others with service_tier="
        ),
    ),
    (
        'aliases = ["small"]',
        'quirks = { extra_body = { service_tier = "auto" } }',
        (
            "acme.toml: models[0].quirks.extra_body.service_tier: expected one of default, standard, found "
            '"auto"; ask for others with service_tier='
        ),
    ),
    ("[bounds]", "max_n = 0\n[bounds]", "acme.toml: quirks.max_n: expected at least 1, found 0"),
    (
        "[bounds]",
        "stream_only = 1\n[bounds]",
        "acme.toml: quirks.stream_only: expected true or false, found 1",
    ),
    (
        "[bounds]",
        'efforts = "low"\n[bounds]',
        'acme.toml: quirks.efforts: expected a list, found "low"',
    ),
    (
        "[bounds]",
        'finish_reasons = { sensitive = "filtered" }\n[bounds]',
        (
            "acme.toml: quirks.finish_reasons.sensitive: expected one of stop, length, tool_calls, "
            'content_filter, unknown, found "filtered"'
        ),
    ),
    (
        "per_request_tokens = 64",
        "per_request_tokens = -1",
        "acme.toml: bounds.per_request_tokens: expected at least 0, found -1",
    ),
    (
        "statuses = [429]\n",
        "",
        (
            "acme.toml: errors[0]: a line needs a condition: statuses, codes, code_prefixes, types, params, "
            "message_contains, waits"
        ),
    ),
    (
        'kind = "rate_limited"',
        'kind = "rate_limit"',
        (
            "acme.toml: errors[0].kind: expected one of authentication, permission, rate_limited, "
            "quota_exhausted, overloaded, server, invalid_request, context_length, content_filtered, "
            'model_not_found, timeout, found "rate_limit", did you mean "rate_limited"?'
        ),
    ),
    (
        'source = "https://docs.acme.example/errors"\n',
        "",
        'acme.toml: errors[0]: the key "source" is missing',
    ),
    (
        "Asia/Shanghai",
        "Asia/Shangai",
        'acme.toml: clocks.peak.zone: unknown time zone "Asia/Shangai", did you mean "Asia/Shanghai"?',
    ),
    (
        '["09:00-12:00"]',
        '["9-12"]',
        "acme.toml: clocks.peak.hours[0]: expected hours such as '09:00-12:00', found \"9-12\"",
    ),
    (
        '["09:00-12:00"]',
        '["22:00-06:00"]',
        'acme.toml: clocks.peak.hours[0]: hours end after they begin, found "22:00-06:00": split them at 24:00',
    ),
    (
        'holidays = "public"',
        'holidays = "pubic"',
        'acme.toml: clocks.peak.holidays: unknown calendar "pubic", did you mean "public"?',
    ),
    (
        'id = "acme-small"',
        "",
        'acme.toml: models[0]: the key "id" is missing',
    ),
    (
        "context_tokens = 128_000",
        "context_tokens = 128.5",
        "acme.toml: models[0].context_tokens: expected a whole number, found 128.5",
    ),
    (
        "context_tokens = 128_000",
        "context_tokens = 8_000",
        "acme.toml: models[0].max_output_tokens: expected at most context_tokens = 8000, found 8192",
    ),
    (
        "context_tokens = 128_000",
        'context_tokens = 128_000\nabilities = ["streaming", "visoin"]',
        (
            "acme.toml: models[0].abilities[1]: expected one of streaming, tools, vision, json_schema, "
            'json_object, audio, files, n, found "visoin", did you mean "vision"?'
        ),
    ),
    (
        'source = "https://acme.example/models"\n',
        "",
        'acme.toml: models[0]: the key "source" is missing',
    ),
    ("", MORE.format(id="small"), 'acme.toml: models[1].id: "small" already names the model "acme-small"'),
    (
        "2026-03-01T00:00:00+08:00",
        "2026-03-01T00:00:00",
        (
            "acme.toml: models[0].prices[0].since: expected a date and time with offset such as "
            "2026-03-01T00:00:00+08:00, found 2026-03-01T00:00:00"
        ),
    ),
    (
        "2026-03-01T00:00:00+08:00",
        "2026-03-01",
        (
            "acme.toml: models[0].prices[0].since: expected a date and time with offset such as "
            "2026-03-01T00:00:00+08:00, found 2026-03-01"
        ),
    ),
    (
        "2026-03-01T00:00:00+08:00\n",
        "2026-03-01T00:00:00+08:00\nuntil = 2026-03-01T00:00:00+08:00\n",
        (
            "acme.toml: models[0].prices[0].until: expected an instant after since = 2026-03-01T00:00:00+08:00, "
            "found 2026-03-01T00:00:00+08:00"
        ),
    ),
    (
        "input_per_mtok = 0.8",
        "input_per_mtok = -0.8",
        "acme.toml: models[0].prices[0].input_per_mtok: expected at least 0, found -0.8",
    ),
    (
        "input_per_mtok = 0.8",
        "input_per_mtok = nan",
        "acme.toml: models[0].prices[0].input_per_mtok: expected a finite number, found NaN",
    ),
    (
        "input_per_mtok = 0.8",
        "input_per_mtok = 1e999999",
        "acme.toml: models[0].prices[0].input_per_mtok: expected at most 1000000000, found 1E+999999",
    ),
    (
        "input_per_mtok = 0.8",
        'input_per_mtok = "0.8"',
        'acme.toml: models[0].prices[0].input_per_mtok: expected an exact number, found "0.8"',
    ),
    (
        "input_per_mtok = 0.8",
        "input_per_mtok = true",
        "acme.toml: models[0].prices[0].input_per_mtok: expected an exact number, found true",
    ),
    (
        "input_per_mtok = 0.8",
        "input_per_mtok = 0.8\nfree = true",
        "acme.toml: models[0].prices[0].free: free = true stands alone; take the prices out, or free = true",
    ),
    (
        "input_per_mtok = 0.8\noutput_per_mtok = 2\ntiers = [{ input_over = 32_000, output_per_mtok = 4 }]",
        "",
        "acme.toml: models[0].prices[0]: no price: give input_per_mtok and output_per_mtok, or say free = true",
    ),
    (
        "input_per_mtok = 0.8\noutput_per_mtok = 2\ntiers = [{ input_over = 32_000, output_per_mtok = 4 }]",
        "input_per_mtok = 0\noutput_per_mtok = 0.0",
        "acme.toml: models[0].prices[0]: every price is 0: say free = true instead",
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        "{ output_per_mtok = 4 }",
        (
            "acme.toml: models[0].prices[0].tiers[0]: a tier needs a condition: input_over, input_from, "
            "output_over, output_from, thinking, service_tier, clock"
        ),
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        "{ input_over = 32_000 }",
        "acme.toml: models[0].prices[0].tiers[0]: a tier needs a price that it changes, or no_price = true",
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        "{ input_over = 32_000, no_price = true, output_per_mtok = 4 }",
        (
            "acme.toml: models[0].prices[0].tiers[0].no_price: no_price = true stands in the place of "
            "prices; take one of them out"
        ),
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        "{ no_price = true }",
        (
            "acme.toml: models[0].prices[0].tiers[0]: a tier needs a condition: input_over, input_from, "
            "output_over, output_from, thinking, service_tier, clock"
        ),
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        "{ input_over = 32_000, input_from = 32_000, output_per_mtok = 4 }",
        "acme.toml: models[0].prices[0].tiers[0]: input_over (>) and input_from (≥) exclude each other",
    ),
    (
        "{ input_over = 32_000, output_per_mtok = 4 }",
        '{ clock = "paek", output_per_mtok = 4 }',
        'acme.toml: models[0].prices[0].tiers[0].clock: unknown clock "paek", did you mean "peak"?',
    ),
    (
        "tiers = [{",
        'regions = ["beijing"]\ntiers = [{',
        'acme.toml: models[0].prices[0].regions[0]: unknown region "beijing"',
    ),
    (
        "",
        ROW.format(since="2026-03-01T00:00:00+08:00"),
        (
            "acme.toml: models[0].prices[1]: begins with prices[0] at 2026-03-01T00:00:00+08:00: "
            "give the older one its own since"
        ),
    ),
    (
        "2026-03-01T00:00:00+08:00",
        (
            "2026-03-01T00:00:00+08:00\nuntil = 2026-06-01T00:00:00+08:00\n"
            'currency = "CNY"\ninput_per_mtok = 1\nsource = "x"\nchecked = 2026-11-20\n'
            "[[models.prices]]\nsince = 2026-05-01T00:00:00+08:00"
        ),
        (
            "acme.toml: models[0].prices[1]: begins while prices[0] holds: set until = 2026-05-01T00:00:00+08:00 "
            "there"
        ),
    ),
    ("[bounds]", "[quirks]", "acme.toml: not TOML: cannot declare ('quirks',) twice (at line 15, column 8)"),
    (
        "[quirks]",
        "[quirks",
        "acme.toml: not TOML: expected ']' at the end of a table declaration (at line 12, column 8)",
    ),
]


def load(text: bytes, folder: Path) -> None:
    """Write a provider file and read it."""
    (folder / "acme.toml").write_bytes(text)
    checked_provider(read_toml(folder / "acme.toml", "acme.toml", CatalogError), "acme.toml", "acme")


def test_the_unbroken_file_loads(tmp_path: Path) -> None:
    """Every line below differs from this file in one place."""
    load(GOOD.encode(), tmp_path)


@pytest.mark.parametrize(("good", "bad", "line"), BROKEN, ids=[line[:70] for _, _, line in BROKEN])
def test_one_clear_line(good: str, bad: str, line: str, tmp_path: Path) -> None:
    """One line names file, key, expectation and find."""
    assert good in GOOD
    text = GOOD.replace(good, bad, 1) if good else GOOD + bad
    with pytest.raises(CatalogError) as caught:
        load(text.encode(), tmp_path)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"name = \xff", "acme.toml: expected UTF-8, found the byte 0xff at 7"),
        (b"a = " + b"[" * 5000, "acme.toml: lists or tables are nested too deeply"),
        (b"id = 2026-02-30", "acme.toml: not TOML: invalid date or datetime (at line 1, column 6)"),
    ],
)
def test_bytes_that_are_no_toml(text: bytes, line: str, tmp_path: Path) -> None:
    """What cannot be parsed is told by place."""
    with pytest.raises(CatalogError) as caught:
        load(text, tmp_path)
    assert str(caught.value) == line


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    load(b"\xef\xbb\xbf" + GOOD.encode(), tmp_path)


def test_several_faults_tell_the_first_and_count_the_rest(tmp_path: Path) -> None:
    """Nobody reads a page of errors."""
    text = GOOD.replace('kind = "rate_limited"', 'kind = "x"').replace("128_000", "-1")
    with pytest.raises(CatalogError) as caught:
        load(text.encode(), tmp_path)
    assert str(caught.value).startswith("acme.toml: errors[0].kind: expected one of ")
    assert str(caught.value).endswith(', found "x" (and 1 more)')


@pytest.mark.parametrize(
    "sent",
    [
        'service_tier = "default"',
        "enable_thinking = false",
        'thinking = { type = "disabled" }',
        'reasoning_effort = "none"',
        "chat_template_kwargs = { enable_thinking = false, a = 1 }",
        "enable_search = false",
    ],
)
def test_fields_that_make_nothing_dearer_are_sent(sent: str, tmp_path: Path) -> None:
    """The ordinary tier, no thinking, and whatever has no say in the price."""
    load(GOOD.replace("[bounds]", f"extra_body = {{ {sent} }}\n[bounds]").encode(), tmp_path)


@pytest.mark.parametrize(
    "key",
    "n best_of max_tokens max_completion_tokens stream stream_options model models messages "
    "thinking thinking_budget thinking_token_budget reasoning reasoning_effort".split(),
)
def test_fields_that_decide_the_cost_are_never_sent_by_a_file(key: str, tmp_path: Path) -> None:
    """The ceiling would not know of them."""
    with pytest.raises(CatalogError, match=rf"quirks\.extra_body\.{key}: it decides what a call can cost"):
        load(GOOD.replace("[bounds]", f"extra_body = {{ {key} = 5 }}\n[bounds]").encode(), tmp_path)
