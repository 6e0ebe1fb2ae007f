from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import datasets_from_json, iterate_objects, parse_objects
from aiodicomweb.errors import JsonModelError

Read = Callable[[bytes], Iterable[dict[str, Any]]]
EITHER = pytest.mark.parametrize("read", [parse_objects, iterate_objects])


@EITHER
@pytest.mark.parametrize("text", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"[]", b" [ ] "])
def test_nothing_is_no_objects(read: Read, text: bytes) -> None:
    """An empty or blank body is a search without results (QID-M5)."""
    assert [] == list(read(text))


@EITHER
@pytest.mark.parametrize(
    "text",
    [
        b'[{"00100020":{"vr":"LO"}}]',
        b'{"00100020":{"vr":"LO"}}',
        b'\xef\xbb\xbf [{"00100020":{"vr":"LO"}}]',
    ],
)
def test_an_array_and_a_lone_object_are_the_same(read: Read, text: bytes) -> None:
    """A lone object stands for an array of one (JSN-02); a mark is tolerated (JSN-01)."""
    assert [{"00100020": {"vr": "LO"}}] == list(read(text))


@EITHER
def test_the_last_of_two_equal_names_counts(read: Read) -> None:
    """Repeated property names are bad practice; the last one is kept (JSN-09)."""
    text = b'{"00100020":{"vr":"LO"},"00100020":{"vr":"SH"}}'

    assert [{"00100020": {"vr": "SH"}}] == list(read(text))


@EITHER
def test_bare_not_a_number_is_read(read: Read) -> None:
    """Python writes bare NaN and Infinity (JSN-61)."""
    (obj,) = read(b'{"00089459":{"vr":"FL","Value":[NaN,-Infinity]}}')

    assert "[nan, -inf]" == str(obj["00089459"]["Value"])


@EITHER
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", b"<html>Doe^John</html>"),
        ("", b'[{"00100010": Doe}]'),
        ("", b'"Doe^John\xff"'),
        ("", b"[" * 100_000),
        ("", b"1" * 10_000),
        ("[0]", b'"Doe^John"'),
        ("[0]", b"null"),
        ("[1]", b'[{}, ["Doe^John"]]'),
        ("", b'[{"00100010": {}} "Doe^John"]'),
        ("", b'[{"00100010": {}}] "Doe^John"'),
        ("", b'[{"00100010": {}},]'),
        ("", b'[{"00100010": {}'),
        ("", b"["),
    ],
)
def test_what_is_not_objects_is_an_error_without_the_text(
    read: Read, path: str, text: bytes
) -> None:
    """Whatever is wrong is a JsonModelError, and shows nothing of the text."""
    with pytest.raises(JsonModelError) as caught:
        list(read(text))

    assert path == caught.value.path
    assert "Doe" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@EITHER
def test_the_place_of_a_syntax_error_is_told(read: Read) -> None:
    """Position helps, and is no patient's data."""
    with pytest.raises(JsonModelError, match="Expecting value at character 1$"):
        list(read(b"[x]"))


@given(st.binary(max_size=200) | st.text('[]{}, 1"\ufeff').map(str.encode))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    """Only JsonModelError comes out, and both ways of reading find it."""
    try:
        expected = parse_objects(octets)
    except JsonModelError:
        with pytest.raises(JsonModelError):
            list(iterate_objects(octets))
        return
    assert expected == list(iterate_objects(octets))


def test_objects_are_read_when_they_are_asked_for() -> None:
    """What comes first is there before what is wrong is found."""
    objects = iterate_objects(b'[{"00100020":{"vr":"LO"}}, "Doe"]')

    assert {"00100020": {"vr": "LO"}} == next(objects)
    with pytest.raises(JsonModelError, match=r"^not an object at \[1\]$"):
        next(objects)


def test_data_sets_of_an_error_are_counted() -> None:
    """The path starts with the object's index, however they are read."""
    text = json.dumps([{}, {"00280010": "Doe"}]).encode()

    with pytest.raises(JsonModelError, match=r"at \[1\]\.00280010$"):
        datasets_from_json(iterate_objects(text))
