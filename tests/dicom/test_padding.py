"""Values of even lengths (PS3.5 §7.1)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import DataElement, Dataset

from aiodicomweb.dicom import decode, encode
from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.padding import with_even_lengths

TAG = 0x00091001


def holding(vr: str, value: Any) -> Dataset:
    """A data set with an element and one behind it."""
    dataset = Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2"
    dataset.add(DataElement(TAG, vr, value))
    dataset.PatientComments = "behind"
    set_transfer_syntax(dataset, "1.2.840.10008.1.2.1")
    return dataset


def nested(item: Dataset, *others: Dataset) -> Dataset:
    """A data set with items."""
    dataset = holding("OB", b"ab")
    dataset.ReferencedImageSequence = [item, *others]
    return dataset


@pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
@pytest.mark.parametrize("octets", [b"", b"a", b"ab", b"abc"])
def test_octets_are_written_with_an_even_length(vr: str, octets: bytes) -> None:
    """And what stands behind them can be read; the data set is not changed."""
    even = octets + bytes(len(octets) % 2)
    for value in (octets, io.BytesIO(octets)):
        if vr == "UN" and value is not octets:
            continue  # pydicom has no buffers of it
        dataset = holding(vr, value)
        whole = nested(dataset)
        for found in (decode(encode(dataset)), decode(encode(whole)).ReferencedImageSequence[0]):
            assert (even or None, "behind") == (found[TAG].value or None, found.PatientComments)
        assert dataset[TAG].value is value
        assert dataset is whole.ReferencedImageSequence[0]


def test_a_buffer_is_written_from_where_it_is() -> None:
    """It stays there, as pydicom has it."""
    buffer = io.BytesIO(b"abcd")
    buffer.seek(1)
    dataset = holding("OB", buffer)

    assert b"bcd\0" == decode(encode(dataset))[TAG].value
    assert 1 == buffer.tell()


def test_what_is_even_is_not_copied() -> None:
    """It costs a look."""
    dataset = nested(holding("UN", b"ab"))

    assert with_even_lengths(dataset) is dataset


def test_other_items_are_the_same() -> None:
    """A sequence of which one item is padded has the same ones otherwise."""
    other = holding("UN", b"ab")
    whole = nested(holding("UN", b"abc"), other)
    padded = with_even_lengths(whole)

    assert [b"abc\0", b"ab"] == [item[TAG].value for item in padded.ReferencedImageSequence]
    assert other is padded.ReferencedImageSequence[1]
    assert b"abc" == whole.ReferencedImageSequence[0][TAG].value


def test_an_odd_length_that_was_read_is_not_written_again() -> None:
    """Others have written such files, and nobody has looked at the element."""
    octets = encode(holding("UN", b"abcd")).replace(b"UN\0\0\4\0\0\0abcd", b"UN\0\0\3\0\0\0abc")

    assert 1 == len(octets) % 2
    assert b"abc\0" == decode(encode(decode(octets)))[TAG].value


def test_a_length_that_is_not_told_is_not_padded() -> None:
    """The octets end with a delimiter, and what stands behind it would be another element."""
    dataset = holding("UN", b"abc")
    dataset[TAG].is_undefined_length = True

    assert with_even_lengths(dataset) is dataset
