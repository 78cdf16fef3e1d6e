"""Value classes behave as the standard library's dataclasses do, and hide what is nobody's business."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import pytest

from minimill import File, Text, Tool, Usage, user
from minimill._values import SIZED, dataclass


def shape(frozen: bool, make: object) -> type:
    """The same class, made by `make`."""

    @make(frozen=frozen, slots=True, kw_only=False)  # type: ignore[operator, untyped-decorator]
    class Shape:
        name: str
        sides: int = 4
        marks: list[str] = dataclasses.field(default_factory=list, compare=False)
        secret: str = dataclasses.field(default="s", repr=False, kw_only=True)

    return Shape


@pytest.mark.parametrize("frozen", [True, False])
def test_as_in_the_standard_library(frozen: bool) -> None:
    """Signature, repr, equality, hash, replace, immutability and copies are the same."""
    ours, theirs = shape(frozen, dataclass), shape(frozen, dataclasses.dataclass)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    for made in (ours, theirs):
        one, two = made("a"), made("a", 4, ["x"])
        assert repr(two) == f"{made.__qualname__}(name='a', sides=4, marks=['x'])"
        assert one == two
        assert one != made("b")
        assert one != ("a", 4)
        assert one.marks == []
        assert one.marks is not made("a").marks
        assert dataclasses.replace(one, sides=3) == made("a", 3)
        assert dataclasses.asdict(one) == {"name": "a", "sides": 4, "marks": [], "secret": "s"}
        assert copy.copy(one) == copy.deepcopy(one) == one
        assert not hasattr(one, "__dict__")
        assert made.__match_args__ == ("name", "sides", "marks")
        with pytest.raises(TypeError):
            made()
        with pytest.raises(TypeError):
            made("a", 4, [], "positional")
        if frozen:
            assert hash(one) == hash(two)
            with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'sides'"):
                one.sides = 3
            with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'sides'"):
                del one.sides
        else:
            one.sides = 3
            assert one != two
            with pytest.raises(TypeError, match="unhashable"):
                hash(one)


def test_a_user_derives_from_them() -> None:
    """As the type checker says: frozen from frozen."""

    @dataclasses.dataclass(frozen=True)
    class Mine(Usage):
        extra: int = 0

    mine = Mine(input_tokens=1, output_tokens=0, extra=2)
    assert (mine.input_tokens, mine.extra) == (1, 2)
    assert "extra=2" in repr(mine)
    with pytest.raises(dataclasses.FrozenInstanceError):
        mine.extra = 3  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Empty:
    """No fields."""


@dataclass(frozen=True, slots=True)
class Own:
    """Its own ways win."""

    text: str = dataclasses.field(metadata=SIZED)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.strip())

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "mine"


def test_what_a_class_says_itself_wins() -> None:
    assert (repr(Own(" a ")), hash(Own("a")), Own(" a ").text) == ("mine", 7, "a")
    assert Own("a") == Own(" a ")
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert repr(Empty()) == "Empty()"


@pytest.mark.parametrize("value", [Empty(), user("hello"), Tool("f", parameters={"type": "object"}), File(data=b"x")])
def test_they_survive_pickling(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_repr_says_how_long_a_prompt_is_and_not_what_it_says() -> None:
    assert repr(user("my secret")) == "Message(role='user', parts=(Text(text=<9 characters>, cache=False),), name=None)"
    assert repr(Text("né")) == "Text(text=<2 characters>, cache=False)"
    assert "data=<3 bytes>" in repr(File(data=b"abc"))
    assert "url=None" in repr(File(data=b"abc"))
