from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from aiodicomweb.dicom.frames import (
    join_frames,
    set_transfer_syntax,
    split_frames,
    transfer_syntax_of,
)
from aiodicomweb.errors import Part10Error

from ..support.dicom_files import sample

JPEG = "1.2.840.10008.1.2.4.50"


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_frames_are_joined_and_split(frames: list[bytes]) -> None:
    """Each frame comes back, padded to even length (MED-110)."""
    padded = [frame + b"\0" * (len(frame) % 2) for frame in frames]

    assert padded == split_frames(join_frames(frames), len(frames))


def test_one_frame_needs_no_offset_table() -> None:
    """It is empty, and has an offset for each of several frames (PS3.5 §A.4)."""
    assert b"\0\0\0\0" == join_frames([b"ab"])[4:8]
    assert b"\x08\0\0\0" == join_frames([b"ab", b"cd"])[4:8]


def test_fragments_of_one_frame_are_one_stream() -> None:
    """A frame in several fragments is one (MED-110); so is a video (RET-62)."""
    dataset = sample("JPEG2000.dcm").dataset
    value = dataset.PixelData

    (frame,) = split_frames(value)

    assert b"\xff\x4f\xff\x51" == frame[:4]


@given(st.binary(max_size=60), st.integers(1, 3))
def test_what_is_not_encapsulated_is_an_error_of_ours(value: bytes, count: int) -> None:
    """No octets raise anything else."""
    try:
        split_frames(value, count)
    except Part10Error:
        return


def test_a_transfer_syntax_is_told_by_the_meta_or_by_reading() -> None:
    """What the file says goes first; a data set of nowhere has none."""
    nowhere = Dataset()
    empty = Dataset()
    empty.file_meta = FileMetaDataset()

    assert "1.2.840.10008.1.2.1" == transfer_syntax_of(sample("CT_small.dcm").dataset)
    assert transfer_syntax_of(nowhere) is None
    assert transfer_syntax_of(empty) is None
    nowhere.set_original_encoding(is_implicit_vr=True, is_little_endian=True)
    assert "1.2.840.10008.1.2" == transfer_syntax_of(nowhere)


@pytest.mark.parametrize(("expected", "syntax"), [(True, JPEG), (False, "1.2.840.10008.1.2.1")])
def test_a_transfer_syntax_can_be_set(expected: bool, syntax: str) -> None:
    """Pixel data are marked as they are, so that a file can be written."""
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OB", join_frames([b"ab"]))
    set_transfer_syntax(dataset, syntax)

    assert syntax == dataset.file_meta.TransferSyntaxUID
    assert expected is dataset[0x7FE00010].is_undefined_length
    set_transfer_syntax(dataset, syntax)
    set_transfer_syntax(Dataset(), syntax)
