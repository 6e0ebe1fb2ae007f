from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.profiles import convert_colors, profile_of
from aiodicomweb.services.rendering import IccProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {
    IccProfile.SRGB: "sRGB",
    IccProfile.ADOBE_RGB: "Adobe RGB",
    IccProfile.ROMM_RGB: "ROMM RGB",
}


def of_one_color(color: Sequence[int]) -> Image.Image:
    """An image of one pixel."""
    return Image.fromarray(np.array([[color]], dtype=np.uint8))


def converted(color: Sequence[int], own: bytes | None, wanted: IccProfile) -> list[int]:
    """A colour in another space."""
    image, _ = convert_colors(of_one_color(color), own, wanted)
    found: list[int] = np.asarray(image)[0, 0].tolist()
    return found


def profile(name: IccProfile) -> bytes:
    """A profile that can be asked for."""
    _, found = convert_colors(of_one_color([0, 0, 0]), None, name)
    assert found is not None
    return found


@pytest.mark.parametrize("wanted", [None, IccProfile.NO])
def test_without_profile_nothing_changes(wanted: IccProfile | None) -> None:
    """Gray stays gray (REN-07)."""
    image = Image.new("L", (1, 1))

    assert (image, None) == convert_colors(image, b"profile", wanted)


def test_yes_means_the_profile_of_the_image() -> None:
    """It is embedded, and the colours stay; without one they are those of sRGB."""
    image, own = convert_colors(of_one_color([1, 2, 3]), b"profile", IccProfile.YES)
    _, none = convert_colors(of_one_color([1, 2, 3]), None, IccProfile.YES)

    assert (b"profile", profile(IccProfile.SRGB)) == (own, none)
    assert [[[1, 2, 3]]] == np.asarray(image).tolist()


def test_gray_becomes_color_where_it_gets_a_profile_of_colors() -> None:
    """One of three channels cannot be embedded with one channel."""
    image, found = convert_colors(Image.new("L", (1, 1), 77), None, IccProfile.YES)

    assert ("RGB", (77, 77, 77)) == (image.mode, image.getpixel((0, 0)))
    assert found is not None


@pytest.mark.parametrize("name", list(NAMES))
def test_profiles_are_ones_that_programs_read(name: IccProfile) -> None:
    """With their name, for displays of red, green and blue."""
    read = ImageCms.ImageCmsProfile(io.BytesIO(profile(name)))

    assert NAMES[name] in ImageCms.getProfileDescription(read)
    assert ("mntr", "RGB ") == (read.profile.device_class, read.profile.xcolor_space)


@pytest.mark.parametrize(
    ("color", "wanted", "expected"),
    [
        # Red of sRGB is (219, 0, 0) in Adobe RGB, and (179, 71, 26) in ROMM RGB.
        ((255, 0, 0), IccProfile.ADOBE_RGB, (219, 0, 0)),
        ((255, 0, 0), IccProfile.ROMM_RGB, (179, 70, 26)),
        ((255, 255, 255), IccProfile.ADOBE_RGB, (255, 255, 255)),
        ((0, 0, 0), IccProfile.ROMM_RGB, (0, 0, 0)),
        ((10, 20, 30), IccProfile.SRGB, (10, 20, 30)),
    ],
)
def test_colors_are_converted(
    color: tuple[int, ...], wanted: IccProfile, expected: tuple[int, ...]
) -> None:
    """To what the same colour is in the space that is wanted, give or take a rounding."""
    assert np.abs(np.subtract(expected, converted(color, None, wanted))).max() <= 2


def test_there_and_back_is_the_same() -> None:
    """From Adobe RGB, as an image's own profile, to sRGB."""
    there = converted([200, 120, 60], None, IccProfile.ADOBE_RGB)

    back = converted(there, profile(IccProfile.ADOBE_RGB), IccProfile.SRGB)

    assert np.abs(np.subtract([200, 120, 60], back)).max() <= 2


def test_a_broken_profile_is_refused() -> None:
    """Colours that are guessed are worse than none."""
    with pytest.raises(Part10Error):
        converted([1, 2, 3], bytes(200), IccProfile.SRGB)


def test_the_profile_is_that_of_the_image_or_its_first_optical_path() -> None:
    """Of whole slides it is in a sequence (PS3.3 §C.8.12.5)."""
    path, plain, slide = Dataset(), Dataset(), Dataset()
    path.ICCProfile = bytes(200)
    plain.ICCProfile = bytes(300)
    slide.OpticalPathSequence = [path]

    assert [300, 200] == [len(profile_of(one) or b"") for one in (plain, slide)]
    assert profile_of(Dataset()) is None
