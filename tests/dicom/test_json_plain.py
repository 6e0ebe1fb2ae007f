from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from aiodicomweb.dicom.json_model import dataset_to_json, format_objects
from aiodicomweb.dicom.json_plain import plain_value
from aiodicomweb.errors import JsonModelError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

VRS = [
    *("AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS"),
    *("LO", "SH", "SL", "SS", "TM", "UI", "UL", "US"),
]
TEXT = st.text(st.sampled_from("0123456789.+-eE \\\0A^=\"'é\x1b"), max_size=20)


def by_the_writer(vr: str, octets: bytes) -> str:
    """What pydicom and the writer make of a value; empty if they refuse it."""
    tag = Tag(0x00090000 | 0x1001)
    raw = RawDataElement(tag, vr, len(octets), octets, 0, False, True)
    try:
        (whole,) = dataset_to_json(Dataset({tag: raw})).values()
    except JsonModelError:
        return ""
    return format_objects([whole])[1:-1].decode()


@pytest.mark.parametrize("vr", VRS)
@given(octets=st.one_of(st.binary(max_size=24), TEXT.map(lambda text: text.encode("latin-1"))))
def test_what_is_plain_is_what_the_writer_makes(vr: str, octets: bytes) -> None:
    """Or it is not plain."""
    found = plain_value(vr, octets)

    assert found in ("", by_the_writer(vr, octets))


@pytest.mark.parametrize("vr", ["DS", "IS"])
@given(
    numbers=st.lists(
        st.one_of(
            st.integers(-(10**8), 10**8).map(str),
            st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
            st.floats(allow_nan=False, allow_infinity=False, width=16).map(repr),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_numbers_as_text_are_what_the_writer_makes(vr: str, numbers: list[str]) -> None:
    """With their digits, or not plain."""
    octets = "\\".join(numbers).encode()

    assert plain_value(vr, octets) in ("", by_the_writer(vr, octets))


@pytest.mark.parametrize(
    ("vr", "octets", "expected"),
    [
        ("UI", b"1.2.3\0", '"1.2.3"'),
        ("CS", b"HFS ", '"HFS"'),
        ("LO", b"a (b) 'c'", "\"a (b) 'c'\""),
        ("TM", b"101010.5", '"101010.5"'),
        ("DS", b"1.5\\-2\\1.50 ", '1.5,-2,"1.50"'),
        ("IS", b"12\\0", "12,0"),
        ("US", struct.pack("<2H", 1, 65535), "1,65535"),
        ("SL", struct.pack("<l", -1), "-1"),
        ("FD", struct.pack("<d", 0.1), "0.1"),
        ("FL", struct.pack("<f", 0.1), "0.1"),
    ],
)
def test_usual_values_are_plain(vr: str, octets: bytes, expected: str) -> None:
    """Most of those of real files."""
    expected = f'{{"vr":"{vr}","Value":[{expected}]}}'

    assert expected == plain_value(vr, octets) == by_the_writer(vr, octets)


@pytest.mark.parametrize(
    ("vr", "octets"),
    [
        *[("LO", octets) for octets in (b"", b" a", b"a  ", b'"', b"a\\b", b"\xe9", b"\x1b(B")],
        *[("DS", octets) for octets in (b"", b"1e5", b"1.", b"a", b"1\\\\2", b" 1")],
        *[("IS", octets) for octets in (b"", b"01", b"+1", b"1.0", b"12345678901")],
        *[("US", b"abc"), ("FD", b"abc"), ("FL", struct.pack("<f", float("inf")))],
        *[("AE", b"a"), ("PN", b"a"), ("UT", b"a"), ("OB", b"a")],
    ],
)
def test_others_are_not(vr: str, octets: bytes) -> None:
    """Though the writer may take them."""
    assert plain_value(vr, octets) == ""
