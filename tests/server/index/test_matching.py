from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import JsonObject, parse_attribute_path
from aiodicomweb.errors import RemoteProtocolError
from aiodicomweb.server.index.matching import Rules, compile_filters, locate
from aiodicomweb.services import Query

from ...support.entries import attributes_of, search_request

LITERAL = Rules()


def matches(filters: dict[str, Any], attributes: JsonObject, rules: Rules = LITERAL) -> bool:
    """Whether attributes match keys, as a query has them."""
    return compile_filters(Query.build(filters, multiplevaluematching=True).filters, rules)(
        attributes
    )


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("4711", "4711", True),
        ("4711", "47110", False),
        ("4711", "0471", False),
        ("abc", "ABC", False),  # QID-31: only names are the same in other letters
        (" 4711 ", "4711", True),
        ("4711", " 4711 ", True),
        ("*", "4711", True),
        ("*", None, True),
        ("**", None, True),
        ("47*", "4711", True),
        ("47*", "47", True),
        ("*11", "4711", True),
        ("4*1", "4711", True),
        ("4?11", "4711", True),
        ("4?11", "411", False),
        ("??", "47", True),
        ("??", "471", False),
        ("*7*1*", "4711", True),
        ("*1*7*", "4711", False),
        ("47*711", "4711", False),  # what one piece took the next one cannot have
        ("[4]7*", "4711", False),
        ("[4]7*", "[4]711", True),
        ("4_11", "4711", False),
        ("47%", "4711", False),
        ("a.c", "abc", False),
        ("4711", None, False),
        ("a?b", "a\0b", True),
        ('"x"\\', '"x"\\', True),
        ("x*y", "x\n\ny", True),
    ],
)
def test_text(key: str, stored: str | None, expected: bool) -> None:
    """QID-30, QID-31, QID-33: equality, and wildcards; other special characters are none."""
    assert expected is matches({"PatientID": key}, attributes_of(PatientID=stored))


@pytest.mark.parametrize(
    ("keyword", "key", "stored"),
    [
        ("StudyInstanceUID", "1.2*", "1.2.3"),
        ("SeriesNumber", "1*", "12"),
        ("PatientAge", "01?Y", "010Y"),
        ("NumberOfFrames", "?", 1),
    ],
)
def test_no_wildcards(keyword: str, key: str, stored: object) -> None:
    """QID-33: in the keys of some VRs there are no wildcards."""
    assert not matches({keyword: key}, attributes_of(**{keyword: stored}))


