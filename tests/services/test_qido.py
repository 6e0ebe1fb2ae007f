from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.valuerep import PersonName

from aiodicomweb.errors import (
    ConfigurationError,
    JsonModelError,
    MultipartError,
    NativeXmlError,
    NotFound,
    ProtocolError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.services import Query, Representation, SearchRequest, SearchResponse, Selector
from aiodicomweb.services.qido import parse_results

from ..support.dicom_files import sample

BASE = URL.parse("https://pacs.example:8443/dicom-web/")
STUDIES = Selector(study="")
MORNING = dt.datetime(2020, 1, 31, 10, 11, 12)  # noqa: DTZ001  (most DICOM times have no zone)
JSON = Headers({"Content-Type": "application/dicom+json"})


def url_of(search_filters: Any = None, fields: Any = None, **settings: Any) -> str:
    """The URL of a search for studies, behind the base."""
    query = Query.build(search_filters, fields)
    url = str(SearchRequest(BASE, STUDIES, query, **settings).to_http().url)
    return url.removeprefix("https://pacs.example:8443/dicom-web/studies")


# --- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "selector"),
    [
        ("/studies", STUDIES),
        ("/series", Selector(series="")),
        ("/instances", Selector(instance="")),
        ("/studies/1.2/series", Selector("1.2", "")),
        ("/studies/1.2/instances", Selector("1.2", instance="")),
        ("/studies/1.2/series/3.4/instances", Selector("1.2", "3.4", "")),
    ],
)
def test_every_collection_can_be_searched(path: str, selector: Selector) -> None:
    """A GET with Accept and without query (QID-M1, GEN-02, GEN-15)."""
    request = SearchRequest(BASE, selector).to_http()

    assert "GET" == request.method
    assert f"https://pacs.example:8443/dicom-web{path}" == str(request.url)
    assert [("Accept", "application/dicom+json")] == list(request.headers.items())
    assert () == request.body


@pytest.mark.parametrize(
    "selector", [Selector(), Selector("1.2"), Selector("1", "2"), Selector("1", "2", "3", (1,))]
)
def test_only_collections_can_be_searched(selector: Selector) -> None:
    """A study is retrieved, not searched."""
    with pytest.raises(ConfigurationError):
        SearchRequest(BASE, selector)


def test_all_of_a_request() -> None:
    """Filters, fields, settings and extra parameters, in this order."""
    assert (
        "?PatientName=Doe*&includefield=StudyDescription,NumberOfStudyRelatedSeries"
        "&fuzzymatching=true&limit=10&offset=0&orderby=-StudyDate&emptyvaluematching=true"
    ) == url_of(
        {"PatientName": "Doe*"},
        ["StudyDescription", "NumberOfStudyRelatedSeries"],
        fuzzymatching=True,
        limit=10,
        offset=0,
        parameters={"orderby": "-StudyDate", "emptyvaluematching": True},
    )
    assert "?fuzzymatching=false" == url_of(fuzzymatching=False)


@pytest.mark.parametrize(
    ("expected", "name", "value"),
    [
        ("PatientID=1", "00100020", "1"),
        ("SeriesNumber=0", "SeriesNumber", 0),
        ("StudyDate=20200101-20200131", "StudyDate", "20200101-20200131"),  # QID-34
        ("TimezoneOffsetFromUTC=%2B0500", "TimezoneOffsetFromUTC", "+0500"),  # QID-26, GEN-08
        ("PatientName=Doe%2C%20J%26%3D%23", "PatientName", "Doe, J&=#"),  # GEN-06
        ("PatientName=%E7%8E%8B%5E*", "PatientName", "王^*"),
        ("StudyInstanceUID=1.2,1.3", "StudyInstanceUID", ["1.2", "1.3"]),  # QID-23
        ("OtherPatientIDsSequence.PatientID=1", "OtherPatientIDsSequence.00100020", "1"),
        # QID-25: an empty value is never sent
        ("includefield=PatientID", "PatientID", ""),
        ("includefield=StudyInstanceUID", "StudyInstanceUID", []),
        ("includefield=RequestAttributesSequence", "RequestAttributesSequence", None),  # QID-21
    ],
)
def test_a_filter_is_written(expected: str, name: Any, value: Any) -> None:
    """Names, values and lists in the query's grammar (QID-20..26)."""
    assert f"?{expected}" == url_of({name: value})


