"""Tiny images as files of an archive, and rendered images as they were received."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from aiodicomweb.dicom import encode
from aiodicomweb.dicom.frame_layout import PixelFormat
from aiodicomweb.dicom.uids import is_encapsulated
from aiodicomweb.server import Holding
from aiodicomweb.services.wado import Resource, RetrieveResponse

from .instances import CT, a_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from aiodicomweb.http import Response

__all__ = ["an_image", "compressed", "image_in", "images_in", "pixel_format", "samples_in"]

EXPLICIT = "1.2.840.10008.1.2.1"


def an_image(
    pixels: npt.ArrayLike,
    instance: str = "1.2.3.4",
    *,
    study: str = "1.2",
    series: str = "1.2.3",
    syntax: str = EXPLICIT,
    **attributes: Any,
) -> Holding:
    """An instance with these stored values: rows, frames of rows, or rows of colours."""
    array = np.asarray(pixels)
    is_color = attributes.get("SamplesPerPixel") == 3
    by_pixel = is_color and not attributes.get("PlanarConfiguration")
    shape = array.shape[-3:-1] if by_pixel and array.ndim > 2 else array.shape[-2:]
    keyword = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}.get(array.dtype.str[1:])
    octets = array.tobytes()
    values = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": shape[0],
        "Columns": shape[1],
        "BitsAllocated": array.dtype.itemsize * 8,
        "BitsStored": None if keyword else array.dtype.itemsize * 8,
        "PixelRepresentation": None if keyword else int(array.dtype.kind == "i"),
        "PixelData": None,
        (keyword or "PixelData"): octets + bytes(len(octets) % 2),
        **attributes,
    }
    return _holding(instance, study, series, syntax, values)


def compressed(frames: Sequence[bytes], syntax: str, **attributes: Any) -> Holding:
    """An instance with these compressed frames."""
    values = {"PixelData": encapsulate(list(frames)), "NumberOfFrames": str(len(frames))}
    return _holding("1.2.3.4", "1.2", "1.2.3", syntax, {**values, **attributes})


def _holding(
    instance: str, study: str, series: str, syntax: str, values: dict[str, Any]
) -> Holding:
    dataset = a_dataset(instance, study, series, **values)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    if is_encapsulated(syntax):
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    octets = encode(dataset)
    version = hashlib.sha256(octets).hexdigest()
    sop_class = str(dataset.get("SOPClassUID", CT))
    return Holding(study, series, instance, sop_class, syntax, octets, version)


def pixel_format(
    bits: int = 16, *, is_signed: bool = True, photometric: str = "MONOCHROME2"
) -> PixelFormat:
    """What the Image Pixel module may say of shades."""
    return PixelFormat(1, 1, 1, -(-bits // 8) * 8, bits, is_signed, photometric, 0, 1)


# --- received -------------------------------------------------------------------------------------


def image_in(response: Response) -> Image.Image:
    """The image that an answer is."""
    assert 200 == response.status, response.body
    image = Image.open(io.BytesIO(response.body))
    image.load()
    return image


def samples_in(response: Response) -> list[Any]:
    """The samples of the image that an answer is, row by row."""
    found: list[Any] = np.asarray(image_in(response)).tolist()
    return found


def images_in(response: Response) -> dict[str, Image.Image]:
    """The images of an answer in parts, by their location."""
    assert response.status in (200, 206), response.body
    parts = RetrieveResponse.from_http(response, resource=Resource.RENDERED).bulk_data
    return {str(part.location): Image.open(io.BytesIO(part.data)) for part in parts}