def test_many_stars() -> None:
    """A key of many stars ends at once: there is nothing to be tried twice."""
    assert not matches({"PatientID": "*a" * 500 + "*b"}, attributes_of(PatientID="a" * 5000))


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_by_definition(key: str, stored: str) -> None:
    """QID-33: a key matches what comes about when its wildcards are replaced."""

    def reference(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(reference(pattern[1:], text[i:]) for i in range(len(text) + 1))
        return bool(text) and pattern[0] in {"?", text[0]} and reference(pattern[1:], text[1:])

    if key and stored:
        expected = reference(key, stored)
        assert expected is matches({"PatientID": key}, attributes_of(PatientID=stored))


def test_list_of_uids() -> None:
    """QID-32: any of a list of UIDs may match."""
    key = {"StudyInstanceUID": ["1.2", "1.3"]}

    assert matches(key, attributes_of(StudyInstanceUID="1.3"))
    assert not matches(key, attributes_of(StudyInstanceUID="1.4"))


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("20200115", "20200115", True),
        ("20200115", "2020.01.15", True),
        ("20200115", "20200116", False),
        ("20200101-20200131", "20200131", True),
        ("20200101-20200131", "20200101", True),
        ("20200101-20200131", "20200201", False),
        ("-20200131", "00010101", True),
        ("-20200131", "20200201", False),
        ("20200101-", "99991231", True),
        ("20200101-", "20191231", False),
        ("2020", "20200615", True),
        ("202002", "20200229", True),
        ("202002", "20200301", False),
        ("2019-202001", "20200131", True),
        ("2019-202001", "20200201", False),
        ("20200101-", None, False),
        ("-20200101", "nonsense", False),
        ("20200101-20191231", "20200101", False),
    ],
)
def test_dates(key: str, stored: str | None, expected: bool) -> None:
    """QID-34, QID-35: ranges have both ends, and what is cut short is all that begins so."""
    assert expected is matches({"StudyDate": key}, attributes_of(StudyDate=stored))


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("10", "1059", True),
        ("10", "110000", False),
        ("1030-11", "105959.999999", True),
        ("1030-11", "115959.999999", True),
        ("1030-11", "102959", False),
        ("-0959", "095959.9", True),
        ("2300-0100", "233000", False),  # times don't wrap around midnight
        ("101112.5", "101112.5", True),
        ("101112.5", "101112.6", False),
        ("101112", "10:11:12", True),
        ("235960", "235959", True),
    ],
)
def test_times(key: str, stored: str, expected: bool) -> None:
    """QID-34, QID-35: ranges of times."""
    assert expected is matches({"StudyTime": key}, attributes_of(StudyTime=stored))


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("2013", "20130630101112.123", True),
        ("20130101-0500", "20130101", True),
        ("2012-2013", "20130630", True),
        ("20130101120000+0000", "20130101130000+0100", True),
        ("20130101120000+0000", "20130101120000+0100", False),
        ("20130101120000-0500-20130101130000-0500", "20130101173000+0000", True),
        ("-20130101000000+0000", "20130101003000+0100", True),
    ],
)
def test_dates_with_times(key: str, stored: str, expected: bool) -> None:
    """QID-34: a minus with a possible offset from UTC behind a moment is no range."""
    attributes = attributes_of(AcquisitionDateTime=stored)

    assert expected is matches({"AcquisitionDateTime": key}, attributes)


def test_zone_of_the_request() -> None:
    """QID-26: the request may say in which zone its moments are; that is no key."""
    filters = {"AcquisitionDateTime": "2013010112", "TimezoneOffsetFromUTC": "+0200"}
    rules = Rules.of(search_request(filters=filters))

    assert dt.timedelta(hours=2) == rules.zone
    assert matches(filters, attributes_of(AcquisitionDateTime="20130101103000+0000"), rules)
    assert not matches(filters, attributes_of(AcquisitionDateTime="20130101123000+0000"), rules)


@pytest.mark.parametrize(
    ("keyword", "key"),
    [
        ("StudyDate", "2020-01-01"),
        ("StudyDate", "20201301"),
        ("StudyDate", "2020*"),
        ("StudyDate", "-"),
        ("StudyTime", "2500"),
        ("AcquisitionDateTime", "yesterday"),
        ("TimezoneOffsetFromUTC", "CET"),
    ],
)
def test_no_date(keyword: str, key: str) -> None:
    """QID-M6: what is neither date nor range is refused, and not repeated in the error."""
    request = search_request(filters={keyword: key})

    with pytest.raises(RemoteProtocolError, match=keyword) as raised:
        compile_filters(request.query.filters, Rules.of(request))

    assert 400 == raised.value.status_hint
    assert key == "-" or key not in str(raised.value)


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20200101", "1100", True),
        ("20200101", "0900", False),
        ("20200102", "0900", True),
        ("20200102", "2300", True),
        ("20200103", "0959", True),
        ("20200103", "1300", False),
        ("20200101", None, True),
        (None, "1100", False),
    ],
)
def test_joined_ranges(date: str | None, time: str | None, expected: bool) -> None:
    """QID-36: from the first time on the first day to the last time on the last day."""
    key = {"StudyDate": "20200101-20200103", "StudyTime": "1000-1200"}

    assert expected is matches(key, attributes_of(StudyDate=date, StudyTime=time))


