"""Calls that give images: one, several, none, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import (
    Client,
    ContentError,
    FrameMismatch,
    MultipartError,
    NotAcceptable,
    NotFound,
    UnexpectedMediaType,
)
from aiodicomweb.server import MemoryArchive, Server
from aiodicomweb.testing import response

from ...support.dicom_files import sample
from ...support.messages import parts_response
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

UIDS = ("1.2", "1.2.3", "1.2.3.4")
JPEG, PNG, GIF, HTML = "image/jpeg", "image/png", "image/gif", "text/html"
NOTHING = b"HTTP/1.1 204 None\r\n\r\n"
PAGE = response(b"<html>Log in</html>", {"Content-Type": f"{HTML}; charset=utf-8"})
IMAGE, FILM = sample("CT_small.dcm"), sample("rtdose.dcm")


async def test_images_of_a_study() -> None:
    """Awaited, a list of octets with their media types and places (RET-66)."""
    places = [{"Content-Location": f"/studies/1.2/series/3/instances/{uid}"} for uid in (4, 5)]
    reply = parts_response([b"one", b"two"], JPEG, places, status=206)
    async with serving(reply) as (client, _):
        call = client.retrieve_study_rendered("1.2")

        images = await call

        assert [(b"one", JPEG), (b"two", JPEG)] == [(bytes(i), i.media_type) for i in images]
        assert [place["Content-Location"] for place in places] == [i.location for i in images]
        assert call.response.partial


async def test_images_are_streamed() -> None:
    """Iterated, an image is given before its octets have arrived."""
    async with serving(parts_response([b"one", b"two"], PNG)) as (client, _):
        got: list[bytes] = []
        async for part in client.retrieve_series_rendered(*UIDS[:2], [PNG]):
            assert PNG == part.media_type
            got.append(b"".join([bytes(chunk) async for chunk in part]))

        assert [b"one", b"two"] == got


@pytest.mark.parametrize(
    "reply",
    [response(b"image", {"Content-Type": JPEG}), parts_response([b"image"], JPEG)],
    ids=["single part", "multipart"],
)
async def test_one_image(reply: bytes) -> None:
    """Awaited, an instance and any thumbnail are one image, with or without multipart."""
    async with serving(*[reply] * 5) as (client, peer):
        for call in (
            client.retrieve_instance_rendered(*UIDS),
            client.retrieve_study_thumbnail("1.2"),
            client.retrieve_series_thumbnail(*UIDS[:2]),
            client.retrieve_instance_thumbnail(*UIDS),
            client.retrieve_instance_frames_thumbnail(*UIDS, [1, 2]),
        ):
            image = await call
            assert (b"image", JPEG) == (bytes(image), image.media_type)
        assert 1 == peer.connections


@pytest.mark.parametrize(
    ("reply", "words"),
    [(NOTHING, "got none"), (parts_response([b"1", b"2"], JPEG), "got more")],
    ids=["none", "two"],
)
async def test_one_image_is_one(reply: bytes, words: str) -> None:
    """None, or several, are an error for who awaits one."""
    async with serving(reply) as (client, _):
        with pytest.raises(ContentError, match=words):
            await client.retrieve_instance_rendered(*UIDS)


async def test_several_images_can_be_iterated() -> None:
    """A server that gives each frame by itself is understood."""
    async with serving(parts_response([b"1", b"2"], JPEG)) as (client, _):
        call = client.retrieve_instance_rendered(*UIDS)

        assert [b"1", b"2"] == [bytes(await part.read()) async for part in call]


async def test_no_content_is_no_images() -> None:
    """204 gives an empty list."""
    async with serving(NOTHING) as (client, _):
        assert [] == await client.retrieve_study_rendered("1.2")


async def test_what_is_cut_is_an_error() -> None:
    """Without a close delimiter the last image may be half."""
    async with serving(parts_response([b"one", b"tw"], JPEG, close=False)) as (client, _):
        with pytest.raises(MultipartError) as caught:
            await client.retrieve_study_rendered("1.2")

        assert 1 == caught.value.complete


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_types", [None, [PNG, "image/*"], [JPEG, "text/*; q=0"]])
@pytest.mark.parametrize("reply", [PAGE, parts_response([b"<html>"], HTML)], ids=["page", "part"])
async def test_a_log_in_page_is_no_image(reply: bytes, media_types: list[str] | None) -> None:
    """HTML that nobody asked for is refused."""
    async with serving(reply) as (client, _):
        with pytest.raises(UnexpectedMediaType, match=HTML):
            await client.retrieve_instance_rendered(*UIDS, media_types)


async def test_a_log_in_page_is_shown() -> None:
    """It is refused with the head, and the error has the page's start."""
    async with serving(PAGE) as (client, _):
        with pytest.raises(UnexpectedMediaType) as caught:
            await client.retrieve_study_rendered("1.2").__aenter__()

        assert b"<html>Log in</html>" == caught.value.body


@pytest.mark.parametrize("media_types", [[HTML], [JPEG, "text/*; q=0.5"], ["*/*"]])
@pytest.mark.parametrize("reply", [PAGE, parts_response([b"<html>"], HTML)], ids=["page", "part"])
async def test_a_report_is_a_page(reply: bytes, media_types: list[str]) -> None:
    """HTML that was asked for is a rendering like any other (PS3.18 Table 8.7.4-1)."""
    async with serving(reply) as (client, _):
        image = await client.retrieve_instance_rendered(*UIDS, media_types)

        assert (HTML, b"<html>") == (image.media_type, bytes(image)[:6])


