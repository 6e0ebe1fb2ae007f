"""Searches as a client writes them."""

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
)
from aiodicomweb.http import URL, Headers
from aiodicomweb.services import Query, Representation, SearchRequest, Selector

BASE = URL.parse("https://pacs.example:8443/dicom-web/")
STUDIES = Selector(study="")
MORNING = dt.datetime(2020, 1, 31, 10, 11, 12)  # noqa: DTZ001  (most DICOM times have no zone)
JSON = Headers({"Content-Type": "application/dicom+json"})


def url_of(search_filters: Any = None, fields: Any = None, **settings: Any) -> str:
    """The URL of a search for studies, behind the base."""
    query = Query.build(search_filters, fields)
    url = str(SearchRequest(BASE, STUDIES, query, **settings).to_http().url)
    return url.removeprefix("https://pacs.example:8443/dicom-web/studies")


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
        "&fuzzymatching=true&emptyvaluematching=true&limit=10&offset=0&orderby=-StudyDate"
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


def test_attributes_among_the_parameters_are_part_of_the_query() -> None:
    """And settings are settings: what is sent is what a server reads."""
    request = SearchRequest(
        BASE,
        Selector(study=""),
        {"PatientName": "Doe*"},
        parameters={
            "PatientID": "5",
            "includefield": ["StudyDescription", "vendor"],
            "limit": 5,
            "multiplevaluematching": True,
            "orderby": "x",
        },
    )

    assert Query.build({"PatientName": "Doe*", "PatientID": "5"}, ["StudyDescription"]) == (
        request.query
    )
    assert (5, True) == (request.limit, request.multiplevaluematching)
    assert (("includefield", ("vendor",)), ("orderby", ("x",))) == request.parameters
    assert request == SearchRequest.from_http(request.to_http(), base_url=BASE)


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 5},
        {"fuzzymatching": False},
        {"offset": "x"},
        {"PatientName": "Roe"},
        {"x": "a\0"},
        [("x\0", "a")],
    ],
)
def test_nothing_is_sent_that_a_server_would_refuse(parameters: Any) -> None:
    """Nothing twice, no NUL, and no setting that cannot be (GEN-09, QID-22)."""
    with pytest.raises(ConfigurationError):
        SearchRequest(
            BASE,
            Selector(study=""),
            {"PatientName": "Doe"},
            limit=3,
            fuzzymatching=True,
            parameters=parameters,
        )


def test_a_list_is_of_uids() -> None:
    """Of other attributes only a server that was asked for it takes several values (QID-23)."""
    dates = {"StudyDate": ["20200101", "20200102"]}
    request = SearchRequest(BASE, STUDIES, dates, multiplevaluematching=True)

    assert "StudyDate=20200101,20200102&multiplevaluematching=true" == request.to_http().url.query
    with pytest.raises(ConfigurationError, match="several values"):
        SearchRequest(BASE, STUDIES, dates)


def test_nul_is_no_value() -> None:
    """A filter with it is refused at once (GEN-09)."""
    with pytest.raises(ConfigurationError):
        url_of({"PatientID": "a\0"})
