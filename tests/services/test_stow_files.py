"""Requests to store, in files: written and read."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from aiodicomweb.errors import (
    ConfigurationError,
    LocalProtocolError,
    Part10Error,
    ProtocolError,
    RemoteProtocolError,
)
from aiodicomweb.http import (
    URL,
    Deferred,
    FileSpan,
    Headers,
    Request,
    body_length,
)
from aiodicomweb.services import (
    Representation,
    Selector,
    StoreRequest,
)

from ..support.comparison import differences
from ..support.dicom_files import sample

BASE = URL.parse("http://pacs.example/dicom-web")
JSON = Headers({"Content-Type": "application/dicom+json"})
CT = "1.2.840.10008.5.1.4.1.1.2"


def test_the_octets_of_a_request() -> None:
    """One part for each instance, as it is (STW-01, MED-40)."""
    request = StoreRequest(BASE, [b"first", b"second"], boundary="b0undary").to_http()

    assert "POST" == request.method
    assert "http://pacs.example/dicom-web/studies" == str(request.url)
    assert [
        ("Accept", "application/dicom+json"),
        ("Content-Type", 'multipart/related; type="application/dicom"; boundary=b0undary'),
    ] == list(request.headers.items())
    assert (
        b"--b0undary\r\nContent-Type: application/dicom\r\n\r\nfirst"
        b"\r\n--b0undary\r\nContent-Type: application/dicom\r\n\r\nsecond"
        b"\r\n--b0undary--\r\n"
    ) == b"".join(request.body)  # type: ignore[arg-type]


def test_files_are_not_read() -> None:
    """Segments go into the body as they are; the length is known."""
    span = FileSpan("/a.dcm", 0, 1000)
    deferred = Deferred(500, lambda: b"")

    request = StoreRequest(BASE, [span, deferred]).to_http()

    assert span in request.body
    assert deferred in request.body
    overhead = sum(len(piece) for piece in request.body if isinstance(piece, bytes))
    assert 1500 + overhead == body_length(request.body)


def test_a_study_may_be_named() -> None:
    """All instances must then belong to it (STW-M1)."""
    request = StoreRequest(BASE, [b"x"], Selector("1.2"), parameters={"a": True}).to_http()

    assert "http://pacs.example/dicom-web/studies/1.2?a=true" == str(request.url)

    with pytest.raises(ConfigurationError, match="among the studies"):
        StoreRequest(BASE, [b"x"], Selector("1.2", "3.4"))


def test_a_boundary_is_random_and_a_token() -> None:
    """Nobody can guess it, and it needs no quotes (servers broke on them)."""
    first, second = StoreRequest(BASE, [b"x"]), StoreRequest(BASE, [b"x"])

    assert first.boundary != second.boundary
    assert first.boundary.isalnum()
    assert len(first.boundary) * 4 >= 128


def test_headers_of_the_caller_are_added() -> None:
    """The caller's headers go along and replace ours."""
    request = StoreRequest(BASE, [b"x"], headers=Headers({"Accept": "*/*"})).to_http()

    assert "*/*" == request.headers["Accept"]
    assert request.headers["Content-Type"].startswith("multipart/related")


def test_nothing_cannot_be_stored() -> None:
    """A multipart body has at least one part."""
    with pytest.raises(ConfigurationError):
        StoreRequest(BASE, [])


def test_no_repr_shows_payload() -> None:
    """Instances and parameters are not shown."""
    request = StoreRequest(BASE, [b"Secret"], parameters={"x": "Secret"})

    assert "Secret" not in repr(request) + repr(request.to_http())


# --- read -----------------------------------------------------------------------------------------


def test_files_are_read_as_octets() -> None:
    """A file that is broken fails alone, and no file is decoded before its turn (STW-01)."""
    request = StoreRequest(BASE, [b"first", bytearray(b"second")], Selector("1.2")).to_http()
    found = StoreRequest.from_http(request)

    assert (b"first", b"second") == found.instances
    assert "1.2" == found.study
    assert "http://pacs.example/dicom-web" == str(found.base_url)
    with pytest.raises(Part10Error):
        _ = found.datasets


def test_a_data_set_becomes_a_file() -> None:
    """In the representation DICOM a data set is written at once, as it is."""
    request = StoreRequest(BASE, [sample("CT_small.dcm").dataset])

    assert [] == differences(sample("CT_small.dcm").read(), request.datasets[0])
    with pytest.raises(Part10Error):
        StoreRequest(BASE, [Dataset()])


