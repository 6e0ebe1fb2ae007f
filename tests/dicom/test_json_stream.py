from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import JsonStream, dataset_from_json, parse_objects
from aiodicomweb.dicom.json_stream import END, NEED_DATA
from aiodicomweb.dicom.vrs import MAX_DEPTH
from aiodicomweb.errors import JsonModelError, LimitExceeded

TEXTS = st.text(st.sampled_from('{}[]",:\\é王\U0001f600 \n\x1ba'), max_size=8)
MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(TEXTS, MEMBERS, max_size=4)


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    """The octets, cut at these places."""
    edges = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    return [octets[start:end] for start, end in pairwise(edges)]


def read(parts: list[bytes], **bounds: int) -> list[dict[str, Any]]:
    """All objects of a body that arrives in these parts; each as early as it can be."""
    stream, objects, rest = JsonStream(**bounds), [], iter(parts)
    while (obj := stream.next()) is not END:
        if obj is not NEED_DATA:
            objects.append(obj)
        elif (part := next(rest, None)) is not None:
            stream.feed(part)
        else:
            stream.feed_eof()
    assert len(objects) == stream.count
    return objects


def singly(octets: bytes) -> list[bytes]:
    """One octet at a time."""
    return [octets[index : index + 1] for index in range(len(octets))]


