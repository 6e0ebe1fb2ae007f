from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from aiodicomweb.errors import Part10Error, RemoteProtocolError
from aiodicomweb.server.pictures import drawing
from aiodicomweb.server.pictures.drawing import Artist, Picture, can_be_animated
from aiodicomweb.server.pictures.encoding import GIF, PNG
from aiodicomweb.server.pictures.source import Source
from aiodicomweb.services.rendering import IccProfile, RenderingOptions, Viewport, Window

from ...support.dicom_files import sample
from ...support.fake_archive import holding_of
from ...support.images import an_image

if TYPE_CHECKING:
    from aiodicomweb.server import Holding

ROW = np.array([[0, 100, 200]], dtype="u1")
COLORS = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
PALETTE = {
    f"{color}PaletteColorLookupTable{kind}": value
    for color in ("Red", "Green", "Blue")
    for kind, value in (("Descriptor", [3, 0, 8]), ("Data", bytes([1, 2, 3, 0])))
}


def drawn(holding: Holding, *numbers: int, **options: Any) -> Image.Image:
    """What a program makes of an image of these frames."""
    artist = Artist(RenderingOptions(**options))
    media_type = GIF if len(numbers) > 1 else PNG
    octets = artist.draw(Picture(holding, numbers or (1,), ""), media_type)
    return Image.open(io.BytesIO(octets))


def test_a_moving_image_is_as_large_as_all_its_frames() -> None:
    """A viewport that one frame could have is too large for twenty."""
    holding = an_image(np.zeros((20, 2, 3), dtype="u1"), NumberOfFrames="20")
    viewport = Viewport(4000, 4000)

    assert (4000, 2667) == drawn(holding, 1, viewport=viewport).size
    with pytest.raises(RemoteProtocolError) as caught:
        drawn(holding, *range(1, 21), viewport=viewport)
    assert 413 == caught.value.status_hint


@pytest.mark.parametrize(
    ("holding", "mode", "expected"),
    [
        (an_image(ROW), "L", [[0, 100, 200]]),
        (an_image(ROW[..., None], **COLORS), "RGB", [[[0, 100, 200]]]),
        (
            an_image(ROW // 100, PhotometricInterpretation="PALETTE COLOR", **PALETTE),
            "RGB",
            [[[1] * 3, [2] * 3, [3] * 3]],
        ),
    ],
    ids=["gray", "color", "palette"],
)
def test_shades_stay_gray_and_colors_are_colors(
    holding: Holding, mode: str, expected: list[Any]
) -> None:
    """Each kind of pixels by its own pipeline."""
    if mode == "RGB" and len(expected[0]) == 1:
        holding = an_image(ROW.reshape(1, 1, 3), **COLORS)

    image = drawn(holding)

    assert (mode, expected) == (image.mode, np.asarray(image).tolist())


def test_the_order_is_window_then_region() -> None:
    """As if it were a presentation state (REN-08)."""
    image = drawn(
        an_image(ROW), window=Window(100, 1), viewport=Viewport(2, 2, source_x=1, source_y=0)
    )

    assert [[255, 255]] == np.asarray(image).tolist()


def test_a_window_has_no_meaning_for_colors() -> None:
    """They have no values that it could be of."""
    holding = an_image(ROW.reshape(1, 1, 3), **COLORS)

    assert [[[0, 100, 200]]] == np.asarray(drawn(holding, window=Window(1, 1))).tolist()


def test_a_profile_of_shades_does_not_count() -> None:
    """A gray image with a profile is one of sRGB."""
    image = drawn(an_image(ROW, ICCProfile=bytes(200)), icc_profile=IccProfile.YES)

    assert "RGB" == image.mode
    assert bytes(200) != image.info["icc_profile"]


def test_the_profile_of_the_data_set_is_embedded() -> None:
    """Of colours."""
    holding = an_image(ROW.reshape(1, 1, 3), ICCProfile=bytes(200), **COLORS)

    assert bytes(200) == drawn(holding, icc_profile=IccProfile.YES).info["icc_profile"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, 100),
        ({"FrameTime": "40"}, 40),
        ({"CineRate": "20"}, 50),
        ({"RecommendedDisplayFrameRate": "5", "CineRate": "20"}, 200),
        ({"FrameTime": "0"}, 100),
    ],
)
def test_frames_follow_each_other_as_the_data_set_says(told: dict[str, str], expected: int) -> None:
    """By the time of one, or by how many there are in a second (PS3.3 §C.7.6.5)."""
    holding = an_image(np.array([[[10]], [[20]]], dtype="u1"), NumberOfFrames="2", **told)

    image = drawn(holding, 1, 2)

    assert (expected, 2) == (image.info["duration"], getattr(image, "n_frames", 1))


def test_an_animation_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the samples of all its frames."""
    holding = an_image(np.zeros((3, 2, 2), dtype="u1"), NumberOfFrames="3")
    source = Source.read(holding)
    assert source is not None
    assert can_be_animated(source)

    monkeypatch.setattr(drawing, "MOST_SAMPLES", 11)

    assert not can_be_animated(source)
    with pytest.raises(Part10Error):
        drawn(holding, 1, 2, 3)


@pytest.mark.parametrize(
    ("shape", "expected"), [((2, 3), (3, 2)), ((256, 512), (128, 64)), ((512, 2), (1, 128))]
)
def test_a_thumbnail_is_small(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """No side has more than 128 pixels, and none becomes larger than it is."""
    holding = an_image(np.zeros(shape, dtype="u1"))
    artist = Artist(RenderingOptions(), is_thumbnail=True)

    octets = artist.draw(Picture(holding, (1,), ""), PNG)

    assert expected == Image.open(io.BytesIO(octets)).size


def test_an_instance_is_read_once_for_all_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again once another was looked at: one is held at a time."""
    read: list[str] = []
    original = Source.read

    def reading(holding: Holding) -> Source | None:
        read.append(holding.instance)
        return original(holding)

    monkeypatch.setattr(Source, "read", reading)
    first = an_image(np.zeros((2, 1, 1), dtype="u1"), "1.1", NumberOfFrames="2")
    second = replace(first, instance="1.2")
    artist = Artist(RenderingOptions())

    for holding, number in ((first, 1), (first, 2), (second, 1), (first, 1)):
        artist.draw(Picture(holding, (number,), ""), PNG)

    assert ["1.1", "1.2", "1.1"] == read


def test_without_pixels_there_is_no_image() -> None:
    """A plan."""
    with pytest.raises(Part10Error):
        drawn(holding_of(sample("rtplan.dcm")))
