"""Small instances with any UIDs and attributes, as files."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from aiodicomweb.dicom import encode

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CT", "a_dataset", "an_instance", "bare", "encapsulated", "sparse_instance"]

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
JPEG: Final = "1.2.840.10008.1.2.4.50"


def a_dataset(
    instance: str = "1.2.3.4", study: str = "1.2", series: str = "1.2.3", **attributes: Any
) -> Dataset:
    """A CT image of 2 by 2 pixels; attributes by keyword, ``None`` leaves one out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    values = {
        "SOPClassUID": CT,
        "SOPInstanceUID": instance,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "StudyDate": "20240102",
        "Modality": "CT",
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "Rows": 2,
        "Columns": 2,
        "BitsAllocated": 16,
        "PixelData": bytes(range(8)),
        **attributes,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
    return dataset


def an_instance(
    instance: str = "1.2.3.4", study: str = "1.2", series: str = "1.2.3", **attributes: Any
) -> bytes:
    """The file of :func:`a_dataset`."""
    return encode(a_dataset(instance, study, series, **attributes))


def encapsulated(instance: str = "1.2.3.4", *, frames: int = 3) -> bytes:
    """A file with compressed pixel data: 100 octets for each frame, which are no image."""
    dataset = a_dataset(instance, NumberOfFrames=str(frames), PixelData=None)
    dataset.file_meta.TransferSyntaxUID = UID(JPEG)
    dataset.PixelData = encapsulate([bytes(100)] * frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return encode(dataset)


def bare(instance: str = "1.2.3.4") -> bytes:
    """A data set without preamble and file meta information, implicit little endian."""
    buffer = io.BytesIO()
    dataset = a_dataset(instance)
    del dataset.file_meta
    dataset.save_as(buffer, implicit_vr=True, little_endian=True)
    return buffer.getvalue()


def sparse_instance(path: Path, instance: str, pixels: int) -> None:
    """Write a file with so many octets of pixel data, which take no room on the disk."""
    head = an_instance(instance, PixelData=None)
    header = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, pixels)
    with path.open("wb") as file:
        file.write(head + header)
        file.truncate(len(head) + len(header) + pixels)
