from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aiodicomweb.errors import Part10Error, RemoteProtocolError
from aiodicomweb.http import FileSpan, Produced

from ...support.dicom_files import sample
from ...support.fake_archive import BASE, FakeArchive, ask, get, holding_of, path_of
from ...support.images import an_image, compressed, image_in, images_in, samples_in

if TYPE_CHECKING:
    from aiodicomweb.server import Holding

STUDY = "/studies/1.2"
SERIES = f"{STUDY}/series/1.2.3"
INSTANCE = f"{SERIES}/instances/1.2.3.4"
RLE = "1.2.840.10008.1.2.5"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def one(*row: int, instance: str = "1.2.3.4", **attributes: Any) -> Holding:
    """An image of one row of shades."""
    return an_image(np.array([row or (0, 100, 200)], dtype="u1"), instance, **attributes)


def moving(*shades: int, instance: str = "1.2.3.4", **attributes: Any) -> Holding:
    """An image of several frames, each of one pixel."""
    frames = np.array(shades, dtype="u1").reshape(-1, 1, 1)
    return an_image(frames, instance, NumberOfFrames=str(len(shades)), **attributes)


def report(instance: str) -> Holding:
    """An instance without pixels."""
    return replace(holding_of(sample("rtplan.dcm")), study="1.2", series="1.2.3", instance=instance)


def broken(instance: str) -> Holding:
    """An image that no decoder can read, which only shows when it is decoded."""
    told = {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "BitsStored": 8, "SamplesPerPixel": 1}
    shades = {"PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    return replace(compressed([bytes(66)], RLE, **told, **shades), instance=instance)


def video(instance: str) -> Holding:
    """An image that there is no decoder for, which shows at once."""
    told = {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "SamplesPerPixel": 1}
    holding = compressed(
        [bytes(66)], "1.2.840.10008.1.2.4.102", PhotometricInterpretation="MONOCHROME2", **told
    )
    return replace(holding, instance=instance)


# --- one image ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "JPEG"),
        ("*/*", "JPEG"),
        ("image/*", "JPEG"),
        ("image/jpeg", "JPEG"),
        ("image/png", "PNG"),
        ("image/gif", "GIF"),
        ("image/png; q=0.5, image/gif", "GIF"),
        ("image/jp2, image/png; q=0.1", "PNG"),
        ("text/html, image/webp, */*; q=0.8", "JPEG"),
    ],
)
async def test_an_image_stands_alone_in_what_is_asked_for(
    accept: str | None, expected: str
) -> None:
    """JPEG unless something else is liked better (MED-30, MED-74)."""
    response = await get(FakeArchive([one()]), f"{INSTANCE}/rendered", accept)

    image = image_in(response)
    assert (expected, (3, 1)) == (image.format, image.size)
    assert f"image/{expected.lower()}" == response.headers["Content-Type"]
    assert "Accept" == response.headers["Vary"]
    assert f"{BASE}{INSTANCE}" == response.headers["Content-Location"]


async def test_an_image_may_be_in_parts() -> None:
    """For those who take nothing else."""
    accept = 'multipart/related; type="image/png"'

    response = await get(FakeArchive([one()]), f"{INSTANCE}/rendered", accept)

    assert [f"{BASE}{INSTANCE}"] == list(images_in(response))


@pytest.mark.parametrize("accept", ["image/jp2", "text/html", "video/mp4", "image/jpeg; q=0"])
@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_what_is_not_made_here_is_406(resource: str, accept: str) -> None:
    """And the answer says what is (RET-36)."""
    response = await get(FakeArchive([one()]), f"{INSTANCE}/{resource}", accept)

    assert 406 == response.status
    assert b"image/png" in response.body


async def test_the_accept_parameter_goes_before_the_field() -> None:
    """For links, whose field the browser writes (MED-48)."""
    path = f"{INSTANCE}/rendered?accept=image/png"

    assert "PNG" == image_in(await get(FakeArchive([one()]), path, "*/*")).format


@pytest.mark.parametrize(
    "accept",
    [
        'multipart/related; type="application/octet-stream"',
        "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    ],
)
@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_the_accept_parameter_of_viewers(resource: str, accept: str) -> None:
    """It counts though the field is for bulk data, as OHIF's library sends it, or a browser's."""
    path = f"{INSTANCE}/{resource}?accept=image%2Fjpeg"

    assert "JPEG" == image_in(await get(FakeArchive([one()]), path, accept)).format


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [[0, 100, 200]]),
        ("window=100,200,linear-exact", [[0, 128, 255]]),
        ("window=100,1,linear", [[0, 255, 255]]),
        ("window=100,50,sigmoid", [[0, 128, 255]]),
        ("viewport=3,3,0,0,-3,1", [[200, 100, 0]]),
        ("viewport=1,1,1,0,1,1", [[100]]),
        ("viewport=2,2,1&window=200,1,linear", [[0, 255]]),
    ],
)
async def test_an_image_is_rendered_as_asked(query: str, expected: list[Any]) -> None:
    """Window, region and size are parameters (RET-12)."""
    path = f"{INSTANCE}/rendered?{query}"

    assert expected == samples_in(await get(FakeArchive([one()]), path, "image/png"))


