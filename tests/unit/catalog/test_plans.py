"""Subscriptions are not pay as you go: they have no price per token. Keys that cannot work are not sent."""

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

import pytest

from minimill import ConfigError, UnpricedModelError, Usage
from minimill.catalog import Catalog, Offer, Provider
from minimill.catalog._catalog import checked_provider
from minimill.catalog._files import folder, read_toml

NOW = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
MILLION = Usage(1_000_000, 1_000_000, cached_input_tokens=0, cache_write_tokens=0)
CODING = "https://open.bigmodel.cn/api/coding/paas/v4"


def provider(name: str, environ: dict[str, str] | None = None, **table: Any) -> Provider:
    """A provider over which the user writes `table`."""
    return Catalog({name: table} if table else {}, environ=environ or {}).provider(name)


def offer(name: str, **table: Any) -> Offer:
    """A model of a provider over which the user writes `table`."""
    return Catalog({name.partition(":")[0]: table}, environ={}).find(name)


@pytest.mark.parametrize(
    ("name", "address", "plan", "region", "title"),
    [
        ("glm", CODING, "coding", "mainland", "GLM Coding Plan"),
        ("glm", f"{CODING}/", "coding", "mainland", "GLM Coding Plan"),
        ("glm", "https://api.z.ai/api/coding/paas/v4", "coding", "international", "GLM Coding Plan"),
        ("doubao", "https://ark.cn-beijing.volces.com/api/coding/v3", "coding", "cn-beijing", "Coding Plan"),
        ("doubao", "https://ark.cn-beijing.volces.com/api/coding", "coding", "cn-beijing", "Coding Plan"),
        ("doubao", "https://ark.cn-beijing.volces.com/api/plan/v3", "ark", "cn-beijing", "Ark plans under /api/plan"),
        ("qwen", "https://coding.dashscope.aliyuncs.com/v1", "coding", "cn-beijing", "Coding Plan"),
        (
            "qwen",
            "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
            "token",
            "cn-beijing",
            "Token Plan",
        ),
        ("qwen", "https://token-plan.cn-beijing.maas.aliyuncs.com/apps/other", "token", "cn-beijing", "Token Plan"),
        ("moonshot", "https://api.kimi.com/coding/v1", "code", "mainland", "Kimi Code"),
        ("stepfun", "https://api.stepfun.ai/step_plan/v1", "step", "international", "Step Plan"),
    ],
)
def test_an_address_of_a_subscription_has_no_prices(
    name: str, address: str, plan: str, region: str, title: str
) -> None:
    """The reason says what to write; a hard cap refuses such a call."""
    found = provider(name, base_url=address)
    assert (found.plan, found.region, found.base_url) == (plan, region, address.rstrip("/"))
    assert {model.rows for model in found.models.values()} == {()}
    assert {model.unpriced for model in found.models.values()} == {
        f"{address.rstrip('/').partition('://')[2]} is called by a subscription ({title}), so that no price per token "
        f'holds: give prices of your own, or free = true with plan = "{plan}", under [providers.{name}]'
    }


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("glm", "https://open.bigmodel.cn/api/paas/v4"),
        ("glm", "https://open.bigmodel.cn/api/codings/paas/v4"),
        ("doubao", "https://ark.cn-beijing.volces.com/api/v3"),
        ("qwen", "https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"),
        ("stepfun", "https://api.stepfun.com/v1"),
    ],
)
def test_other_addresses_of_the_vendor_keep_their_prices(name: str, address: str) -> None:
    """A host that both share is parted by the path."""
    found = provider(name, base_url=address)
    assert found.plan is None
    assert any(model.rows for model in found.models.values())


def test_an_address_in_the_environment_may_be_one_of_a_subscription() -> None:
    """It wins over the file's, and is told in the same way."""
    environ = {"ARK_BASE_URL": "https://ark.cn-beijing.volces.com/api/coding/v3"}
    assert provider("doubao", environ).plan == "coding"
    with pytest.raises(ConfigError, match='address of the region "mainland", but providers.glm.region says'):
        provider("glm", base_url=CODING, region="international")