def test_names_can_be_numbers() -> None:
    """Some servers know tags only; upper case, as in JSON (QID-20)."""
    assert "?0020000D=1.2&includefield=00081030,00101002.00100020" == url_of(
        {"StudyInstanceUID": "1.2"},
        ["StudyDescription", "OtherPatientIDsSequence.PatientID"],
        numerical_tags=True,
    )


def test_fields_are_asked_for_once() -> None:
    """An empty filter and a field of the same attribute are one (QID-02)."""
    assert "?includefield=PatientID,StudyDate" == url_of(
        {"PatientID": ""}, ["StudyDate", "00100020", "StudyDate"]
    )


def test_all_fields() -> None:
    """``all`` stands alone (QID-02)."""
    assert "?PatientID=1&includefield=all" == url_of({"PatientID": "1"}, ["all"])
    for filters, fields in (({}, ["all", "StudyDate"]), ({"StudyDate": None}, ["all"])):
        with pytest.raises(ConfigurationError, match="stands alone"):
            Query.build(filters, fields)


def test_private_attributes_need_their_creator() -> None:
    """The creator is matched in the same query (QID-24)."""
    assert "?00230010=AcmeCompany&00231001=001239&includefield=00231002" == url_of(
        {"00230010": "AcmeCompany", "00231001": "001239"}, ["00231002"]
    )
    with pytest.raises(ConfigurationError, match="00231001 is private"):
        Query.build({"00231001": "001239"})
    with pytest.raises(ConfigurationError, match="needs its private creator, 00230010"):
        Query.build({}, ["00231001"])


@pytest.mark.parametrize(
    ("filters", "fields"),
    [
        ({"Patientname": "x"}, None),
        ({"StudyDate": "1", "00080020": "2"}, None),  # QID-22
        ({"RequestAttributesSequence": "x"}, None),  # QID-21
        ({"PatientID": True}, None),
        ({"PatientID": b"Doe"}, None),
        ({"PatientID": object()}, None),
        ({"PatientID": {"Doe": 1}}, None),
        ({}, ["PatientNames"]),
    ],
)
def test_a_query_that_cannot_be_is_refused(filters: Any, fields: Any) -> None:
    """Nothing is sent; the error shows no value."""
    with pytest.raises(ConfigurationError) as caught:
        Query.build(filters, fields)

    assert "Doe" not in str(caught.value)


def test_a_data_set_is_a_query() -> None:
    """Values filter, empty elements ask, items become paths, as in C-FIND (QID-37)."""
    physician = Dataset()
    physician.PersonIdentificationCodeSequence = [Dataset()]
    physician.InstitutionName = "x"
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"  # QID-40
    query.QueryRetrieveLevel = "STUDY"
    query.add_new(0x00080000, "UL", 10)
    query.PatientName = PersonName("Doe^*")
    query.PatientID = None
    query.StudyInstanceUID = ["1.2", "1.3"]
    query.ModalitiesInStudy = ""
    query.ReferringPhysicianIdentificationSequence = [physician]
    query.ReferencedStudySequence = []
    query.add_new(0x00230010, "LO", "ACME")
    query.add_new(0x00231001, "LO", None)

    assert (
        "?ReferringPhysicianIdentificationSequence.InstitutionName=x"
        "&PatientName=Doe%5E*"
        "&StudyInstanceUID=1.2,1.3"
        "&00230010=ACME"
        "&includefield=ModalitiesInStudy,"
        "ReferringPhysicianIdentificationSequence.PersonIdentificationCodeSequence,"
        "ReferencedStudySequence,PatientID,00231001"
    ) == url_of(query)
    assert url_of(query) == str(SearchRequest(BASE, STUDIES, query).to_http().url).removeprefix(
        "https://pacs.example:8443/dicom-web/studies"
    )


