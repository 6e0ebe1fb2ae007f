from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom.json_text import format_json, iterate_json, parse_json
from aiodicomweb.errors import JsonModelError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    """Both directions, for all that JSON has."""
    if isinstance(value, str | int | float | list | dict | None):
        value = {"x": value}
    assert value == parse_json(format_json(value).decode())


def test_the_text_is_utf_8_without_spaces() -> None:
    """As short as it can be (RFC 8259 §8.1)."""
    assert '{"é":[1,"王\\n"]}'.encode() == format_json({"é": [1, "王\n"]})


def test_numbers_that_json_has_not_are_strings() -> None:
    """One may have read them from a product that writes bare tokens (JSN-62)."""
    value = {"a": [math.nan, {"b": math.inf}], "c": -math.inf, "d": 0.5, "e": "NaN"}

    assert b'{"a":["NaN",{"b":"Infinity"}],"c":"-Infinity","d":0.5,"e":"NaN"}' == format_json(value)


def test_lone_surrogates_are_replaced() -> None:
    """They are not Unicode (JSN-52)."""
    assert b'"a?b"' == format_json("a\ud800b")


def endless() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [b"Doe", {"Doe": {1}}, endless(), [math.nan, endless()]])
def test_what_json_has_not_is_an_error(value: Any) -> None:
    """It shows nothing of the value."""
    with pytest.raises(JsonModelError) as caught:
        format_json(value)

    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, "1" * 10_000])
def test_what_is_not_json_is_an_error(text: bytes | str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(JsonModelError, match="not JSON"):
        parse_json(text)


@given(VALUES, st.sampled_from(["", " ", "\ufeff", "\n\t"]))
def test_members_are_read_one_by_one(value: Any, blank: str) -> None:
    """As they are when all are read at once."""
    text = blank + json.dumps(value, indent=1) + blank.strip("\ufeff")
    expected = value if isinstance(value, list) else [value]

    assert expected == list(iterate_json(text.encode()))


@pytest.mark.parametrize("text", [b"[1 2]", b"[1,]", b"[,]", b"[1] 2", b"[1", b"[", b"[1,\xff]"])
def test_what_is_not_an_array_is_an_error(text: bytes) -> None:
    """Also behind the first member."""
    with pytest.raises(JsonModelError, match="^not JSON"):
        list(iterate_json(text))
