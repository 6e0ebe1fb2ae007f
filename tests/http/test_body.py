"""Bodies as lists of segments."""

from __future__ import annotations

import array

import pytest

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import (
    Deferred,
    FileSpan,
    Segment,
    body_length,
    body_octets,
    segment_length,
)


def never() -> bytes:
    """Fail if the length of a segment takes its octets."""
    raise AssertionError


@pytest.mark.parametrize(
    ("expected", "segment"),
    [
        (3, b"abc"),
        (2, bytearray(2)),
        (4, memoryview(b"abcd")),
        (8, memoryview(array.array("d", [1.0]))),
        (1 << 31, FileSpan("no such file", 10, 1 << 31)),
        (7, Deferred(7, never)),
    ],
)
def test_segment_length(expected: int, segment: Segment) -> None:
    """Lengths are in octets, and known without files or production (HTP-32)."""
    assert expected == segment_length(segment)


def test_body_length() -> None:
    """A body is as long as its segments together; an empty one has none."""
    assert 0 == body_length(())
    assert 12 == body_length((b"ab", FileSpan("f", 0, 10), b""))


def test_body_octets() -> None:
    """Whatever is in memory or can be made becomes one piece."""
    body = (b"a", bytearray(b"b"), memoryview(b"c"), Deferred(1, lambda: b"d"))

    assert b"abcd" == body_octets(body)
    assert b"" == body_octets(())


@pytest.mark.parametrize("segment", [FileSpan("no such file", 0, 1), Deferred(2, lambda: b"d")])
def test_body_octets_that_are_not_there(segment: Segment) -> None:
    """Files are not read, and a promise of octets is checked."""
    with pytest.raises(LocalProtocolError):
        body_octets((segment,))
