from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.server.index.moments import (
    Moment,
    Range,
    join_ranges,
    parse_moment,
    parse_offset,
    parse_range,
)


@pytest.mark.parametrize(
    ("vr", "text", "first", "last"),
    [
        ("DA", "2020", "2020-01-01T00:00:00", "2020-12-31T23:59:59.999999"),
        ("DA", "202002", "2020-02-01T00:00:00", "2020-02-29T23:59:59.999999"),
        ("DA", "202012", "2020-12-01T00:00:00", "2020-12-31T23:59:59.999999"),
        ("DA", "20200229", "2020-02-29T00:00:00", "2020-02-29T23:59:59.999999"),
        ("DA", "2020.02.29", "2020-02-29T00:00:00", "2020-02-29T23:59:59.999999"),
        ("DA", "9999", "9999-01-01T00:00:00", "9999-12-31T23:59:59.999999"),
        ("TM", "10", "0001-01-01T10:00:00", "0001-01-01T10:59:59.999999"),
        ("TM", "10:11:12", "0001-01-01T10:11:12", "0001-01-01T10:11:12.999999"),
        ("TM", "101112.25", "0001-01-01T10:11:12.250000", "0001-01-01T10:11:12.259999"),
        ("TM", "235960", "0001-01-01T23:59:59", "0001-01-01T23:59:59.999999"),
        ("DT", "2020022910", "2020-02-29T10:00:00", "2020-02-29T10:59:59.999999"),
        ("DT", "20200229101112.123456", "2020-02-29T10:11:12.123456", "2020-02-29T10:11:12.123456"),
    ],
)
def test_parse_moment(vr: str, text: str, first: str, last: str) -> None:
    """QID-35: what is cut short is all moments that begin so."""
    expected = Moment(dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last))

    assert expected == parse_moment(vr, text)


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        *(
            ("DA", text)
            for text in ("", "20", "20200230", "00000101", "2020-01-01", "２０２０", "20 ")
        ),
        *(("TM", text) for text in ("", "1", "24", "1060", "101161", "10.5", "10:11.5")),
        *(("DT", text) for text in ("", "2020.5", "20200101+1500", "20200101+01", "20201301")),
    ],
)
def test_no_moment(vr: str, text: str) -> None:
    """What is none is refused."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_moment(vr, text)


@given(st.text("0123456789.:+-", max_size=30), st.sampled_from(["DA", "TM", "DT"]))
def test_anything(text: str, vr: str) -> None:
    """Whatever the text, it is a range or it is refused."""
    try:
        parsed = parse_range(vr, text)
    except ValueError:
        return

    assert parsed.start is not None or parsed.end is not None


@given(st.datetimes(min_value=dt.datetime.fromisoformat("1000-01-01")))
def test_moments_hold_themselves(moment: dt.datetime) -> None:
    """A value is within the range that it is itself, as far as it is told."""
    text = moment.strftime("%Y%m%d%H%M%S.%f")
    whole = parse_moment("DT", text)

    assert moment == whole.first == whole.last
    for digits in (4, 6, 8, 10, 12, 14):
        assert parse_range("DT", text[:digits]).holds(whole)


@pytest.mark.parametrize(
    ("text", "expected"), [("+0000", 0), ("+0530", 330), ("-0330", -210), ("+1400", 840)]
)
def test_parse_offset(text: str, expected: int) -> None:
    """An offset from UTC, in minutes."""
    assert dt.timedelta(minutes=expected) == parse_offset(text)


@pytest.mark.parametrize(
    ("text", "is_single", "start", "end"),
    [
        ("2013", True, 2013, 2013),
        ("2013-0500", True, 2013, 2013),
        ("2013-2014", False, 2013, 2014),
        ("2013-", False, 2013, None),
        ("-2014", False, None, 2014),
        ("2013-0500-2014-0500", False, 2013, 2014),
        ("2013+0100-", False, 2013, None),
    ],
)
def test_parse_range(text: str, is_single: bool, start: int | None, end: int | None) -> None:
    """QID-34: a minus is that of a range where it cannot be one of an offset."""
    parsed = parse_range("DT", text)

    assert is_single is parsed.is_single
    assert start == (parsed.start and parsed.start.first.year)
    assert end == (parsed.end and parsed.end.first.year)


def test_join_ranges() -> None:
    """QID-36: from the first time on the first day to the last time on the last one."""
    joined = join_ranges(parse_range("DA", "20200101-20200103"), parse_range("TM", "10-1130"))

    assert joined.start is not None
    assert joined.end is not None
    assert dt.datetime.fromisoformat("2020-01-01T10:00") == joined.start.first
    assert dt.datetime.fromisoformat("2020-01-03T11:30:59.999999") == joined.end.last


def test_unlimited() -> None:
    """A range without ends holds everything."""
    assert Range(None, None).holds(parse_moment("DA", "2020"))
