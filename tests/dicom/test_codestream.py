from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aiodicomweb.dicom.codestream import check_coded_size, coded_size
from aiodicomweb.dicom.frame_layout import PixelFormat
from aiodicomweb.errors import Part10Error
from aiodicomweb.server.pictures.source import Source

from ..support.dicom_files import sample
from ..support.fake_archive import holding_of


def written(kind: str, **options: object) -> bytes:
    """An image of 7 columns and 5 rows."""
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((5, 7), dtype=np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "octets",
    [
        written("JPEG"),
        written("JPEG", progressive=True),
        written("JPEG", icc_profile=bytes(200_000)),
        written("JPEG2000"),  # with boxes around it
        written("JPEG2000", no_jp2=True),
        b"\xff\xd8\xff\xff" + written("JPEG")[3:],  # filled up
    ],
)
def test_the_head_tells_columns_and_rows(octets: bytes) -> None:
    """Of JPEG and JPEG 2000, without decoding."""
    assert (7, 5) == coded_size(octets)


@pytest.mark.parametrize(
    "name", ["JPEGLSNearLossless_08.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPGExtended.dcm"]
)
def test_the_head_of_a_bundled_file_tells_what_the_data_set_says(name: str) -> None:
    """JPEG-LS, and JPEG of 12 bits."""
    source = Source.read(holding_of(sample(name)))
    assert source is not None
    assert source.frames.compressed is not None

    octets = source.stored.octets(*source.frames.compressed[0])

    assert (source.pixels.columns, source.pixels.rows) == coded_size(octets)


@pytest.mark.parametrize(
    "octets", [b"", b"\xff\xd8", b"\xff\xd8\0\0\0\0\0\0\0\0\0\0", b"\xff\xd8" + b"\xff\xd0" * 9999]
)
def test_what_has_no_such_head_has_no_size(octets: bytes) -> None:
    """Nothing, a beginning, and markers without end."""
    assert coded_size(octets) is None


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51"]), st.binary(max_size=64))
def test_any_octets_are_read(start: bytes, octets: bytes) -> None:
    """A size, or none."""
    size = coded_size(start + octets)

    assert size is None or min(size) >= 0


@pytest.mark.parametrize(
    ("syntax", "octets", "is_refused"),
    [
        ("1.2.840.10008.1.2.4.50", written("JPEG"), False),
        ("1.2.840.10008.1.2.4.50", b"", True),
        ("1.2.840.10008.1.2.4.50", b"\0" + written("JPEG"), True),
        ("1.2.840.10008.1.2.5", bytes(1094), False),
        ("1.2.840.10008.1.2.5", bytes(1095), True),
    ],
)
def test_a_frame_has_the_size_that_is_said(syntax: str, octets: bytes, *, is_refused: bool) -> None:
    """In its head; run lengths have none, but are not longer than twice the image."""
    pixels = PixelFormat(5, 7, 1, 8, 8, False, "MONOCHROME2", 0, 1)

    if not is_refused:
        check_coded_size(octets, syntax, pixels)
        return
    with pytest.raises(Part10Error):
        check_coded_size(octets, syntax, pixels)
