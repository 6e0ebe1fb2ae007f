"""What stays the same when an archive writes a data set in another transfer syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..support.dicom_files import sample

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..support.dicom_files import Sample

_KEYWORDS = ("PatientName", "Rows", "PixelSpacing", "SOPInstanceUID")


def values_of(dataset: Dataset) -> list[Any]:
    """Some of its values, and its pixels."""
    return [*map(dataset.get, _KEYWORDS), dataset.PixelData]


def little_endian_values(file: Sample) -> list[Any]:
    """Those of a file in any little endian transfer syntax."""
    *values, pixels = values_of(file.dataset)
    if file.dataset.is_little_endian is False:
        pixels = sample("MR_small.dcm").dataset.PixelData  # the same image
    return [*values, pixels]
