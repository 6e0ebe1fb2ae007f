from __future__ import annotations

import io
import struct
import zlib

import pytest

from aiodicomweb.dicom.excerpt import read_excerpt
from aiodicomweb.dicom.layout import Element, read_layout
from aiodicomweb.dicom.part10 import is_dicom
from aiodicomweb.errors import Part10Error

from ..support.comparison import differences
from ..support.dicom_files import sample, samples

BROKEN = {"dicomdirtests/DICOMDIR-nooffset"}
FILES = [name for name, one in samples().items() if is_dicom(one.octets) and name not in BROKEN]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Counting(io.BytesIO):
    """Counts what is read."""

    read_octets = 0

    def read(self, size: int | None = -1, /) -> bytes:
        octets = super().read(size)
        self.read_octets += len(octets)
        return octets


def nothing(element: Element) -> bool:
    """Leave nothing out."""
    return False


def large(element: Element) -> bool:
    """Leave large octets out."""
    return element.value.length > 1024 and element.vr in {"OB", "OW", "OB or OW", "UN"}


@pytest.mark.parametrize("name", FILES)
def test_with_nothing_left_out_it_is_what_pydicom_reads(name: str) -> None:
    """Equal in every element, also nested ones."""
    file = io.BytesIO(sample(name).octets)

    found = read_excerpt(file, read_layout(file), nothing)

    assert [] == differences(sample(name).read(), found)


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (
            struct.pack("<HH2sHL", 8, 0x1140, b"SQ", 0, 8000) + b"\xfe\xff\x00\xe0\0\0\0\0" * 1000,
            "items",
        ),
        (struct.pack("<HH2sHL", 0x40, 0xA160, b"UT", 0, 9000) + b" " * 9000, "too large"),
    ],
    ids=["items", "text"],
)
def test_what_is_deflated_has_less(
    element: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few KB are not to become many MiB, nor many objects."""
    monkeypatch.setattr("aiodicomweb.dicom.excerpt.MAX_EXCERPT_IF_DEFLATED", 8500)
    monkeypatch.setattr("aiodicomweb.dicom.excerpt.MAX_ITEMS_IF_DEFLATED", 999)
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 16, b"UI", len(syntax)) + syntax
    deflated = io.BytesIO(meta + zlib.compress(element, wbits=-zlib.MAX_WBITS))

    with pytest.raises(Part10Error, match=message):
        read_excerpt(deflated, read_layout(deflated), nothing)
    plain = io.BytesIO(meta.replace(b"1.2.1.99", b"1.2.1\0\0\0") + element)
    read_excerpt(plain, read_layout(plain), nothing)


@pytest.mark.parametrize("name", FILES)
def test_what_is_left_out_is_missing_and_nothing_else(name: str) -> None:
    """Lengths around it are corrected: all other elements are as before."""
    file = io.BytesIO(sample(name).octets)

    found = read_excerpt(file, read_layout(file), large)

    told = differences(sample(name).read(), found)
    assert [] == [line for line in told if not line.endswith(" missing")]


def test_a_value_in_a_sequence_can_be_left_out() -> None:
    """A waveform's samples are in its sequence."""
    file = io.BytesIO(sample("waveform_ecg.dcm").octets)

    found = read_excerpt(file, read_layout(file), large)

    assert all("WaveformData" not in group for group in found.WaveformSequence)
    assert len(sample("waveform_ecg.dcm").dataset.WaveformSequence) == len(found.WaveformSequence)


def test_large_values_are_not_read() -> None:
    """Less is read than the pixels alone have."""
    file = Counting(sample("CT_small.dcm").octets)
    layout = read_layout(file)

    read_excerpt(file, layout, large)

    assert len(sample("CT_small.dcm").dataset.PixelData) > file.read_octets


def test_the_rest_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with much text does not fill the memory."""
    monkeypatch.setattr("aiodicomweb.dicom.excerpt.MAX_EXCERPT", 1000)
    file = io.BytesIO(sample("CT_small.dcm").octets)

    with pytest.raises(Part10Error, match="too large"):
        read_excerpt(file, read_layout(file), large)
