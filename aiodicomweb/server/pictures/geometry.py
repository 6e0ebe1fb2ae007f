"""Which part of an image is shown, how large, and which way round (PS3.18 §8.3.5.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from ...errors import RemoteProtocolError
from .source import MOST_SAMPLES

if TYPE_CHECKING:
    from ...services.rendering import Viewport

__all__ = ["Region", "fit", "region_of", "size_within"]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of an image, in pixels of it, which may be broken."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top


def region_of(viewport: Viewport, columns: int, rows: int) -> Region:
    """The region that a viewport shows, as far as there is an image.

    Args:
        viewport: What was asked for.
        columns: Of the image.
        rows: Of the image.

    Raises:
        RemoteProtocolError: It lies outside the image; the status hint is 400.
    """
    left, top = viewport.source_x or 0.0, viewport.source_y or 0.0
    right = columns if viewport.source_width is None else left + abs(viewport.source_width)
    bottom = rows if viewport.source_height is None else top + abs(viewport.source_height)
    region = Region(max(0.0, left), max(0.0, top), min(columns, right), min(rows, bottom))
    if region.width <= 0 or region.height <= 0:
        raise RemoteProtocolError("the viewport's region lies outside the image", status_hint=400)
    return region


def size_within(region: Region, width: int, height: int, samples: int = 3) -> tuple[int, int]:
    """The largest size that fits, the aspect ratio kept.

    Args:
        region: What is to be scaled.
        width: Of the viewport.
        height: Of the viewport.
        samples: How many there are of a pixel, in all frames of the image.

    Raises:
        RemoteProtocolError: It would be too large; the status hint is 413.
    """
    scale = min(width / region.width, height / region.height)
    found = (
        min(width, max(1, round(region.width * scale))),
        min(height, max(1, round(region.height * scale))),
    )
    if found[0] * found[1] * samples > MOST_SAMPLES:
        raise RemoteProtocolError("an image of this viewport would be too large", status_hint=413)
    return found


def fit(image: Image.Image, viewport: Viewport) -> Image.Image:
    """Cut out the region, scale it, and flip it.

    Args:
        image: The whole image.
        viewport: What was asked for.

    Raises:
        RemoteProtocolError: That cannot be shown; the status hint says why.
    """
    region = region_of(viewport, *image.size)
    size = size_within(region, viewport.width, viewport.height)
    box = (region.left, region.top, region.right, region.bottom)
    fitted = image.resize(size, Image.Resampling.BICUBIC, box)
    if viewport.flips_horizontally:
        fitted = fitted.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if viewport.flips_vertically:
        fitted = fitted.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return fitted
