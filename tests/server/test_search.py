"""Searching (PS3.18 §10.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.errors import RemoteProtocolError
from aiodicomweb.server import Matches
from aiodicomweb.server.archive import Written
from aiodicomweb.server.origin import Origin
from aiodicomweb.services import SearchRequest, SearchResponse, Selector

from ..support.asking import Asking, PlainArchive

JSON = "application/dicom+json"
XML = 'multipart/related; type="application/dicom+xml"'


@pytest.fixture
def archive() -> PlainArchive:
    """What is searched."""
    return PlainArchive()


@pytest.fixture
def ask(archive: PlainArchive) -> Asking:
    """A server that answers with 100 results at most."""
    return Asking(Origin(archive, base_path="/dicom-web/", most_results=100))


def match(**values: Any) -> Dataset:
    """A data set."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


async def test_matches_are_json(ask: Asking, archive: PlainArchive) -> None:
    """An array of objects, each with its URL (QID-M4, QID-77)."""
    archive.matches = Matches([match(StudyInstanceUID="1.2", PatientName="Doe^Jane")])
    response = await ask("GET", "/dicom-web/studies?PatientName=Doe*&limit=7&offset=2")

    assert (200, JSON) == (response.status, response.headers["Content-Type"])
    assert [
        {
            "00081190": {"vr": "UR", "Value": ["http://pacs.example/dicom-web/studies/1.2"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
            "0020000D": {"vr": "UI", "Value": ["1.2"]},
        }
    ] == json.loads(response.body)
    ((request, limit),) = archive.searches
    assert (7, 2, 100) == (request.limit, request.offset, limit)
    assert ["Doe*"] == [value for _, values in request.query.filters for value in values]


@pytest.mark.parametrize(
    ("value", "query"),
    [
        ("Doe Jane", "PatientName=Doe+Jane"),
        ("Doe+Jane", "PatientName=Doe%2BJane"),
        ("a b", "00081030=a+b"),
        ("+0100", "TimezoneOffsetFromUTC=+0100"),
        ("20200101000000+0100", "AcquisitionDateTime=20200101000000+0100"),
    ],
)
async def test_a_bare_plus(ask: Asking, archive: PlainArchive, value: str, query: str) -> None:
    """It is a space, as dicomweb-client means it, but where an offset can be (GEN-08, QID-26)."""
    await ask("GET", f"/dicom-web/studies?limit=1&{query}")

    ((request, _),) = archive.searches
    assert [value] == [value for _, values in request.query.filters for value in values]


FORMS = {
    "pydicom": match(PatientID="ä", StudyInstanceUID="1.2"),
    "object": {
        "0020000D": {"vr": "UI", "Value": ["1.2"]},
        "00100020": {"vr": "LO", "Value": ["ä"]},
    },
    "written": Written(
        {"0020000D": '{"Value":["1.2"],"vr":"UI"}', "00100020": '{"Value":["ä"],"vr":"LO"}'}
    ),
}


@pytest.mark.parametrize("accept", [JSON, XML])
@pytest.mark.parametrize("form", FORMS)
async def test_matches_have_several_forms(
    ask: Asking, archive: PlainArchive, form: str, accept: str
) -> None:
    """Archives may have them as it suits them; tags ascend in any case (PS3.18 §F.2.2)."""
    archive.matches = Matches([FORMS[form]])
    response = await ask("GET", "/dicom-web/studies", {"Accept": accept})

    (found,) = SearchResponse.from_http(response).datasets
    assert ["ä", "1.2"] == [found.PatientID, found.StudyInstanceUID]
    assert "http://pacs.example/dicom-web/studies/1.2" == found.RetrieveURL
    if accept == JSON:
        names = list(json.loads(response.body)[0])
        assert sorted(names) == names


async def test_matches_are_xml(ask: Asking, archive: PlainArchive) -> None:
    """A part for each (QID-M3)."""
    archive.matches = Matches([match(StudyInstanceUID="1.2"), match(StudyInstanceUID="1.3")])
    response = await ask("GET", "/dicom-web/studies", {"Accept": XML})

    found = SearchResponse.from_http(response).datasets
    assert ["1.2", "1.3"] == [dataset.StudyInstanceUID for dataset in found]


@pytest.mark.parametrize(
    ("url", "path", "uids"),
    [
        ("/studies/1", "/studies", {"StudyInstanceUID": "1"}),
        ("/studies/1/series/2", "/studies/1/series", {"SeriesInstanceUID": "2"}),
        (
            "/studies/1/series/2",
            "/series",
            {"StudyInstanceUID": "1", "SeriesInstanceUID": "2"},
        ),
        (
            "/studies/1/series/2/instances/3",
            "/studies/1/series/2/instances",
            {"SOPInstanceUID": "3"},
        ),
        (
            "/studies/1/series/2/instances/3",
            "/studies/1/instances",
            {"SeriesInstanceUID": "2", "SOPInstanceUID": "3"},
        ),
        (
            "/studies/1/series/2/instances/3",
            "/instances",
            {"StudyInstanceUID": "1", "SeriesInstanceUID": "2", "SOPInstanceUID": "3"},
        ),
    ],
)
async def test_each_match_has_its_url(
    ask: Asking, archive: PlainArchive, url: str, path: str, uids: dict[str, str]
) -> None:
    """At all six resources (QID-77, QID-93, QID-104)."""
    archive.matches = Matches([match(**uids)])
    response = await ask("GET", f"/dicom-web{path}")

    (found,) = json.loads(response.body)
    assert [f"http://pacs.example/dicom-web{url}"] == found["00081190"]["Value"]


@pytest.mark.parametrize("uid", ["", "../../etc", "1/2"])
async def test_a_match_that_cannot_be_retrieved_has_no_url(
    ask: Asking, archive: PlainArchive, uid: str
) -> None:
    """A UID that is none is nothing for a path."""
    dataset = Dataset()
    dataset.add_new(0x0020000D, "LO", uid)
    archive.matches = Matches([dataset])
    response = await ask("GET", "/dicom-web/studies")

    assert ["0020000D"] == list(json.loads(response.body)[0])


async def test_nothing_found_is_an_empty_array(ask: Asking) -> None:
    """200 with ``[]`` (QID-M5, ERR-42)."""
    response = await ask("GET", "/dicom-web/studies")

    assert (200, b"[]", JSON) == (
        response.status,
        response.body,
        response.headers["Content-Type"],
    )


async def test_nothing_found_in_xml_is_nothing(ask: Asking) -> None:
    """A multipart body has a part; 204 has none (QID-M5)."""
    response = await ask("GET", "/dicom-web/studies", {"Accept": XML})

    assert (204, b"") == (response.status, response.body)


@pytest.mark.parametrize(("remaining", "count"), [(7, "7 "), (None, ""), (0, None)])
async def test_a_cut_answer_says_so(
    ask: Asking, archive: PlainArchive, remaining: int | None, count: str | None
) -> None:
    """In the name of the service, with how many remain if that is known (QID-51, GEN-19)."""
    archive.matches = Matches([match(StudyInstanceUID="1.2")], remaining)
    response = await ask("GET", "/dicom-web/studies?limit=1")

    text = f"There are {count}additional results that can be requested"
    assert (() if count is None else (text,)) == response.warnings
    field = None if count is None else f"299 http://pacs.example/dicom-web: {text}"
    assert field == response.headers.get("Warning")


async def test_the_archive_s_warnings_are_told(ask: Asking, archive: PlainArchive) -> None:
    """Also where nothing was found (QID-05)."""
    archive.matches = Matches((), warnings=("only literal matching has been performed",))
    response = await ask("GET", "/dicom-web/studies?fuzzymatching=true")

    assert ("only literal matching has been performed",) == response.warnings


@pytest.mark.parametrize(
    ("warning", "query"),
    [
        (None, "accept=application/dicom%2Bjson&charset=utf-8&includefield=all&limit=1"),
        ("orderby", "orderby=StudyDate"),
        ("orderby, b", "orderby=StudyDate&orderby=x&b"),
        ("others", "%0Aevil%22=1"),
        ("orderby, others", "orderby=1&J%C3%BCrgen=1&%E2%82%AC=1"),
        (", ".join([*(f"x{number}" for number in range(10)), "others"]), "x" * 0),
    ],
)
async def test_unknown_parameters_are_ignored(ask: Asking, warning: str | None, query: str) -> None:
    """With a warning that repeats no more than plain names, and only some (GEN-03)."""
    query = query or "&".join(f"x{number}=1" for number in range(20))
    response = await ask("GET", f"/dicom-web/studies?{query}")
    text = f"Parameters that are not supported have been ignored: {warning}."

    assert (200, () if warning is None else (text,)) == (response.status, response.warnings)


@pytest.mark.parametrize(
    ("listed", "query"),
    [
        (None, "includefield=PatientName&includefield=all"),
        (None, "includefield="),
        ("NoSuchField", "includefield=NoSuchField"),
        ("a, b", "includefield=a,PatientName&includefield=b"),
        ("a, others", "includefield=a,%0Aevil%22"),
        (", ".join([*(f"x{n}" for n in range(10)), "others"]), "x" * 0),
    ],
)
async def test_unknown_fields_are_ignored(ask: Asking, listed: str | None, query: str) -> None:
    """The warning is about them, since ``includefield`` itself is known (GEN-03, QID-28)."""
    query = query or "includefield=" + ",".join(f"x{number}" for number in range(20))
    response = await ask("GET", f"/dicom-web/studies?{query}")
    text = f"Fields that are not known have been ignored: {listed}."

    assert (200, () if listed is None else (text,)) == (response.status, response.warnings)


@pytest.mark.parametrize(
    ("status", "query", "accept"),
    [
        (400, "limit=x", JSON),
        (400, "limit=-1", JSON),
        (400, "fuzzymatching=perhaps", JSON),
        (400, "PatientID=1&PatientID=2", JSON),
        (406, "", "text/html"),
        (406, "", "application/dicom"),
    ],
)
async def test_what_cannot_be_asked(
    ask: Asking, archive: PlainArchive, status: int, query: str, accept: str
) -> None:
    """A line of text, and the archive is not bothered (QID-M6, QID-M9)."""
    response = await ask("GET", f"/dicom-web/studies?{query}", {"Accept": accept})

    assert (status, "text/plain; charset=utf-8") == (
        response.status,
        response.headers["Content-Type"],
    )
    assert [] == archive.searches


async def test_values_are_not_repeated(ask: Asking) -> None:
    """Names of patients are in no error (QID-M6)."""
    response = await ask("GET", "/dicom-web/studies?PatientName=Doe&PatientName=Roe")

    assert 400 == response.status
    assert b"Doe" not in response.body
    assert b"Roe" not in response.body


async def test_an_archive_may_refuse() -> None:
    """Such as a search that is too broad (QID-M7)."""

    class Narrow(PlainArchive):
        async def search(self, request: SearchRequest, limit: int) -> Matches:
            raise RemoteProtocolError("ask for less", status_hint=413)

    response = await Asking(Origin(Narrow()))("GET", "/instances")

    assert (413, b"ask for less\n") == (response.status, response.body)


async def test_head_is_like_get(ask: Asking, archive: PlainArchive) -> None:
    """The connection leaves the body out, and tells its length."""
    archive.matches = Matches([match(StudyInstanceUID="1.2")])
    head = await ask("HEAD", "/dicom-web/studies")
    archive.matches = Matches([match(StudyInstanceUID="1.2")])
    get = await ask("GET", "/dicom-web/studies")

    assert (get.status, get.headers, len(get.body)) == (
        head.status,
        head.headers,
        len(head.body),
    )


async def test_the_collection_is_passed_on(ask: Asking, archive: PlainArchive) -> None:
    """Keys in the path are the archive's to match (QID-45)."""
    await ask("GET", "/dicom-web/studies/1.2/instances")

    assert Selector(study="1.2", instance="") == archive.searches[0][0].selector
