from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.encoding import GIF, JPEG, PNG, animate, encode

if TYPE_CHECKING:
    from aiodicomweb.http import MediaType

GRAY = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
COLOR = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


def read(octets: bytes) -> Image.Image:
    """An image as a program reads it."""
    return Image.open(io.BytesIO(octets))


@pytest.mark.parametrize("image", [GRAY, COLOR], ids=["gray", "color"])
@pytest.mark.parametrize("media_type", [JPEG, PNG, GIF], ids=str)
def test_an_image_is_what_its_media_type_says(image: Image.Image, media_type: MediaType) -> None:
    """And has the size that it had."""
    found = read(encode(image, media_type, None, None))

    assert (media_type.subtype.upper(), image.size) == (found.format, found.size)


@pytest.mark.parametrize("media_type", [PNG, GIF], ids=str)
def test_png_and_gif_lose_no_shade(media_type: MediaType) -> None:
    """All 256 come out as they went in."""
    found = read(encode(GRAY, media_type, 1, None)).convert("L")

    assert GRAY.tobytes() == found.tobytes()


def test_jpeg_is_baseline_with_huffman_coding() -> None:
    """SOF0 (MED-78)."""
    octets = encode(GRAY, JPEG, None, None)

    assert b"\xff\xc0" in octets
    assert b"\xff\xc2" not in octets


def test_quality_is_that_of_jpeg() -> None:
    """More octets for more of it; without a wish it is 90 (REN-02)."""
    low, default, high = (len(encode(GRAY, JPEG, quality, None)) for quality in (1, None, 100))

    assert low < default < high
    assert encode(GRAY, JPEG, 90, None) == encode(GRAY, JPEG, None, None)


@pytest.mark.parametrize("media_type", [JPEG, PNG], ids=str)
def test_a_profile_is_embedded(media_type: MediaType) -> None:
    """As APP2, or as iCCP (REN-07)."""
    found = read(encode(COLOR, media_type, None, b"profile"))
    without = read(encode(COLOR, media_type, None, None))

    assert b"profile" == found.info["icc_profile"]
    assert "icc_profile" not in without.info


def test_what_a_format_has_no_room_for_is_refused() -> None:
    """JPEG ends at 65,500 columns."""
    with pytest.raises(Part10Error):
        encode(Image.new("L", (65_501, 1)), JPEG, None, None)


def test_an_animation_shows_all_images_for_ever() -> None:
    """Each for its time, each as it is."""
    images = [Image.new("L", (2, 2), shade) for shade in (10, 200, 90)]

    found = read(animate(iter(images), 40.2))

    assert (3, 0) == (getattr(found, "n_frames", 1), found.info["loop"])
    for number, image in enumerate(images):
        found.seek(number)
        assert (40, image.tobytes()) == (found.info["duration"], found.convert("L").tobytes())


def test_an_animation_is_not_too_fast_to_be_shown() -> None:
    """At most 50 images in a second."""
    images = [Image.new("L", (1, 1), shade) for shade in (1, 2)]

    assert 20 == read(animate(images, 0.001)).info["duration"]


def test_images_are_taken_one_after_the_other() -> None:
    """None is made before its turn."""
    made: list[int] = []

    def image(shade: int) -> Image.Image:
        made.append(shade)
        return Image.new("L", (1, 1), shade)

    assert animate(map(image, range(5)), 100).startswith(b"GIF89a")
    assert [0, 1, 2, 3, 4] == made