def test_the_user_names_the_subscription() -> None:
    """Its address in the region is used; prices of one's own hold, and the other models say why they have none."""
    own = [{"id": "glm-4.7", "prices": [{"input_per_mtok": 1, "output_per_mtok": 2}]}]
    table = {"plan": "coding", "region": "international", "models": own}
    mine, other = offer("glm:glm-4.7", **table), offer("glm:glm-4.6", **table)
    assert mine.provider.base_url == "https://api.z.ai/api/coding/paas/v4"
    assert [row.rates.input_per_mtok for row in mine.rows] == [Decimal(1)]
    assert (mine.model.unpriced, mine.provider.key_names()) == ("", ("ZAI_API_KEY",))
    with pytest.raises(UnpricedModelError, match=r"^api\.z\.ai/api/coding/paas/v4 is called by a subscription"):
        other.charge(MILLION, NOW)
    assert offer("glm:glm-4.7").rows  # pay as you go goes on as before


def test_an_address_that_is_billed_by_use_is_not_called_by_a_subscription() -> None:
    """Its calls would be booked as free. A gateway may be, and so may a plan without addresses of its own."""
    usual = "https://ark.cn-beijing.volces.com/api/v3"
    for environ, table, place in (
        ({}, {"base_url": usual}, "providers.doubao.base_url"),
        ({"ARK_BASE_URL": usual}, {}, "ARK_BASE_URL"),
    ):
        with pytest.raises(ConfigError) as caught:
            provider("doubao", environ, plan="coding", **table)
        assert str(caught.value) == (
            f'{place}: calls there are billed by use, but providers.doubao.plan says "coding", which has an address of '
            "its own: take one of the two out"
        )
    assert provider("doubao", plan="coding", base_url="https://gw.example/v3").plan == "coding"
    assert provider("minimax", plan="token", base_url="https://api.minimax.io/v1").region == "international"


def test_a_subscription_may_be_called_free() -> None:
    """All models, or one, also one that no file lists."""
    free = offer("glm:glm-4.7", plan="coding", free=True)
    assert ([row.free for row in free.rows], free.rows[0].origin) == ([True], "minimill.toml")
    one = offer("minimax:MiniMax-M3", plan="token", models=[{"id": "MiniMax-M3", "free": True}])
    assert (one.rows[0].free, one.provider.base_url) == (True, "https://api.minimaxi.com/v1")
    new = offer("doubao:ark-code-latest", plan="coding", models=[{"id": "ark-code-latest", "free": True}])
    assert (new.rows[0].free, new.provider.plan) == (True, "coding")


