"""Names of pydantic models on the wire, where vendors take up to 64 of `[a-zA-Z0-9_-]`."""

from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, create_model

from minimill import JsonSchema, Tool

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    item: T


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Page[int], "Page_int"),
        (Page[Page[str]], "Page_Page_str"),
        (create_model("Счёт"), "answer"),
        (create_model("Own-1"), "Own-1"),
        (create_model("A" * 70), "A" * 64),
    ],
)
def test_names_that_vendors_take(model: Any, name: str) -> None:
    assert (JsonSchema.of(model).name, Tool.of(model).name) == (name, name)


def test_strict_or_not_is_said_with_the_model() -> None:
    assert (JsonSchema.of(Page[int]).strict, JsonSchema.of(Page[int], strict=False).strict) == (True, False)
