from __future__ import annotations

import struct

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from aiodicomweb.dicom.frame_layout import read_frame_layout
from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.dicom.uids import is_encapsulated
from aiodicomweb.errors import Part10Error
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving.content import Stored
from aiodicomweb.server.retrieving.frame_check import check_frames

from ...support.dicom_files import sample, samples
from ...support.fake_archive import holding_of

RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
COMPRESSED = [
    name
    for name, one in samples().items()
    if is_encapsulated(one.transfer_syntax or "1.2.840.10008.1.2.1") and "PixelData" in one.dataset
]


def check(holding: Holding, *indices: int) -> None:
    """Look at some frames, or at all."""
    stored = Stored.read(holding)
    with stored.open() as file:
        frames = read_frame_layout(file, stored.layout)
    assert frames is not None
    check_frames(stored, frames, indices or range(len(frames)))


@pytest.mark.parametrize("name", COMPRESSED)
def test_real_frames_begin_as_they_must(name: str) -> None:
    """Of every transfer syntax that pydicom brings a file of."""
    check(holding_of(sample(name)))


def holding_with(frame: bytes, syntax: str) -> Holding:
    """An image of three frames, of which the second is this, of 16 bits."""
    good = struct.pack("<16L", 2, 64, 80, *[0] * 13) + bytes(64)
    first = good if syntax == RLE else b"\xff\xd8" + bytes(20)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = 0, "MONOCHROME2"
    dataset.NumberOfFrames = "3"
    dataset.PixelData = encapsulate([first, frame, first])
    dataset["PixelData"].VR = "OB"
    set_transfer_syntax(dataset, syntax)
    return Holding("1", "2", "1.2.3", "4", syntax, encode(dataset), "v")


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (JPEG, b"abcdefgh"),
        (JPEG, b"\xff"),
        (RLE, b"short"),
        (RLE, bytes(100)),
        (RLE, struct.pack("<16L", 1, 64, *[0] * 14) + bytes(64)),  # one segment for 16 bits
        (RLE, struct.pack("<16L", 2, 80, 64, *[0] * 13) + bytes(64)),
        (RLE, struct.pack("<16L", 2, 64, 500, *[0] * 13) + bytes(64)),
        (RLE, struct.pack("<16L", 99, 64, 80, *[0] * 13) + bytes(64)),
    ],
)
def test_what_begins_otherwise_is_told(syntax: str, frame: bytes) -> None:
    """With its number; frames that nobody asked for are not looked at."""
    holding = holding_with(frame, syntax)

    check(holding, 0, 2)
    with pytest.raises(Part10Error, match="^frame 2 does not begin like one$"):
        check(holding)


def test_native_frames_have_no_beginning() -> None:
    """They are where they are computed to be."""
    check(holding_of(sample("CT_small.dcm")))
