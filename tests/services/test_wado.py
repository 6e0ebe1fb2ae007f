from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.errors import (
    ConfigurationError,
    ContentError,
    LocalProtocolError,
    MultipartError,
    NotAcceptable,
    NotFound,
    ProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, ContentRange, Headers, MediaType, Request, Response
from aiodicomweb.services import (
    BulkData,
    Representation,
    Resource,
    RetrieveRequest,
    RetrieveResponse,
    Selector,
    accept_for,
    resolve_bulkdata,
)

BASE = URL.parse("http://pacs.example/dicom-web")
INSTANCE = Selector("1.2", "3.4", "5.6")
FRAMES = Selector("1.2", "3.4", "5.6", (1, 2))
JPEG = "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize(
    ("path", "target", "resource"),
    [
        ("/studies/1.2", Selector("1.2"), Resource.INSTANCES),
        ("/studies/1.2/series/3.4", Selector("1.2", "3.4"), Resource.INSTANCES),
        ("/studies/1.2/series/3.4/instances/5.6", INSTANCE, Resource.INSTANCES),
        ("/studies/1.2/metadata", Selector("1.2"), Resource.METADATA),  # STU-03
        ("/studies/1.2/bulkdata", Selector("1.2"), Resource.BULKDATA),  # STU-04
        ("/studies/1.2/series/3.4/pixeldata", Selector("1.2", "3.4"), Resource.PIXELDATA),
        ("/studies/1.2/series/3.4/instances/5.6/rendered", INSTANCE, Resource.RENDERED),
        ("/studies/1.2/thumbnail", Selector("1.2"), Resource.THUMBNAIL),
        ("/studies/1.2/series/3.4/instances/5.6/frames/1,2", FRAMES, Resource.FRAMES),
        ("/studies/1.2/series/3.4/instances/5.6/frames/1,2/rendered", FRAMES, Resource.RENDERED),
    ],
)
def test_every_resource_has_its_url(path: str, target: Selector, resource: Resource) -> None:
    """A GET with Accept, and nothing else (STU-02..26, RET-01)."""
    request = RetrieveRequest(BASE, target, resource).to_http()

    assert "GET" == request.method
    assert f"http://pacs.example/dicom-web{path}" == str(request.url)
    assert [("Accept", accept_for(resource))] == list(request.headers.items())
    assert () == request.body