async def test_quality_makes_the_difference() -> None:
    """Of JPEG (REN-02)."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64)).astype("u1")
    archive = FakeArchive([an_image(noise)])

    answers = [await get(archive, f"{INSTANCE}/rendered?quality={q}") for q in (1, 100)]

    assert len(answers[0].body) < len(answers[1].body)


@pytest.mark.parametrize(
    "query",
    [
        "quality=0",
        "quality=101",
        "viewport=0,1",
        "viewport=10",
        "viewport=9,9,5,5",
        "window=1,2",
        "window=1,2,none",
        "annotation=",
        "iccprofile=red",
    ],
)
async def test_what_cannot_be_rendered_is_400(query: str) -> None:
    """Values that cannot be, and regions beside the image (RET-34)."""
    with pytest.raises(RemoteProtocolError) as caught:
        await get(FakeArchive([one()]), f"{INSTANCE}/rendered?{query}")

    assert 400 == caught.value.status_hint


async def test_annotations_are_not_made_and_the_answer_says_so() -> None:
    """In a warning that names them (REN-01)."""
    archive = FakeArchive([one()])

    answers = [
        await get(archive, f"{INSTANCE}/rendered?annotation=patient,acme", "image/png"),
        await get(archive, f"{STUDY}/rendered?annotation=patient,acme", "image/png"),
    ]
    without = await get(archive, f"{INSTANCE}/rendered", "image/png")

    for response in answers:
        (warning,) = response.headers.get_all("Warning")
        assert warning.startswith("299 ")
        assert "patient, acme" in warning
    assert without.body == answers[0].body
    assert "Warning" not in without.headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [("no", False), ("yes", True), ("srgb", True), ("adobergb", True), ("rommrgb", True)],
)
@pytest.mark.parametrize("accept", ["image/jpeg", "image/png"])
async def test_a_profile_is_embedded_where_it_is_asked_for(
    accept: str, value: str, *, expected: bool
) -> None:
    """In JPEG and PNG (REN-07)."""
    response = await get(FakeArchive([one()]), f"{INSTANCE}/rendered?iccprofile={value}", accept)

    assert expected == ("icc_profile" in image_in(response).info)


async def test_a_gif_has_no_profile() -> None:
    """Who asks for one gets a 400, but for ``no`` (REN-07)."""
    archive = FakeArchive([one()])

    with pytest.raises(RemoteProtocolError, match="GIF"):
        await get(archive, f"{INSTANCE}/rendered?iccprofile=yes", "image/gif")
    assert 200 == (await get(archive, f"{INSTANCE}/rendered?iccprofile=no", "image/gif")).status


async def test_an_image_that_is_known_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entity tag is another one for each way to render it."""
    archive = FakeArchive([one()])
    path = f"{INSTANCE}/rendered"
    first = await get(archive, path)
    other = await get(archive, f"{path}?quality=5")
    piece = await get(archive, path, Range="bytes=0-1")
    monkeypatch.delattr("aiodicomweb.server.pictures.drawing.Artist.draw")

    again = await get(archive, path, If_None_Match=first.headers["ETag"])

    assert (304, b"") == (again.status, again.body)
    assert first.headers["ETag"] != other.headers["ETag"]
    assert (206, b"\xff\xd8") == (piece.status, piece.body)


# --- frames ---------------------------------------------------------------------------------------


async def test_a_frame_is_an_image() -> None:
    """It says which (RET-66)."""
    response = await get(
        FakeArchive([moving(1, 2, 3)]), f"{INSTANCE}/frames/2/rendered", "image/png"
    )

    assert [[2]] == samples_in(response)
    assert f"{BASE}{INSTANCE}/frames/2" == response.headers["Content-Location"]


@pytest.mark.parametrize("accept", ["image/png", 'multipart/related; type="image/png"'])
async def test_frames_are_parts_in_the_order_asked_for(accept: str) -> None:
    """Whether multipart was named or not."""
    path = f"{INSTANCE}/frames/3,1/rendered"

    found = images_in(await get(FakeArchive([moving(1, 2, 3)]), path, accept))

    assert [f"{BASE}{INSTANCE}/frames/3", f"{BASE}{INSTANCE}/frames/1"] == list(found)
    assert [3, 1] == [image.getpixel((0, 0)) for image in found.values()]


