"""Values that travel by themselves, and where they are."""

from __future__ import annotations

import pytest

import aiodicomweb
from aiodicomweb.errors import ConfigurationError, ContentError
from aiodicomweb.http import URL, ContentRange, Headers, MediaType
from aiodicomweb.services import BulkData, resolve_bulkdata

JPEG = "1.2.840.10008.1.2.4.50"
PDF = MediaType("application", "pdf")


def test_they_are_their_octets() -> None:
    """``bytes`` gives them, ``len`` counts them, ``repr`` shows none, nor where they are."""
    value = BulkData(memoryview(b"secret"), "application/pdf", "/studies/secret")

    assert (b"secret", 6) == (bytes(value), len(value))
    assert BulkData(b"secret", PDF, "/studies/secret") == value
    assert "secret" not in repr(value)


@pytest.mark.parametrize(
    ("media_type", "syntax", "given"),
    [
        ("image/jpeg", JPEG, f"image/jpeg; transfer-syntax={JPEG}"),
        ("image/jls", "1.2.840.10008.1.2.4.80", "Image/JLS"),
        ("text/html", None, 'text/html; charset="utf-8"'),
        ("application/pdf", None, PDF),
    ],
)
def test_they_say_what_they_are(
    media_type: str, syntax: str | None, given: str | MediaType
) -> None:
    """The name by itself, and the transfer syntax told or implied; parameters are kept."""
    value = BulkData(b"", given)

    assert (media_type, syntax) == (value.media_type, value.transfer_syntax)
    assert MediaType.parse(str(given)) == value.content_type
    assert str(value.content_type) == value.headers["Content-Type"]


def test_what_is_no_media_type_is_refused() -> None:
    """A caller's mistake is an error of ours, which does not show it."""
    with pytest.raises(ConfigurationError) as caught:
        BulkData(b"", "Doe")

    assert "Doe" not in str(caught.value)


def test_they_come_from_a_part() -> None:
    """With the part's location and range; a range of other octets is an error (HTP-71)."""
    headers = Headers({"Content-Location": "/bulk/1", "Content-Range": "bytes 2-3/9"})

    assert BulkData(b"ab", PDF, "/bulk/1", ContentRange(2, 3, 9)) == BulkData.from_part(
        b"ab", PDF, headers
    )
    with pytest.raises(ContentError):
        BulkData.from_part(b"abc", PDF, headers)


def test_the_client_gives_the_same() -> None:
    """There is one class, so that what was retrieved can be sent on."""
    assert aiodicomweb.BulkData is BulkData


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