@pytest.mark.parametrize(
    ("expected", "resource"),
    [
        (
            'multipart/related; type="application/dicom"; transfer-syntax=*',
            Resource.INSTANCES,
        ),
        ("application/dicom+json", Resource.METADATA),
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*',
            Resource.FRAMES,
        ),
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*, */*; q=0.5',
            Resource.BULKDATA,
        ),
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*',
            Resource.PIXELDATA,
        ),
        ("image/jpeg", Resource.RENDERED),
        ("image/jpeg", Resource.THUMBNAIL),
    ],
)
def test_by_default_data_come_as_they_are_stored(expected: str, resource: Resource) -> None:
    """Quoted type, bare transfer syntax, one alternative for frames (MED-40, MED-41, MED-50)."""
    assert expected == accept_for(resource)


@pytest.mark.parametrize(
    ("expected", "resource", "media_types"),
    [
        ('multipart/related; type="image/jpeg"', Resource.FRAMES, ["image/jpeg"]),
        (
            f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}',
            Resource.FRAMES,
            (("image/jpeg", JPEG),),
        ),
        (
            f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}, multipart/related; type="image/jp2"',  # noqa: E501
            Resource.FRAMES,
            [("image/jpeg", JPEG), "image/jp2"],
        ),
        ('multipart/related; type="image/*"', Resource.FRAMES, ["image/*"]),  # MED-43
        ("*/*", Resource.FRAMES, ["*/*"]),
        (
            'multipart/related; type="image/jpeg"; q=0.5',
            Resource.FRAMES,
            ['multipart/related;type="image/jpeg";q=0.5'],
        ),
        (
            f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}',
            Resource.FRAMES,
            [('multipart/related; type="image/jpeg"', JPEG)],
        ),
        ("multipart/related", Resource.BULKDATA, ["multipart/related"]),
        (
            "application/dicom; transfer-syntax=*",
            Resource.INSTANCES,
            ["application/dicom; transfer-syntax=*"],
        ),
        ('multipart/related; type="application/dicom"', Resource.INSTANCES, ["application/dicom"]),
        ("application/json", Resource.METADATA, ["application/json"]),
        (
            f"application/dicom+json; transfer-syntax={JPEG}",  # MED-51
            Resource.METADATA,
            [("application/dicom+json", JPEG)],
        ),
        ("image/png, image/jpeg", Resource.RENDERED, ["image/png", "image/jpeg"]),
    ],
)  # fmt: skip
def test_media_types_can_be_chosen(expected: str, resource: Resource, media_types: Any) -> None:
    """Names and pairs, as dicomweb-client takes them; whole media types as they are."""
    assert expected == accept_for(resource, media_types)


@pytest.mark.parametrize(
    ("resource", "media_types"),
    [
        (Resource.FRAMES, []),
        (Resource.FRAMES, "image/jpeg"),
        (Resource.FRAMES, ["jpeg"]),
        (Resource.RENDERED, [("image/jpeg", JPEG)]),  # MED-52
        (Resource.THUMBNAIL, [("image/jpeg", "*")]),
    ],
)
def test_media_types_that_cannot_be_are_refused(resource: Resource, media_types: Any) -> None:
    """Malformed names, none at all, and transfer syntaxes of consumer images are refused."""
    with pytest.raises(ConfigurationError):
        accept_for(resource, media_types)


@pytest.mark.parametrize(
    ("target", "resource"),
    [
        (Selector(), Resource.INSTANCES),
        (Selector(study=""), Resource.INSTANCES),
        (Selector("1.2", ""), Resource.METADATA),
        (Selector("1.2", "3.4", ""), Resource.INSTANCES),
        (INSTANCE, Resource.FRAMES),
        (FRAMES, Resource.INSTANCES),
        (FRAMES, Resource.METADATA),
        (FRAMES, Resource.BULKDATA),  # STU-29
        (FRAMES, Resource.PIXELDATA),
        (URL.parse("http://pacs.example/bulk"), Resource.INSTANCES),
    ],
)
def test_resources_that_are_not_there_are_refused(target: Any, resource: Resource) -> None:
    """Collections are searched, frames have no metadata, only bulk data have URLs."""
    with pytest.raises(ConfigurationError):
        RetrieveRequest(BASE, target, resource)


def test_bulk_data_are_where_their_url_says() -> None:
    """The URL is taken as it is, with its query; parameters are added (STU-28)."""
    url = URL.parse("https://other.example/bulk/7?token=a%2Cb")

    request = RetrieveRequest(BASE, url, Resource.BULKDATA).to_http()
    more = RetrieveRequest(BASE, url, Resource.BULKDATA, parameters={"x": [1, 2]}).to_http()

    assert url == request.url
    assert "https://other.example/bulk/7?token=a%2Cb&x=1,2" == str(more.url)


def test_parameters_and_headers_are_added() -> None:
    """The caller's parameters and headers go along; headers replace ours."""
    request = RetrieveRequest(
        BASE,
        INSTANCE,
        parameters={"accept": "application/dicom"},
        headers=Headers({"Accept": "*/*", "Cache-Control": "no-cache"}),
    ).to_http()

    assert "accept=application/dicom" == request.url.query
    assert [("Accept", "*/*"), ("Cache-Control", "no-cache")] == list(request.headers.items())


@pytest.mark.parametrize(
    ("expected", "byte_range"),
    [("bytes=0-99", (0, 99)), ("bytes=100-", (100, None)), ("bytes=5-5", (5, 5))],
)
def test_a_range_can_be_asked_for(expected: str, byte_range: tuple[int, int | None]) -> None:
    """First and last octet, both included (RET-03, RFC 9110 §14.1.2)."""
    url = URL.parse("http://pacs.example/bulk")
    request = RetrieveRequest(BASE, url, Resource.BULKDATA, byte_range=byte_range).to_http()

    assert expected == request.headers["Range"]


