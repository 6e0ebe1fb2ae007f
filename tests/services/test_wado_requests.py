"""Retrievals: written and read."""

from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb.errors import (
    ConfigurationError,
    ProtocolError,
)
from aiodicomweb.http import URL, Headers, MediaType, Request, Response
from aiodicomweb.services import (
    IccProfile,
    RenderingOptions,
    Resource,
    RetrieveRequest,
    Selector,
    Viewport,
    VoiFunction,
    Window,
    accept_for,
)

BASE = URL.parse("http://pacs.example/dicom-web")
INSTANCE = Selector("1.2", "3.4", "5.6")
FRAMES = Selector("1.2", "3.4", "5.6", (1, 2))
JPEG = "1.2.840.10008.1.2.4.50"
BROWSER = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,"
    "image/avif,image/webp,image/apng,*/*;q=0.8"
)
"""What Chromium sends for a URL that somebody types."""


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
    """The URL is taken with its query; parameters are added (STU-28)."""
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


# --- read -----------------------------------------------------------------------------------------

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


def test_head_is_like_get() -> None:
    """It asks for the same, and gets the head alone (HTP-45, RFC 9110 §9.3.2)."""
    for url in ("http://h/studies/1.2/metadata", "http://h/bulk/7"):
        get, head = (Request(method, URL.parse(url)) for method in ("GET", "HEAD"))

        assert RetrieveRequest.from_http(get) == RetrieveRequest.from_http(head)


# --- families and rendering ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "path", "accept"),
    [
        ("application/dicom", "", "application/dicom, text/html"),
        ("application/dicom", "?accept=application/dicom", BROWSER),
        ("application/dicom", "?accept=application/dicom", "text/html"),
        ("application/dicom", "?accept=application/dicom", "image/png"),
        ("application/dicom", "?accept=image/png,image/jls", "*/*"),
        ("application/dicom", "?accept=image/png", "application/dicom, */*"),
        (None, "", "text/html, image/png"),
        ("image/png", "/rendered", "application/dicom, image/png"),
        ("image/png", "/rendered?accept=image/png", "application/dicom+json"),
    ],
)
def test_what_a_resource_is_not_given_as_says_nothing(
    expected: str | None, path: str, accept: str
) -> None:
    """A server takes what it can give, whichever family else is named (MED-47, MED-64)."""
    dicom = f"application/dicom; transfer-syntax={LITTLE}"
    offer = MediaType.parse("image/png" if "rendered" in path else dicom)
    chosen = received(f"/studies/1/series/2/instances/3{path}", accept).choose([offer], offer)

    assert expected == (None if chosen is None else chosen.essence)


@pytest.mark.parametrize(
    ("accept", "parameters"),
    [
        ("application/dicom, text/html", {}),
        ("application/dicom, */*", {"accept": "image/png"}),
        ("*/*", {"accept": ["image/png", "image/jls"]}),
    ],
)
def test_families_are_not_mixed(accept: str, parameters: dict[str, Any]) -> None:
    """Nobody is asked for DICOM and rendered at once: strict servers refuse it (MED-04, RET-34)."""
    headers = Headers({"Accept": accept})
    with pytest.raises(ConfigurationError):
        RetrieveRequest(BASE, INSTANCE, parameters=parameters, headers=headers)


def test_an_encapsulated_document_is_bulk_data() -> None:
    """Who takes octets may take the PDF that they are (RET-65)."""
    octets, pdf = MediaType("application", "octet-stream"), MediaType("application", "pdf")
    request = RetrieveRequest(BASE, INSTANCE, Resource.BULKDATA, [octets, pdf])

    assert (octets, pdf) == request.media_types


RENDERING = RenderingOptions(
    ("patient",),
    90,
    Viewport(512, 256, 1, None, -0.5),
    Window(40, 400, VoiFunction.LINEAR_EXACT),
    IccProfile.YES,
)


@pytest.mark.parametrize(
    ("target", "resource", "rendering"),
    [
        (FRAMES, Resource.RENDERED, RENDERING),
        (Selector("1.2"), Resource.RENDERED, RenderingOptions()),
        (INSTANCE, Resource.THUMBNAIL, RenderingOptions(viewport=Viewport(64, 64))),
    ],
)
def test_how_to_render_is_written_and_read(
    target: Selector, resource: Resource, rendering: RenderingOptions
) -> None:
    """As parameters, beside others (RET-12..14)."""
    request = RetrieveRequest(BASE, target, resource, parameters={"x": "1"}, rendering=rendering)
    found = RetrieveRequest.from_http(request.to_http())

    assert request == found
    assert rendering == request.rendering == found.rendering
    assert (("x", ("1",)),) == found.parameters[-1:]


