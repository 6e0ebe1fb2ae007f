from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import dataset_from_json
from aiodicomweb.dicom.json_values import decode_binary, from_octets, from_values
from aiodicomweb.dicom.vrs import BINARY_VRS, STANDARD_VRS
from aiodicomweb.errors import JsonModelError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["1", "-1.5e3", "NaN", "inf", "1_0", "00181063", "1.2.3", "\\", "A^B=C"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Alphabetic", "Phonetic", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
VRS = st.sampled_from(sorted(STANDARD_VRS))
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}


@given(VRS.filter(lambda vr: vr != "SQ"), st.lists(JSON, min_size=1, max_size=3))
def test_any_members_are_a_value_or_an_error(vr: str, values: list[Any]) -> None:
    """Nothing but the errors that are promised comes out, and octets for the binary VRs."""
    try:
        value = from_values(vr, values)
    except (ValueError, TypeError):
        return
    except OverflowError:
        assert vr == "IS"
        return
    assert isinstance(value, bytes) is (vr in BINARY_VRS)


@given(
    st.dictionaries(
        st.sampled_from(["00100010", "00100020", "00081115", "00091001", "7fe00010", "00280106"]),
        st.dictionaries(
            st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI"]),
            st.one_of(JSON, VRS, st.lists(JSON, max_size=3)),
        )
        | JSON,
    )
)
def test_any_object_is_a_data_set_or_an_error(obj: dict[str, Any]) -> None:
    """Whatever a server sends: no warning, no other error, and elements that can be read."""
    try:
        dataset = dataset_from_json(obj, lambda *_: None)
    except JsonModelError:
        return
    # Text beyond ASCII may need another character set (JSN-53).
    expected = {int(tag, 16) for tag in obj} | {0x00080005}
    assert expected == {int(element.tag) for element in dataset} | {0x00080005}


@given(st.sampled_from(sorted(NUMBERS)), st.binary(min_size=8, max_size=64))
def test_numbers_are_little_endian(vr: str, octets: bytes) -> None:
    """Octets of number VRs are as in Explicit VR Little Endian (JSN-42)."""
    octets = octets[: len(octets) // 8 * 8]
    expected = [value for (value,) in struct.iter_unpack(f"<{NUMBERS[vr]}", octets)]

    value = from_octets(vr, octets)

    members = value if isinstance(value, list) else [value]
    assert list(map(repr, expected)) == list(map(repr, members))


@given(st.sampled_from(sorted(BINARY_VRS)), st.binary())
def test_octets_of_binary_vrs_stay(vr: str, octets: bytes) -> None:
    """They are not looked at."""
    assert octets == from_octets(vr, octets)


@given(st.binary())
def test_in_line_octets_are_base64(octets: bytes) -> None:
    """Padded or not, folded or not, in an array or not (JSN-40)."""
    text = base64.b64encode(octets).decode()

    assert octets == decode_binary(text)
    assert octets == decode_binary(text.rstrip("="))
    assert octets == decode_binary([base64.encodebytes(octets).decode()])


@pytest.mark.parametrize("text", [None, 5, [], ["AQ==", "AQ=="], "A", "A-_A", "AQ==AQ==", "é"])
def test_other_text_is_no_octets(text: Any) -> None:
    """Broken base64 is not read as something else (GEN-12: the ordinary alphabet)."""
    with pytest.raises(JsonModelError):
        decode_binary(text)
