"""Range and Content-Range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import ByteRange, ContentRange, UnsatisfiedRange, format_range, parse_range

POSITIONS = st.integers(0, 10**18)
RANGES = st.one_of(
    st.builds(ByteRange, POSITIONS),
    st.builds(lambda first, more: ByteRange(first, first + more), POSITIONS, POSITIONS),
    st.builds(lambda count: ByteRange(None, count), POSITIONS),
)


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ((ByteRange(0, 99),), "bytes=0-99"),
        ((ByteRange(100),), "Bytes=100-"),
        ((ByteRange(None, 500),), "bytes=-500"),
        ((ByteRange(0, 0), ByteRange(None, 1)), "bytes = 0-0 , , -1"),
    ],
)
def test_ranges_are_read(expected: tuple[ByteRange, ...], value: str) -> None:
    """From to, from on, and the last ones; the unit in any case (HTP-70)."""
    assert expected == parse_range(value)


@pytest.mark.parametrize(
    "value",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "items=0-1", "bytes=0-1,x",
     "bytes=0", "bytes=\u0661-\u0662", "bytes=" + "0-1," * 65],
)  # fmt: skip
def test_other_ranges_are_ignored(value: str) -> None:
    """A server that cannot read a range gives the whole (RFC 9110 §14.2)."""
    assert parse_range(value) is None


@given(st.lists(RANGES, min_size=1, max_size=5))
def test_ranges_round_trip(ranges: list[ByteRange]) -> None:
    """What is written is read back."""
    assert tuple(ranges) == parse_range(format_range(*ranges))


def test_no_range_is_no_field() -> None:
    """An empty list is not produced (GEN-10)."""
    with pytest.raises(LocalProtocolError):
        format_range()


@pytest.mark.parametrize(("first", "last"), [(None, None), (-1, 5), (5, 4), (None, -1)])
def test_ranges_that_cannot_be_are_refused(first: int | None, last: int | None) -> None:
    """Nothing is asked for that has no form."""
    with pytest.raises(LocalProtocolError):
        ByteRange(first, last)


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        ("bytes 0-9/10", ByteRange(0)),
        ("bytes 0-9/10", ByteRange(0, 99)),
        ("bytes 9-9/10", ByteRange(9, 9)),
        ("bytes 7-9/10", ByteRange(None, 3)),
        ("bytes 0-9/10", ByteRange(None, 30)),
        ("None", ByteRange(10)),
        ("None", ByteRange(None, 0)),
    ],
)
def test_a_range_of_a_whole(expected: str, asked: ByteRange) -> None:
    """What is behind the end is cut off, and what is there is told (HTP-71)."""
    assert expected == str(asked.resolve(10))


def test_nothing_has_no_range() -> None:
    """An empty representation satisfies no range (HTP-73)."""
    assert ByteRange(0).resolve(0) is None
    assert ByteRange(None, 5).resolve(0) is None


@given(RANGES, st.integers(0, 1000))
def test_a_resolved_range_is_within(asked: ByteRange, length: int) -> None:
    """Never an octet that is not there."""
    given_ = asked.resolve(length)

    assert given_ is None or 0 <= given_.first <= given_.last < length
    assert given_ is None or 1 <= given_.length <= length


def test_an_unsatisfied_range_tells_the_length() -> None:
    """A 416 says how long the whole is (HTP-73)."""
    assert "bytes */1234" == str(UnsatisfiedRange(1234))
    assert UnsatisfiedRange(1234) == UnsatisfiedRange.parse(" Bytes */1234")
    assert UnsatisfiedRange.parse("bytes 0-1/2") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-99/1234", ContentRange(0, 99, 1234)),
        ("Bytes 5-5/6", ContentRange(5, 5, 6)),
        ("bytes 100-199/*", ContentRange(100, 199, None)),
    ],
)
def test_content_range(value: str, expected: ContentRange) -> None:
    """First, last and complete length (HTP-71)."""
    assert expected == ContentRange.parse(value)


@pytest.mark.parametrize(
    "value",
    ["", "bytes */1234", "bytes 9-5/10", "bytes 0-10/10", "bytes 0-/10", "bytes -5/10",
     "items 0-1/2", "bytes 0-1", "bytes=0-1/2", "bytes ١-٢/٣", f"bytes 0-{'9' * 5000}/*"],
)  # fmt: skip
def test_content_range_of_nothing(value: str) -> None:
    """An invalid range must not be used, and an unsatisfied one names nothing (HTP-71, HTP-73)."""
    assert ContentRange.parse(value) is None


@given(st.integers(0, 10**18), st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_content_range_round_trip(first: int, more: int, rest: int | None) -> None:
    """Every valid range is read (HTP-71)."""
    last = first + more
    length = None if rest is None else last + 1 + rest

    assert ContentRange(first, last, length) == ContentRange.parse(
        f"bytes {first}-{last}/{'*' if length is None else length}"
    )
