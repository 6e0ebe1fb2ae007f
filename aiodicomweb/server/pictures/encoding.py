"""Images as JPEG, PNG and GIF (PS3.18 Table 8.7.4-1)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from ...errors import Part10Error
from ...http import MediaType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image

__all__ = ["GIF", "JPEG", "PNG", "animate", "encode"]

JPEG: Final = MediaType("image", "jpeg")
PNG: Final = MediaType("image", "png")
GIF: Final = MediaType("image", "gif")

_QUALITY: Final = 90
"""Of JPEG where nothing was said. Pillow's own 75 shows blocks in smooth gray."""


def encode(
    image: Image.Image, media_type: MediaType, quality: int | None, profile: bytes | None
) -> bytes:
    """Write an image.

    Args:
        image: Gray or coloured, of 8 bits.
        media_type: ``JPEG``, ``PNG`` or ``GIF``.
        quality: Of JPEG, from 1 to 100; the others lose nothing.
        profile: The ICC profile to embed, which a GIF cannot have.

    Raises:
        Part10Error: It has a size that the format does not know.
    """
    written = io.BytesIO()
    try:
        if media_type == JPEG:
            image.save(written, "JPEG", quality=quality or _QUALITY, icc_profile=profile)
        elif media_type == PNG:
            image.save(written, "PNG", icc_profile=profile)
        else:
            image.save(written, "GIF")
    except (OSError, ValueError):
        raise Part10Error(f"the image cannot be written as {media_type}") from None
    return written.getvalue()


def animate(images: Iterable[Image.Image], milliseconds: float) -> bytes:
    """Write a GIF that shows images one after the other, over and over.

    Args:
        images: At least one, of one size; each is taken when its turn comes.
        milliseconds: How long each is seen. What shows faster than 50 a second, programs slow
            down.

    Raises:
        Part10Error: They have a size that a GIF cannot have.
    """
    written = io.BytesIO()
    following = iter(images)
    try:
        next(following).save(
            written,
            "GIF",
            save_all=True,
            append_images=following,
            duration=max(20, round(milliseconds)),
            loop=0,
        )
    except (OSError, ValueError):
        raise Part10Error("the images cannot be written as a GIF") from None
    return written.getvalue()
