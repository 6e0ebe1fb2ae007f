"""ICC profiles: that of an image, those that can be asked for, and the way between them.

PS3.18 §8.3.5.1.5. Pillow can make that of sRGB; the others are made here, of the primaries and
the gamma that define them (ICC.1:2001-04, matrix profiles).
"""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from PIL import ImageCms

from ...errors import Part10Error
from ...services.rendering import IccProfile

if TYPE_CHECKING:
    from PIL import Image
    from pydicom import Dataset

__all__ = ["convert_colors", "profile_of"]

# Red, green and blue as X, Y, Z, adapted to D50, and the exponent.
_ADOBE_RGB: Final = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
    2.19921875,
)
_ROMM_RGB: Final = (
    (0.7976749, 0.2880402, 0.0),
    (0.1351917, 0.7118741, 0.0),
    (0.0313534, 0.0000857, 0.8252100),
    1.8,
)
_D50: Final = (0.9642, 1.0, 0.8249)
_LARGEST: Final = 16 << 20
"""Octets of a profile; those of whole slides have 0.1 to 13 MiB."""


def profile_of(attributes: Dataset) -> bytes | None:
    """The profile of an image's colours; ``None`` if it has none (PS3.3 §C.11.15)."""
    paths: Any = attributes.get("OpticalPathSequence") or []
    for one in (attributes, *paths[:1]):
        value = one.get("ICCProfile")
        if isinstance(value, bytes) and 128 < len(value) <= _LARGEST:
            return value
    return None


def convert_colors(
    image: Image.Image, own: bytes | None, wanted: IccProfile | None
) -> tuple[Image.Image, bytes | None]:
    """An image in the colours that are wanted, and the profile to embed.

    Args:
        image: Gray or coloured.
        own: Its profile; ``None`` for sRGB.
        wanted: What was asked for; ``None``, as ``no``, leaves all as it is.

    Raises:
        Part10Error: Its profile is none.
    """
    if wanted is None or wanted is IccProfile.NO:
        return image, None
    # Profiles of colours don't go with an image of one channel.
    image = image.convert("RGB")
    if wanted is IccProfile.YES:
        return image, own or _standard(IccProfile.SRGB)
    target = _standard(wanted)
    if own is None and wanted is IccProfile.SRGB:
        return image, target
    source = own or _standard(IccProfile.SRGB)
    try:
        converted = ImageCms.profileToProfile(image, io.BytesIO(source), io.BytesIO(target))
    except (ImageCms.PyCMSError, OSError, ValueError):
        raise Part10Error("the image's ICC profile cannot be applied") from None
    return converted or image, target


@cache
def _standard(name: IccProfile) -> bytes:
    if name is IccProfile.ADOBE_RGB:
        return _matrix_profile("compatible with Adobe RGB (1998)", *_ADOBE_RGB)
    if name is IccProfile.ROMM_RGB:
        return _matrix_profile("ROMM RGB", *_ROMM_RGB)
    # Pillow does not say what it returns.
    made = cast("Any", ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType]
    return ImageCms.ImageCmsProfile(made).tobytes()


def _matrix_profile(
    name: str,
    red: tuple[float, float, float],
    green: tuple[float, float, float],
    blue: tuple[float, float, float],
    gamma: float,
) -> bytes:
    """A profile of a display (ICC.1:2001-04 §6.3.1.2)."""
    text = name.encode("ascii") + b"\0"
    curve = b"curv" + struct.pack(">LLHH", 0, 1, round(gamma * 256), 0)
    tags = {
        b"desc": b"desc" + struct.pack(">LL", 0, len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, data = struct.pack(">L", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for signature, value in tags.items():
        table += signature + struct.pack(">LL", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    head = struct.pack(">LLL", start + len(data), 0, 0x02400000) + b"mntrRGB XYZ "
    head += struct.pack(">6H", 2001, 4, 1, 0, 0, 0) + b"acsp" + bytes(28) + _numbers(_D50)
    return head.ljust(128, b"\0") + table + data


def _xyz(color: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _numbers(color)


def _numbers(values: tuple[float, float, float]) -> bytes:
    return struct.pack(">3l", *(round(value * 65536) for value in values))