def test_joined_open_ranges() -> None:
    """QID-36: an end that is open in the dates is open; one in the times is that of the day."""
    since = {"StudyDate": "20200101-", "StudyTime": "1000-"}
    until = {"StudyDate": "-20200101", "StudyTime": "-1000"}
    early = attributes_of(StudyDate="20200101", StudyTime="0900")
    late = attributes_of(StudyDate="20200101", StudyTime="1100")

    assert (False, True) == (matches(since, early), matches(since, late))
    assert (True, False) == (matches(until, early), matches(until, late))


def test_range_with_a_single_time() -> None:
    """QID-36: where one of the two is no range each is matched on its own."""
    key = {"StudyDate": "20200101-20200103", "StudyTime": "10"}

    assert matches(key, attributes_of(StudyDate="20200102", StudyTime="1030"))
    assert not matches(key, attributes_of(StudyDate="20200102", StudyTime="1130"))


def test_one_item_matches_all() -> None:
    """QID-37: all keys of a sequence are matched by the same item."""
    item_1 = attributes_of(ScheduledProcedureStepID="A", RequestedProcedureID="1")
    item_2 = attributes_of(ScheduledProcedureStepID="B", RequestedProcedureID="2")
    stored = attributes_of(RequestAttributesSequence=[item_1, item_2])
    step = "RequestAttributesSequence.ScheduledProcedureStepID"
    procedure = "RequestAttributesSequence.RequestedProcedureID"

    assert matches({step: "B", procedure: "2"}, stored)
    assert not matches({step: "A", procedure: "2"}, stored)
    assert not matches({step: "A"}, attributes_of(RequestAttributesSequence=None))
    assert not matches({step: "A"}, {})
    assert matches({step: "*"}, {})


def test_nested_sequences() -> None:
    """QID-37: also deeper."""
    code = attributes_of(CodeValue="T-1", CodingSchemeDesignator="99X")
    outer = attributes_of(PurposeOfReferenceCodeSequence=[code])
    stored = attributes_of(ReferencedStudySequence=[{}, outer])
    path = "ReferencedStudySequence.PurposeOfReferenceCodeSequence"

    assert matches({f"{path}.CodeValue": "T-*", f"{path}.00080102": "99X"}, stored)
    assert not matches({f"{path}.CodeValue": "T-*", f"{path}.00080102": "99Y"}, stored)


def test_several_stored_values() -> None:
    """QID-38: one of several stored values is enough."""
    stored = attributes_of(ModalitiesInStudy=["CT", "PT"])

    assert matches({"ModalitiesInStudy": "PT"}, stored)
    assert matches({"ModalitiesInStudy": "P?"}, stored)
    assert not matches({"ModalitiesInStudy": "CT\\PT"}, stored)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("CT\\PT", True), ("PT\\CT", True), ("CT\\MR", False), ("C?\\PT", False), ("C?", True)],
)
def test_all_of_several_values(key: str, expected: bool) -> None:
    """QID-42: where asked for, each of several values must be there, without wildcards."""
    stored = attributes_of(ModalitiesInStudy=["CT", "SR", "PT"])

    assert expected is matches({"ModalitiesInStudy": key}, stored, Rules(several_values=True))


def test_one_of_several_values() -> None:
    """QID-42: a backslash behind the only value adds no other one."""
    rules = Rules(several_values=True)

    assert matches({"Modality": "CT\\"}, attributes_of(Modality="CT"), rules)
    assert not matches({"Modality": "CT\\"}, attributes_of(Modality="MR"), rules)


def test_several_values_of_a_key() -> None:
    """QID-42: without that, one is enough."""
    stored = attributes_of(Modality="CT")

    assert matches({"Modality": ["MR", "CT"]}, stored)
    assert not matches({"Modality": ["MR", "CT"]}, stored, Rules(several_values=True))


