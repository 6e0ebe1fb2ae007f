"""What a store sends, to the octet."""

from __future__ import annotations

import re

import pytest

from aiodicomweb import Client, ConfigurationError

from ...support.messages import dicom_file, json_response
from ...support.serving import serving

A, B = dicom_file("1.2.1"), dicom_file("1.2.2")


@pytest.mark.parametrize(("study", "target"), [(None, "/studies"), ("1.2", "/studies/1.2")])
async def test_the_request_of_a_store(study: str | None, target: str) -> None:
    """Head and body, octet by octet (PS3.18 §10.5.1); the boundary is made up each time."""
    async with serving(json_response({})) as (client, peer):
        await client.store_instances([A, B], study)

        request = peer.requests[0]
        match = re.search(rb"boundary=([0-9a-f]{32})\r\n", request.head)
        assert match is not None
        boundary = match[1].decode()
        body = b"".join(
            (
                f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
                A,
                f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
                B,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        head = (
            f"POST {target} HTTP/1.1\r\n"
            f"Host: {peer.origin.removeprefix('http://')}\r\n"
            "Accept: application/dicom+json\r\n"
            'Content-Type: multipart/related; type="application/dicom"; '
            f"boundary={boundary}\r\n"
            "Accept-Encoding: gzip, deflate\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        assert head.encode() == request.head
        assert body == request.body


async def test_parameters_and_header_fields() -> None:
    """What a vendor wants besides is sent."""
    async with serving(json_response({})) as (client, peer):
        await client.store_instances(A, additional_params={"x": "y z"}, headers={"X-Y": "z"})

        assert "/studies?x=y%20z" == peer.requests[0].target
        assert "z" == peer.requests[0].headers["X-Y"]


def test_what_cannot_be_is_told_at_once() -> None:
    """The study's UID is checked by the verb itself."""
    with pytest.raises(ConfigurationError):
        Client("http://pacs").store_instances(A, "../x")
