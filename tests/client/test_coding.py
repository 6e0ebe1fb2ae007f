"""Text may come coded, pixels as they are."""

from __future__ import annotations

import gzip

import pytest

from aiodicomweb import Client
from aiodicomweb.client.coding import with_coding
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.testing import ScriptedPeer, response

PIXELS = 'multipart/related; type="application/octet-stream"'


@pytest.mark.parametrize(
    ("expected", "headers"),
    [
        ("gzip, deflate", {"Accept": "application/dicom+json"}),
        ("gzip, deflate", {"Accept": 'multipart/related; type="application/dicom+xml"'}),
        ("identity", {"Accept": PIXELS}),
        ("identity", {"Accept": 'multipart/related; type="application/dicom"'}),
        ("identity", {"Accept": "image/jpeg"}),
        (None, {}),
        ("br", {"Accept": "application/dicom+json", "Accept-Encoding": "br"}),
    ],
)
def test_what_is_asked_for(expected: str | None, headers: dict[str, str]) -> None:
    """By what is accepted; the caller's word stands (RFC 9110 §12.5.3)."""
    request = with_coding(Request("GET", URL.parse("http://a/"), Headers(headers)))

    assert expected == request.headers.get("Accept-Encoding")


async def test_it_goes_out_and_comes_back() -> None:
    """A server that takes the offer is understood."""
    body = gzip.compress(b"[]")
    fields = {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"}
    async with ScriptedPeer([response(body, fields)]) as peer, Client(peer.url) as client:
        assert [] == await client.search_for_studies()

        assert "gzip, deflate" == peer.requests[0].headers["Accept-Encoding"]