@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_a_frame_that_is_not_there_is_404(resource: str) -> None:
    """With all that were asked for beside it (RET-35)."""
    path = f"{INSTANCE}/frames/1,4/{resource}"

    assert 404 == (await get(FakeArchive([moving(1, 2, 3)]), path)).status


@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_a_frame_may_be_asked_for_again_a_few_times(resource: str) -> None:
    """As it may be where it is not rendered."""
    archive = FakeArchive([moving(10, 20)])

    response = await get(archive, f"{INSTANCE}/frames/2,2,2,2,2/{resource}", "*/*")

    assert (400, b"frame 2 is asked for 5 times; 4 is the most\n") == (
        response.status,
        response.body,
    )


@pytest.mark.parametrize("accept", ["image/jpeg", "image/png", 'multipart/related; type="image/*"'])
async def test_all_frames_of_an_instance_are_its_image(accept: str) -> None:
    """Each in a part: the first alone would not be the resource (RET-30)."""
    found = images_in(await get(FakeArchive([moving(1, 2, 3)]), f"{INSTANCE}/rendered", accept))

    assert [f"{BASE}{INSTANCE}/frames/{number}" for number in (1, 2, 3)] == list(found)


@pytest.mark.parametrize("accept", ["image/gif", "*/*", None])
async def test_all_frames_in_one_image_are_a_gif(accept: str | None) -> None:
    """What the category has a media type for (MED-75), and no default (MED-44)."""
    response = await get(FakeArchive([moving(1, 200, 3)]), f"{INSTANCE}/rendered", accept)

    image = image_in(response)
    assert ("GIF", 3) == (image.format, getattr(image, "n_frames", 1))
    assert f"{BASE}{INSTANCE}" == response.headers["Content-Location"]


async def test_frames_are_made_when_their_turn_comes() -> None:
    """One at a time: the answer holds the first, and promises."""
    answer = await ask(FakeArchive([moving(*range(9))]), f"{INSTANCE}/rendered", "image/png")

    assert 8 == sum(isinstance(piece, Produced) for piece in answer.body)
    assert answer.length is None


# --- studies and series ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [STUDY, SERIES])
async def test_a_study_is_all_its_images(path: str) -> None:
    """In parts, even if there is one only; what has no pixels is left out (RET-66, MED-30)."""
    images = [one(1, instance="1.1"), report("1.2"), moving(2, 3, instance="1.3")]

    response = await get(FakeArchive(images), f"{path}/rendered", "image/png")
    alone = await get(FakeArchive(images[:1]), f"{path}/rendered", "image/png")

    found = images_in(response)
    instances = f"{BASE}{SERIES}/instances"
    expected = [f"{instances}/1.1", f"{instances}/1.3/frames/1", f"{instances}/1.3/frames/2"]
    assert (200, expected) == (response.status, list(found))
    assert [1, 2, 3] == [image.getpixel((0, 0)) for image in found.values()]
    assert [f"{instances}/1.1"] == list(images_in(alone))


async def test_a_study_in_gifs_has_one_for_each_instance() -> None:
    """The media type of a part is that of its instance's category (MED-60)."""
    images = [one(1, instance="1.1"), moving(2, 3, instance="1.3")]

    found = images_in(await get(FakeArchive(images), f"{STUDY}/rendered", "image/gif"))

    assert [1, 2] == [getattr(image, "n_frames", 1) for image in found.values()]


@pytest.mark.parametrize("other", [broken, video])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_what_cannot_be_decoded_is_left_out(place: int, other: Any) -> None:
    """What is known of beforehand makes it a partial answer (RET-31)."""
    images = [one(1, instance="1.1"), one(2, instance="1.2")]
    images.insert(place, other("1.9"))

    response = await get(FakeArchive(images), f"{STUDY}/rendered", "image/png")

    is_known = other is video or place == 0
    assert (206 if is_known else 200) == response.status
    assert [1, 2] == [image.getpixel((0, 0)) for image in images_in(response).values()]


