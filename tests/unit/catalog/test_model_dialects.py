"""Which wire a model is asked in: its own word, else the provider's."""

from minimill.catalog import Catalog, load_provider

MINE = {"dialect": "openai_chat", "base_url": "http://gpu/v1"}


def test_a_model_may_name_another_wire() -> None:
    """The others keep the provider's."""
    catalog = Catalog({"mine": {**MINE, "models": [{"id": "a", "dialect": "openai_responses"}, {"id": "b"}]}})
    assert catalog.find("mine:a").dialect == "openai_responses"
    assert catalog.find("mine:b").dialect == "openai_chat"


def test_current_models_of_openai_are_asked_by_responses() -> None:
    """From gpt-5.4 on; those before have n, stop and seed on the older wire."""
    models = load_provider("openai").models
    assert [name for name, model in models.items() if model.dialect is None and model.status != "retired"] == [
        "gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini", "gpt-5-nano",
        "gpt-5.1", "gpt-5.2", "o3", "gpt-audio", "gpt-audio-mini",
    ]  # fmt: skip
    others = [model for model in models.values() if model.dialect is not None]
    assert {model.dialect for model in others} == {"openai_responses"}
    assert {"gpt-6-astra", "gpt-6.1-sol", "gpt-6.2-sol", "gpt-5.5-pro"} <= {model.id for model in others}
    assert not any("n" in model.abilities for model in others)


def test_a_user_says_the_wire_of_all_models_of_a_provider() -> None:
    """Also of those that ship with another one, such as for a gateway that speaks the older one only."""
    table = {"dialect": "openai_chat", "models": [{"id": "gpt-6-sol", "dialect": "openai_responses"}]}
    catalog = Catalog({"openai": table})
    assert catalog.find("openai:gpt-6-luna").dialect == "openai_chat"
    assert catalog.find("openai:gpt-6-sol").dialect == "openai_responses"


def test_the_limit_of_the_older_wire_holds_only_there() -> None:
    """Tools with no effort but none."""
    assert Catalog().find("openai:gpt-6-luna").quirks.effort_with_tools is None
    chat = Catalog({"openai": {"dialect": "openai_chat"}})
    assert chat.find("openai:gpt-6-luna").quirks.effort_with_tools == "none"
