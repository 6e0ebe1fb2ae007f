from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb.server.index.attributes import RETURNED, Level
from aiodicomweb.server.index.index import Index
from aiodicomweb.server.index.results import level_of_search
from aiodicomweb.services import Selector

from ...support.entries import an_entry, search_request
from ...support.searching import json_of

STUDY, SERIES, INSTANCE = (set(RETURNED[level].always) for level in Level)
STUDY_UID, SERIES_UID = "0020000D", "0020000E"


def result(selector: Selector, *, entry: dict[str, Any] | None = None, **asked: Any) -> Any:
    """The only result of a search, as JSON."""
    index = Index.open(None)
    index.add([an_entry(**(entry or {}))])
    (found,) = json_of(index.search(search_request(selector, **asked), 10))
    index.close()
    return found


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(""), STUDY),
        (Selector("1.2", ""), SERIES | {STUDY_UID}),
        (Selector("1.2", instance=""), SERIES | INSTANCE | {STUDY_UID}),
        (Selector(series=""), STUDY | SERIES),
        (Selector("1.2", "1.2.3", ""), INSTANCE | {STUDY_UID, SERIES_UID}),
        (Selector(instance=""), STUDY | SERIES | INSTANCE),
    ],
)
def test_returned_by_default(selector: Selector, expected: set[str]) -> None:
    """QID-63, QID-112: the levels of each resource, and the UIDs that the path matched."""
    syntax = {"00083002"} if level_of_search(selector) is Level.INSTANCE else set()

    assert expected | syntax == set(result(selector))


def test_unknown_values() -> None:
    """QID-114: what must be returned and is not known has no value."""
    found = result(Selector(instance=""))

    assert {"vr": "PN"} == found["00100010"]
    assert {"vr": "IS"} == found["00200013"]
    assert {"vr": "CS", "Value": ["ONLINE"]} == found["00080056"]


def test_known_values() -> None:
    """What is to be returned if it is known is."""
    entry = {"Rows": 2, "SeriesDescription": "x", "TimezoneOffsetFromUTC": "+0100"}
    found = result(Selector(instance=""), entry=entry)

    assert {"00280010", "0008103E", "00080201"} <= set(found)
    assert "00280008" not in found


def test_fields() -> None:
    """QID-110: fields of the level and of those above are returned, of those below not."""
    entry = {"StudyDescription": "a", "SeriesDescription": "b", "ImageComments": "c"}
    fields = [*entry, "PatientComments"]
    added = {"00081030", "0008103E", "00204000", "00104000"}

    assert {"00081030", "00104000"} == added & set(result(Selector(""), entry=entry, fields=fields))
    series = result(Selector("1.2", ""), entry=entry, fields=fields)
    assert added - {"00204000"} == added & set(series)
    assert {"vr": "LT"} == series["00104000"]
    instance = result(Selector("1.2", "1.2.3", ""), entry=entry, fields=fields)
    assert added == added & set(instance)


def test_matched() -> None:
    """QID-110: what was matched is returned, also where it is in a sequence."""
    item = {"00100020": {"vr": "LO", "Value": ["X"]}}
    entry = {"StudyDescription": "a", "OtherPatientIDsSequence": [item]}
    filters = {"StudyDescription": "*", "OtherPatientIDsSequence.PatientID": "X"}
    found = result(Selector("1.2", ""), entry=entry, filters=filters)

    assert {"vr": "LO", "Value": ["a"]} == found["00081030"]
    assert {"vr": "SQ", "Value": [item]} == found["00101002"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (Selector(""), {"00081030"}),
        (Selector(series=""), {"00081030", "00181030"}),
        (Selector(instance=""), {"00081030", "00181030", "00204000"}),
    ],
)
def test_all_fields(selector: Selector, expected: set[str]) -> None:
    """QID-111: all that is noted of the level and those above."""
    entry = {"StudyDescription": "a", "ProtocolName": "b", "ImageComments": "c"}
    found = result(selector, entry=entry, fields=["all"])

    assert expected == {"00081030", "00181030", "00204000"} & set(found)
    assert STUDY <= set(found)


@pytest.mark.parametrize(("name", "expected"), [("Doe", None), ("Møller", "ISO_IR 192")])
def test_character_set(name: str, expected: str | None) -> None:
    """QID-113: a result that is more than ASCII says that it is Unicode."""
    found = result(Selector(""), entry={"PatientName": name})

    assert expected == found.get("00080005", {"Value": [None]})["Value"][0]
