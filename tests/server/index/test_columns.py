from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aiodicomweb.dicom import parse_attribute_path
from aiodicomweb.errors import ConfigurationError, RemoteProtocolError
from aiodicomweb.server.index import finding
from aiodicomweb.server.index.columns import columns_of_study, conditions, first_number
from aiodicomweb.server.index.index import Index
from aiodicomweb.server.index.matching import Rules
from aiodicomweb.services import Selector

from ...support.entries import an_entry, attributes_of, search_request
from ...support.searching import datasets_of

if TYPE_CHECKING:
    from aiodicomweb.server.index.attributes import Entry
    from aiodicomweb.services import SearchRequest

LITERAL = Rules()
TEXT = st.text(st.sampled_from("aAé*?[]\\\"'%_ \n\0=^王\ud800"), min_size=1, max_size=4)
DATE = st.sampled_from(
    ["20200101", "2020.01.02", "2020", "202001", "2019-2020", "-20200101", "20200102-", "x"]
)
NUMBER = st.sampled_from(["1", "01", "1.0", "2", "x", "1e0", ".5", "+1"])
UID = st.sampled_from(["1.2", "1.3", "1.2.3", "1.3.3"])
VALUES: dict[str, st.SearchStrategy[str]] = {
    "PatientName": TEXT,
    "PatientID": TEXT,
    "AccessionNumber": TEXT,
    "StudyID": TEXT,
    "StudyDescription": TEXT,
    "ReferringPhysicianName": TEXT,
    "PatientComments": TEXT,
    "OtherPatientNames": TEXT,
    "StudyDate": DATE,
    "StudyTime": st.sampled_from(["10", "1000-1100", "103000"]),
    "PatientBirthDate": DATE,
    "Modality": TEXT,
    "SeriesNumber": NUMBER,
    "SeriesDescription": TEXT,
    "InstanceNumber": NUMBER,
    "ImageComments": TEXT,
    "StudyInstanceUID": UID,
    "SeriesInstanceUID": UID,
}
KEYS = {
    **VALUES,
    "ModalitiesInStudy": TEXT,
    "RequestAttributesSequence.ScheduledProcedureStepID": TEXT,
    "SOPClassUID": UID,
    "NumberOfStudyRelatedInstances": NUMBER,
    "TimezoneOffsetFromUTC": st.sampled_from(["+0100", "-0500"]),
}
SWITCHES = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
SELECTORS = st.sampled_from(
    [
        *(Selector(study=""), Selector(series=""), Selector(instance="")) * 2,
        Selector(study="1.2", series=""),
        Selector(study="1.2", instance=""),
        Selector(study="1.2", series="1.2.3", instance=""),
    ]
)


def clean(values: Any) -> Any:
    """Values as they are in data sets: text that has lone surrogates is not."""
    if isinstance(values, list):
        return [clean(value) for value in values]
    return values.encode("utf-8", "replace").decode()


@st.composite
def keys_like(draw: st.DrawFn, name: str, stored: list[str]) -> str:
    """A key that may well match a stored value: wildcards in place of some characters."""
    text = draw(st.sampled_from(stored) | KEYS[name] | st.sampled_from(['""', "*"]))
    if KEYS[name] is not TEXT:
        return text
    changes = st.sampled_from([str, str, str, str.upper, lambda _: "*", lambda _: "?"])
    changed = "".join(draw(changes)(character) for character in text)
    changed += draw(st.sampled_from(["", "", " ", "*", "\\" + draw(st.sampled_from(stored))]))
    return changed.replace("\0", "?")  # no query has it


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[Entry], SearchRequest]:
    """Some instances, and a search for one or two of their attributes."""
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2, unique=True))
    made: list[Entry] = []
    stored: dict[str, list[str]] = {name: ["1"] for name in names}
    for number in range(draw(st.integers(1, 3))):
        values: dict[str, Any] = {}
        for name in names:
            if name in VALUES and not name.endswith("UID"):
                values[name] = clean(draw(st.lists(VALUES[name], max_size=2)))
                stored[name] += values[name]
            elif "." in name:
                step = clean(draw(TEXT))
                values["RequestAttributesSequence"] = [
                    {},
                    attributes_of(ScheduledProcedureStepID=step),
                ]
                stored[name].append(step)
            elif name == "ModalitiesInStudy":
                values["Modality"] = clean(draw(TEXT))
                stored[name].append(values["Modality"])
        study = draw(st.sampled_from(["1.2", "1.3"]))
        made.append(an_entry(f"1.{number}", f"{study}.3", study, **values))
    switches = {name: draw(st.booleans()) for name in SWITCHES}
    filters = {
        name: draw(st.lists(keys_like(name, stored[name]), min_size=1, max_size=2))
        for name in names
    }
    try:
        return made, search_request(draw(SELECTORS), filters, **switches)
    except ConfigurationError:
        # Two keys may be one, such as that of the empty list of UIDs.
        assume(False)
        raise


def found(index: Index, request: SearchRequest) -> list[Any] | None:
    """UIDs of what is found, in order; ``None`` where the search is refused."""
    try:
        return [
            [
                dataset.get(name)
                for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            ]
            for dataset in datasets_of(index.search(request, 100))
        ]
    except RemoteProtocolError:
        return None


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(searches())
def test_conditions_leave_out_no_match(search: tuple[list[Entry], SearchRequest]) -> None:
    """What SQLite leaves out of a search would not have matched."""
    made, request = search
    index = Index.open(None)
    index.add(made)
    narrowed = found(index, request)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "conditions", lambda *_: ([], []))
        expected = found(index, request)
    index.close()

    assert expected == narrowed


