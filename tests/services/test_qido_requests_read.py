"""Searches as a server reads them."""

from __future__ import annotations

import datetime as dt

import pytest

from aiodicomweb.errors import (
    ConfigurationError,
    ProtocolError,
    RemoteProtocolError,
)
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.services import Query, Representation, SearchRequest, Selector

BASE = URL.parse("https://pacs.example:8443/dicom-web/")
STUDIES = Selector(study="")
MORNING = dt.datetime(2020, 1, 31, 10, 11, 12)  # noqa: DTZ001  (most DICOM times have no zone)
JSON = Headers({"Content-Type": "application/dicom+json"})


BROWSER = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,"
    "image/avif,image/webp,image/apng,*/*;q=0.8"
)
"""What Chromium sends for a URL that somebody types."""

XML_ACCEPT = 'multipart/related; type="application/dicom+xml"'


def received(query: str = "", accept: str | None = "application/dicom+json") -> SearchRequest:
    """A search for studies, as it arrives."""
    query = query.replace(" ", "%20").replace('"', "%22")
    url = URL.parse(f"https://pacs.example:8443/dicom-web/studies{query}")
    headers = Headers({"Accept": accept} if accept is not None else {})
    return SearchRequest.from_http(Request("GET", url, headers))


def filters(query: str) -> dict[str, tuple[str, ...]]:
    """What a query matches."""
    return {str(path): values for path, values in received(query).query.filters}


def fields(query: str) -> list[str]:
    """What a query asks for."""
    return list(map(str, received(query).query.fields))


@pytest.mark.parametrize(
    "selector",
    [
        STUDIES,
        Selector(series=""),
        Selector(instance=""),
        Selector("1.2", ""),
        Selector("1.2", instance=""),
        Selector("1.2", "3.4", ""),
    ],
)
def test_every_search_is_read(selector: Selector) -> None:
    """Base and collection are told apart, or the base is known (QID-M1)."""
    request = SearchRequest(BASE, selector)
    front = URL.parse("http://front.example/")
    behind = SearchRequest(URL.parse("http://10.0.0.1/"), selector).to_http()

    assert request == SearchRequest.from_http(request.to_http())
    assert "https://pacs.example:8443/dicom-web" == str(request.base_url)
    assert SearchRequest(front, selector) == SearchRequest.from_http(behind, base_url=front)


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        ({"PatientID": ("1",)}, "?PatientID=1"),
        ({"PatientID": ("1",)}, "?00100020=1"),
        ({"PatientID": ("1",)}, "?&PatientID=1&"),
        ({"OtherPatientIDsSequence.PatientID": ("1",)}, "?00101002.PatientID=1"),  # QID-20
        ({"OtherPatientIDsSequence.PatientID": ("1",)}, "?OtherPatientIDsSequence.00100020=1"),
        # QID-22, QID-23: lists of UIDs in every form
        ({"StudyInstanceUID": ("1.2", "1.3")}, "?StudyInstanceUID=1.2,1.3"),
        ({"StudyInstanceUID": ("1.2", "1.3")}, "?StudyInstanceUID=1.2%2C1.3"),
        ({"StudyInstanceUID": ("1.2", "1.3")}, "?0020000d=1.2%5C1.3"),
        ({"StudyInstanceUID": ("1.2", "1.3", "1")},
         "?StudyInstanceUID=1.2&0020000D=1.3,&StudyInstanceUID=1"),
        # QID-33, QID-34
        ({"PatientName": ("Doe^J*",)}, "?PatientName=Doe%5EJ*"),
        ({"StudyDate": ("20200101-20200131",)}, "?StudyDate=20200101-20200131"),
        ({"StudyTime": ("-1030",)}, "?StudyTime=-1030"),
        # GEN-06..08: what is encoded stays in the value, and a plus is a plus
        ({"PatientName": ("Doe, J+\\",)}, "?PatientName=Doe%2C%20J+%5C"),
        ({"ModalitiesInStudy": ("CT", "PT")}, "?ModalitiesInStudy=CT,PT"),  # QID-42
        ({"PatientName": ("*",)}, "?PatientName=*"),  # QID-30
        ({"PatientName": ('""',)}, "?PatientName=%22%22"),  # QID-43
        ({"00230010": ("ACME",), "00231001": ("1",)}, "?00230010=ACME&00231001=1"),  # QID-24
        ({}, "?PatientID=&StudyID"),  # QID-25
    ],
)  # fmt: skip
def test_what_is_matched(expected: dict[str, tuple[str, ...]], query: str) -> None:
    """Keywords, tags, paths, lists, ranges and wildcards."""
    assert expected == filters(query)


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (["StudyDate", "PatientID"], "?includefield=StudyDate,PatientID"),
        (["StudyDate", "PatientID"], "?includefield=00080020&includefield=PatientID"),
        (["StudyDate"], "?includefield=StudyDate,StudyDate"),
        (["RequestAttributesSequence"], "?includefield=RequestAttributesSequence"),  # QID-21
        (["PatientID", "StudyID"], "?PatientID=&StudyID"),  # QID-25, GEN-05
        ([], "?includefield=all"),
        ([], "?includefield=all,StudyDate&PatientID="),
        (["StudyDate"], "?includefield=nonsense,StudyDate"),  # QID-28
    ],
)
def test_what_is_asked_for(expected: list[str], query: str) -> None:
    """Repeated, in a list, by empty value, or all (QID-02)."""
    assert expected == fields(query)
    assert ("all" in query) is received(query).query.all_fields


