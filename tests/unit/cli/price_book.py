"""A configuration with vendors whose prices are easy to check."""

from __future__ import annotations

BOOK = """
ledger = "sqlite:///books.db"

[providers.acme]
dialect = "openai_chat"
base_url = "https://acme.example/v1"
key_env = "ACME_API_KEY"
currency = "CNY"

[[providers.acme.models]]
id = "small"
source = "https://acme.example/models"

[[providers.acme.models.prices]]
since = 2024-05-01T00:00:00+08:00
until = 2024-05-20T00:00:00+08:00
currency = "CNY"
input_per_mtok = 5
output_per_mtok = 5
source = "https://acme.example/2024"
checked = 2024-05-01

[[providers.acme.models.prices]]
since = 2024-06-01T00:00:00+08:00
currency = "CNY"
input_per_mtok = 4
cached_input_per_mtok = 0.5
output_per_mtok = 12
tiers = [{ input_over = 32_000, input_per_mtok = 6 }]
source = "https://acme.example/prices"
checked = 2026-11-20

[[providers.acme.models]]
id = "thinker"
reasoning = "always"
source = "https://acme.example/models"

[[providers.acme.models.prices]]
since = 2025-01-01T00:00:00+08:00
currency = "CNY"
input_per_mtok = 1
output_per_mtok = 8
certainty = "unsure"
promotion = true
source = "https://acme.example/prices"
checked = 2026-11-20

[[providers.acme.models]]
id = "secret"
source = "https://acme.example/models"

[providers.other]
dialect = "openai_chat"
base_url = "https://other.example/v1"
key_env = "OTHER_API_KEY"
currency = "USD"

[[providers.other.models]]
id = "o1"
source = "https://other.example/models"

[[providers.other.models.prices]]
since = 2024-01-01T00:00:00Z
currency = "USD"
input_per_mtok = 0.5
output_per_mtok = 2
source = "https://other.example/prices"
checked = 2026-11-20

[providers.home]
dialect = "openai_chat"
base_url = "http://127.0.0.1:1/v1"
auth = { scheme = "none" }
currency = "CNY"

[[providers.home.models]]
id = "m"
free = true

[rates."USD/CNY"]
rate = 8
date = 2026-10-01
source = "a bank"

[aliases]
little = "acme:small"
"""
OURS = ("--provider", "acme", "--provider", "other", "--provider", "home")
AT = ("--at", "2026-11-24")


def without(text: str, *parts: str) -> str:
    """`text` with each part, which must be there, taken out."""
    for part in parts:
        assert part in text, part
        text = text.replace(part, "")
    return text
