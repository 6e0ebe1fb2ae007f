from __future__ import annotations

from typing import Any

import pytest

from aiodicomweb.errors import ConfigurationError, ContentError
from aiodicomweb.http import URL, Headers, Response
from aiodicomweb.services import (
    Resource,
    RetrieveRequest,
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