@pytest.mark.parametrize("media_types", [None, ["*/*"]])
async def test_a_page_is_no_thumbnail(media_types: list[str] | None) -> None:
    """A thumbnail is an image, whatever was asked for (RET-67)."""
    async with serving(PAGE) as (client, _):
        with pytest.raises(UnexpectedMediaType, match=HTML):
            await client.retrieve_study_thumbnail("1.2", media_types)


async def test_json_is_no_image() -> None:
    """Nor is a part of JSON, even if anything would do."""
    async with serving(parts_response([b"{}"], "application/json")) as (client, _):
        with pytest.raises(UnexpectedMediaType, match="application/json"):
            await client.retrieve_instance_rendered(*UIDS, ["*/*"])


# --- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "/rendered"])
async def test_rendered_frames_have_numbers(suffix: str) -> None:
    """Frames come in the order asked for, by what they say of themselves."""
    at = [{"Content-Location": f"/x/frames/{number}{suffix}"} for number in (1, 3)]
    async with serving(parts_response([b"one", b"three"], PNG, at)) as (client, _):
        got = await client.retrieve_instance_frames_rendered(*UIDS, [3, 1], [PNG])

        assert [(3, b"three", PNG), (1, b"one", PNG)] == [
            (frame.number, bytes(frame), frame.media_type) for frame in got
        ]


async def test_missing_rendered_frames_are_named() -> None:
    """One image in answer to a request for two frames is not both."""
    async with serving(response(b"one", {"Content-Type": JPEG})) as (client, _):
        with pytest.raises(FrameMismatch, match="missing 2"):
            await client.retrieve_instance_frames_rendered(*UIDS, [1, 2])


@pytest.mark.parametrize("media_type", [GIF, "video/mp4"])
async def test_a_film_is_all_frames(media_type: str) -> None:
    """A GIF or a video may show all that was asked for (PS3.18 Table 8.7.4-1)."""
    async with serving(response(b"film", {"Content-Type": media_type})) as (client, _):
        got = await client.retrieve_instance_frames_rendered(*UIDS, [1, 2], [media_type])

        assert [b"film"] == [bytes(frame) for frame in got]


async def test_a_gif_of_one_frame_is_one() -> None:
    """If it names its frame, or another one follows, it stands for no other."""
    at = [{"Content-Location": "/x/frames/1"}]
    two = parts_response([b"a", b"b"], GIF)
    async with serving(parts_response([b"a"], GIF, at), two) as (client, _):
        for asked in ([1, 2], [1, 2, 3]):
            with pytest.raises(FrameMismatch, match=f"missing {asked[-1]}"):
                await client.retrieve_instance_frames_rendered(*UIDS, asked, [GIF])


# --- our server ----------------------------------------------------------------------------------


@pytest.fixture
async def archive() -> AsyncIterator[Client]:
    """A client of our server with an image and a film."""
    pytest.importorskip("numpy")
    pytest.importorskip("PIL")
    server = Server(MemoryArchive([IMAGE.dataset, FILM.dataset]))
    async with server, Client(server.url) as client:
        yield client


async def test_our_server_renders(archive: Client) -> None:
    """At each level, in the media type asked for."""
    starts = {JPEG: b"\xff\xd8", PNG: b"\x89PNG", GIF: b"GIF8"}
    for media_type, start in starts.items():
        (of_study,) = await archive.retrieve_study_rendered(IMAGE.study, [media_type])
        (of_series,) = await archive.retrieve_series_rendered(*IMAGE.uids[:2], [media_type])
        one = await archive.retrieve_instance_rendered(*IMAGE.uids, [media_type])
        frames = await archive.retrieve_instance_frames_rendered(*FILM.uids, [3, 1], [media_type])
        images = [of_study, of_series, one, *frames]
        assert [media_type] * 5 == [image.media_type for image in images]
        assert [start] * 5 == [bytes(image)[: len(start)] for image in images]
        assert [3, 1] == [frame.number for frame in frames]


async def test_our_server_gives_each_frame(archive: Client) -> None:
    """An instance of 15 frames is 15 pictures in JPEG, and one in GIF."""
    call = archive.retrieve_instance_rendered(*FILM.uids)
    assert 15 == len([part.number async for part in call])
    assert GIF == (await archive.retrieve_instance_rendered(*FILM.uids, [GIF])).media_type


async def test_our_server_has_thumbnails(archive: Client) -> None:
    """One small image at each level."""
    for image in (
        await archive.retrieve_study_thumbnail(FILM.study),
        await archive.retrieve_series_thumbnail(*FILM.uids[:2]),
        await archive.retrieve_instance_thumbnail(*FILM.uids),
        await archive.retrieve_instance_frames_thumbnail(*FILM.uids, [2, 3]),
    ):
        assert (JPEG, b"\xff\xd8") == (image.media_type, bytes(image)[:2])


async def test_our_server_refuses(archive: Client) -> None:
    """What isn't there, and what it can't render."""
    with pytest.raises(NotFound):
        await archive.retrieve_instance_frames_rendered(*FILM.uids, [16])
    with pytest.raises(NotAcceptable):
        await archive.retrieve_study_rendered(IMAGE.study, ["video/mp4"])