async def test_a_broken_frame_ends_the_answer() -> None:
    """Where frames of one instance are asked for, none is left out."""
    told = {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "BitsStored": 8, "SamplesPerPixel": 1}
    good = b"\1\0\0\0\x40" + bytes(59) + b"\1\7\7\0"
    shades = {"PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    archive = FakeArchive([compressed([good, bytes(66)], RLE, **told, **shades)])

    answer = await ask(archive, f"{INSTANCE}/rendered", "image/png")

    (second,) = [piece for piece in answer.body if isinstance(piece, Produced)]
    with pytest.raises(Part10Error):
        second.produce()


@pytest.mark.parametrize("path", [STUDY, INSTANCE])
@pytest.mark.parametrize("make", [report, broken, video])
async def test_nothing_to_be_rendered_is_406(make: Any, path: str) -> None:
    """No pixels, or none that can be decoded (RET-36)."""
    response = await get(FakeArchive([make("1.2.3.4")]), f"{path}/rendered")

    assert (406, 1) == (response.status, response.body.count(b"\n"))


@pytest.mark.parametrize("path", ["/studies/9", f"{STUDY}/series/9", f"{SERIES}/instances/9"])
@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_what_is_not_there_is_404(path: str, resource: str) -> None:
    """A study, a series, an instance."""
    assert 404 == (await get(FakeArchive([one()]), f"{path}/{resource}")).status


@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
async def test_a_file_that_vanished_is_gone(resource: str) -> None:
    """Without its path."""
    gone = replace(one(), content=FileSpan("/secret/place", 0, 10))

    response = await get(FakeArchive([gone]), f"{INSTANCE}/{resource}")

    assert 410 == response.status
    assert b"secret" not in response.body


@pytest.mark.parametrize("query", ["window=1,2,linear", "viewport=9,9,1,1,2,2"])
async def test_a_presentation_state_says_itself_how_it_is_shown(query: str) -> None:
    """Window and region are refused (REN-04, REN-06); rendering it is not done here."""
    state = replace(report("1.2.3.4"), sop_class="1.2.840.10008.5.1.4.1.1.11.1")

    with pytest.raises(RemoteProtocolError, match="presentation state"):
        await get(FakeArchive([state]), f"{INSTANCE}/rendered?{query}")
    assert 406 == (await get(FakeArchive([state]), f"{INSTANCE}/rendered?viewport=9,9")).status


# --- thumbnails -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [STUDY, SERIES, INSTANCE])
async def test_a_thumbnail_is_one_small_jpeg(path: str) -> None:
    """Of studies too, and without multipart (RET-67, MED-31)."""
    archive = FakeArchive([an_image(np.zeros((300, 600), dtype="u1"))])

    response = await get(archive, f"{path}/thumbnail")

    image = image_in(response)
    assert ("JPEG", (128, 64)) == (image.format, image.size)
    assert "image/jpeg" == response.headers["Content-Type"]


async def test_a_thumbnail_shows_the_middle() -> None:
    """The instance in the middle, and its frame in the middle."""
    images = [one(1, instance="1.1"), moving(2, 3, 4, instance="1.2"), one(5, instance="1.3")]
    archive = FakeArchive(images)

    study = await get(archive, f"{STUDY}/thumbnail", "image/png")
    frames = await get(archive, f"{path_of(images[1])}/frames/1,2,1/thumbnail", "image/png")

    assert ([[3]], [[3]]) == (samples_in(study), samples_in(frames))
    assert f"{BASE}{path_of(images[1])}/frames/2" == study.headers["Content-Location"]


async def test_a_thumbnail_is_of_what_can_be_shown() -> None:
    """The nearest to the middle, without burned-in annotations that may name the patient."""
    images = [
        one(1, instance="1.1"),
        report("1.2"),
        broken("1.3"),
        video("1.4"),
        one(5, instance="1.5", BurnedInAnnotation="YES"),
    ]

    response = await get(FakeArchive(images), f"{STUDY}/thumbnail", "image/png")

    assert [[1]] == samples_in(response)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (report("1.2.3.4"), 404),
        (one(BurnedInAnnotation="YES"), 404),
        (broken("1.2.3.4"), 406),
        (video("1.2.3.4"), 406),
    ],
)
async def test_without_anything_to_show_there_is_no_thumbnail(
    image: Holding, expected: int
) -> None:
    """Nothing that may be shown, or that can be."""
    assert expected == (await get(FakeArchive([image]), f"{STUDY}/thumbnail")).status


async def test_a_thumbnail_has_a_size_and_nothing_else() -> None:
    """Other parameters are not its own (REN-04, REN-10)."""
    archive = FakeArchive([one()])
    path = f"{INSTANCE}/thumbnail"

    sized = await get(archive, f"{path}?viewport=6,6&window=100,1,linear", "image/png")

    assert (6, 2) == image_in(sized).size
    with pytest.raises(RemoteProtocolError):
        await get(archive, f"{path}?viewport=6,6,1,1")


async def test_a_thumbnail_that_is_known_is_not_sent_again() -> None:
    """It is asked for with every list."""
    archive = FakeArchive([one()])
    first = await get(archive, f"{STUDY}/thumbnail")

    again = await get(archive, f"{STUDY}/thumbnail", If_None_Match=first.headers["ETag"])

    assert (304, b"") == (again.status, again.body)


# --- the extra ------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["numpy", "PIL"])
async def test_without_the_extra_it_is_501(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the answer says what to install."""
    for name in [name for name in sys.modules if name.startswith("aiodicomweb.server.pictures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    response = await get(FakeArchive([one()]), f"{INSTANCE}/rendered")

    assert 501 == response.status
    assert b"aiodicomweb[render]" in response.body
