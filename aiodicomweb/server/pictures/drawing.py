"""One image after the other: read, rendered, and written in the media type that is wanted."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image

from ...errors import Part10Error
from ...services.rendering import Viewport
from ..retrieving.transcode import converting
from .color import from_palette, to_octets
from .encoding import GIF, animate, encode
from .functional_groups import numbers_in
from .geometry import fit, region_of, size_within
from .grayscale import to_shades
from .profiles import convert_colors, profile_of
from .source import MOST_SAMPLES, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...http import MediaType
    from ...services.rendering import RenderingOptions
    from ..archive import Holding

__all__ = ["Artist", "Picture", "can_be_animated"]

_THUMBNAIL: Final = 128
"""Pixels of the longer side of a thumbnail whose size nobody asked for."""
_FRAME_TIME: Final = 100.0
"""Milliseconds for which a frame is seen where the data set does not say."""

_TIMES_DRAWN: Final = 10
"""How many octets a sample takes while it is worked on (measured, with 16 bits)."""

# To work on more images than there are processors would only take more memory.
_at_work: Final = threading.BoundedSemaphore(os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that can be given.

    Attributes:
        holding: The instance that it is made of.
        numbers: Its frames, from 1; several are shown one after the other.
        location: URL of what it is made of.
    """

    holding: Holding
    numbers: tuple[int, ...]
    location: str


class Artist:
    """Makes the images of one answer. Not for several threads at once.

    Args:
        options: What was asked for.
        is_thumbnail: Whether images without viewport are small.
    """

    def __init__(self, options: RenderingOptions, *, is_thumbnail: bool = False) -> None:
        self._options = options
        self._is_thumbnail = is_thumbnail
        self._latest: tuple[Holding, Source | None] | None = None

    def look(self, holding: Holding) -> Source | None:
        """The image that an instance is, which stays until the next is looked at. Blocks.

        Returns:
            ``None`` if it has no pixels.

        Raises:
            Part10Error: It cannot be read, or not be rendered here.
            OSError: Its file cannot be read.
        """
        if self._latest is None or self._latest[0] is not holding:
            self._latest = None
            self._latest = (holding, Source.read(holding))
        return self._latest[1]

    def draw(self, picture: Picture, media_type: MediaType) -> bytes:
        """Make an image. Blocks.

        Raises:
            Part10Error: It cannot be read, or not be rendered here.
            OSError: Its file cannot be read.
            RemoteProtocolError: It has nothing that the viewport could show, or that would be
                too large.
        """
        source = self.look(picture.holding)
        if source is None:
            raise Part10Error("it has no pixels")
        with _at_work, converting(_TIMES_DRAWN * source.samples):
            first, *following = picture.numbers
            if following:
                return self._animate(source, picture.numbers)
            image = self._rendered(source, first)
            own = profile_of(source.attributes) if source.is_color or source.is_palette else None
            wanted = None if media_type == GIF else self._options.icc_profile
            image, profile = convert_colors(image, own, wanted)
            return encode(image, media_type, self._options.quality, profile)

    def _animate(self, source: Source, numbers: Sequence[int]) -> bytes:
        if not can_be_animated(source):
            raise Part10Error("its frames are too many for one image")
        self._check_size(source, len(numbers))
        images = (self._rendered(source, number) for number in numbers)
        return animate(images, _frame_time(source))

    def _check_size(self, source: Source, frames: int) -> None:
        """Whether all frames together are few enough pixels, as large as they are wanted."""
        viewport = self._options.viewport
        if viewport is not None:
            region = region_of(viewport, source.pixels.columns, source.pixels.rows)
            samples = 3 if source.is_color or source.is_palette else 1
            size_within(region, viewport.width, viewport.height, samples * frames)

    def _rendered(self, source: Source, number: int) -> Image.Image:
        options = self._options
        samples = source.frame(number - 1)
        if source.is_palette:
            is_signed = source.pixels.is_signed
            pixels = from_palette(samples, source.attributes, is_signed=is_signed)
        elif source.is_color:
            pixels = to_octets(samples, source.pixels.bits_stored)
        else:
            attributes = source.attributes
            pixels = to_shades(samples, source.pixels, attributes, number - 1, options.window)
        image = Image.fromarray(pixels)
        if options.viewport is not None:
            return fit(image, options.viewport)
        if self._is_thumbnail and max(image.size) > _THUMBNAIL:
            return fit(image, Viewport(_THUMBNAIL, _THUMBNAIL))
        return image


def can_be_animated(source: Source) -> bool:
    """Whether all frames together are few enough to be one image."""
    return source.samples * len(source.frames) <= MOST_SAMPLES


def _frame_time(source: Source) -> float:
    """Milliseconds for which a frame is seen (PS3.3 §C.7.6.5)."""
    if (time := numbers_in(source.attributes, "FrameTime")) and time[0] > 0:
        return time[0]
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        if (rate := numbers_in(source.attributes, keyword)) and rate[0] > 0:
            return 1000 / rate[0]
    return _FRAME_TIME