@given(
    st.lists(OBJECTS, max_size=4) | OBJECTS,
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf", b" \r\n\t", b"\xef\xbb\xbf "]),
    st.lists(st.integers(0, 1000), max_size=8),
)
def test_objects_come_however_the_text_is_cut(
    value: Any, indent: int | None, ascii_only: bool, before: bytes, cuts: list[int]
) -> None:
    """Whole, octet by octet and cut at random: marks, blanks, lone objects (JSN-01, JSN-02)."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    octets = before + text + b"\n"
    expected = value if isinstance(value, list) else [value]

    assert expected == parse_objects(octets)
    assert expected == read([octets])
    assert expected == read(singly(octets))
    assert expected == read(pieces(octets, cuts))


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b"[",
                b"]",
                b"{",
                b"}",
                b",",
                b":",
                b'"',
                b"\\",
                b'"a"',
                b"{}",
                b'{"a":1}',
                b"1",
                b" ",
                b"\n",
                b"NaN",
                b"\xef\xbb\xbf",
                b"\xc3",
                b"\xa9",
                b"null",
                b"\x00",
            ]
        ),
        max_size=20,
    ).map(b"".join),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_any_octets_are_objects_or_an_error(octets: bytes, cuts: list[int]) -> None:
    """Only JsonModelError comes out, and what is read is what the whole text says."""
    try:
        whole: Any = repr(parse_objects(octets))
    except JsonModelError:
        whole = None
    for parts in ([octets], singly(octets), pieces(octets, cuts)):
        try:
            streamed: Any = repr(read(parts))
        except JsonModelError:
            streamed = None
        if b"\0" not in octets:  # json.loads takes UTF-16 for JSON, too
            assert whole == streamed


def test_an_object_comes_with_its_last_octet() -> None:
    """Nothing behind it is waited for."""
    stream = JsonStream()

    assert NEED_DATA is stream.next()
    stream.feed(b'[{"a":{"vr":"LO"}')
    assert NEED_DATA is stream.next()
    stream.feed(bytearray(b"}"))
    assert {"a": {"vr": "LO"}} == stream.next()
    assert NEED_DATA is stream.next()
    stream.feed(memoryview(b",{}]"))
    assert {} == stream.next()
    assert NEED_DATA is stream.next()
    stream.feed_eof()
    assert END is stream.next()
    assert END is stream.next()
    assert 2 == stream.count


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("[0]", b"["),
        ("[0]", b'[{"Doe'),
        ("[0]", b'{"Doe":{}'),
        ("[0]", b"\xef\xbb"),
        ("[1]", b"[{}"),
        ("[1]", b"[{},"),
        ("[1]", b"[{},]"),
        ("[0]", b"[,{}]"),
        ("[1]", b"[{}{}]"),
        ("[1]", b"{}{}"),
        ("[1]", b"{},"),
        ("[0]", b"[]]"),
        ("[0]", b"[[{}]]"),
        ("[0]", b'["Doe"]'),
        ("[0]", b'"Doe"'),
        ("[1]", b"[{},null]"),
        ("[0]", b"<html>Doe</html>"),
        ("[0]", b"[{Doe}]"),
        ("[0]", b"[{\\}]"),
        ("[0]", b'[{"Doe":"\xff"}]'),
        ("[0]", b'[{"Doe":"\xc3"}]'),
        ("[0]", b'[{"Doe":"\n"}]'),
        ("[0]", b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"),
        ("[0]", b'{"a":' + b"1" * 5000 + b"}"),
    ],
)
def test_what_is_not_objects_is_an_error_that_stays(path: str, text: bytes) -> None:
    """A text that ends too early is one, too. The error names the object, and shows no text."""
    for parts in ([text], singly(text)):
        with pytest.raises(JsonModelError) as caught:
            read(parts)
        assert path == caught.value.path
        assert "Doe" not in str(caught.value)

    stream = JsonStream()
    stream.feed(b"[1")
    for _ in range(2):
        with pytest.raises(JsonModelError, match="not an object"):
            stream.next()


def test_an_object_has_a_bound() -> None:
    """Neither an object nor what never becomes one is kept beyond it."""
    text = b'[{"a":"' + b"x" * 92 + b'"},{}]'

    assert 2 == len(read([text], max_object=100))
    for parts in ([text], singly(text)):
        with pytest.raises(LimitExceeded, match=r"object \[0\] .*Limits.json_object is 99"):
            read(parts, max_object=99)
    with pytest.raises(LimitExceeded, match=r"object \[0\] .*Limits.json_object is 90"):
        read([text[:-6]], max_object=90)


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a":{"b":{"c":{"d":{"e":{}}}}}}]',
        b'[{"a":{"b":{"c":{"d":{"e":{}}}}},"x"}]',
        b'[{"a":"' + b"x" * 100 + b'"\\}]',
        b'[{"a":"' + b"\\\\" * 100 + b'"}]',
        b'[{"a":"' + b"x" * 33 + b"\\\\" + b'"}]',
        b'[{"a":"' + b"x" * 200,
    ],
)
def test_which_bound_it_was_does_not_depend_on_cuts(text: bytes) -> None:
    """Nor whether it was one, where an object is malformed as well."""
    for parts in ([text], singly(text), [text[:40], text[40:]], [text[:41], text[41:]]):
        with pytest.raises(LimitExceeded) as caught:
            read(parts, max_object=40, max_depth=1)
        assert ("json_depth" if b'"b"' in text else "json_object") == caught.value.limit


def test_blanks_between_objects_are_not_kept() -> None:
    """They have no end, but no memory either."""
    stream = JsonStream(max_object=10)
    tracemalloc.start()
    stream.feed(b"[")
    for _ in range(100):
        stream.feed(b" " * 1000)
        assert NEED_DATA is stream.next()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000


def test_nesting_has_a_bound() -> None:
    """It is that of data sets: all that these take is let through, with names in the last."""

    def nested(depth: int) -> dict[str, Any]:
        obj: dict[str, Any] = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}}
        for _ in range(depth):
            obj = {"0040A730": {"vr": "SQ", "Value": [obj]}}
        return obj

    (obj,) = read(singly(json.dumps(nested(MAX_DEPTH)).encode()))
    assert 1 == len(dataset_from_json(obj))
    with pytest.raises(LimitExceeded, match=rf"object \[0\] .*Limits.json_depth is {MAX_DEPTH}"):
        read([json.dumps(nested(MAX_DEPTH + 1)).encode()])

    assert 1 == len(read([json.dumps(nested(3)).encode()], max_depth=3))
    with pytest.raises(LimitExceeded, match=r"Limits.json_depth is 3"):
        read([json.dumps([{}, nested(4)]).encode()], max_depth=3)


def metadata(count: int) -> bytes:
    """A body of objects of about 12 KiB."""
    obj = {f"0009{n:04X}": {"vr": "LO", "Value": [f"value {n}"]} for n in range(0x1000, 0x10F0)}
    return json.dumps([obj] * count).encode()


def test_memory_is_that_of_two_objects() -> None:
    """However many a body has: the one before is still the caller's while the next one is made."""

    def peak(body: bytes) -> int:
        tracemalloc.start()
        stream, offset = JsonStream(), 0
        while (obj := stream.next()) is not END:
            if obj is not NEED_DATA:
                dataset = dataset_from_json(obj)
                del obj
                assert len(dataset) == 240
            elif offset < len(body):
                stream.feed(body[offset : offset + 16384])
                offset += 16384
            else:
                stream.feed_eof()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(metadata(2))  # caches

    assert peak(metadata(100)) < 2 * peak(metadata(1))


@pytest.mark.parametrize(
    "unit",
    [b'"x",', b'"\\"{",', b'{"b":1},', b'{"b":{}},', b'{"b":"\\""},', b"[],", b'{"b":["}"]},'],
)
def test_time_is_linear(unit: bytes) -> None:
    """Octets that arrive singly are not looked at again and again, whatever they are."""

    def looked_at(count: int) -> int:
        stream = CountingStream()
        for part in singly(b'[{"a":[' + unit * count + b"1]}]"):
            stream.feed(part)
            stream.next()
        return stream.looked_at

    assert looked_at(400) < 2.2 * looked_at(200)


class CountingStream(JsonStream):
    """Counts octets that patterns may look at."""

    __slots__ = ("looked_at",)

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = 0

    def _find_end(self) -> bool:
        self.looked_at += len(self._buffer) - self._position
        return super()._find_end()
