"""Files whose bulk data are copied into them (PS3.10 §7, PS3.5 §7.5, §A.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, Sequence, config
from pydicom.encaps import generate_frames, parse_basic_offsets

from aiodicomweb.dicom import decode
from aiodicomweb.errors import Part10Error
from aiodicomweb.http import MediaType
from aiodicomweb.server.storing.splicing import SplicedValue, splice_file
from aiodicomweb.server.storing.spool import BLOCK, Spool, SpooledPart

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
OCTETS = MediaType.parse("application/octet-stream")


@pytest.fixture
def spool() -> Iterator[Spool]:
    """One that is closed behind the test."""
    spool = Spool()
    yield spool
    spool.close()


def parts(spool: Spool, *all_octets: bytes) -> list[SpooledPart]:
    """Parts that have arrived."""
    for octets in all_octets:
        spool.add(octets)
    end = spool.length
    spool.write()
    made: list[SpooledPart] = []
    for octets in reversed(all_octets):
        end -= len(octets)
        made.insert(0, SpooledPart(OCTETS, None, spool, end, len(octets)))
    return made


def a_dataset() -> Dataset:
    """An instance without values that are elsewhere."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = "Müller^Jürgen"
    return dataset


def put(dataset: Dataset, tag: int, vr: str, value: object) -> None:
    """Add an element whatever its value is."""
    dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))


def written(dataset: Dataset, syntax: str = EXPLICIT) -> Dataset:
    """What a file says that is made of a data set."""
    return decode(b"".join(splice_file(dataset, syntax)))


@pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_octets_are_copied_in(spool: Spool, vr: str, syntax: str) -> None:
    """Between what stands before and behind them, made even."""
    dataset = a_dataset()
    put(dataset, 0x00091010, vr, SplicedValue(parts(spool, b"abcd", b"efg")))
    dataset.PatientComments = "behind"
    found = written(dataset, syntax)

    assert syntax == found.file_meta.TransferSyntaxUID
    assert (vr, b"abcdefg\0") == (found[0x00091010].VR, found[0x00091010].value)
    assert "Müller^Jürgen" == found.PatientName
    assert "behind" == found.PatientComments


@given(st.integers(0, 3), st.integers(-2, 2))
def test_blocks_are_bounded(number: int, more: int) -> None:
    """Whatever the length of the bulk data."""
    spool = Spool()
    octets = bytes(max(0, number * BLOCK + more))
    dataset = a_dataset()
    put(dataset, 0x7FE00010, "OW", SplicedValue(parts(spool, octets)))
    blocks = list(splice_file(dataset, EXPLICIT))
    spool.close()

    assert max(map(len, blocks)) < 2 * BLOCK + 1024
    assert octets + bytes(len(octets) % 2) == (decode(b"".join(blocks)).get("PixelData") or b"")


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5))
def test_frames_are_encapsulated(frames: list[bytes]) -> None:
    """One item each behind an offset table, which one frame does not need (PS3.5 §A.4)."""
    spool = Spool()
    dataset = a_dataset()
    dataset.NumberOfFrames = len(frames)
    put(dataset, 0x7FE00010, "OB", SplicedValue(parts(spool, *frames), JPEG))
    found = written(dataset, JPEG)
    spool.close()

    assert found["PixelData"].is_undefined_length
    stored = list(generate_frames(found.PixelData, number_of_frames=len(frames)))
    assert [frame + bytes(len(frame) % 2) for frame in frames] == stored
    assert len(frames) - (len(frames) == 1) == len(parse_basic_offsets(found.PixelData))


def test_a_frame_without_octets(spool: Spool) -> None:
    """It is none."""
    dataset = a_dataset()
    put(dataset, 0x7FE00010, "OB", SplicedValue(parts(spool, b"ab", b""), JPEG))

    with pytest.raises(Part10Error, match="no octets"):
        splice_file(dataset, JPEG)


def test_a_value_that_is_too_long(spool: Spool) -> None:
    """An element has 32 bits for its length, and one number is taken (PS3.5 §7.1.1)."""
    dataset = a_dataset()
    part = SpooledPart(OCTETS, None, spool, 0, (1 << 32) - 2)
    put(dataset, 0x7FE00010, "OW", SplicedValue([part]))
    assert splice_file(dataset, EXPLICIT)

    put(dataset, 0x7FE00010, "OW", SplicedValue([part, *parts(spool, b"x")]))
    with pytest.raises(Part10Error, match="longer"):
        splice_file(dataset, EXPLICIT)


def test_items_have_bulk_data(spool: Spool) -> None:
    """However deep, beside items that have none, and in their parents' character set."""
    inner, plain, outer = Dataset(), Dataset(), Dataset()
    put(inner, 0x54001010, "OW", SplicedValue(parts(spool, b"wave")))
    inner.PatientName = "Ärztin"
    plain.PatientName = "Öse"
    outer.WaveformSequence = Sequence([plain, inner])
    dataset = a_dataset()
    dataset.ReferencedImageSequence = Sequence([plain])
    dataset.WaveformSequence = Sequence([outer, plain])
    dataset.StudyComments = "behind"
    found = written(dataset)

    first, second = found.WaveformSequence
    assert ["Öse", "Ärztin"] == [item.PatientName for item in first.WaveformSequence]
    assert b"wave" == first.WaveformSequence[1].WaveformData
    assert ["Öse", "Öse"] == [second.PatientName, found.ReferencedImageSequence[0].PatientName]
    assert "behind" == found.StudyComments


def test_an_icon_is_encapsulated_by_itself(spool: Spool) -> None:
    """Or native, in an image that is compressed."""
    for syntax in (JPEG, EXPLICIT):
        icon = Dataset()
        put(icon, 0x7FE00010, "OB", SplicedValue(parts(spool, b"icon"), syntax))
        dataset = a_dataset()
        dataset.IconImageSequence = Sequence([icon])
        put(dataset, 0x7FE00010, "OB", SplicedValue(parts(spool, b"image!"), JPEG))
        found = written(dataset, JPEG)

        pixels = found.IconImageSequence[0].PixelData
        assert b"icon" == (next(generate_frames(pixels)) if syntax == JPEG else pixels)
        assert b"image!" == next(generate_frames(found.PixelData))


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_a_data_set_without_uids(keyword: str) -> None:
    """It is no file, and the message tells no value."""
    for value in (None, ""):
        dataset = a_dataset()
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)

        with pytest.raises(Part10Error, match="cannot be written") as caught:
            splice_file(dataset, EXPLICIT)
        assert "1.2" not in str(caught.value)


def test_pixel_data_in_line_that_are_not_encapsulated() -> None:
    """A compressed transfer syntax asks for items (PS3.5 §A.4)."""
    dataset = a_dataset()
    put(dataset, 0x7FE00010, "OB", b"abcd")

    with pytest.raises(Part10Error):
        splice_file(dataset, JPEG)
    assert b"abcd" == written(dataset).PixelData