@pytest.mark.parametrize("byte_range", [(-1, 5), (5, 4), (-5, None)])
def test_a_range_that_cannot_be_is_refused(byte_range: Any) -> None:
    """Ranges start at 0 and don't run backwards."""
    with pytest.raises(ConfigurationError):
        RetrieveRequest(BASE, INSTANCE, byte_range=byte_range)


@pytest.mark.parametrize(
    ("expected", "resource", "content_type"),
    [
        (True, Resource.INSTANCES, None),
        (True, Resource.INSTANCES, 'multipart/related; type="application/dicom"'),
        (True, Resource.INSTANCES, "application/dicom"),  # case 26
        (False, Resource.INSTANCES, "text/html"),  # case 27
        (True, Resource.METADATA, "application/json; charset=utf-8"),
        (False, Resource.METADATA, "text/html"),
        (True, Resource.FRAMES, "application/octet-stream"),
        (True, Resource.FRAMES, "image/jls;transfer-syntax=1.2.840.10008.1.2.4.80"),
        (False, Resource.FRAMES, "text/html"),
        (True, Resource.BULKDATA, "application/pdf"),  # RET-65
        (True, Resource.BULKDATA, "application/octet-stream"),  # JSN-45
        (False, Resource.BULKDATA, "text/html; charset=utf-8"),
        (False, Resource.BULKDATA, "application/json"),
        (True, Resource.RENDERED, "image/png"),
        (True, Resource.THUMBNAIL, "image/jpeg"),
        (False, Resource.THUMBNAIL, "text/html"),
    ],
)
def test_a_page_is_no_answer(expected: bool, resource: Resource, content_type: str | None) -> None:
    """One part in place of multipart is let pass, a log-in page is not (cases 26 and 27)."""
    target = FRAMES if resource is Resource.FRAMES else INSTANCE
    headers = Headers({"Content-Type": content_type} if content_type else {})

    assert expected is RetrieveRequest(BASE, target, resource).admits(Response(200, headers))


def test_no_repr_shows_a_parameter() -> None:
    """Values of parameters are not shown."""
    request = RetrieveRequest(BASE, INSTANCE, parameters={"PatientID": "Secret"})

    assert "Secret" not in repr(request) + repr(request.to_http())


@pytest.mark.parametrize(
    ("expected", "uri"),
    [
        ("https://other.example/bulk/1", "https://other.example/bulk/1"),
        ("http://pacs.example/bulk/1?x=y", " /bulk/1?x=y\n"),
        ("http://pacs.example/rs/studies/1.2/bulk/1", "bulk/1"),  # JSN-43
        ("http://pacs.example/rs/bulkdata/x", "../../bulkdata/x"),
        ("http://other.example/x", "//other.example/x"),
        ("http://other.example/x", "HTTP://user:password@other.example/x"),
    ],
)
def test_a_bulk_data_uri_is_resolved(expected: str, uri: str) -> None:
    """Absolute, or relative to the URL of the metadata (JSN-43)."""
    base = URL.parse("http://pacs.example/rs/studies/1.2/metadata")

    assert expected == str(resolve_bulkdata(base, uri))


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "urn:uuid:1",
        "ftp://h/x",
        "http://",
        "http:///x",
        "http://h:x/",
        "a b\r\nc",
    ],
)
def test_other_uris_are_refused(uri: str) -> None:
    """Only http and https are fetched (JSN-44); the error shows nothing of the URI."""
    with pytest.raises(ContentError) as caught:
        resolve_bulkdata(URL.parse("http://pacs.example/rs/studies"), uri)

    assert uri not in str(caught.value)


# --- requests, read -----------------------------------------------------------------------------

LITTLE = "1.2.840.10008.1.2.1"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


