from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import BaseTag

from aiodicomweb.dicom.vrs import (
    BINARY_VRS,
    BULK_VRS,
    STANDARD_VRS,
    find_vr,
    is_data,
    little_endian,
    not_finite,
    pack_words,
    resolve,
    shortest,
    single,
    to_number,
    unpack_numbers,
)

# XML-04
VRS = {
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO", "LT", "OB", "OD", "OF"),
    *("OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN"),
    *("UR", "US", "UT", "UV"),
}
# JSN-41
BULK = {
    *("DS", "FL", "FD", "IS", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "ST", "SV"),
    *("UC", "UL", "UN", "US", "UT", "UV"),
}


def test_all_vrs_are_known() -> None:
    """The 34 of the standard (XML-04), and those that may be bulk data (JSN-41)."""
    assert VRS == STANDARD_VRS
    assert {vr for vr in VRS if vr.startswith("O")} | {"UN"} == BINARY_VRS
    assert BULK == BULK_VRS


def test_group_lengths_and_file_meta_are_no_data() -> None:
    """Nor are item delimiters (JSN-05, XML-13)."""
    assert is_data(0x00100010)
    assert not any(map(is_data, (0x00100000, 0x00020010, 0xFFFEE000)))


@pytest.mark.parametrize(
    ("expected", "tag", "sent", "values", "has_items"),
    [
        ("SH", 0x00100010, "sh", ["A"], False),
        ("PN", 0x00100010, "??", ["A"], False),
        ("UN", 0x00100010, "UN", [], False),
        ("PN", 0x00100010, "UN", ["A"], False),  # JSN-39
        ("SS", 0x00280106, "", [-5], False),
        ("LO", 0x00090010, "", ["ACME"], False),
        ("UN", 0x00091001, "", [], False),
        ("SQ", 0x00091001, "UN", [], True),
    ],
)
def test_the_vr_is_found(
    expected: str, tag: int, sent: str, values: list[Any], has_items: bool
) -> None:
    """The one sent, else that of the dictionary, else by content (PS3.5 §6.2.2)."""
    assert expected == find_vr(BaseTag(tag), sent, values, has_items=has_items)


@pytest.mark.parametrize(
    ("expected", "vr", "values"),
    [
        ("US", "US or SS", []),
        ("US", "US or SS", [None]),
        ("US", "US or SS", [1, 2]),
        ("SS", "US or SS", [1, -2]),
        ("SS", "US or SS", ["1", " -2"]),
        ("OW", "US or OW", [b"\1"]),
        ("US", "US or OW", [1]),
        ("OW", "OB or OW", [b"\1"]),
        ("OW", "OB or OW", ["1"]),
        ("UN", "??", [1]),
    ],
)
def test_one_of_several_vrs_is_chosen(expected: str, vr: str, values: list[Any]) -> None:
    """By the values, which may be numbers or their text."""
    assert expected == resolve(vr, values)


@pytest.mark.parametrize(
    ("expected", "vr", "value"),
    [
        (512, "US", 512.0),  # JSN-35, JSN-64
        (512, "US", "5.12e2"),
        (2**64 - 1, "UV", str(2**64 - 1)),
        (7, "OW", "7"),
        (0.1, "FD", "0.1"),
        (0.1, "OD", "0.1"),
        (struct.unpack("f", struct.pack("f", 0.1))[0], "FL", 0.1),
    ],
)
def test_numbers_are_read(expected: float, vr: str, value: float | str) -> None:
    """Of numbers or their text; a number of single precision is one."""
    number = to_number(vr, value)

    assert (type(expected), expected) == (type(number), number)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        *(("US", "x"), ("US", 1.5), ("US", "1_0"), ("FD", "١"), ("SL", math.inf), ("FD", 10**400)),
        *(("US", 65536), ("US", -1), ("SS", 2**15), ("SL", -(2**31) - 1), ("UV", "1e30")),
        *(("OB", 256), ("AT", 2**32)),
    ],
)
def test_other_text_is_no_number(vr: str, value: Any) -> None:
    """The message has no value in it."""
    with pytest.raises(ValueError, match="^a value is not a number( of its VR)?$"):
        to_number(vr, value)