def test_a_file_alone() -> None:
    """One DICOM file may be the body (STW-02)."""
    request = StoreRequest(BASE, [b"file"], single_part=True)
    message = request.to_http()

    assert "application/dicom" == message.headers["Content-Type"]
    assert (b"file",) == message.body
    assert request == StoreRequest.from_http(message)
    for instances, representation in (
        ([b"a", b"b"], Representation.DICOM),
        ([Dataset()], Representation.JSON),
    ):
        with pytest.raises(ConfigurationError):
            StoreRequest(BASE, instances, representation=representation, single_part=True)


def test_files_on_disk_are_no_metadata() -> None:
    """What has to be read first cannot be made JSON of."""
    with pytest.raises(LocalProtocolError):
        StoreRequest(BASE, [FileSpan("a", 0, 1)], representation=Representation.JSON)


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        (Representation.DICOM, "multipart/related; type=application/dicom; boundary=b"),
        (Representation.DICOM, "multipart/related; boundary=b"),  # MUL-22: the first part tells
        (Representation.DICOM, 'Multipart/Related;Boundary="b";Type="APPLICATION/DICOM"'),
        (Representation.DICOM, "multipart/related; type='application/dicom'"),
    ],
)
def test_the_root_type_tells_the_representation(
    expected: Representation, content_type: str
) -> None:
    """Quoted or not, or by the first part; the boundary may have to be learned (MUL-59)."""
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nfile\r\n--b--\r\n"
    request = Request(
        "POST", URL.parse("http://h/rs/studies"), Headers({"Content-Type": content_type}), body
    )
    found = StoreRequest.from_http(request, base_url=URL.parse("http://front.example/rs/"))

    assert expected == found.representation
    assert (b"file",) == found.instances
    assert "http://front.example/rs" == str(found.base_url)


def test_one_metadata_object_alone() -> None:
    """JSON that is not in multipart has no bulk data, and is read."""
    headers = Headers({"Content-Type": "application/dicom+json"})
    request = Request("POST", URL.parse("http://h/studies"), headers, b'{"00100020":{"vr":"LO"}}')

    assert 1 == len(StoreRequest.from_http(request).datasets)


@pytest.mark.parametrize(
    ("status", "method", "path", "content_type", "body"),
    [
        (404, "POST", "/rs/nothing", "application/dicom", b"x"),
        (405, "GET", "/rs/studies", "application/dicom", b"x"),
        (405, "POST", "/rs/studies/1.2/metadata", "application/dicom", b"x"),
        (405, "POST", "/rs/studies/1.2/series/3", "application/dicom", b"x"),
        (415, "POST", "/rs/studies", "text/html", b"x"),
        (415, "POST", "/rs/studies", None, b"x"),
        (415, "POST", "/rs/studies", "multipart/related; type=text/html; boundary=b", b"--b--"),
        (415, "POST", "/rs/studies", "multipart/related; boundary=b", b"--b--"),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom; boundary=b",
         b"--b--"),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom; boundary=b",
         b"--b\r\n\r\nx"),
        (400, "POST", "/rs/studies", "application/dicom", b""),
        (400, "POST", "/rs/studies", "multipart/related; type=application/dicom", b"no boundary"),
    ],
)  # fmt: skip
def test_what_is_no_request_to_store_is_refused(
    status: int, method: str, path: str, content_type: str | None, body: bytes
) -> None:
    """Each refusal says what to answer with (STW-33, STW-34)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})
    with pytest.raises(ProtocolError) as caught:
        StoreRequest.from_http(Request(method, URL.parse(f"http://h{path}"), headers, body))

    assert status == caught.value.status_hint


def test_a_study_that_is_no_uid_is_taken_on_request() -> None:
    """Some archives have them."""
    request = StoreRequest(BASE, [b"x"], Selector("A-1", permissive=True))

    assert request == StoreRequest.from_http(request.to_http(), permissive=True)
    with pytest.raises(RemoteProtocolError):
        StoreRequest.from_http(request.to_http())


def test_a_content_type_of_one_s_own_is_kept() -> None:
    """A server that wants it unquoted can have it; what we write is no extra."""
    headers = Headers(
        {"Content-Type": "multipart/related; type=application/dicom; boundary=b", "X-Tenant": "1"}
    )
    request = StoreRequest(BASE, [b"x"], boundary="b", headers=headers)

    assert headers.add("Accept", "application/dicom+json") == Headers(
        sorted(request.to_http().headers.items(), key=lambda item: item[0] == "Accept")
    )
    assert headers == request.headers
    assert request == StoreRequest.from_http(request.to_http())