def received(path: str, accept: str | None = "*/*", **fields: str) -> RetrieveRequest:
    """A retrieval as it arrives."""
    headers = Headers({} if accept is None else {"Accept": accept})
    for name, value in fields.items():
        headers = headers.add(name, value)
    return RetrieveRequest.from_http(
        Request("GET", URL.parse(f"http://pacs.example/dicom-web{path}"), headers)
    )


@pytest.mark.parametrize(
    "request_",
    [
        *(
            RetrieveRequest(BASE, target, resource)
            for target in (Selector("1.2"), Selector("1.2", "3.4"), INSTANCE)
            for resource in Resource
            if resource is not Resource.FRAMES
        ),
        RetrieveRequest(BASE, FRAMES, Resource.FRAMES),
        RetrieveRequest(BASE, FRAMES, Resource.RENDERED, parameters={"viewport": ["512", "512"]}),
        RetrieveRequest(BASE, FRAMES, Resource.THUMBNAIL, ["image/png", "image/jpeg"]),
        RetrieveRequest(BASE, FRAMES, Resource.FRAMES, [("image/jls", "*"), "image/jp2"]),
        RetrieveRequest(BASE, INSTANCE, Resource.BULKDATA, byte_range=(5, None)),
        RetrieveRequest(BASE, INSTANCE, headers=Headers({"X-Tenant": "1"})),
        RetrieveRequest(BASE, INSTANCE, headers=Headers({"Accept": "a/b;q=0.5,*/*"})),
        RetrieveRequest(BASE, INSTANCE, headers=Headers({"Accept": "nonsense"})),
        RetrieveRequest(BASE, INSTANCE, headers=Headers({"Range": "bytes=-5"})),
        RetrieveRequest(BASE, INSTANCE, headers=Headers({"Range": "bytes=0-4,7-9"})),
    ],
)
def test_every_retrieval_is_read(request_: RetrieveRequest) -> None:
    """Selector, resource, media types, range and parameters (STU-02..27, RET-01, RET-10)."""
    assert request_ == RetrieveRequest.from_http(request_.to_http())
    assert request_ == RetrieveRequest.from_http(request_.to_http(), base_url=BASE)


def test_bulk_data_are_read_wherever_they_are() -> None:
    """A path that is no resource may be one of the server's own URLs (STU-28)."""
    url = URL.parse("http://pacs.example/bulk/7?token=a%2Cb")
    request = RetrieveRequest(BASE, url, Resource.BULKDATA, byte_range=(0, 9))

    assert request == RetrieveRequest.from_http(request.to_http(), base_url=BASE)
    assert "http://pacs.example" == str(RetrieveRequest.from_http(request.to_http()).base_url)


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        ((0, 99), {"Range": "bytes=0-99"}),
        ((100, None), {"Range": "bytes=100-"}),
        (None, {"Range": "bytes=-100"}),
        (None, {"Range": "bytes=0-1,5-6"}),
        (None, {"Range": "nonsense"}),
        (None, {}),
    ],
)
def test_a_range_is_read(expected: tuple[int, int | None] | None, fields: dict[str, str]) -> None:
    """One from the start; others stay in the headers (RET-03, HTP-70)."""
    request = received("/studies/1.2", **fields)

    assert expected == request.byte_range
    assert fields.get("Range") == request.to_http().headers.get("Range")


def test_without_accept_anything_will_do() -> None:
    """As HTTP has it; the standard would have a 406 (ERR-22)."""
    assert (MediaType("*", "*"),) == received("/studies/1.2", None).media_types


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [(405, "POST", "/studies/1.2"), (405, "GET", "/studies"), (404, "POST", "/bulk/7")],
)
def test_what_is_no_retrieval_is_refused(status: int, method: str, path: str) -> None:
    """Each refusal says what to answer with."""
    with pytest.raises(ProtocolError) as caught:
        RetrieveRequest.from_http(Request(method, URL.parse(f"http://h{path}")))

    assert status == caught.value.status_hint


def test_a_request_without_a_name_of_a_parameter_is_refused() -> None:
    """It says nothing that could be kept."""
    with pytest.raises(ProtocolError):
        received("/studies/1.2?=x")


