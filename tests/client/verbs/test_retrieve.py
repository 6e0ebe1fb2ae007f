"""What retrievals send, to the octet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import Client, ConfigurationError, ContentError
from aiodicomweb.testing import ScriptedPeer

from ...support.messages import DICOM, FRAMES, dicom_file, json_response, parts_response
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable

UIDS = ("1.2", "1.2.3", "1.2.3.4")
PATH = "/studies/1.2/series/1.2.3/instances/1.2.3.4"
STORED_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
STORED_OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JSON = "application/dicom+json"
INSTANCE = parts_response([dicom_file()], DICOM)
OCTETS = parts_response([b"x"], FRAMES)
METADATA = json_response([{}])

RETRIEVALS: dict[str, tuple[Callable[[Client], Any], bytes, str, str]] = {
    "study": (
        lambda client: client.retrieve_study("1.2"),
        INSTANCE,
        "/studies/1.2",
        f"Accept: {STORED_DICOM}",
    ),
    "series": (
        lambda client: client.retrieve_series(*UIDS[:2]),
        INSTANCE,
        "/studies/1.2/series/1.2.3",
        f"Accept: {STORED_DICOM}",
    ),
    "instance": (
        lambda client: client.retrieve_instance(*UIDS),
        INSTANCE,
        PATH,
        f"Accept: {STORED_DICOM}",
    ),
    "media types": (
        lambda client: client.retrieve_study(
            "1.2", [("application/dicom", "1.2"), "application/dicom"]
        ),
        INSTANCE,
        "/studies/1.2",
        f"Accept: {STORED_DICOM.replace('*', '1.2')}, " + STORED_DICOM.rpartition(";")[0],
    ),
    "study metadata": (
        lambda client: client.retrieve_study_metadata("1.2"),
        METADATA,
        "/studies/1.2/metadata",
        f"Accept: {JSON}",
    ),
    "series metadata": (
        lambda client: client.retrieve_series_metadata(*UIDS[:2]),
        METADATA,
        "/studies/1.2/series/1.2.3/metadata",
        f"Accept: {JSON}",
    ),
    "instance metadata": (
        lambda client: client.retrieve_instance_metadata(*UIDS),
        METADATA,
        f"{PATH}/metadata",
        f"Accept: {JSON}",
    ),
    "frames": (
        lambda client: client.retrieve_instance_frames(*UIDS, [3]),
        OCTETS,
        f"{PATH}/frames/3",
        f"Accept: {STORED_OCTETS}",
    ),
    "frames as JPEG": (
        lambda client: client.retrieve_instance_frames(*UIDS, (1,), ["image/jpeg"]),
        parts_response([b"x"], "image/jpeg"),
        f"{PATH}/frames/1",
        'Accept: multipart/related; type="image/jpeg"',
    ),
    "bulk data": (
        lambda client: client.retrieve_bulkdata("/bulk?id=7"),
        OCTETS,
        "/bulk?id=7",
        f"Accept: {STORED_OCTETS}, */*; q=0.5",
    ),
    "vendor parameters": (
        lambda client: client.retrieve_study(
            "1.2", additional_params={"x": True}, headers={"X-Y": "z"}
        ),
        INSTANCE,
        "/studies/1.2?x=true",
        f"Accept: {STORED_DICOM}\r\nX-Y: z",
    ),
}


@pytest.mark.parametrize(
    ("retrieve", "reply", "target", "fields"), RETRIEVALS.values(), ids=RETRIEVALS
)
async def test_the_request_of_a_retrieval(
    retrieve: Callable[[Client], Any], reply: bytes, target: str, fields: str
) -> None:
    """The whole head, octet by octet (PS3.18 §10.4.1)."""
    async with serving(reply) as (client, peer):
        await retrieve(client)

        host = peer.origin.removeprefix("http://")
        coding = "gzip, deflate" if "json" in fields else "identity"
        fields += f"\r\nAccept-Encoding: {coding}"
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n\r\n"
        assert head.encode() == peer.requests[0].head


async def test_many_frames_are_one_request() -> None:
    """Frames are asked for in the order wanted (PS3.18 §10.4.1.1.6)."""
    async with serving(parts_response([b"a", b"b", b"c"], FRAMES)) as (client, peer):
        got = await client.retrieve_instance_frames(*UIDS, (3, 1, 2))

        assert [3, 1, 2] == [frame.number for frame in got]
        assert f"{PATH}/frames/3,1,2" == peer.requests[0].target


@pytest.mark.parametrize(
    "retrieve",
    [
        lambda client: client.retrieve_study(""),
        lambda client: client.retrieve_study("../../x"),
        lambda client: client.retrieve_series("1.2", ""),
        lambda client: client.retrieve_instance("1.2", "1.3", "x"),
        lambda client: client.retrieve_instance_metadata("1.2", "1.3", "1..2"),
        lambda client: client.retrieve_instance_frames(*UIDS, []),
        lambda client: client.retrieve_instance_frames(*UIDS, [0]),
        lambda client: client.retrieve_bulkdata("bulk", byte_range=(5, 2)),
    ],
)
def test_what_cannot_be_is_told_at_once(retrieve: Callable[[Client], object]) -> None:
    """Arguments are checked by the verb itself, before it is awaited."""
    with pytest.raises(ConfigurationError):
        retrieve(Client("http://pacs"))


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "ftp://x/y", "data:,x", "http://"])
def test_bulk_data_are_at_servers(uri: str) -> None:
    """A BulkDataURI of another scheme is refused: it is the server that wrote it."""
    with pytest.raises(ContentError):
        Client("http://pacs").retrieve_bulkdata(uri)


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("/dicom-web/studies/1.2/bulk/7", "studies/1.2/bulk/7"),
        ("/dicom-web/studies/1.2/bulk/7", "./studies/1.2/bulk/7"),
        ("/bulk/7", "/bulk/7"),
        ("/bulk/7", "../bulk/7"),
    ],
)
async def test_a_relative_bulk_data_uri(target: str, uri: str) -> None:
    """It is resolved against the service's URL as a directory (JSN-43, RFC 3986 §5.2)."""
    async with ScriptedPeer([OCTETS]) as peer, Client(f"{peer.origin}/dicom-web") as client:
        await client.retrieve_bulkdata(uri)

        assert target == peer.requests[0].target


async def test_a_bulk_data_uri_in_the_clear() -> None:
    """From https to http none is asked for, unless the client was made for the origin."""
    async with ScriptedPeer([OCTETS]) as peer:
        async with Client("https://127.0.0.1:1/") as client:
            with pytest.raises(ContentError, match="from https to http"):
                client.retrieve_bulkdata(peer.url + "b")
        assert [] == peer.requests

        async with Client("https://127.0.0.1:1/", qido_url_prefix=peer.url) as client:
            assert 1 == len(await client.retrieve_bulkdata(peer.url + "b"))