@pytest.mark.parametrize(
    ("keyword", "stored", "key", "settings"),
    [
        ("PatientID", "a[b]c", "a[b]*", {}),
        ("PatientID", "a\0bc", "a*", {}),
        ("PatientID", "a\0bc", "a?bc", {}),
        ("PatientID", "a\nb", "a\nb", {}),
        ("PatientID", "'; DROP TABLE study; --", "'; DROP*", {}),
        ("PatientID", 'a"b', 'a"b', {}),
        ("OtherPatientIDs", 'say "hi"\\', 'say "hi"\\', {}),
        ("PatientComments", "one\ntwo", "*\ntwo", {}),
        ("PatientComments", "long text", "*ong*", {}),
        ("PatientName", "Doe^Jane=王^小東", "doe*=王*", {}),
        ("PatientName", "Schmidt^Eva", "schmit", {"fuzzymatching": True}),
        ("PatientName", "Doe^Jane=王^小東", "DOE^JANE^", {"fuzzymatching": True}),
        ("PatientName", "Doe^Jane", "d*j*e", {"fuzzymatching": True}),
        ("OtherPatientNames", ["A^B", "Doe^Jane"], "doe*", {}),
        ("StudyDate", "2020.01.02", "20200101-20200103", {}),
        ("StudyDate", ["20190101", "20200102"], "20200101-20200103", {}),
        ("StudyDate", "00010101", "-20200103", {}),
        ("SeriesNumber", "x", "x", {}),
        ("SeriesNumber", ["1", "2"], "2", {}),
        ("SeriesNumber", "01", "1", {}),
        ("Modality", "CT", "CT", {}),
        ("PatientID", ["A", "B"], "B\\A", {"multiplevaluematching": True}),
        ("OtherPatientIDs", ["A", "B"], "B\\A", {"multiplevaluematching": True}),
        ("PatientID", None, '""', {"emptyvaluematching": True}),
        ("PatientComments", "a" * 15_000, "a" * 15_000, {}),
        ("PatientID", "a" * 15_000, "a" * 14_999 + "*", {}),
    ],
)
def test_found(keyword: str, stored: object, key: str, settings: dict[str, bool]) -> None:
    """What matches is found, whatever the value means to SQLite."""
    request = search_request(Selector(instance=""), {keyword: key}, **settings)
    with closing(Index.open(None)) as index:
        index.add([an_entry(**{keyword: stored})])

        assert [["1.2", "1.2.3", "1.2.3.4"]] == found(index, request)


def condition_count(filters: dict[str, Any], tables: int, rules: Rules = LITERAL) -> int:
    """How many conditions are made of keys."""
    return len(conditions(search_request(filters=filters).query.filters, rules, tables)[0])


@pytest.mark.parametrize(
    ("keyword", "key", "table"),
    [
        ("PatientName", "Doe*", 1),
        ("PatientID", "4711", 1),
        ("StudyDate", "2020-", 1),
        ("PatientBirthDate", "2020", 1),
        ("ModalitiesInStudy", "CT", 1),
        ("AccessionNumber", "A1", 1),
        ("StudyInstanceUID", "1.2", 1),
        ("PatientComments", "text", 1),
        ("Modality", "CT", 2),
        ("SeriesInstanceUID", "1.2", 2),
        ("SeriesNumber", "1", 2),
        ("RequestAttributesSequence.RequestedProcedureID", "R1", 2),
        ("InstanceNumber", "1", 3),
        ("SOPInstanceUID", "1.2", 3),
        ("SOPClassUID", "1.2", 3),
    ],
)
def test_conditions(keyword: str, key: str, table: int) -> None:
    """The usual keys narrow a search down, where their table takes part in it."""
    assert table == 1 or 0 == condition_count({keyword: key}, table - 1)
    assert 1 == condition_count({keyword: key}, table)


@pytest.mark.parametrize(
    ("filters", "rules"),
    [
        ({"PatientID": "*"}, Rules()),
        ({"PatientID": " "}, Rules()),
        ({"PatientName": " ^="}, Rules()),
        ({"TimezoneOffsetFromUTC": "+0100"}, Rules()),
        ({"PatientID": '""'}, Rules(empty_values=True)),
        ({"PatientName": "Doe*"}, Rules(fuzzy=True)),
        ({"PatientID": "x" * 100_000}, Rules()),
        ({"SOPInstanceUID": [f"1.{n}" for n in range(40_000)]}, Rules()),
    ],
)
def test_no_conditions(filters: dict[str, Any], rules: Rules) -> None:
    """Keys that match too much, and those that are too long for SQLite, are left to matching."""
    assert 0 == condition_count(filters, 3, rules)


def test_years_before_1000() -> None:
    """Dates are compared as text, so that all have eight digits."""
    columns = columns_of_study(attributes_of(StudyDate="09990101"))

    assert "09990101" == columns["date"]


@pytest.mark.parametrize(
    ("value", "expected"), [("3", 3.0), ("03", 3.0), (["1", "2"], math.inf), (None, math.inf)]
)
def test_first_number(value: object, expected: float) -> None:
    """A number to sort by; what has none comes last."""
    assert expected == first_number(attributes_of(SeriesNumber=value)["00200011"])


def test_path_is_no_column() -> None:
    """The same attribute in a sequence is another one."""
    path = parse_attribute_path("OtherPatientIDsSequence.PatientID")
    terms, values = conditions([(path, ("4711",))], Rules(), 1)

    assert ["(instr(t.attributes, ?))"] == terms
    assert ["4711"] == values