@pytest.mark.parametrize("keyword", ["PatientID", "PatientName", "StudyDate", "SeriesNumber"])
def test_empty_values(keyword: str) -> None:
    """QID-43: where asked for, two quotation marks match what has no value, or is not there."""
    key, rules = {keyword: '""'}, Rules(empty_values=True)

    assert matches(key, {}, rules)
    assert matches(key, attributes_of(**{keyword: None}), rules)
    assert not matches(key, attributes_of(**{keyword: "1"}), rules)


def test_empty_values_in_sequences() -> None:
    """QID-43: no item has no value either."""
    key = {"RequestAttributesSequence.RequestedProcedureID": '""'}

    assert matches(key, {}, Rules(empty_values=True))


def test_quotation_marks() -> None:
    """QID-43: where not asked for, they are characters."""
    assert not matches({"PatientID": '""'}, {})
    assert matches({"PatientID": '""'}, attributes_of(PatientID='""'))


@pytest.mark.parametrize(
    ("keyword", "key"),
    [
        *(("PatientName", key) for key in (" ", "^", "=", " ^ = ^", "*=", " * ", "**")),
        ("PatientID", " "),
        ("PatientID", " * "),
        ("PatientComments", " "),
        ("StudyDate", " "),
        ("SeriesNumber", " "),
    ],
)
@pytest.mark.parametrize("fuzzy", [False, True])
def test_blank_keys(keyword: str, key: str, fuzzy: bool) -> None:
    """QID-25, QID-30, QID-31: without its padding such a key is empty, and matches all."""
    for stored in ({}, attributes_of(**{keyword: None}), attributes_of(**{keyword: "1"})):
        assert matches({keyword: key}, stored, Rules(fuzzy=fuzzy))


def test_blank_member_of_a_list() -> None:
    """QID-32: a list of UIDs with a blank among them is still that list."""
    key = {"StudyInstanceUID": "1.2, "}

    assert matches(key, attributes_of(StudyInstanceUID="1.2"))
    assert not matches(key, attributes_of(StudyInstanceUID="1.3"))


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("doe^john", "Doe^John", True),
        ("DOE^JOHN", "Doe^John^^^", True),
        ("Doe^John^", "Doe^John", True),
        ("Doe", "Doe^John", False),
        ("Doe*", "Doe^John", True),
        ("*john*", "Doe^John", True),
        ("muller*", "Müller^Jürgen", True),
        ("MÜLLER*", "Muller^Jurgen", True),
        ("straße", "STRASSE", True),
        ("sorensen", "Sørensen", True),
        ("Doe ^ John", "Doe^John", True),
        ("王^小東", "Wang^XiaoDong=王^小東", True),
        ("Wang*", "Wang^XiaoDong=王^小東", True),
        ("Wang*=王*", "Wang^XiaoDong=王^小東", True),
        ("=王*", "Wang^XiaoDong=王^小東", True),
        ("Wang*=李*", "Wang^XiaoDong=王^小東", False),
        ("王*=Wang*", "Wang^XiaoDong=王^小東", False),
        ("か*", "が", False),
        ("김?동", "김희동", True),
    ],
)
def test_names(key: str, stored: str, expected: bool) -> None:
    """QID-31, QID-33: names are the same in upper and lower case, and without accents."""
    assert expected is matches({"PatientName": key}, attributes_of(PatientName=stored))


