"""Which data sets a search finds (PS3.4 §C.2.2.2, PS3.18 §8.3.4.1).

Here is what matching means; the index asks SQLite only to leave out what cannot match anyway. A
data set is a DICOM JSON object that has the attributes of an instance, a series or a study.

Two things are decided here that the standard leaves open, or where practice is another one. An
attribute without value matches no key but the universal one and, where that is asked for, ``""``:
PS3.4 §C.2.2.1.2 lets an empty required attribute match anything, and nobody who looks for an
accession number means all studies that have none. And a key of several values, which are defined
for UIDs only, matches if one of them does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag

from ...dicom.json_values import is_object
from ...errors import RemoteProtocolError
from .moments import Range, join_ranges, parse_moment, parse_offset, parse_range
from .values import (
    NUMBER_VRS,
    SEVERAL_VALUE_VRS,
    equals_number,
    equals_text,
    has_value,
    is_universal,
    matches_name,
    matches_text,
    texts_of,
    trimmed,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from ...dicom import AttributePath, JsonObject
    from ...services import SearchRequest

__all__ = ["EMPTY", "TIMEZONE", "Rules", "Test", "compile_filters", "locate", "range_of"]

EMPTY: Final = '""'
"""The key that matches an attribute without value (PS3.4 §C.2.2.2.7)."""
TIMEZONE: Final = BaseTag(0x00080201)

_Filters = tuple[tuple["AttributePath", tuple[str, ...]], ...]

Test = Callable[["JsonObject"], bool]
"""Whether a data set, or an item of a sequence, matches."""

_Key = tuple[tuple[BaseTag, ...], tuple[str, ...]]
_AttributeTest = Callable[["JsonObject"], bool]
_NOTHING: Final[JsonObject] = {}
_RANGES: Final = frozenset({"DA", "DT", "TM"})


@dataclass(frozen=True, slots=True)
class Rules:
    """How keys are to be understood.

    Attributes:
        fuzzy: Names match that resemble the key.
        empty_values: ``""`` matches what has no value.
        several_values: All values of a key have to match, not just one.
        zone: How far dates and times of the request are ahead of UTC, if it says so.
    """

    fuzzy: bool = False
    empty_values: bool = False
    several_values: bool = False
    zone: dt.timedelta | None = None

    @classmethod
    def of(cls, request: SearchRequest) -> Rules:
        """Those of a request.

        Raises:
            RemoteProtocolError: Its offset from UTC is none.
        """
        zone = None
        for path, values in request.query.filters:
            if path.tags == (TIMEZONE,):
                try:
                    zone = parse_offset(values[0].strip())
                except ValueError:
                    raise _refused(path.tag, "an offset from UTC, such as +0100") from None
        return cls(
            bool(request.fuzzymatching),
            bool(request.emptyvaluematching),
            bool(request.multiplevaluematching),
            zone,
        )


def compile_filters(filters: _Filters, rules: Rules = Rules()) -> Test:
    """Make a test of data sets.

    TimezoneOffsetFromUTC is no key, but says how those of dates and times are meant (PS3.18
    §8.3.4.1.1).

    Args:
        filters: What :class:`~aiodicomweb.services.Query` has.
        rules: How it is to be understood.

    Raises:
        RemoteProtocolError: A date or time is none.
    """
    keys = [(path.tags, values) for path, values in filters if path.tags != (TIMEZONE,)]
    vrs = {path.tags: path.vr for path, _ in filters}
    return _Compiler(rules, vrs).all_of(keys, ())


class _Compiler:
    """Makes tests; see :func:`compile_filters`."""

    def __init__(self, rules: Rules, vrs: dict[tuple[BaseTag, ...], str | None]) -> None:
        self._rules = rules
        self._vrs = vrs

    def all_of(self, keys: Iterable[_Key], above: tuple[BaseTag, ...]) -> Test:
        """A test of data sets, or of items of the sequence that the tags above lead to."""
        below: dict[BaseTag, list[_Key]] = defaultdict(list)
        own: dict[BaseTag, tuple[str, ...]] = {}
        for tags, values in keys:
            tag, *rest = tags[len(above) :]
            if rest:
                below[tag].append((tags, values))
            else:
                own[tag] = values
        creators = {tag: values[0] for tag, values in own.items() if _is_creator(tag)}
        tests = [_has_creator(tag.group, creator) for tag, creator in creators.items()]
        for tag in creators:
            del own[tag]
        tests += self._joined(own, above)
        for tag, values in own.items():
            test = self._attribute(tag, self._vrs[*above, tag], values)
            tests.append(_of_attribute(tag, _creator_of(tag, creators), test))
        for tag, inner in below.items():
            test = _any_item(self.all_of(inner, (*above, tag)))
            tests.append(_of_attribute(tag, _creator_of(tag, creators), test))
        return lambda item: all(test(item) for test in tests)

    def _joined(
        self, own: dict[BaseTag, tuple[str, ...]], above: tuple[BaseTag, ...]
    ) -> list[Test]:
        """Tests of ranges of dates together with those of the times that belong to them.

        They are taken out of the keys.
        """
        tests: list[Test] = []
        for date in list(own):
            time = _time_of(date) if self._vrs[*above, date] == "DA" else None
            if time is None or time not in own or len(own[date]) + len(own[time]) > 2:
                continue
            keys = [("DA", own[date][0]), ("TM", own[time][0])]
            if any(is_universal(vr, key) or key == EMPTY for vr, key in keys):
                continue
            dates, times = range_of(date, "DA", own[date][0]), range_of(time, "TM", own[time][0])
            if not dates.is_single and not times.is_single:
                del own[date], own[time]
                joined = join_ranges(dates, times)
                tests.append(_within_days(f"{date:08X}", f"{time:08X}", dates, joined))
        return tests

    def _attribute(self, tag: BaseTag, vr: str | None, values: Sequence[str]) -> _AttributeTest:
        """A test of one attribute."""
        if any(is_universal(vr, value) for value in values):
            return lambda _: True
        if self._rules.several_values and vr in SEVERAL_VALUE_VRS:
            all_values = [part for value in values for part in value.split("\\") if part]
            if len(all_values) > 1:
                every = [equals_text(vr, value) for value in all_values]
                return lambda attribute: all(test(attribute) for test in every)
            values = all_values or values
        tests = [self._value(tag, vr, value) for value in values]
        if len(tests) == 1:
            return tests[0]
        return lambda attribute: any(test(attribute) for test in tests)

    def _value(self, tag: BaseTag, vr: str | None, value: str) -> _AttributeTest:
        if self._rules.empty_values and value == EMPTY:
            return lambda attribute: not has_value(attribute)
        if vr in _RANGES:
            return self._range(vr, range_of(tag, vr, value))
        if vr == "PN":
            return matches_name(trimmed(vr, value), fuzzy=self._rules.fuzzy)
        if vr in NUMBER_VRS:
            return equals_number(vr, value)
        if vr is None:
            return _of_any_kind(value)
        return matches_text(vr, value)

    def _range(self, vr: str, sought: Range) -> _AttributeTest:
        zone = self._rules.zone if vr == "DT" else None

        def test(attribute: JsonObject) -> bool:
            for text in texts_of(attribute):
                try:
                    moment = parse_moment(vr, text)
                except ValueError:
                    continue
                if sought.holds(moment, zone=zone):
                    return True
            return False

        return test


def range_of(tag: BaseTag, vr: str, key: str) -> Range:
    """Read a key of DA, TM or DT.

    Raises:
        RemoteProtocolError: It is neither a value nor a range.
    """
    try:
        return parse_range(vr, key.strip())
    except ValueError:
        kind = {"DA": "date", "TM": "time", "DT": "date and time"}[vr]
        raise _refused(tag, f"a {kind}, nor a range") from None


def _refused(tag: BaseTag, what: str) -> RemoteProtocolError:
    name = keyword_for_tag(tag) or f"{tag:08X}"
    return RemoteProtocolError(f"the value of {name} is not {what}", status_hint=400)


def _any_item(test: Test) -> _AttributeTest:
    """Whether one item of a sequence matches all that is asked of its attributes.

    No item is like one without attributes: that matches universal keys, and the empty one.
    """

    def test_items(attribute: JsonObject) -> bool:
        items: list[Any] = attribute.get("Value") or [_NOTHING]
        return any(is_object(item) and test(item) for item in items)

    return test_items


def _of_any_kind(value: str) -> _AttributeTest:
    """A test of an attribute that the dictionary does not have: as number, name or text."""
    number, name, text = (
        equals_number("DS", value),
        matches_name(trimmed(None, value), fuzzy=False),
        matches_text(None, value),
    )

    def test(attribute: JsonObject) -> bool:
        match attribute.get("vr"):
            case "PN":
                return name(attribute)
            case str(vr) if vr in NUMBER_VRS:
                return number(attribute)
            case _:
                return text(attribute)

    return test


def _of_attribute(tag: BaseTag, creator: str | None, test: _AttributeTest) -> Test:
    name = f"{tag:08X}"
    if creator is None:
        return lambda item: test(item.get(name, _NOTHING))
    return lambda item: test(item.get(locate(item, tag, creator) or "", _NOTHING))


# --- dates with times ---------------------------------------------------------------------------


def _time_of(date: BaseTag) -> BaseTag | None:
    """The attribute that tells the time of a date."""
    keyword = keyword_for_tag(date)
    if not keyword.endswith("Date"):
        return None
    time = tag_for_keyword(keyword.removesuffix("Date") + "Time")
    return None if time is None else BaseTag(time)


def _within_days(date: str, time: str, days: Range, moments: Range) -> Test:
    """A test of a date with its time; where no time is known, of the date alone."""

    def test(item: JsonObject) -> bool:
        try:
            day = parse_moment("DA", _only_text(item.get(date, _NOTHING)))
        except ValueError:
            return False
        try:
            hour = parse_moment("TM", _only_text(item.get(time, _NOTHING)))
        except ValueError:
            return days.holds(day)
        moment = join_ranges(Range(day, None), Range(hour, None)).start
        return moment is not None and moments.holds(moment)

    return test


def _only_text(attribute: JsonObject) -> str:
    texts = texts_of(attribute)
    return texts[0] if len(texts) == 1 else ""


# --- private attributes -------------------------------------------------------------------------


def _is_creator(tag: BaseTag) -> bool:
    return tag.is_private and 0x10 <= tag.element <= 0xFF


def _creator_of(tag: BaseTag, creators: dict[BaseTag, str]) -> str | None:
    """What the query says of who a private attribute belongs to."""
    if not tag.is_private or tag.element < 0x1000:
        return None
    return creators.get(BaseTag(tag.group << 16 | tag.element >> 8))


def _has_creator(group: int, creator: str) -> Test:
    return lambda item: is_universal("LO", creator) or _block(item, group, creator) is not None


def _block(item: JsonObject, group: int, creator: str) -> int | None:
    """The block of a group that a creator has in this data set (PS3.5 §7.8.1)."""
    start = f"{group:04X}00"
    for name, attribute in item.items():
        if name.startswith(start) and texts_of(attribute) == [creator.strip()]:
            return int(name[6:], 16)
    return None


def locate(item: JsonObject, tag: BaseTag, creator: str) -> str | None:
    """Where a private attribute is in a data set, whose blocks may be other ones than the query's.

    Args:
        item: The data set.
        tag: The attribute, as the query names it.
        creator: The private creator.

    Returns:
        The name of the JSON property; ``None`` if the creator has no block here.
    """
    block = _block(item, tag.group, creator)
    return None if block is None else f"{tag.group:04X}{block:02X}{tag.element & 0xFF:02X}"
