"""What frames are in pydicom's files, as pydicom finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from .accepted import ACCEPTED

if TYPE_CHECKING:
    from ..support.dicom_files import Sample

OCTETS = "application/octet-stream"
BIG_ENDIAN = {
    "ExplVR_BigEnd.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_expb.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_expb.dcm",
    "rtdose_expb_1frame.dcm",
}
"""Frames are little endian, so that these are not given as they are stored."""
DEFLATED = {"image_dfl.dcm"}
SUBSAMPLED = {"SC_ybr_full_422_uncompressed.dcm"}
"""Two octets for each pixel of three samples."""
BAD_COUNT = {"badVR.dcm"}
"""Number of Frames is "1A"."""
WITH_PIXELS = [each for each in ACCEPTED if "PixelData" in each.dataset]
WITH_FRAMES = [
    each for each in WITH_PIXELS if each.name not in BIG_ENDIAN | DEFLATED | SUBSAMPLED | BAD_COUNT
]


def count(file: Sample) -> int:
    """The number of frames."""
    return int(file.dataset.get("NumberOfFrames") or 1)


def frames(file: Sample) -> list[bytes]:
    """The frames: compressed streams, or an equal share of the pixel data each."""
    dataset, number = file.dataset, count(file)
    if UID(file.transfer_syntax).is_encapsulated:
        return list(generate_frames(dataset.PixelData, number_of_frames=number))
    samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    length = samples * dataset.BitsAllocated // 8
    return [dataset.PixelData[i * length : (i + 1) * length] for i in range(number)]


def media_type(transfer_syntax: str) -> str:
    """The media type of a compressed frame (PS3.18 Table 8.7.3-4)."""
    if transfer_syntax in JPEGTransferSyntaxes:
        return "image/jpeg"
    if transfer_syntax in JPEGLSTransferSyntaxes:
        return "image/jls"
    if transfer_syntax in JPEG2000TransferSyntaxes:
        return "image/jp2"
    return "image/dicom-rle" if transfer_syntax == RLELossless else OCTETS