STORED = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90"
EXPLICIT = f"{DICOM}; transfer-syntax={LITTLE}"


@pytest.mark.parametrize(
    ("expected", "accept", "query"),
    [
        (STORED, f"{DICOM}; transfer-syntax=*", ""),
        (EXPLICIT, DICOM, ""),  # MED-65
        (EXPLICIT, "multipart/related; type=application/dicom", ""),
        (STORED, STORED, ""),
        (None, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.5", ""),
        (EXPLICIT, "*/*", ""),  # MED-44
        (STORED, "*/*", f"?accept={DICOM.replace('=', '%3D')};transfer-syntax%3D*"),
        (EXPLICIT, None, ""),
        (None, "text/html", ""),
    ],
)
def test_the_server_chooses(expected: str | None, accept: str | None, query: str) -> None:
    """By field and parameter; who names no syntax means the default one (MED-60..65)."""
    request = received("/studies/1.2" + query.replace(" ", "%20").replace('"', "%22"), accept)
    offers = [MediaType.parse(STORED), MediaType.parse(EXPLICIT)]
    chosen = request.choose(offers, MediaType.parse(EXPLICIT))

    assert expected == (None if chosen is None else str(chosen))


def test_the_server_knows_older_names() -> None:
    """Who asks for image/x-jls gets image/jls (MED-113)."""
    request = received(f"{FRAMES.path()}", 'multipart/related; type="image/x-jls"')
    offer = MediaType.parse(
        'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80'
    )

    assert offer == request.choose([offer])


# --- responses, both ways -----------------------------------------------------------------------


def instance(uid: str = "1.2.3") -> Dataset:
    """A data set that can be a file."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = uid
    dataset.PatientName = "Doe^J"
    set_transfer_syntax(dataset, LITTLE)
    return dataset


JPEG_DATA = BulkData(
    b"\xff\xd8", MediaType("image", "jpeg", (("transfer-syntax", JPEG),)), "/rs/frames/1"
)
ANSWERS = [
    *(
        RetrieveResponse((instance("1"), instance("2")), representation=representation)
        for representation in Representation
    ),
    RetrieveResponse((instance("1"),), partial=True, warnings=("some are missing",)),
    RetrieveResponse(bulk_data=(JPEG_DATA, BulkData(b"\r\n--x"), BulkData(b"", location="b"))),
    RetrieveResponse(bulk_data=(JPEG_DATA,), partial=True),
    RetrieveResponse(bulk_data=(BulkData(b"abc", content_range=ContentRange(5, 7, 10)),)),
    RetrieveResponse(
        bulk_data=(
            BulkData(b"abc", content_range=ContentRange(5, 7, None)),
            BulkData(b"a", location="x", content_range=ContentRange(0, 0, 9)),
        )
    ),
    RetrieveResponse(),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_is_written_and_read(answer: RetrieveResponse) -> None:
    """200, 204 and 206 in both meanings (RET-30, RET-31, RET-51, RET-54, RET-58, HTP-71)."""
    response = answer.to_http()

    assert answer == RetrieveResponse.from_http(response)
    assert answer == RetrieveResponse.from_http(Response.from_bytes(bytes(response)))
    assert answer.partial is response.partial


@pytest.mark.parametrize("representation", list(Representation))
def test_one_data_set_may_stand_alone(representation: Representation) -> None:
    """A single part in place of multipart (RET-52)."""
    answer = RetrieveResponse((instance(),), representation=representation)
    response = answer.to_http(single_part=True)

    assert response.media_type is not None
    assert representation == response.media_type.essence
    assert answer == RetrieveResponse.from_http(response)


def test_one_value_may_stand_alone() -> None:
    """Its fields are those of the message (MED-27, MED-29)."""
    answer = RetrieveResponse(bulk_data=(JPEG_DATA,))
    response = answer.to_http(single_part=True)

    assert b"\xff\xd8" == response.body
    assert "/rs/frames/1" == response.headers["Content-Location"]
    assert answer == RetrieveResponse.from_http(response)
    with pytest.raises(ConfigurationError):
        RetrieveResponse(bulk_data=(JPEG_DATA, JPEG_DATA)).to_http(single_part=True)


def test_what_answers_look_like() -> None:
    """The root's type in the Content-Type, and a status for each case (RET-30, RET-31)."""
    answers = [answer.to_http() for answer in ANSWERS]
    types = [str(answer.media_type).partition("; boundary")[0] for answer in answers]

    assert [200, 200, 200, 206, 200, 206, 206, 206, 204] == [answer.status for answer in answers]
    assert [
        DICOM,
        "application/dicom+json",
        'multipart/related; type="application/dicom+xml"',
        DICOM,
        'multipart/related; type="image/jpeg"',
        'multipart/related; type="image/jpeg"',
        "application/octet-stream",
        "multipart/byteranges",
        "None",
    ] == types
    assert "bytes 5-7/10" == answers[6].headers["Content-Range"]
    assert f"application/dicom; transfer-syntax={LITTLE}".encode() in answers[0].body


def test_metadata_may_refer_to_bulk_data() -> None:
    """A server says where they are, and a client gets them (RET-56, JSN-41)."""
    dataset = instance()
    dataset.PixelData = b"pixels"
    dataset["PixelData"].VR = "OW"
    for representation in (Representation.JSON, Representation.XML):
        answer = RetrieveResponse((dataset,), representation=representation)
        response = answer.to_http(
            bulk_data=lambda element: "/bulk/1" if element.keyword == "PixelData" else None
        )

        assert b"/bulk/1" in response.body
        assert RetrieveResponse.from_http(response).datasets[0].PixelData is None
        assert answer == RetrieveResponse.from_http(
            response, bulk_data=lambda tag, vr, uri: b"pixels" if uri == "/bulk/1" else None
        )


@pytest.mark.parametrize(
    ("resource", "content_type"),
    [
        (Resource.RENDERED, "text/html"),
        (Resource.BULKDATA, "multipart/related; type=application/dicom; boundary=b"),
        (Resource.FRAMES, "application/octet-stream"),
        (Resource.THUMBNAIL, "image/png"),
    ],
)
def test_the_resource_tells_what_is_data(resource: Resource, content_type: str) -> None:
    """A report in HTML, and a document that is DICOM itself (MED-03, RET-65)."""
    body = b"--b\r\n\r\nx\r\n--b--" if "multipart" in content_type else b"x"
    response = Response(200, Headers({"Content-Type": content_type}), body)
    answer = RetrieveResponse.from_http(response, resource=resource)

    assert [b"x"] == [item.data for item in answer.bulk_data]


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        ("1.2.840.10008.1.2.4.80", "image/x-jls"),
        (LITTLE, None),
        (JPEG, f"image/jpeg; transfer-syntax={JPEG}"),
        (None, "image/png"),
    ],
)
def test_the_transfer_syntax_of_a_frame(expected: str | None, content_type: str | None) -> None:
    """As told, or as the media type implies (MED-65, MED-80..113)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})
    answer = RetrieveResponse.from_http(Response(200, headers, b"x"))

    assert expected == answer.bulk_data[0].transfer_syntax


def test_what_comes_without_content_type_is_looked_at() -> None:
    """DICOM and JSON are seen, all else is octets."""
    file = RetrieveResponse((instance(),)).to_http(single_part=True).body

    assert 1 == len(RetrieveResponse.from_http(Response(200, body=file)).datasets)
    assert 2 == len(RetrieveResponse.from_http(Response(200, body=b" [{},{}]")).datasets)
    assert 1 == len(RetrieveResponse.from_http(Response(200, body=b"x")).bulk_data)


@pytest.mark.parametrize("body", [b"", b"[]"])
def test_nothing_is_nothing(body: bytes) -> None:
    """An empty answer, partial or not, has no items."""
    headers = Headers({"Content-Type": "application/dicom+json"})
    assert RetrieveResponse() == RetrieveResponse.from_http(Response(206, headers, body))


@pytest.mark.parametrize(
    ("error", "status", "fields", "body"),
    [
        (NotFound, 404, {}, b""),
        (NotAcceptable, 406, {"Content-Type": "text/html"}, b"<html/>"),
        (MultipartError, 200, {"Content-Type": "multipart/related; boundary=b"}, b"--b\r\n\r\nx"),
        (ContentError, 206, {"Content-Range": "bytes 0-4/5"}, b"abc"),
        (ContentError, 206, {"Content-Range": "nonsense"}, b"abc"),
        (
            ContentError,
            206,
            {"Content-Type": "multipart/byteranges; boundary=b"},
            b"--b\r\n\r\nx\r\n--b--",
        ),
        (
            UnexpectedMediaType,
            200,
            {"Content-Type": "multipart/related; boundary=b"},
            b"--b\r\nContent-Type: application/dicom\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--",
        ),
        (ContentError, 200, {"Content-Type": "application/dicom"}, b"no file"),
        (ContentError, 200, {"Content-Type": "application/dicom+json"}, b"{"),
        (ContentError, 200, {"Content-Type": "application/dicom+xml"}, b"<"),
    ],
)
def test_what_is_no_answer_is_an_error(
    error: type[Exception], status: int, fields: dict[str, str], body: bytes
) -> None:
    """A status, a part that is cut short, a range of other octets, and broken data sets."""
    with pytest.raises(error):
        RetrieveResponse.from_http(Response(status, Headers(fields), body))


@pytest.mark.parametrize(
    ("resource", "content_type"),
    [
        (Resource.INSTANCES, "text/html"),
        (Resource.METADATA, "text/html"),
        (Resource.METADATA, "application/dicom"),
        (Resource.BULKDATA, "text/html"),
        (Resource.FRAMES, "application/dicom+json"),
    ],
)
def test_a_page_is_no_answer_to_a_retrieval(resource: Resource, content_type: str) -> None:
    """Where it is known what was asked for, a log-in page is an error (case 27)."""
    response = Response(200, Headers({"Content-Type": content_type}), b"<html/>")
    with pytest.raises(UnexpectedMediaType):
        RetrieveResponse.from_http(response, resource=resource)


@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
@pytest.mark.parametrize("single_part", [False, True])
def test_metadata_are_admitted_in_every_form(
    representation: Representation, single_part: bool
) -> None:
    """JSON and XML, in multipart or not (MED-24, MED-25)."""
    answer = RetrieveResponse((instance(),), representation=representation)
    response = answer.to_http(single_part=single_part)

    assert answer == RetrieveResponse.from_http(response, resource=Resource.METADATA)


@pytest.mark.parametrize(
    "values",
    [
        {"datasets": (Dataset(),), "bulk_data": (JPEG_DATA,)},
        {"partial": True},
        {"bulk_data": ANSWERS[6].bulk_data, "partial": True},
        {"bulk_data": (*ANSWERS[6].bulk_data, JPEG_DATA)},
    ],
)
def test_answers_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    """Data sets or bulk data; whole, ranges or partial."""
    with pytest.raises(ConfigurationError):
        RetrieveResponse(**values)


def test_a_range_has_its_octets() -> None:
    """As many as it says (HTP-71)."""
    with pytest.raises(ConfigurationError):
        BulkData(b"abc", content_range=ContentRange(0, 3, None))


@pytest.mark.parametrize(
    "item", [BulkData(b"", location="a\r\nX: 1"), BulkData(b"", MediaType("a", "b\r\n"))]
)
def test_nothing_breaks_the_head_of_a_part(item: BulkData) -> None:
    """A location of somebody else's is checked like all else (HTP-91)."""
    with pytest.raises(LocalProtocolError):
        RetrieveResponse(bulk_data=(item,)).to_http()


def test_no_repr_shows_data() -> None:
    """Data sets, octets and locations are data of patients."""
    shown = "".join(map(repr, ANSWERS))

    assert "Doe" not in shown
    assert "/rs/frames" not in shown
    assert "xff" not in shown