@given(st.floats(width=32))
def test_a_single_stays(number: float) -> None:
    """It is not rounded again."""
    assert repr(number) == repr(single(number))


def test_what_a_single_cannot_hold_is_infinite() -> None:
    """As dcm4che writes infinities of FL (JSN-61)."""
    assert [math.inf, -math.inf] == [single(1.7976931348623157e308), single(-1e39)]


@given(st.floats(width=32))
def test_a_single_has_the_fewest_digits(number: float) -> None:
    """None more than to be told from the others (JSN-65)."""
    assert repr(number) == repr(single(shortest(number)))
    assert len(repr(shortest(number))) <= len(repr(number))


def test_a_double_is_rounded_to_a_single() -> None:
    """Where it is one of some size."""
    assert [0.1, 1e-45] == [shortest(0.1), float(f"{shortest(1e-45):.0e}")]
    with pytest.raises(ValueError, match="^a value is not a number of its VR$"):
        shortest(1e39)


def test_numbers_that_are_none_have_names() -> None:
    """Those that most products write (JSN-61)."""
    assert ["NaN", "Infinity", "-Infinity"] == list(
        map(not_finite, (math.nan, math.inf, -math.inf))
    )


@pytest.mark.parametrize(
    ("expected", "vr", "octets"),
    [
        ([], "UL", b""),
        ([0x0201, 0x0403], "US", b"\1\2\3\4"),
        ([0x02010403], "AT", b"\1\2\3\4"),
        ([0.5], "FL", struct.pack("<f", 0.5)),
    ],
)
def test_octets_become_numbers(expected: list[Any], vr: str, octets: bytes) -> None:
    """Little endian; a tag is its group and its element (JSN-42)."""
    assert expected == unpack_numbers(vr, octets)


@pytest.mark.parametrize(("vr", "octets"), [("US", b"\1"), ("AT", b"\1\2"), ("FD", b"1234")])
def test_half_a_number_is_none(vr: str, octets: bytes) -> None:
    """It is not guessed."""
    with pytest.raises(ValueError, match="^the length of the octets is not one of the VR$"):
        unpack_numbers(vr, octets)


def test_words_become_octets() -> None:
    """Orthanc writes words as numbers (JSN-38)."""
    assert b"\1\0\2\0" == pack_words("OW", [1, "2"])
    with pytest.raises(ValueError, match="^a value is not a number of its VR$"):
        pack_words("OB", [256])
    with pytest.raises(ValueError, match="^a value does not fit into its VR$"):
        pack_words("OF", [1e300])


@pytest.mark.parametrize(
    ("expected", "vr", "octets"),
    [
        (b"\2\1\4\3\5", "OW", b"\1\2\3\4\5"),
        (b"\4\3\2\1", "OF", b"\1\2\3\4"),
        (b"\4\3\2\1", "OL", b"\1\2\3\4"),
        (b"\x08\7\6\5\4\3\2\1", "OD", b"\1\2\3\4\5\6\7\x08"),
        (b"\x08\7\6\5\4\3\2\1", "OV", b"\1\2\3\4\5\6\7\x08"),
        (b"\1\2", "OB", b"\1\2"),
        (b"\1\2", "UN", b"\1\2"),
        (b"", "OW", b""),
    ],
)
def test_words_are_turned_round(expected: bytes, vr: str, octets: bytes) -> None:
    """Each by its size; nobody knows that of UN (JSN-40, XML-11)."""
    assert expected == little_endian(vr, octets)


@pytest.mark.parametrize(
    ("expected", "vr", "bits"),
    [
        (b"\4\3\2\1\x08\7\6\5", "OW", 32),
        (b"\x08\7\6\5\4\3\2\1", "OW", 64),
        (b"\2\1\4\3\6\5\x08\7", "OW", 12),
        (b"\1\2\3\4\5\6\7\x08", "OB", 32),
    ],
)
def test_pixels_are_turned_round(expected: bytes, vr: str, bits: int) -> None:
    """Those of 32 bits are not halved."""
    assert expected == little_endian(vr, b"\1\2\3\4\5\6\7\x08", bits)
