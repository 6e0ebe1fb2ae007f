from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom.xml_values import (
    creator_name,
    decode_base64,
    from_octets,
    from_texts,
    to_texts,
    unfolded,
)
from aiodicomweb.errors import NativeXmlError


@pytest.mark.parametrize(
    ("expected", "vr", "texts"),
    [
        ("", "LO", [""]),
        (["", ""], "LO", ["", ""]),
        (None, "US", ["", " "]),
        (None, "UN", ["", ""]),
        (None, "OW", [" "]),
        (None, "FD", [""]),
        ([1, None], "UL", ["1", ""]),
        (2**63 - 1, "SV", ["9223372036854775807"]),
        (2**64 - 1, "UV", ["18446744073709551615"]),
        (-5, "SL", ["-5"]),
        (1.5, "FD", ["1.50"]),
        (-math.inf, "FD", ["-INF"]),
        (math.inf, "FL", ["1e300"]),  # a single cannot hold it
        (0x7FE00010, "AT", ["7fe00010"]),
        ([None, 0x7FE00010], "AT", ["", "7FE00010"]),
        (struct.pack("<2d", 1.5, 2), "OD", ["1.5", "2"]),
        (struct.pack("<2f", 1.5, 2), "OF", ["1.5", "2"]),
        (struct.pack("<I", 2**32 - 1), "OL", ["4294967295"]),
        (struct.pack("<Q", 7), "OV", ["7"]),
        ("1.2", "UI", [" 1.2 "]),
        (["1.2", "1.3"], "UI", ["1.2", "1.3 "]),
        ("a\\b", "UR", ["\n a", "b \n"]),
    ],
)
def test_text_is_read(expected: Any, vr: str, texts: list[str]) -> None:
    """Numbers are decimal text, tags are digits, words of Orthanc are numbers (XML-07)."""
    assert expected == from_texts(vr, texts)


def test_a_missing_float_is_nan() -> None:
    """As null in JSON is; a whole number has no such value."""
    first, second = from_texts("FL", ["1.5", ""])

    assert 1.5 == first
    assert math.isnan(second)
    assert math.isnan(from_texts("FD", ["nan"]))


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("US", "Doe"),
        ("US", "1.5"),
        ("US", "1_0"),
        ("US", "١"),
        ("US", "9" * 5000),
        ("US", "65536"),
        ("SS", "-32769"),
        ("UV", str(2**64)),
        ("FD", "1_0"),
        ("FD", "1,5"),
        ("FD", "١"),
        ("OB", "256"),
        ("OW", "-1"),
        ("OF", "1e300"),
        ("AT", "0010,0010"),
        ("AT", "PatientName"),
    ],
)
def test_text_that_is_no_value_is_an_error(vr: str, text: str) -> None:
    """The error does not show it."""
    with pytest.raises(ValueError, match="^a value ") as caught:
        from_texts(vr, [text])

    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("expected", "vr", "octets"),
    [
        (b"\1", "OW", b"\1"),
        (b"", "UN", b""),
        ([1, 2], "US", b"\1\0\2\0"),
        (0.5, "FL", struct.pack("<f", 0.5)),
        (-1, "SV", b"\xff" * 8),
        ([0x00181063, 0x0018106A], "AT", b"\x18\0\x63\x10\x18\0\x6a\x10"),
        (None, "UL", b""),
        (["é", "b"], "LO", "é\\b ".encode()),
        ("�", "ST", b"\xff"),
        ("1.2", "UI", b"1.2\0"),
    ],
)
def test_octets_are_read(expected: Any, vr: str, octets: bytes) -> None:
    """Numbers are little endian, text is UTF-8 (JSN-42)."""
    assert expected == from_octets(vr, octets)


@pytest.mark.parametrize(("vr", "octets"), [("US", b"\1"), ("AT", b"\1\2"), ("FD", b"1234")])
def test_octets_of_another_length_are_an_error(vr: str, octets: bytes) -> None:
    """Half a number is none."""
    with pytest.raises(ValueError, match="^the length of the octets is not one of the VR$"):
        from_octets(vr, octets)


@pytest.mark.parametrize("text", ["AQID", "A Q\nID", "AQI=", "AQI", "AQ", "", "=="])
def test_base64_is_decoded(text: str) -> None:
    """Folded or without padding (XML-11)."""
    assert b"\1\2\3".startswith(decode_base64(text))


@pytest.mark.parametrize("text", ["A", "AQ^D", "é", "AQ==AQ=="])
def test_other_text_is_not_base64(text: str) -> None:
    """What cannot be decoded whole is not decoded."""
    with pytest.raises(NativeXmlError, match="^InlineBinary is not base64$"):
        decode_base64(text)


@given(st.sampled_from(["FL", "FD"]), st.floats(width=32))
def test_floats_survive(vr: str, number: float) -> None:
    """Text has the digits that are needed."""
    (text,) = to_texts(vr, [number])
    (again,) = to_texts(vr, [from_texts(vr, [text])])

    assert text == again
    assert math.isnan(number) or number == from_texts(vr, [text])


def test_a_single_has_no_more_digits_than_it_needs() -> None:
    """Those of a double tell nothing more (JSN-65); a number beyond its VR is none."""
    assert ["0.1", "1.0"] == to_texts("FL", [struct.unpack("f", struct.pack("f", 0.1))[0], 1])
    for vr, number in (("FL", 1e300), ("US", 65536), ("US", 1.5), ("AT", -1)):
        with pytest.raises(ValueError, match="^a value "):
            to_texts(vr, [number])


def test_the_rules_of_the_model() -> None:
    """What names a creator, and what is white space."""
    assert "A" == creator_name(" A ")
    assert ["", ""] == [creator_name(None), creator_name(b"A")]
    assert ["A B", " A "] == [unfolded("\n A B\n"), unfolded(" A ")]
