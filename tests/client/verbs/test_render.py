"""What retrievals of images to look at send, and what they refuse to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import Client, ConfigurationError, RenderingOptions, Viewport, Window
from aiodicomweb.testing import response

from ...support.messages import parts_response
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable

UIDS = ("1.2", "1.2.3", "1.2.3.4")
PATHS = {
    "study": "/studies/1.2",
    "series": "/studies/1.2/series/1.2.3",
    "instance": "/studies/1.2/series/1.2.3/instances/1.2.3.4",
    "instance_frames": "/studies/1.2/series/1.2.3/instances/1.2.3.4/frames/3,1",
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "study": UIDS[:1],
    "series": UIDS[:2],
    "instance": UIDS,
    "instance_frames": (*UIDS, [3, 1]),
}
SIZE = RenderingOptions(viewport=Viewport(64, 32))


def verb(client: Client, level: str, kind: str) -> Callable[..., Any]:
    """The verb of a level."""
    verb: Callable[..., Any] = getattr(client, f"retrieve_{level}_{kind}")
    return verb


def reply(level: str, kind: str) -> bytes:
    """As many images as are asked for."""
    if (level, kind) == ("instance_frames", "rendered"):
        return parts_response([b"three", b"one"], "image/jpeg")
    return response(b"image", {"Content-Type": "image/jpeg"})


@pytest.mark.parametrize("kind", ["rendered", "thumbnail"])
@pytest.mark.parametrize("level", PATHS)
async def test_the_request(level: str, kind: str) -> None:
    """The whole head, octet by octet (PS3.18 §10.4.1.1.3 and .4, STU-06 to STU-27)."""
    async with serving(reply(level, kind)) as (client, peer):
        await verb(client, level, kind)(*ARGUMENTS[level])

        host = peer.origin.removeprefix("http://")
        start = f"GET {PATHS[level]}/{kind} HTTP/1.1\r\nHost: {host}\r\n"
        head = start + "Accept: image/jpeg\r\nAccept-Encoding: identity\r\n\r\n"
        assert head.encode() == peer.requests[0].head


@pytest.mark.parametrize("kind", ["rendered", "thumbnail"])
@pytest.mark.parametrize("level", PATHS)
async def test_what_is_asked_besides(level: str, kind: str) -> None:
    """Media types and parameters stand where dicomweb-client has them."""
    async with serving(reply(level, kind)) as (client, peer):
        await verb(client, level, kind)(
            *ARGUMENTS[level],
            ["image/png", "image/*"],
            {"x": True},
            rendering=SIZE,
            headers={"X": "y"},
        )

        request = peer.requests[0]
        assert f"{PATHS[level]}/{kind}?viewport=64,32&x=true" == request.target
        assert ("image/png, image/*", "y") == (request.headers["Accept"], request.headers["X"])


async def test_a_window() -> None:
    """Options of rendering are parameters of the query (PS3.18 §8.3.5.1)."""
    options = RenderingOptions(("patient",), 90, window=Window(40, 400))
    async with serving(reply("instance", "rendered")) as (client, peer):
        await client.retrieve_instance_rendered(*UIDS, rendering=options)

        query = peer.requests[0].target.partition("?")[2]
        assert "annotation=patient&quality=90&window=40,400,linear" == query


@pytest.mark.parametrize(
    "retrieve",
    [
        lambda client: client.retrieve_study_rendered(""),
        lambda client: client.retrieve_series_rendered("1.2", "../x"),
        lambda client: client.retrieve_instance_thumbnail("1.2", "1.3", ""),
        lambda client: client.retrieve_instance_frames_rendered(*UIDS, []),
        lambda client: client.retrieve_instance_frames_thumbnail(*UIDS, [0]),
        lambda client: client.retrieve_study_rendered("1.2", [("image/jpeg", "1.2")]),
        lambda client: client.retrieve_study_rendered("1.2", ["image/png", "application/dicom"]),
        lambda client: client.retrieve_study_thumbnail(
            "1.2", rendering=RenderingOptions(quality=1)
        ),
    ],
)
def test_what_cannot_be_is_told_at_once(retrieve: Callable[[Client], object]) -> None:
    """UIDs, frames, media types and options are checked by the verb itself (REN-10, MED-04)."""
    with pytest.raises(ConfigurationError):
        retrieve(Client("http://pacs"))
