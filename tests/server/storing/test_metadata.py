"""Metadata that have arrived, one data set after the other (PS3.18 §10.5.1.4)."""

from __future__ import annotations

import gc
import json
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import json_text
from aiodicomweb.errors import JsonModelError, LimitExceeded
from aiodicomweb.http import MediaType
from aiodicomweb.server.storing.metadata import MetadataReader
from aiodicomweb.server.storing.spool import Spool, SpooledPart
from aiodicomweb.wire import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = MediaType.parse("application/dicom+json")
XML = MediaType.parse("application/dicom+xml")


@pytest.fixture
def spool() -> Iterator[Spool]:
    """One that is closed behind the test."""
    spool = Spool()
    yield spool
    spool.close()


def part(spool: Spool, octets: bytes, media_type: MediaType = JSON) -> SpooledPart:
    """A part that has arrived."""
    spool.add(octets)
    spool.write()
    return SpooledPart(media_type, None, spool, spool.length - len(octets), len(octets))


def objects(*parts: SpooledPart, json_object: int = 1 << 30) -> list[Any]:
    """The data sets of parts."""
    return [source for source, _ in MetadataReader(parts, Limits(json_object=json_object))]


@given(st.lists(st.lists(st.integers(0, 200_000), max_size=4), max_size=3))
def test_all_objects_come(lengths: list[list[int]]) -> None:
    """Of all parts, in order, whatever their lengths."""
    spool = Spool()
    expected = [[{"00100020": {"vr": "LO", "Value": ["x" * n]}} for n in each] for each in lengths]
    parts = [part(spool, json.dumps(each).encode()) for each in expected]
    found = objects(*parts)
    spool.close()

    assert [obj for each in expected for obj in each] == found


def test_documents_come_whole(spool: Spool) -> None:
    """A part of XML is one; an empty one is none, and neither is an empty one of JSON."""
    parts = [part(spool, octets, XML) for octets in (b"<one/>", b"", b"<two/>")]
    found = list(MetadataReader([*parts, part(spool, b""), part(spool, b"[{}]")], Limits()))

    assert [(b"<one/>", XML), (b"<two/>", XML), ({}, JSON)] == found


@pytest.mark.parametrize("media_type", [JSON, XML])
@pytest.mark.parametrize("length", [1000, 100_000])
def test_a_data_set_is_bounded(spool: Spool, media_type: MediaType, length: int) -> None:
    """One octet more is too much, wherever it stands."""
    text = json.dumps({"00100020": "x" * length}).encode()
    whole = b"[" + b",".join([text] * 5) + b"]" if media_type is JSON else text
    one = part(spool, whole, media_type)

    assert objects(one, json_object=len(text))
    with pytest.raises(LimitExceeded) as caught:
        objects(one, json_object=len(text) - 1)
    assert ("json_object", 413) == (caught.value.limit, caught.value.status_hint)


@pytest.mark.parametrize("text", [b"[{", b"[1]", b"{}x", b"[{}{}]", b"[" + b" " * 100_000 + b"x]"])
def test_what_is_no_json(spool: Spool, text: bytes) -> None:
    """It is not taken for something that is too long."""
    with pytest.raises(JsonModelError):
        objects(part(spool, text))


def test_nothing_is_held_of_what_was_given(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests may wait for their turn."""
    seen: list[weakref.ref[Seen]] = []

    class Seen(dict[str, Any]):
        """An object that can be watched."""

    def parse(text: str) -> Any:
        obj = Seen(json_text.parse_json(text))
        seen.append(weakref.ref(obj))
        return obj

    monkeypatch.setattr("aiodicomweb.dicom.json_stream.parse_json", parse)
    reader = MetadataReader([part(spool, b"[{},{}]")], Limits())
    next(reader)
    gc.collect()

    assert [None] == [each() for each in seen]
