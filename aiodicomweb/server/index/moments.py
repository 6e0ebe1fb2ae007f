"""Dates, times and ranges of them (PS3.4 §C.2.2.2.5, PS3.5 §6.2).

A value that is cut short, such as the date ``2013``, names all the moments that begin so.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Moment", "Range", "join_ranges", "parse_moment", "parse_offset", "parse_range"]

# DA is as in the last edition that had dots. A time may have the colons of the same days.
_DATE: Final = r"\d{4}(?:\d{2}(?:\d{2})?)?|\d{4}\.\d{2}\.\d{2}"
_TIME: Final = r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?|\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
# Fourteen hours ahead of UTC is the most. This tells an offset from the end of a range of years.
_OFFSET: Final = r"[+-](?:0\d|1[0-4])[0-5]\d"
_DATE_TIME: Final = rf"\d{{4}}(?:\d{{2}}){{0,5}}(?:(?<=\d{{14}})\.\d{{1,6}})?(?:{_OFFSET})?"
_VALUES: Final = {"DA": _DATE, "TM": _TIME, "DT": _DATE_TIME}
_SINGLE: Final = {vr: re.compile(value, re.ASCII) for vr, value in _VALUES.items()}
_RANGE: Final = {
    vr: re.compile(f"({value})?-({value})?", re.ASCII) for vr, value in _VALUES.items()
}
_ONE_OFFSET: Final = re.compile(_OFFSET, re.ASCII)
_PUNCTUATION: Final = re.compile(r"[.:]")

# Of a text of so many digits: the unit that it leaves open.
_UNITS: Final = {
    8: dt.timedelta(days=1),
    10: dt.timedelta(hours=1),
    12: dt.timedelta(minutes=1),
    14: dt.timedelta(seconds=1),
}
_NONE: Final = dt.timedelta(0)
_TICK: Final = dt.timedelta(microseconds=1)
_NO_DATE: Final = "00010101"
"""The day that times are on."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, a time or both, as far as it is told.

    Attributes:
        first: The first moment that it may be; for a time, on the first of all days.
        last: The last one.
        offset: How far it is ahead of UTC, where it says so.
    """

    first: dt.datetime
    last: dt.datetime
    offset: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """From the first moment of one value to the last one of another.

    Attributes:
        start: ``None`` for no limit.
        end: ``None`` for no limit.
    """

    start: Moment | None
    end: Moment | None

    @property
    def is_single(self) -> bool:
        """Whether it is one value, and no range."""
        return self.start is self.end

    def holds(self, moment: Moment, zone: dt.timedelta | None = None) -> bool:
        """Whether a moment begins within this range.

        Where one of two says how far it is ahead of UTC, and the other doesn't, both are taken
        to be in the same zone.

        Args:
            moment: The moment.
            zone: How far the range is ahead of UTC, where its ends don't say.
        """
        start, end = self.start, self.end
        after_start = start is None or _between(start, start.first, moment, zone) >= _NONE
        return after_start and (end is None or _between(end, end.last, moment, zone) <= _NONE)


def _between(
    end: Moment, limit: dt.datetime, moment: Moment, zone: dt.timedelta | None
) -> dt.timedelta:
    """From an end of a range to a moment. Differences have no limit, as datetimes have."""
    ahead = zone if end.offset is None else end.offset
    if ahead is None or moment.offset is None:
        return moment.first - limit
    return moment.first - limit + ahead - moment.offset


def parse_moment(vr: str, text: str) -> Moment:
    """Read a value of DA, TM or DT.

    Raises:
        ValueError: It is none.
    """
    if _SINGLE[vr].fullmatch(text) is None:
        raise ValueError
    offset = None
    if vr == "DT" and text[-5:-4] in {"+", "-"}:
        offset = parse_offset(text[-5:])
        text = text[:-5]
    digits, _, fraction = text.partition(".") if vr != "DA" else (text, "", "")
    digits = _PUNCTUATION.sub("", digits)
    if vr == "TM":
        digits = _NO_DATE + digits
    first = _first(digits) + dt.timedelta(microseconds=int((fraction or "0").ljust(6, "0")))
    if fraction:
        unit = dt.timedelta(microseconds=10 ** (6 - len(fraction)))
        return Moment(first, first + (unit - _TICK), offset)
    return Moment(first, _last(first, len(digits)), offset)


def _first(digits: str) -> dt.datetime:
    """The first moment of a text of 4 to 14 digits."""
    # A leap second is the last one of its minute.
    digits = digits[:12] + "59" if digits[12:] == "60" else digits
    whole = digits + "00000101000000"[len(digits) :]
    year, month, day = int(whole[:4]), int(whole[4:6]), int(whole[6:8])
    hour, minute, second = int(whole[8:10]), int(whole[10:12]), int(whole[12:])
    return dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001


def _last(first: dt.datetime, digits: int) -> dt.datetime:
    if digits in _UNITS:
        return first + (_UNITS[digits] - _TICK)
    if digits == 4 or first.month == 12:
        return first.replace(month=12, day=31, hour=23, minute=59, second=59, microsecond=999_999)
    return first.replace(month=first.month + 1) - _TICK


def parse_offset(text: str) -> dt.timedelta:
    """Read an offset from UTC, such as ``+0530``.

    Raises:
        ValueError: It is none.
    """
    if _ONE_OFFSET.fullmatch(text) is None:
        raise ValueError
    ahead = dt.timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return -ahead if text[0] == "-" else ahead


def parse_range(vr: str, text: str) -> Range:
    """Read a matching key of DA, TM or DT: a value, or a range ``a-b``, ``a-``, ``-b``.

    A text of DT that could be both, such as ``2013-0500``, is a value with an offset from UTC.

    Raises:
        ValueError: It is neither.
    """
    if _SINGLE[vr].fullmatch(text):
        moment = parse_moment(vr, text)
        return Range(moment, moment)
    ends = _RANGE[vr].fullmatch(text)
    if ends is None or not (ends[1] or ends[2]):
        raise ValueError
    start = parse_moment(vr, ends[1]) if ends[1] else None
    end = parse_moment(vr, ends[2]) if ends[2] else None
    return Range(start, end)


def join_ranges(dates: Range, times: Range) -> Range:
    """From the first time on the first day to the last time on the last (PS3.4 §C.2.2.2.5)."""
    start, end = dates.start, dates.end
    if start is not None and times.start is not None:
        start = _join(start.first, times.start.first)
    if end is not None and times.end is not None:
        end = _join(end.last, times.end.last)
    return Range(start, end)


def _join(day: dt.datetime, time: dt.datetime) -> Moment:
    moment = dt.datetime.combine(day.date(), time.time())
    return Moment(moment, moment)
