"""What arrives may be anything: it is read, or it is an error of ours."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.services import (
    RetrieveRequest,
    RetrieveResponse,
    SearchRequest,
    SearchResponse,
    StoreRequest,
    StoreResponse,
)

from .service_messages import (
    RETRIEVE_RESPONSES,
    SEARCH_REQUESTS,
    SEARCH_RESPONSES,
    STORE_REQUESTS,
    STORE_RESPONSES,
    retrieve_requests,
)

CONTENT_TYPES = st.sampled_from(
    [
        "application/dicom+json",
        "application/dicom+xml",
        "application/dicom",
        "multipart/related; type=application/dicom+json; boundary=b",
        "multipart/related; type=application/dicom+xml; boundary=b",
        "multipart/related; type=application/dicom; boundary=b",
        "multipart/related",
        "multipart/byteranges; boundary=b",
        "text/html",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"--b",
                b"--b--",
                b"\r\n",
                b"\r\n\r\n",
                b"[",
                b"]",
                b"{",
                b"}",
                b",",
                b"null",
                b"1e999",
            ),
            *(b'"00100010":', b'{"vr":"PN"}', b'"Value":', b'"BulkDataURI":"a"'),
            *(b"<NativeDicomModel>", b"</NativeDicomModel>", b"\xff"),
            *(b"Content-Type: application/dicom+json", b"Content-Location: a"),
            b"Content-Range: bytes 0-0/1",
            *(b"\0" * 128 + b"DICM", b"\x02\x00\x10\x00UI\x02\x001\0"),
        ]
    ),
    max_size=14,
).map(b"".join)
BODIES = st.binary(max_size=60) | PIECES
PARSERS = (SearchResponse, RetrieveResponse, StoreResponse)


@given(
    st.sampled_from([200, 202, 204, 206, 400]),
    CONTENT_TYPES,
    st.sampled_from([{}, {"Content-Range": "bytes 0-4/5"}, {"Warning": "299 "}]),
    BODIES,
)
def test_any_response_is_read_or_an_error_of_ours(
    status: int, content_type: str, fields: dict[str, str], body: bytes
) -> None:
    """No body raises anything but our errors."""
    message = Response(status, Headers({"Content-Type": content_type, **fields}), body)
    for parser in PARSERS:
        try:
            parser.from_http(message)
        except DicomWebError:
            continue


@given(
    st.sampled_from(["/studies", "/studies/1.2", "/studies/1.2/series/3/instances/4/frames/1"]),
    st.text("PatientID&=,%25C0fuzzymatchinglimitincludefield.", max_size=40),
    st.sampled_from(["", "*/*", 'multipart/related; type="', "a/b; q=5, ,"]),
    CONTENT_TYPES,
    BODIES,
)
def test_any_request_is_read_or_an_error_of_ours(
    path: str, query: str, accept: str, content_type: str, body: bytes
) -> None:
    """No request raises anything but our errors, as one of any service."""
    url = URL.parse("http://h" + path).with_query(query)
    headers = Headers({"Accept": accept, "Content-Type": content_type, "Range": accept})
    for method, parser in (
        ("GET", SearchRequest),
        ("GET", RetrieveRequest),
        ("POST", StoreRequest),
    ):
        try:
            parser.from_http(Request(method, url, headers, body)).to_http()
        except DicomWebError:
            continue


@given(
    st.one_of(
        SEARCH_RESPONSES,
        RETRIEVE_RESPONSES,
        STORE_RESPONSES,
        SEARCH_REQUESTS,
        retrieve_requests(),
        STORE_REQUESTS,
    ),
    st.data(),
)
@settings(deadline=None)
def test_damaged_messages_are_read_or_errors_of_ours(
    value: SearchResponse
    | RetrieveResponse
    | StoreResponse
    | SearchRequest
    | RetrieveRequest
    | StoreRequest,
    data: st.DataObject,
) -> None:
    """A few octets changed, or the end cut off, anywhere in the message."""
    octets = bytearray(bytes(value.to_http()))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    octets = octets[: data.draw(st.sampled_from([None, -1, -5, -40]))]
    try:
        if isinstance(value, SearchResponse | RetrieveResponse | StoreResponse):
            type(value).from_http(Response.from_bytes(octets))
        else:
            type(value).from_http(Request.from_bytes(octets))
    except DicomWebError:
        return