def test_a_thousand_filters_cost_no_square() -> None:
    """A query as long as a head may be is read in its own time (HTP-99)."""
    # Private creators, which need nothing beside them.
    parts = [f"{group:04X}{n:04X}=1" for group in range(0x9, 0x50, 2) for n in range(0x10, 0x100)]

    assert len(parts) == len(received("?" + "&".join(parts)).query.filters)


def test_settings_are_read() -> None:
    """Numbers and switches of the search (QID-03..07)."""
    request = received(
        "?limit=10&offset=0&fuzzymatching=true&emptyvaluematching=false&multiplevaluematching=True"
    )

    assert (10, 0) == (request.limit, request.offset)
    assert (True, False, True) == (
        request.fuzzymatching,
        request.emptyvaluematching,
        request.multiplevaluematching,
    )
    assert request == SearchRequest.from_http(request.to_http())


def test_unknown_parameters_are_kept() -> None:
    """A server ignores them, or knows them (GEN-03, QID-09)."""
    request = received("?orderby=-StudyDate,PatientID&x&includefield=set1&charset=utf-8&limit=1")

    assert (
        ("orderby", ("-StudyDate", "PatientID")),
        ("x", ()),
        ("includefield", ("set1",)),
        ("charset", ("utf-8",)),
    ) == request.parameters
    assert request == SearchRequest.from_http(request.to_http())


@pytest.mark.parametrize(
    "query",
    [
        "?limit=-1",
        "?limit=x",
        "?limit",
        "?limit=",
        "?limit=1,2",
        "?limit=1&limit=1",
        "?offset=\u0661",
        "?fuzzymatching=yes",
        "?fuzzymatching",
        "?emptyvaluematching=1",
        "?PatientID=1&PatientID=2",  # QID-22
        "?PatientID=1&00100020=2",
        "?RequestAttributesSequence=x",  # QID-21
        "?00231001=1",  # QID-24
        "?includefield=00231001",
    ],
)
def test_a_query_that_cannot_be_is_400(query: str) -> None:
    """A known parameter with a value that it cannot have (GEN-03)."""
    quoted = query.encode("unicode_escape").decode().replace("\\", "%5C")
    with pytest.raises(RemoteProtocolError) as caught:
        received(quoted)

    assert 400 == caught.value.status_hint