def test_the_query_of_a_rendering() -> None:
    """Commas stay bare between values."""
    request = RetrieveRequest(BASE, FRAMES, Resource.RENDERED, rendering=RENDERING).to_http()

    assert (
        "annotation=patient&quality=90&viewport=512,256,1,,-0.5"
        "&window=40,400,linear-exact&iccprofile=yes"
    ) == request.url.query


@pytest.mark.parametrize(
    ("resource", "rendering"),
    [
        (Resource.THUMBNAIL, RENDERING),
        (Resource.THUMBNAIL, RenderingOptions(quality=5)),
        (Resource.THUMBNAIL, RenderingOptions(viewport=Viewport(1, 1, source_x=0))),
        (Resource.METADATA, RenderingOptions()),
    ],
)
def test_other_resources_are_not_rendered(resource: Resource, rendering: RenderingOptions) -> None:
    """A thumbnail has a size, and no more (REN-04, REN-10)."""
    with pytest.raises(ConfigurationError):
        RetrieveRequest(BASE, INSTANCE, resource, rendering=rendering)


@pytest.mark.parametrize(
    "path", ["/rendered?quality=x", "/thumbnail?viewport=1,2,3", "/rendered?window=1,2"]
)
def test_a_rendering_that_cannot_be_is_400(path: str) -> None:
    """The server needs no look at it (GEN-03)."""
    with pytest.raises(ProtocolError) as caught:
        received(f"/studies/1.2{path}")

    assert 400 == caught.value.status_hint


@pytest.mark.parametrize("path", ["/metadata?quality=x", "/thumbnail?quality=x", "?window=1"])
def test_parameters_of_other_resources_are_ignored(path: str) -> None:
    """Those that a resource does not have are unknown (GEN-03, REN-10)."""
    assert RenderingOptions() == received(f"/studies/1.2{path}").rendering


def test_the_arguments_have_their_names_and_order() -> None:
    """Base URL, selector or URL, resource, media types."""
    by_name = RetrieveRequest(
        base_url=BASE, selector_or_url=FRAMES, resource=Resource.FRAMES, media_types=["image/jls"]
    )

    assert by_name == RetrieveRequest(BASE, FRAMES, Resource.FRAMES, ["image/jls"])
    assert FRAMES == by_name.target


def test_a_url_is_as_it_is_sent() -> None:
    """With its parameters, and without what never leaves the client (RFC 9110 §4.2.4)."""
    url = URL.parse("http://me:secret@other.example/bulk/7?a=b#here")
    request = RetrieveRequest(BASE, url, Resource.BULKDATA, parameters={"c": "d"})

    assert "http://other.example/bulk/7?a=b&c=d" == str(request.target)
    assert () == request.parameters
    assert request == RetrieveRequest.from_http(request.to_http(), base_url=BASE)


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        ("application/dicom+json", "application/json"),
        ("application/dicom+json", "application/dicom+json; charset=utf-8"),
        ("application/dicom+json", "application/dicom+json; transfer-syntax=1.2.840.10008.1.2.1"),
        (None, "application/dicom+json; transfer-syntax=1.2.840.10008.1.2.4.50"),
    ],
)
def test_metadata_have_several_names(expected: str | None, accept: str) -> None:
    """The general one, and those that say what is the default (JSN-01, MED-51, MED-120)."""
    request = RetrieveRequest.from_http(
        Request("GET", URL.parse("http://h/studies/1/metadata"), Headers({"Accept": accept}))
    )
    chosen = request.choose([MediaType.parse("application/dicom+json")])

    assert expected == (None if chosen is None else chosen.essence)


def test_a_general_name_that_is_offered_means_itself() -> None:
    """Who offers metadata under both names gives them under the one asked for."""
    headers = Headers({"Accept": "application/json"})
    request = RetrieveRequest(BASE, Selector("1"), Resource.METADATA, headers=headers)
    offers = [MediaType("application", "dicom+json"), MediaType("application", "json")]

    assert offers[1] == request.choose(offers)