@pytest.mark.parametrize(
    "settings", [{"limit": -1}, {"offset": -1}, {"limit": True}, {"limit": "5"}, {"offset": 1.5}]
)
def test_limit_and_offset_are_numbers(settings: dict[str, Any]) -> None:
    """They are unsigned (QID-03, QID-04)."""
    with pytest.raises(ConfigurationError):
        SearchRequest(BASE, STUDIES, **settings)


def test_xml_can_be_asked_for() -> None:
    """The media type is one part for each match (QID-M3)."""
    request = SearchRequest(BASE, STUDIES, representation=Representation.XML).to_http()

    assert 'multipart/related; type="application/dicom+xml"' == request.headers["Accept"]
    with pytest.raises(ConfigurationError):
        SearchRequest(BASE, STUDIES, representation=Representation.DICOM)


def test_headers_of_the_caller_replace_ours() -> None:
    """A server that wants another Accept can have it."""
    request = SearchRequest(
        BASE, STUDIES, headers=Headers({"accept": "application/json", "X-Tenant": "a"})
    ).to_http()

    assert "application/json" == request.headers["Accept"]
    assert "a" == request.headers["X-Tenant"]


def test_no_repr_shows_a_value() -> None:
    """Names of attributes are shown, values are not."""
    query = Query.build({"PatientName": "Secret^Name"}, ["StudyDate"])
    request = SearchRequest(BASE, STUDIES, query, parameters={"PatientID": "Secret"})
    every = Query.build({}, ["all"])

    assert "Query(filters=['PatientName'], fields=['StudyDate'])" == repr(query)
    assert "Query(filters=[], fields=all)" == repr(every)
    assert "Secret" not in repr(request) + repr(request.to_http())


@given(st.dictionaries(st.sampled_from(["PatientName", "PatientID", "StudyID"]), st.text()))
def test_every_value_survives_the_url(filters: dict[str, str]) -> None:
    """Whatever the text, the server reads the same (GEN-06..09)."""
    sendable = {
        name: value.replace("\0", "").encode("utf-8", "ignore").decode()
        for name, value in filters.items()
    }
    url = SearchRequest(BASE, STUDIES, sendable).to_http().url

    expected = [(name, [value]) for name, value in sendable.items() if value]
    assert expected == [pair for pair in url.parse_query() if pair[0] != "includefield"]


# --- responses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        Response(200, JSON, b"[]"),
        Response(200, JSON, b""),
        Response(200, Headers(), b""),
        Response(204),
        Response(204, JSON, b"[]"),
    ],
)
def test_nothing_found_has_many_forms(response: Response) -> None:
    """Cases 28, 29 and 30: all are an empty result (QID-M5)."""
    assert SearchResponse() == SearchResponse.from_http(response)


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize(
    "body",
    [
        b'[{"00100020":{"vr":"LO","Value":["1"]}}]',
        b'{"00100020":{"vr":"LO","Value":["1"]}}',
    ],
)
def test_results_are_data_sets(body: bytes, status: int) -> None:
    """An array, or the lone object of case 32; older servers say 206."""
    response = Response(status, JSON, body)
    result = SearchResponse.from_http(response)

    assert ["1"] == [dataset.PatientID for dataset in result.datasets]
    assert Representation.JSON == result.representation
    assert [{"00100020": {"vr": "LO", "Value": ["1"]}}] == parse_results(response)


def test_warnings_are_texts() -> None:
    """Case 34: how many more there are is told (QID-51)."""
    text = "There are 7 additional results that can be requested"
    response = Response(200, JSON.add("Warning", f'299 pacs "{text}"'), b"[{}]")

    assert (text,) == SearchResponse.from_http(response).warnings


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (NotFound, Response(404, Headers({"Content-Type": "text/html"}), b"<html/>")),
        (UnexpectedMediaType, Response(200, Headers({"Content-Type": "text/html"}), b"<html/>")),
        (JsonModelError, Response(200, JSON, b"[{]")),
        (JsonModelError, Response(200, JSON, b'[{"00100020":5}]')),
    ],
)
def test_what_is_no_result_is_an_error(error: type[Exception], response: Response) -> None:
    """A status, a log-in page and broken JSON have their own errors."""
    with pytest.raises(error):
        SearchResponse.from_http(response)


