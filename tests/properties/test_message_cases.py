"""The wire cases that concern messages of search and store: what real servers send, by number.

Each is a whole response, framed in each way, read from its octets.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiodicomweb.dicom.native_xml import dataset_to_xml
from aiodicomweb.errors import Conflict, StatusError, TooLarge
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.services import (
    FailedInstance,
    Representation,
    SearchRequest,
    SearchResponse,
    Selector,
    StoredInstance,
    StoreRequest,
    StoreResponse,
)
from aiodicomweb.services.paging import Pager
from aiodicomweb.services.qido import parse_results
from aiodicomweb.services.transaction import status_error
from aiodicomweb.wire import NEED_DATA, Arena, ClientExchange, Limits

from ..wire.driver import FRAMINGS, Framing, framed

JSON = ("Content-Type", "application/dicom+json")
XML = ("Content-Type", "application/dicom+xml")
MATCH = b'{"00100020":{"vr":"LO","Value":["1"]}}'
XML_MATCH = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n'
    b'<NativeDicomModel xml:space="preserve">'
    b'<DicomAttribute tag="00100020" vr="LO" keyword="PatientID"><Value number="1">1</Value>'
    b"</DicomAttribute></NativeDicomModel>"
)
XML_MATCHES = (
    b"--b\r\nContent-Type: application/dicom+xml\r\n\r\n" + XML_MATCH + b"\r\n"
    b"--b\r\nContent-Type: application/dicom+xml\r\n\r\n" + XML_MATCH + b"\r\n--b--"
)
CT = "1.2.840.10008.5.1.4.1.1.2"
SEARCHES = {
    "28 an empty array": ([], b"[]", [JSON]),
    "30 an empty body": ([], b"", [JSON]),
    "30 not even a type": ([], b"", []),
    "31 the general type": (
        ["1"],
        b"[" + MATCH + b"]",
        [("Content-Type", "application/json; charset=utf-8")],
    ),
    "32 one object": (["1"], MATCH, [JSON]),
    "33 multipart XML": (
        ["1", "1"],
        XML_MATCHES,
        [("Content-Type", 'multipart/related; type="application/dicom+xml"; boundary=b')],
    ),
    "33 XML without type and quotes": (
        ["1", "1"],
        XML_MATCHES,
        [("Content-Type", "multipart/related;boundary='b'")],
    ),
    "33 XML alone": (["1"], XML_MATCH, [XML]),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", SEARCHES)
def test_results_of_a_search(name: str, framing: Framing) -> None:
    """Cases 28 and 30 to 33: all forms are results, however they are framed."""
    expected, body, fields = SEARCHES[name]
    response = Response.from_bytes(framed(body, framing, fields))
    answer = SearchResponse.from_http(response)

    assert expected == [dataset.PatientID for dataset in answer.datasets]
    assert answer == SearchResponse.from_http(answer.to_http())


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n", b"Content-Length: 5\r\n"])
def test_no_content(length: bytes) -> None:
    """Case 29: nothing was found."""
    octets = b"HTTP/1.1 204 No Content\r\n" + length + b"\r\n"

    assert SearchResponse() == SearchResponse.from_http(Response.from_bytes(octets))


@pytest.mark.parametrize(
    "value",
    [
        "299 https://pacs.example/rs: There are 7 additional results that can be requested",
        '299 pacs.example:8080 "There are 7 additional results that can be requested"',
    ],
)
def test_more_results_can_be_requested(value: str) -> None:
    """Case 34: the count is in the text, quoted or not."""
    octets = framed(b"[" + MATCH + b"]", Framing.LENGTH, [JSON, ("Warning", value)])
    answer = SearchResponse.from_http(Response.from_bytes(octets))

    assert ("There are 7 additional results that can be requested",) == answer.warnings
    assert answer == SearchResponse.from_http(answer.to_http())


def test_a_page_that_repeats_itself() -> None:
    """Case 35: a server that ignores the offset has no second page."""
    request = SearchRequest(URL.parse("http://h"), Selector(study=""), limit=1)
    pager = Pager(request, all_pages=True)
    page = Response.from_bytes(framed(b"[" + MATCH + b"]", Framing.LENGTH, [JSON]))

    assert 1 == len(pager.take(parse_results(page)))
    following = pager.next_request()
    assert following is not None
    assert "limit=1&offset=1" == following.to_http().url.query
    assert [] == pager.take(parse_results(page))
    assert pager.next_request() is None


ANSWER = StoreResponse(
    202,
    None,
    (StoredInstance(CT, "1.2.3", "http://h/studies/1/series/2/instances/1.2.3", 0xB000),),
    (FailedInstance(CT, "1.2.4", 0x0122),),
)


def module(representation: Representation) -> bytes:
    """The module of the answer."""
    assert ANSWER.dataset is not None
    if representation is Representation.XML:
        return dataset_to_xml(ANSWER.dataset)
    return ANSWER.to_http().body


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("status", [200, 202, 400, 409])
@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
def test_answers_to_a_store(representation: Representation, status: int, framing: Framing) -> None:
    """Case 36: the module comes with success and with refusals."""
    octets = framed(module(representation), framing, [("Content-Type", representation)])
    octets = octets.replace(b"200 OK", f"{status} x".encode(), 1)
    answer = StoreResponse.from_http(Response.from_bytes(octets))

    assert (status, ANSWER.stored, ANSWER.failed) == (answer.status, answer.stored, answer.failed)
    assert "0122 referenced SOP class not supported" == answer.failed[0].reason
    assert answer == StoreResponse.from_http(answer.to_http())


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"Study Instance UID mismatch", [("Content-Type", "text/plain")]),
        (b'{"errorMessage":"x"}', [("Content-Type", "text/plain")]),
        (b'{"HttpStatus":400}', [JSON]),
        (b"<html>no</html>", [("Content-Type", "text/html")]),
        (b"", []),
    ],
)
def test_refusals_without_module(status: int, body: bytes, fields: list[tuple[str, str]]) -> None:
    """Case 36: text of any kind, or no body, is a refusal all the same."""
    octets = framed(body, Framing.LENGTH, fields).replace(b"200 OK", f"{status} x".encode(), 1)

    assert StoreResponse(status) == StoreResponse.from_http(Response.from_bytes(octets))


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    ("body", "fields"), [(b"", []), (b"stored", [("Content-Type", "text/plain; charset=utf-8")])]
)
def test_success_without_module(status: int, body: bytes, fields: list[tuple[str, str]]) -> None:
    """Case 36: text, or no body, is a success that tells of nothing."""
    octets = framed(body, Framing.LENGTH, fields).replace(b"200 OK", f"{status} x".encode(), 1)
    answer = StoreResponse.from_http(Response.from_bytes(octets))

    assert (status, None) == (answer.status, answer.dataset)
    assert 2 == answer.missing(2)


def test_fewer_items_than_sent() -> None:
    """Case 37: what the answer does not tell of is missing."""
    octets = framed(module(Representation.JSON), Framing.CHUNKED, [JSON])
    answer = StoreResponse.from_http(Response.from_bytes(octets))

    assert 1 == answer.missing(3)


def test_lower_case_tags() -> None:
    """Case 38: hexadecimal digits have no case."""
    lower: dict[str, Any] = {
        "0008119a": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x0110]}}]}
    }
    octets = framed(json.dumps(lower).encode(), Framing.LENGTH, [JSON])
    answer = StoreResponse.from_http(Response.from_bytes(octets))

    assert (0x0110,) == answer.other_failures


def test_an_answer_before_the_upload_ends() -> None:
    """Case 39: the response is read while most of the request is unsent."""
    request = StoreRequest(URL.parse("http://h"), [bytes(1_000_000)]).to_http()
    arena = Arena()
    exchange = ClientExchange(arena, Limits())
    exchange.request_head(request)
    arena.write(b"HTTP/1.1 413 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    response = exchange.next_head()

    assert response is not NEED_DATA
    assert isinstance(status_error(response), TooLarge)
    assert not exchange.reusable


@pytest.mark.parametrize(
    ("error", "status"), [(StatusError, 411), (TooLarge, 413), (StatusError, 417), (Conflict, 409)]
)
def test_refusals_of_an_upload(error: type[StatusError], status: int) -> None:
    """Case 40: 411, 413 and 417 are statuses like others."""
    response = Response.from_bytes(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)

    assert StoreResponse(status) == StoreResponse.from_http(response)
    assert isinstance(status_error(response), error)


def test_continue_with_a_length() -> None:
    """Case 40: ``100 Continue`` may carry a length, and is passed over."""
    octets = b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" + framed(
        module(Representation.JSON), Framing.LENGTH, [JSON]
    )

    assert ANSWER.stored == StoreResponse.from_http(Response.from_bytes(octets)).stored


def test_a_request_to_store_arrives() -> None:
    """The request of these cases, read by the server (MUL-V1)."""
    octets = (
        b"POST /dicom-web/studies HTTP/1.1\r\nHost: pacs.example:8443\r\n"
        b"Accept: application/dicom+json\r\n"
        b'Content-Type: multipart/related; type="application/dicom"; boundary=b7f0c2\r\n'
        b"Content-Length: 160\r\n\r\n"
        b"--b7f0c2\r\nContent-Type: application/dicom\r\n\r\nfile 1\r\n"
        b"--b7f0c2\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90"
        b"\r\n\r\nfile 2\r\n--b7f0c2--\r\n"
    )
    body = octets.partition(b"\r\n\r\n")[2]
    octets = octets.replace(b"Length: 160", b"Length: %d" % len(body))
    request = Request.from_bytes(octets, scheme="https")

    assert Headers({"Content-Type": request.headers["Content-Type"]}).media_type
    assert (b"file 1", b"file 2") == StoreRequest.from_http(request).instances
    assert "https://pacs.example:8443/dicom-web" == str(StoreRequest.from_http(request).base_url)
