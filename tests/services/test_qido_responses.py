"""Results of searches: read and written."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.errors import (
    ConfigurationError,
    JsonModelError,
    MultipartError,
    NativeXmlError,
    NotFound,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Headers, Response
from aiodicomweb.services import Representation, SearchResponse, Selector
from aiodicomweb.services.qido import parse_results

from ..support.dicom_files import sample

BASE = URL.parse("https://pacs.example:8443/dicom-web/")
STUDIES = Selector(study="")
MORNING = dt.datetime(2020, 1, 31, 10, 11, 12)  # noqa: DTZ001  (most DICOM times have no zone)
JSON = Headers({"Content-Type": "application/dicom+json"})
XML = 'multipart/related; type="application/dicom+xml"'


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


# --- both ways ------------------------------------------------------------------------------------


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
        (0, XML + "; boundary=b", b""),
        (0, XML + "; boundary=b", b"--b--"),
        (1, XML + "; boundary=b", b"--b\r\n\r\n<NativeDicomModel/>\r\n--b--"),
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
        (MultipartError, XML + "; boundary=b", b"--b\r\n\r\n<NativeDicomModel/>"),
        (NativeXmlError, XML + "; boundary=b", b"--b\r\n\r\n<html/>\r\n--b--"),
        (UnexpectedMediaType, XML + "; boundary=b",
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
