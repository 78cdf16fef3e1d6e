"""The public names: each can be had, each is declared for type checkers, and none comes or goes unnoticed."""

import ast
import pickle
from importlib import import_module
from pathlib import Path

import pytest

import minimill

PUBLIC = """
    AboveThresholdError AllAttemptsFailedError Answer Attempt Audio AuthenticationError Balance Billed BudgetError
    BudgetExceededError Candidate CatalogError ChatRequest ChatStream Choice Client ConfigError ContentFilteredError
    ContextLengthError Cost File FinishReason Finished HoldInfo Image InvalidRequestError JsonSchema LedgerError
    LeftOut Message MinimillError MissingKeyError ModelNotFoundError Money NamedTool OverloadedError
    PermissionDeniedError Plan PluginError ProtocolError ProviderError QuotaExhaustedError RateLimitedError
    Reasoning ReasoningDelta RefusalDelta Reply SchemaMismatchError ServerError StreamEvent SyncClient Text TextDelta
    ThresholdReached Timeouts TokenLogprob Tool ToolCall ToolCallDelta ToolResult TransportError UnknownModelError
    UnpricedModelError Usage UsageReported __version__ assistant context system tool user
""".split()
FOR_PLUGINS = ["minimill.dialects", "minimill.ledger", "minimill.testing"]


def declared() -> dict[str, str]:
    """Each name that the package imports for type checkers, with the module it comes from."""
    tree = ast.parse(Path(minimill.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {
        alias.asname or alias.name: node.module
        for node in imports
        for alias in node.names
        if node.module.startswith("minimill.")
    }


def test_the_public_names() -> None:
    """`minimill.__all__` holds these names; a change of it is a change of the public surface."""
    assert sorted(minimill.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_had(name: str) -> None:
    """Every public name resolves and is listed by dir()."""
    assert getattr(minimill, name) is not None
    assert name in dir(minimill)


@pytest.mark.parametrize(("name", "home"), sorted(declared().items()))
def test_a_name_is_what_type_checkers_see(name: str, home: str) -> None:
    """The object served at run time is the one that is declared for type checkers."""
    assert name in PUBLIC
    assert getattr(minimill, name) is getattr(import_module(home), name)


def test_every_public_name_is_declared() -> None:
    """A type checker sees every public name."""
    assert set(declared()) | {"__version__"} == set(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module, and says which."""
    with pytest.raises(AttributeError, match="'minimill' has no attribute 'Cleint'"):
        _ = minimill.Cleint


def test_public_classes_have_a_docstring() -> None:
    """Every public class and function says what it is."""
    bare = [name for name in PUBLIC if callable(getattr(minimill, name)) and not getattr(minimill, name).__doc__]
    assert bare == []


def test_error_classes_end_in_error_and_share_one_root() -> None:
    """Whatever is raised can be caught as MinimillError."""
    errors = [name for name in PUBLIC if name.endswith("Error")]
    assert [name for name in errors if not issubclass(getattr(minimill, name), minimill.MinimillError)] == []
    classes = [name for name in PUBLIC if isinstance(getattr(minimill, name), type)]
    raised = [name for name in classes if issubclass(getattr(minimill, name), BaseException)]
    assert sorted(raised) == sorted(errors)


@pytest.mark.parametrize("package", FOR_PLUGINS)
def test_packages_for_plug_in_authors_list_their_names(package: str) -> None:
    """Each package for plug-in authors has an `__all__` whose names can be had."""
    module = import_module(package)
    assert module.__all__
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("value", [minimill.Money(5, "CNY"), minimill.Usage(3, 4), minimill.user("hello")])
def test_plain_values_pickle(value: object) -> None:
    """Values can be sent to another process."""
    assert pickle.loads(pickle.dumps(value)) == value