@pytest.mark.parametrize(
    ("key", "stored", "expected"),
    [
        ("john", "Doe^John", True),
        ("jo", "Doe^John", True),
        ("john doe", "Doe^John", True),
        ("Doe^Jane", "Doe^John", False),
        ("Schmit", "Schmidt^Eva", True),
        ("Shcmidt", "Schmidt^Eva", True),
        ("Schmudd", "Schmidt^Eva", False),
        ("Mueller", "Müller^Eva", True),
        ("obrien", "O'Brien^Pat", True),
        ("doo", "Doe^John", False),
        ("wang 王", "Wang^XiaoDong=王^小東", True),
        ("*mid*", "Schmidt^Eva", True),
    ],
)
def test_fuzzy_names(key: str, stored: str, expected: bool) -> None:
    """QID-41: each word of the key begins a word of the name, or is one with a slip of the pen."""
    stored_name = attributes_of(PatientName=stored)

    assert expected is matches({"PatientName": key}, stored_name, Rules(fuzzy=True))


@given(st.text("Abé ^=*?", min_size=1, max_size=6), st.text("aBe ^", min_size=1, max_size=6))
def test_fuzzy_is_more(key: str, stored: str) -> None:
    """QID-41: what matches to the letter matches fuzzily."""
    if matches({"PatientName": key}, attributes_of(PatientName=stored)):
        assert matches({"PatientName": key}, attributes_of(PatientName=stored), Rules(fuzzy=True))


@pytest.mark.parametrize(
    ("keyword", "key", "stored", "expected"),
    [
        ("SeriesNumber", "1", "01", True),
        ("SeriesNumber", "01", 1, True),
        ("SeriesNumber", "+1", 1, True),
        ("SeriesNumber", "1", "11", False),
        ("SeriesNumber", "x", "x", True),
        ("PatientWeight", "70", "70.0", True),
        ("PatientWeight", "7e1", 70.0, True),
        ("PatientWeight", "70", "70.5", False),
        ("Rows", "512", 512, True),
        ("Rows", "0512", 512, True),
        ("RecommendedDisplayFrameRateInFloat", "0.1", 0.10000000149011612, True),
        ("RecommendedDisplayFrameRateInFloat", "1e99", 1.0, False),
        ("SeriesNumber", "1" * 400, 1, False),
    ],
)
def test_numbers(keyword: str, key: str, stored: object, expected: bool) -> None:
    """QID-44: numbers are compared as numbers."""
    assert expected is matches({keyword: key}, attributes_of(**{keyword: stored}))


PRIVATE: JsonObject = {
    "00230010": {"vr": "LO", "Value": ["Other"]},
    "00230011": {"vr": "LO", "Value": ["Acme"]},
    "00231001": {"vr": "LO", "Value": ["wrong"]},
    "00231101": {"vr": "UN", "InlineBinary": "MDAxMjM5IA=="},
    "00231102": {"vr": "US", "Value": [7]},
    "00231103": {"vr": "PN", "Value": [{"Alphabetic": "Doe^John"}]},
}


@pytest.mark.parametrize(
    ("creator", "name", "key", "expected"),
    [
        ("Acme", "00231001", "001239", True),
        ("Acme", "00231001", "0012*", True),
        ("Acme", "00231001", "wrong", False),
        ("Other", "00231001", "wrong", True),
        ("Nobody", "00231001", "wrong", False),
        ("Acme", "00231002", "07", True),
        ("Acme", "00231003", "doe*", True),
    ],
)
def test_private_attributes(creator: str, name: str, key: str, expected: bool) -> None:
    """QID-24: a private attribute is found by its creator, in whatever block that is."""
    assert expected is matches({"00230010": creator, name: key}, PRIVATE)


def test_locate() -> None:
    """QID-24: where a private attribute is in a data set."""
    tag = parse_attribute_path("00231001").tag

    assert "00231101" == locate(PRIVATE, tag, "Acme")
    assert locate(PRIVATE, tag, "Nobody") is None


def test_rules_of_a_request() -> None:
    """QID-05, QID-06, QID-07: the request's switches; off where it doesn't say."""
    request = search_request(
        fuzzymatching=True, emptyvaluematching=True, multiplevaluematching=True
    )

    assert Rules() == Rules.of(search_request())
    assert Rules(fuzzy=True, empty_values=True, several_values=True) == Rules.of(request)