@pytest.mark.parametrize(
    ("name", "table", "line"),
    [
        ("glm", {"plan": "codign"}, 'plan: unknown plan "codign", did you mean "coding"?'),
        ("openai", {"plan": "pro"}, "plan: no subscription of openai is known"),
        (
            "qwen",
            {"plan": "coding", "region": "us"},
            'plan: the Coding Plan has no address in the region "us", only in "cn-beijing": set region, or base_url',
        ),
        (
            "glm",
            {"free": True},
            (
                'free: free = true is for self-hosted servers; glm has prices; say plan = "coding" too where they are '
                "calls of a subscription"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_subscription(name: str, table: dict[str, Any], line: str) -> None:
    """With the nearest word, or what to write."""
    with pytest.raises(ConfigError) as caught:
        provider(name, **table)
    assert str(caught.value) == f"minimill.toml: providers.{name}.{line}"


@pytest.mark.parametrize(
    ("name", "variable", "key", "plans", "ids"),
    [
        ("qwen", "DASHSCOPE_API_KEY", "sk-sp-0123abcd", "Coding Plan or Token Plan", '"coding" or "token"'),
        ("minimax", "MINIMAX_API_KEY", "sk-cp-0123abcd", "Token Plan", '"token"'),
        ("moonshot", "MOONSHOT_API_KEY", "sk-kimi-0123abcd", "Kimi Code", '"code"'),
    ],
)
def test_a_key_of_a_subscription_is_not_sent_as_one_that_pays_by_use(
    name: str, variable: str, key: str, plans: str, ids: str
) -> None:
    """The error names the variable and what to write; the key is not shown. Where the plan is named, it is taken."""
    with pytest.raises(ConfigError) as caught:
        provider(name).key({variable: key})
    assert str(caught.value) == (
        f"{variable} holds a key of a subscription ({plans}), whose calls are not billed by the token: say plan = "
        f"{ids} under [providers.{name}] in minimill.toml, and what its calls cost (free = true, or prices of your "
        "own); or set a key that pays by use"
    )
    assert "0123abcd" not in str(caught.value)
    for plan in ids.replace('"', "").split(" or "):
        assert provider(name, plan=plan).key({variable: key}) == key
    assert provider(name).key({variable: "sk-0123abcd"}) == "sk-0123abcd"


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (
            "24.6c5e1ff107f0e8bcef8c46d3424a0e78.2592000.1485516651.282335-8574074",
            "an access token of the older interface (24.…), which is not taken here",
        ),
        ("Abcdefghij0123456789abcd", "one of the pair of an application, or a secret key of an account"),
        ("Abcdefghij0123456789abcdefghij01", "one of the pair of an application, or a secret key of an account"),
        ("ALTAK-abcdef/0123", "an access key of an account (ALTAK…), or a part of an API key"),
        ("sk-ant-api03-abcdef", "a key of another vendor (sk-…): the keys of this one begin with bce-v3/"),
    ],
)
def test_keys_that_cannot_work_at_qianfan_are_not_sent(key: str, what: str) -> None:
    """Told by their shape, with the key that is needed; never the key itself."""
    with pytest.raises(ConfigError) as caught:
        provider("ernie").key({"BAIDU_API_KEY": key})
    assert str(caught.value).startswith(f"BAIDU_API_KEY holds {what}")
    assert "bce-v3/" in str(caught.value)
    assert key not in str(caught.value)


def test_keys_are_looked_at_where_the_vendor_is_called_only() -> None:
    """A gateway, or a simulator, has keys of its own; and a user may take a shape out."""
    for address in ("https://gw.example/v2", "http://127.0.0.1:8000/v2"):
        assert provider("ernie", base_url=address, region="mainland").key({"QIANFAN_API_KEY": "sk-a"}) == "sk-a"
        assert provider("qwen", base_url=address).key({"DASHSCOPE_API_KEY": "sk-sp-a"}) == "sk-sp-a"
    at_vendor = provider("ernie", base_url="https://qianfan.baidubce.com/v2")
    with pytest.raises(ConfigError, match=r"^QIANFAN_API_KEY holds a key of another vendor"):
        at_vendor.key({"QIANFAN_API_KEY": "sk-a"})
    assert provider("ernie", auth={"wrong_keys": []}).key({"QIANFAN_API_KEY": "sk-a"}) == "sk-a"
    assert provider("ernie").key({"QIANFAN_API_KEY": "bce-v3/ALTAK-a/b"}) == "bce-v3/ALTAK-a/b"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"wrong_keys": [{"what": "x"}]}, "auth.wrong_keys[0]: a shape needs prefixes or lengths"),
        ({"plan": {"addresses": {"moon": "https://a.example"}}}, 'plans.p.addresses.moon: unknown region "moon"'),
        ({"plan": {}}, "plans.p: nothing tells a call by it: give addresses or key_prefixes"),
    ],
)
def test_a_provider_file_says_how_a_subscription_is_told(change: dict[str, Any], line: str) -> None:
    """By an address in a region, or by its keys; a shape of keys by how they begin or how long they are."""
    facts = {"source": "https://a.example", "checked": dt.date(2026, 11, 25)}
    raw = read_toml(folder() / "stepfun.toml", "stepfun.toml", ConfigError)
    raw["auth"] = {**raw["auth"], "wrong_keys": [{**wrong, **facts} for wrong in change.get("wrong_keys", [])]}
    raw["plans"] = {"p": {"name": "P", **facts, **change["plan"]}} if "plan" in change else {}
    with pytest.raises(ConfigError) as caught:
        checked_provider(raw, "f", "stepfun")
    assert str(caught.value).startswith(f"f: {line}")


def test_keys_of_subscriptions_begin_otherwise_than_those_of_the_vendor() -> None:
    """Else a key that pays by use would be refused."""
    names = Catalog(environ={}).provider_ids()
    for name, plan in itertools.chain.from_iterable(
        ((name, plan) for plan in provider(name).plans.values()) for name in names
    ):
        assert "sk-" not in plan.key_prefixes, name