@pytest.mark.parametrize(
    ("expected", "accept", "query"),
    [
        (Representation.JSON, None, ""),
        (Representation.JSON, "*/*", ""),
        (Representation.JSON, "application/json", ""),
        (Representation.JSON, "application/dicom+json, application/json", ""),
        (Representation.XML, XML_ACCEPT, ""),
        (Representation.XML, "multipart/related;type=application/dicom+xml", ""),
        (Representation.XML, f"{XML_ACCEPT}, application/dicom+json; q=0.5", ""),
        (Representation.XML, "*/*", f"?accept={XML_ACCEPT.replace('=', '%3D')}"),
        # What search results are never given as says nothing (MED-47).
        (Representation.JSON, "application/dicom+json, text/html", ""),
        (Representation.JSON, BROWSER, "?accept=application/dicom%2Bjson"),
        (Representation.XML, BROWSER, f"?accept={XML_ACCEPT.replace('=', '%3D')}"),
        (Representation.JSON, "text/html", "?accept=application/dicom%2Bjson"),
        (Representation.JSON, "image/png", "?accept=application/dicom%2Bjson"),
        (Representation.JSON, BROWSER, "?accept=text/html"),
    ],
)  # fmt: skip
def test_the_representation_is_negotiated(
    expected: Representation, accept: str | None, query: str
) -> None:
    """By field and by parameter (MED-33, MED-48); what it said else is kept."""
    request = received(query, accept)

    assert expected == request.representation
    assert request == SearchRequest.from_http(request.to_http())


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (404, Request("GET", URL.parse("http://h/rs/nothing"))),
        (404, Request("GET", URL.parse("http://h/rs/studies/A-1/series"))),
        (405, Request("POST", URL.parse("http://h/rs/studies"))),
        (405, Request("GET", URL.parse("http://h/rs/studies/1.2"))),
        (406, Request("GET", URL.parse("http://h/rs/studies"), Headers({"Accept": "text/html"}))),
    ],
)
def test_what_is_no_search_is_refused(status: int, request_: Request) -> None:
    """Each refusal says what to answer with (QID-M6, QID-M8)."""
    with pytest.raises(ProtocolError) as caught:
        SearchRequest.from_http(request_)

    assert status == caught.value.status_hint


def test_odd_uids_in_the_path_are_taken_on_request() -> None:
    """Some archives have them."""
    request = SearchRequest(BASE, Selector("A-1", "", permissive=True))

    assert request == SearchRequest.from_http(request.to_http(), permissive=True)


def test_the_names_of_attributes_are_kept_as_numbers() -> None:
    """Who asks by tags gets tags, when the request is passed on."""
    assert received("?00100020=1&includefield=StudyDate").numerical_tags is False
    assert received("?00100020=1&limit=1").numerical_tags
    assert received("?limit=1").numerical_tags is False
    assert received("?00100020=1") == received("?PatientID=1")


def test_an_empty_value_is_no_filter() -> None:
    """It is asked for in another way (QID-25)."""
    path, _ = Query.build({"PatientID": "1"}).filters[0]
    for values in ((), ("",), ("1", "")):
        with pytest.raises(ConfigurationError, match="empty value"):
            Query(filters=((path, values),))


def test_head_is_like_get() -> None:
    """It asks for the same, and gets the head alone (HTP-45, RFC 9110 §9.3.2)."""
    get, head = (
        Request(method, URL.parse("http://h/studies?limit=1")) for method in ("GET", "HEAD")
    )

    assert SearchRequest.from_http(get) == SearchRequest.from_http(head)


@pytest.mark.parametrize("query", ["PatientID=a%00", "x=a%00", "%00=a", "includefield=a%00"])
def test_nul_is_a_bad_request(query: str) -> None:
    """No value has it (GEN-09)."""
    request = Request("GET", URL.parse(f"http://h/studies?{query}"))
    with pytest.raises(RemoteProtocolError) as caught:
        SearchRequest.from_http(request)

    assert 400 == caught.value.status_hint


def test_several_values_are_read() -> None:
    """Whether they can be matched is the server's matter: clients send them (QID-23)."""
    request = Request("GET", URL.parse("http://h/studies?ModalitiesInStudy=CT,MR"))

    assert ("CT", "MR") == SearchRequest.from_http(request).query.filters[0][1]


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        (Representation.JSON, "application/dicom+json; charset=utf-8"),
        (Representation.JSON, 'application/dicom+json; charset="ISO_IR 192"'),
        (Representation.JSON, "application/json; charset=UTF-8"),
        (Representation.JSON, "application/dicom+json; transfer-syntax=1.2.840.10008.1.2.1"),
        (
            Representation.XML,
            'multipart/related; type="application/dicom+xml"; transfer-syntax=1.2.840.10008.1.2.1',
        ),
    ],
)
def test_what_is_said_of_the_default_is_taken(expected: Representation, accept: str) -> None:
    """UTF-8 and Explicit VR Little Endian are what is given (MED-51, MED-120, JSN-01)."""
    request = Request("GET", URL.parse("http://h/studies"), Headers({"Accept": accept}))

    assert expected is SearchRequest.from_http(request).representation