def test_no_repr_shows_a_result() -> None:
    """Data sets are data of patients."""
    response = Response(200, JSON, b'[{"00100020":{"vr":"LO","Value":["Secret"]}}]')

    assert "Secret" not in repr(SearchResponse.from_http(response))


# --- requests, read -----------------------------------------------------------------------------

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


# --- responses, both ways -----------------------------------------------------------------------


def result(**values: Any) -> Dataset:
    """A match."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
def test_results_are_written_and_read(representation: Representation) -> None:
    """An array of JSON, or a part of XML for each (QID-M3, QID-M4)."""
    answer = SearchResponse(
        (result(PatientName="Doe^J", StudyDate="20200101"), result(PatientID="1")),
        representation,
        ("There are 7 additional results that can be requested", 'a "b", 299 c'),
    )
    response = answer.to_http()

    assert 200 == response.status
    assert answer == SearchResponse.from_http(response)
    assert answer == SearchResponse.from_http(Response.from_bytes(bytes(response)))


def test_nothing_found_is_204() -> None:
    """Without a body, and so without representation (QID-50)."""
    answer = SearchResponse((), Representation.XML, ("x",))

    assert 204 == answer.to_http().status
    assert b"" == answer.to_http().body
    assert answer == SearchResponse.from_http(answer.to_http())


def test_results_are_no_files() -> None:
    """Neither written nor read."""
    with pytest.raises(ConfigurationError):
        SearchResponse((), Representation.DICOM)
    headers = Headers({"Content-Type": "multipart/related; type=application/dicom; boundary=b"})
    file = sample("CT_small.dcm").octets
    with pytest.raises(UnexpectedMediaType):
        SearchResponse.from_http(Response(200, headers, b"--b\r\n\r\n" + file + b"\r\n--b--"))


@pytest.mark.parametrize(
    ("expected", "content_type", "body"),
    [
        (1, "application/dicom+xml", b"<NativeDicomModel/>"),
        (0, "application/dicom+xml", b""),
        (0, XML_ACCEPT + "; boundary=b", b""),
        (0, XML_ACCEPT + "; boundary=b", b"--b--"),
        (1, XML_ACCEPT + "; boundary=b", b"--b\r\n\r\n<NativeDicomModel/>\r\n--b--"),
        (1, "multipart/related",
         b"--b\r\nContent-Type: application/xml\r\n\r\n<NativeDicomModel/>\r\n--b--"),
        (2, "multipart/related; boundary=b", b"--b\r\n\r\n[{},{}]\r\n--b--"),
    ],
)  # fmt: skip
def test_other_forms_are_read(expected: int, content_type: str, body: bytes) -> None:
    """Single XML, no parts, parts without head, and no boundary (MUL-12, MUL-22)."""
    response = Response(200, Headers({"Content-Type": content_type}), body)

    assert expected == len(SearchResponse.from_http(response).datasets)


@pytest.mark.parametrize(
    ("error", "content_type", "body"),
    [
        (MultipartError, XML_ACCEPT + "; boundary=b", b"--b\r\n\r\n<NativeDicomModel/>"),
        (NativeXmlError, XML_ACCEPT + "; boundary=b", b"--b\r\n\r\n<html/>\r\n--b--"),
        (UnexpectedMediaType, XML_ACCEPT + "; boundary=b",
         b"--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--"),
        (UnexpectedMediaType, "multipart/related; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
    ],
)  # fmt: skip
def test_broken_parts_are_errors(error: type[Exception], content_type: str, body: bytes) -> None:
    """A body that is cut short is never a shorter result."""
    with pytest.raises(error):
        SearchResponse.from_http(Response(200, Headers({"Content-Type": content_type}), body))


def test_a_status_is_no_result_either() -> None:
    """Results as JSON have the same errors as data sets (QID-M8)."""
    with pytest.raises(NotFound):
        parse_results(Response(404))
