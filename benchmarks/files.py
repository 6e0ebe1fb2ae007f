"""DICOM files for the benchmarks that store and retrieve: alike but for their UIDs."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY, SERIES = "1.2.826.0.1.3680043.10.1", "1.2.826.0.1.3680043.10.1.1"
CLASS = "1.2.840.10008.5.1.4.1.1.7"


@functools.cache
def _template(octets: int) -> list[bytes]:
    """A file of about so many octets, cut where its UID has to be put in."""
    from io import BytesIO

    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    wanted = _padded(0)
    side = int((octets / 2) ** 0.5)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASS, wanted
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, SERIES
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Bench^Mark", "1", "OT"
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = random.Random(octets).randbytes(2 * side * side)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CLASS
    dataset.file_meta.MediaStorageSOPInstanceUID = wanted
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue().split(wanted.encode())


def _padded(number: int) -> str:
    """A UID of always the same length, so that one file can be made of another."""
    return f"{SERIES}.{number + 1_000_000}"


def uids(count: int) -> list[str]:
    """The SOP Instance UIDs of so many files."""
    return [_padded(number) for number in range(count)]


def content(octets: int, number: int) -> bytes:
    """A file of about so many octets."""
    return _padded(number).encode().join(_template(octets))


def segments(octets: int, number: int) -> Iterator[bytes]:
    """The same in pieces, of which the large ones are the same for all."""
    first, *others = _template(octets)
    yield first
    for piece in others:
        yield _padded(number).encode()
        yield piece


def write(folder: Path, octets: int, count: int) -> list[Path]:
    """Write so many files."""
    paths = []
    for number in range(count):
        path = folder / f"{number:05}.dcm"
        path.write_bytes(content(octets, number))
        paths.append(path)
    return paths


@functools.cache
def store_answer(count: int) -> bytes:
    """What a server says that stored so many of them, as DICOM JSON."""
    items = [
        {
            "00081150": {"vr": "UI", "Value": [CLASS]},
            "00081155": {"vr": "UI", "Value": [uid]},
        }
        for uid in uids(count)
    ]
    body = json.dumps({"00081199": {"vr": "SQ", "Value": items}}).encode()
    head = f"Content-Type: application/dicom+json\r\nContent-Length: {len(body)}"
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body


def of(folder: str, count: int) -> Iterator[Path]:
    """The files that :func:`write` wrote."""
    return (Path(folder) / f"{number:05}.dcm" for number in range(count))
