"""A look into a file: all but the pixels, and whether it is whole."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from aiodicomweb.errors import Part10Error
from aiodicomweb.server.archives.inspection import inspect

from ...support.dicom_files import sample
from ...support.instances import a_dataset, an_instance, bare, encapsulated

if TYPE_CHECKING:
    from aiodicomweb.server.archives.inspection import Inspected


def look(octets: bytes) -> Inspected:
    """Inspect a file that is in memory."""
    return inspect(io.BytesIO(octets))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "ExplVR_BigEndNoMeta.dcm",
        "ExplVR_LitEndNoMeta.dcm",
        "JPEG2000.dcm",
        "rtplan.dcm",
        "reportsi.dcm",
    ],
)
def test_all_but_the_pixels(name: str) -> None:
    """The data set is the file's, in whatever transfer syntax, without what is large."""
    file = sample(name)
    whole = dcmread(io.BytesIO(file.octets), force=True)
    for tag in [element.tag for element in whole if element.tag.group == 0x7FE0]:
        del whole[tag]

    seen = look(file.octets)

    assert [element.tag for element in whole] == [element.tag for element in seen.dataset]
    assert whole == seen.dataset


@pytest.mark.parametrize(
    ("octets", "syntax"),
    [
        (an_instance(), "1.2.840.10008.1.2.1"),
        (encapsulated(), "1.2.840.10008.1.2.4.50"),
        (bare(), "1.2.840.10008.1.2"),
        (sample("image_dfl.dcm").octets, "1.2.840.10008.1.2.1.99"),
        (sample("MR_small_bigendian.dcm").octets, "1.2.840.10008.1.2.2"),
    ],
)
def test_transfer_syntax(octets: bytes, syntax: str) -> None:
    """It is that of the file, also where the file does not say."""
    assert syntax == look(octets).transfer_syntax


def test_sequences_are_read_up_to_a_bound() -> None:
    """What takes a few KB deflated must not become many objects; what stands behind is read."""
    item = b"\xfe\xff\x00\xe0\0\0\0\0"
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    sequences = [
        struct.pack("<HH2sHL", 0x0009, 0x1000 + number, b"SQ", 0, 0xFFFFFFFF) + item * 8000 + end
        for number in range(20)
    ]
    behind = struct.pack("<HH2sH", 0x0043, 0x1001, b"LO", 6) + b"behind"

    seen = look(an_instance(PixelData=None) + b"".join(sequences) + behind).dataset

    assert 8 == len([element for element in seen if element.tag.group == 9])
    assert "behind" == seen[0x00431001].value


def test_large_values_are_left_out() -> None:
    """A document of some MiB is not read; what stands behind it is."""
    dataset = a_dataset(EncapsulatedDocument=bytes(1_000_000), PixelData=None)
    dataset.add_new(0x00431001, "LO", "behind")
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)

    seen = look(buffer.getvalue()).dataset

    assert "EncapsulatedDocument" not in seen
    assert "behind" == seen[0x00431001].value


@pytest.mark.parametrize(
    ("octets", "longest"),
    [(an_instance(), 19), (bare(), 15), (encapsulated(), 300)],
    ids=["native", "bare", "encapsulated"],
)
def test_a_file_cut_short(octets: bytes, longest: int) -> None:
    """What ends within the element of pixel data, wherever, does not pass."""
    for missing in range(1, longest + 1):
        with pytest.raises(Part10Error):
            look(octets[:-missing])


@given(st.data())
def test_damaged_files(data: st.DataObject) -> None:
    """Whatever is in a file, it is read, or refused by our error."""
    octets = bytearray(data.draw(st.sampled_from([an_instance(), encapsulated(), bare()])))
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))

    try:
        seen = look(bytes(octets))
    except Part10Error:
        return

    assert "PixelData" not in seen.dataset
