from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest
from pydicom import Dataset, config

from aiodicomweb.dicom import dataset_from_json, dataset_to_json, datasets_from_json
from aiodicomweb.dicom.vrs import MAX_DEPTH
from aiodicomweb.errors import JsonModelError, LimitExceeded

BINARY = base64.b64encode(b"\x01\x02\x03\x04").decode()


def read(attribute: Any, tag: str = "00091001") -> Any:
    """The value of one attribute; a private tag unless the dictionary matters."""
    element = dataset_from_json({tag: attribute})[int(tag, 16)]
    return element.value


def read_vr(attribute: Any, tag: str = "00091001") -> str:
    """The VR that one attribute gets."""
    return str(dataset_from_json({tag: attribute})[int(tag, 16)].VR)


# --- one attribute ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "attribute"),
    [
        # JSN-30: text
        ("CT", {"vr": "CS", "Value": ["CT"]}),
        (["A", "B"], {"vr": "CS", "Value": ["A", "B"]}),
        (["A", "", "B"], {"vr": "LO", "Value": ["A", None, "B"]}),  # JSN-21
        ("12", {"vr": "LO", "Value": [12]}),  # a number for a string
        ("1.5", {"vr": "SH", "Value": [1.5]}),
        ("CT", {"vr": "cs", "Value": ["CT"]}),
        ("CT", {"vr": "CS", "Value": "CT"}),  # not in an array
        (["A", "B"], {"vr": "CS", "Value": ["A\\B"]}),  # joined by the server
        ("A\\B\\", {"vr": "UT", "Value": ["A", "B", None]}),  # split by Orthanc
        ("1.2.3", {"vr": "UI", "Value": ["1.2.3\0"]}),
        ("?", {"vr": "LO", "Value": ["\ud800"]}),  # JSN-52
        ("é", {"vr": "LO", "Value": ["é"]}),
        # JSN-31: AT
        (0x00181063, {"vr": "AT", "Value": ["00181063"]}),
        (0x0018106A, {"vr": "AT", "Value": ["(0018,106a)"]}),
        (0x00181063, {"vr": "AT", "Value": [0x00181063]}),
        ([0x00181063, None], {"vr": "AT", "Value": ["00181063", None]}),
        # JSN-32: IS and DS
        (4, {"vr": "IS", "Value": [4]}),
        (4, {"vr": "IS", "Value": ["4"]}),
        (4, {"vr": "IS", "Value": [4.0]}),  # JSN-64
        (1.5, {"vr": "IS", "Value": ["1.5"]}),
        (1.5, {"vr": "DS", "Value": [1.5]}),
        (1.5, {"vr": "DS", "Value": [" 1.50 "]}),
        ([1.0, "", 2.0], {"vr": "DS", "Value": [1, None, "2"]}),
        (1e22, {"vr": "DS", "Value": [1e22]}),
        # JSN-33: SV and UV
        (2**63 - 1, {"vr": "SV", "Value": [str(2**63 - 1)]}),
        (2**64 - 1, {"vr": "UV", "Value": [2**64 - 1]}),
        # JSN-34, JSN-35: binary numbers
        (512, {"vr": "US", "Value": [512]}),
        (512, {"vr": "US", "Value": ["512"]}),
        (512, {"vr": "US", "Value": [512.0]}),
        (512, {"vr": "US", "Value": ["5.12e2"]}),
        ([1, None, 3], {"vr": "SS", "Value": [1, None, 3]}),
        (0.5, {"vr": "FL", "Value": ["0.5"]}),
        (2.0, {"vr": "FD", "Value": [2]}),
        (math.inf, {"vr": "FD", "Value": ["Infinity"]}),  # JSN-62
        (-math.inf, {"vr": "FD", "Value": ["-inf"]}),
        # JSN-36: PN
        ("A^B", {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]}),
        (
            "Wang^XiaoDong=王^小東",
            {"vr": "PN", "Value": [{"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東"}]},
        ),
        ("A==P", {"vr": "PN", "Value": [{"Alphabetic": "A", "Phonetic": "P"}]}),
        ("=I", {"vr": "PN", "Value": [{"Alphabetic": None, "Ideographic": "I"}]}),
        ("A^B", {"vr": "PN", "Value": ["A^B"]}),  # a bare string
        ("A^B", {"vr": "PN", "Value": {"Alphabetic": "A^B"}}),
        (["A", "", "B"], {"vr": "PN", "Value": [{"Alphabetic": "A"}, {}, {"Alphabetic": "B"}]}),
        ("^^^^", {"vr": "PN", "Value": [{"Alphabetic": "^^^^", "Other": 1}]}),
        # JSN-38: binary VRs as numbers
        (b"\x01\xff", {"vr": "OB", "Value": [1, 255]}),
        (b"\x01\x00\x02\x00", {"vr": "OW", "Value": [1, 2]}),
        (struct.pack("<2f", 1.5, 2), {"vr": "OF", "Value": [1.5, "2"]}),
        (struct.pack("<d", 1.5), {"vr": "OD", "Value": [1.5]}),
        (struct.pack("<I", 2**32 - 1), {"vr": "OL", "Value": [2**32 - 1]}),
        (struct.pack("<Q", 7), {"vr": "OV", "Value": [7]}),
        (b"A\\5", {"vr": "UN", "Value": ["A", 5]}),  # JSN-39
        # JSN-40: InlineBinary
        (b"\1\2\3\4", {"vr": "OB", "InlineBinary": BINARY}),
        (b"\1\2\3\4", {"vr": "UN", "InlineBinary": [BINARY]}),
        (b"\1\2\3\4", {"vr": "OW", "InlineBinary": "AQID\r\n BA"}),  # folded, without padding
        (b"\1\2\3\4", {"vr": "OW", "Value": [], "InlineBinary": BINARY, "BulkDataURI": "x"}),
        ([0x0201, 0x0403], {"vr": "US", "InlineBinary": BINARY}),
        (0x02010403, {"vr": "AT", "InlineBinary": BINARY}),
        (["1.5", "2"], {"vr": "LO", "InlineBinary": base64.b64encode(b"1.5\\2 ").decode()}),
        ("1.5\\2", {"vr": "LT", "InlineBinary": base64.b64encode(b"1.5\\2 ").decode()}),
        # JSN-07: other members
        ("CT", {"vr": "CS", "Value": ["CT"], "keyword": "Modality", "DataFragment": []}),
    ],
)  # fmt: skip
def test_a_value_is_read(expected: Any, attribute: Any) -> None:
    """Values of every VR, in the standard's form and in those of products (JSN-30..40)."""
    assert expected == read(attribute)


@pytest.mark.parametrize(
    "attribute",
    [
        {},
        None,
        {"Value": []},
        {"Value": [""]},
        {"Value": None},
        {"Value": [None]},
        {"InlineBinary": ""},
        {"InlineBinary": []},
        {"BulkDataURI": ""},
        {"BulkDataURI": "http://pacs.example/bulk"},
    ],
)
@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "IS", "US", "FD", "AT", "UI", "DA", "OW", "UN"])
def test_an_empty_attribute_is_present_and_empty(vr: str, attribute: Any) -> None:
    """All ways to say nothing are one (JSN-20, JSN-24, JSN-25)."""
    obj = {"00091001": attribute if attribute is None else {"vr": vr, **attribute}}

    element = dataset_from_json(obj)[0x00091001]

    assert element.is_empty
    if attribute is not None:
        assert vr == element.VR
        assert {"vr": vr} == dataset_to_json(dataset_from_json(obj))["00091001"]


@pytest.mark.parametrize(
    "attribute",
    [{}, {"Value": []}, {"Value": None}, {"Value": [None]}, {"Value": [""]}, {"Value": ""}],
)
def test_an_empty_sequence_has_no_items(attribute: Any) -> None:
    """Absent, empty and null are an empty sequence (JSN-22, JSN-24)."""
    assert [] == list(read({"vr": "SQ", **attribute}))


def test_empty_items_stay() -> None:
    """An empty object is an item; so is null or empty text among others (JSN-23)."""
    items = read({"vr": "SQ", "Value": [{}, None, {"00100020": {"vr": "LO", "Value": ["1"]}}, ""]})

    assert [0, 0, 1, 0] == [len(item) for item in items]


@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "US", "FD", "AT", "OW"])
def test_an_empty_object_is_no_value(vr: str) -> None:
    """A name without groups is one (JSN-25)."""
    dataset = dataset_from_json({"00091001": {"vr": vr, "Value": [{}]}})

    assert {"00091001": {"vr": vr}} == dataset_to_json(dataset)


def test_an_empty_item_makes_a_sequence_of_un() -> None:
    """Nothing else has items (JSN-39)."""
    for tag in ("00081140", "00091001"):
        element = dataset_from_json({tag: {"vr": "UN", "Value": [{}]}})[int(tag, 16)]

        assert "SQ" == element.VR
        assert [Dataset()] == list(element.value)


def test_null_is_not_a_number() -> None:
    """dcm4che writes NaN as null (JSN-61)."""
    first, second = read({"vr": "FD", "Value": [1.5, None]})

    assert first == 1.5
    assert math.isnan(second)
    assert math.isnan(read({"vr": "FL", "Value": ["nan"]}))
    assert math.isnan(read({"vr": "FD", "Value": [math.nan]}))


@pytest.mark.parametrize(
    ("vr", "tag", "attribute"),
    [
        ("PN", "00100010", {}),
        ("PN", "00100010", {"vr": "??"}),
        ("PN", "00100010", {"vr": None, "Value": [{"Alphabetic": "A"}]}),
        ("SQ", "00081115", {"Value": [{}]}),
        ("SQ", "00091001", {"Value": [{}, {"00100020": {"vr": "LO"}}]}),
        ("LO", "00090010", {"Value": ["ACME"]}),
        ("UN", "00091001", {"Value": ["A"]}),
        ("UN", "00091001", {"InlineBinary": BINARY}),
        ("UN", "00100010", {"vr": "UN", "InlineBinary": BINARY}),
        ("PN", "00100010", {"vr": "UN", "Value": ["A"]}),
        ("US", "00280106", {"Value": [5]}),  # US or SS
        ("SS", "00280106", {"Value": [-5]}),
        ("US", "00280106", {}),
        ("OW", "7FE00010", {"InlineBinary": BINARY}),  # OB or OW
        ("OW", "00283006", {"InlineBinary": BINARY}),  # US or OW
        ("US", "00283006", {"Value": [1, 2]}),
    ],
)
def test_a_missing_vr_is_found(vr: str, tag: str, attribute: Any) -> None:
    """The data dictionary, the kind of element and the values tell; else UN (JSN-39)."""
    assert vr == read_vr(attribute, tag)


def test_lower_case_tags_are_read() -> None:
    """Property names may be in lower case (JSN-03)."""
    assert "1.2" == dataset_from_json({"0020000d": {"vr": "UI", "Value": ["1.2"]}}).StudyInstanceUID


def test_text_that_is_no_value_is_kept_as_octets() -> None:
    """What a modality wrote into DS stays readable, and hides nothing else (JSN-39)."""
    dataset = dataset_from_json(
        {
            "00180050": {"vr": "DS", "Value": ["5,0", "mm"]},
            "00200013": {"vr": "IS", "Value": ["inf"]},
            "00280008": {"vr": "IS", "InlineBinary": base64.b64encode(b"1A ").decode()},
            "00280030": {"vr": "DS", "BulkDataURI": "x"},
            "00100020": {"vr": "LO", "Value": ["1"]},
        },
        lambda *_: b"a\\b",
    )

    assert b"1A" == dataset.NumberOfFrames
    assert b"a\\b" == dataset.PixelSpacing
    assert b"5,0\\mm" == dataset.SliceThickness
    assert "UN" == dataset["SliceThickness"].VR
    assert b"inf" == dataset.InstanceNumber
    assert "1" == dataset.PatientID


@pytest.mark.parametrize(
    ("expected", "vr", "attribute"),
    [
        (b"Doe", "US", {"Value": ["Doe"]}),
        (b"1\\Doe", "US", {"Value": [1, "Doe"]}),
        (b"1.5", "US", {"Value": [1.5]}),
        (b"1_0", "US", {"Value": ["1_0"]}),
        ("١".encode(), "US", {"Value": ["١"]}),
        (b"inf", "US", {"Value": [math.inf]}),
        (b"65536", "US", {"Value": [65536]}),
        (b"1\\65536", "US", {"Value": [1, 65536]}),
        (b"-1", "US", {"Value": [-1]}),
        (b"32768", "SS", {"Value": ["32768"]}),
        (str(2**64).encode(), "UV", {"Value": [2**64]}),
        (str(10**400).encode(), "FD", {"Value": [10**400]}),
        (b"Doe", "AT", {"Value": ["Doe"]}),
        (str(2**32).encode(), "AT", {"Value": [2**32]}),
        (b"65536", "OW", {"Value": [65536]}),
        (b"1e+300", "OF", {"Value": [1e300]}),
        (b"Doe", "OB", {"Value": ["Doe"]}),
        (b"1\\", "OB", {"Value": [1, None]}),
        (b"\1\2\0", "US", {"InlineBinary": "AQIA"}),
        (b"\1\2\0", "FD", {"InlineBinary": "AQIA"}),
    ],
)
def test_what_is_no_value_of_its_vr_is_kept_as_octets(
    expected: bytes, vr: str, attribute: Any
) -> None:
    """Text, numbers beyond the VR's range and half a number hide nothing else (JSN-39)."""
    element = dataset_from_json({"00091001": {"vr": vr, **attribute}})[0x00091001]

    assert "UN" == element.VR
    assert expected == element.value


@pytest.mark.parametrize(
    ("vr", "member"),
    [
        ("LO", True),
        ("LO", ["Doe"]),
        ("LO", {"Alphabetic": "Doe"}),
        ("LT", False),
        ("PN", {"Alphabetic": ["Doe"]}),
        ("DS", True),
        ("US", True),
        ("US", {"Doe": 1}),
        pytest.param("US", 10**5000, id="a number too long for text"),
        ("AT", True),
        ("OB", {"Doe": 1}),
    ],
)
def test_what_is_no_text_either_is_no_value(vr: str, member: Any) -> None:
    """The attribute is present and empty, and hides nothing else (JSN-39)."""
    dataset = dataset_from_json(
        {"00091001": {"vr": vr, "Value": [member]}, "00100020": {"vr": "LO", "Value": ["1"]}}
    )

    assert vr == dataset[0x00091001].VR
    assert dataset[0x00091001].is_empty
    assert "1" == dataset.PatientID


def test_odd_text_does_not_warn_and_does_not_raise() -> None:
    """Values that break the rules of their VR are given as they are (warnings are errors here)."""
    dataset = dataset_from_json(
        {
            "00080005": {"vr": "CS", "Value": ["iso ir 192, and much too long"]},
            "00080020": {"vr": "DA", "Value": ["2020-01-01"]},
            "00080018": {"vr": "UI", "Value": ["not.a.uid"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A" * 100 + "=="}]},
            "00101010": {"vr": "AS", "Value": ["45"]},
            "00180050": {"vr": "DS", "Value": ["1.23456789012345678901234567890"]},
            "00280010": {"vr": "US", "Value": [70000]},
        }
    )

    assert "2020-01-01" == dataset.StudyDate
    assert "not.a.uid" == dataset.SOPInstanceUID
    assert 1.2345678901234568 == dataset.SliceThickness
    assert b"70000" == dataset.Rows


def test_pydicom_s_settings_are_not_changed() -> None:
    """Validation is off for our values only: what the user assigns later is checked as ever."""
    dataset = dataset_from_json({"00080020": {"vr": "DA", "Value": ["2020-01-01"]}})

    assert config.WARN == config.settings.reading_validation_mode
    with pytest.warns(UserWarning, match="Invalid value for VR DA"):
        dataset["StudyDate"].value = "1.1.2020"


def test_decimals_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydicom's own settings work, such as exact decimals for DS."""
    monkeypatch.setattr(config, "use_DS_decimal", True)

    assert "Decimal" in str(type(read({"vr": "DS", "Value": [0.1]})).__mro__)
    assert b"abc" == read({"vr": "DS", "Value": ["abc"]})


@pytest.mark.parametrize(
    ("path", "obj"),
    [
        ("00100010", {"00100010": "Doe"}),
        ("00100010", {"00100010": ["Doe"]}),
        ("7FE00010", {"7FE00010": {"vr": "OB", "InlineBinary": "Doe^"}}),
        ("7FE00010", {"7FE00010": {"vr": "OB", "InlineBinary": "Doe=Doe="}}),
        ("7FE00010", {"7FE00010": {"vr": "OB", "InlineBinary": "é"}}),
        ("7FE00010", {"7FE00010": {"vr": "OB", "InlineBinary": 5}}),
        ("7FE00010", {"7FE00010": {"vr": "OB", "InlineBinary": ["AQID", "AQID"]}}),
        ("00081115", {"00081115": {"vr": "SQ", "Value": ["Doe"]}}),
        ("00081115[1].00100020", {"00081115": {"vr": "SQ", "Value": [{}, {"00100020": "Doe"}]}}),
        ("", {"PatientName": {"vr": "PN"}}),
        ("", {"0010,0010": {"vr": "PN"}}),
        ("", {"HttpError": "Doe"}),
    ],
)
def test_what_has_no_meaning_is_an_error_with_its_path(path: str, obj: Any) -> None:
    """The error names the place, and shows no value."""
    with pytest.raises(JsonModelError) as caught:
        dataset_from_json(obj)

    # An item that is no object is named by its index.
    assert path == caught.value.path.removesuffix("[0]")
    assert "Doe" not in str(caught.value)
    with pytest.raises(JsonModelError) as caught:
        datasets_from_json([{}, obj])
    assert caught.value.path.startswith("[1]")


def test_nesting_has_a_limit() -> None:
    """A peer cannot exhaust the stack."""

    def nested(depth: int) -> Any:
        obj: Any = {}
        for _ in range(depth):
            obj = {"0040A730": {"vr": "SQ", "Value": [obj]}}
        return obj

    assert 1 == len(dataset_from_json(nested(MAX_DEPTH)))
    with pytest.raises(LimitExceeded, match=rf"Limits.json_depth is {MAX_DEPTH}"):
        dataset_from_json(nested(MAX_DEPTH + 1))
    assert 1 == len(dataset_from_json(nested(3), max_depth=3))
    with pytest.raises(LimitExceeded, match=r"Limits.json_depth is 3"):
        dataset_from_json(nested(4), max_depth=3)


def test_a_raised_bound_does_not_break_the_stack() -> None:
    """Deeper than Python can go is an error of ours, whatever the bound."""
    obj: Any = {}
    for _ in range(5000):
        obj = {"0040A730": {"vr": "SQ", "Value": [obj]}}

    with pytest.raises(JsonModelError, match="Python's stack"):
        dataset_from_json(obj, max_depth=10_000)


def test_private_attributes_know_their_creator() -> None:
    """Creators come first, in whatever order a server sends (JSN-04, JSN-50)."""
    dataset = dataset_from_json(
        {"00091001": {"vr": "SH", "Value": ["x"]}, "00090010": {"vr": "LO", "Value": ["ACME"]}}
    )

    assert "x" == dataset.private_block(0x0009, "ACME")[0x01].value
    assert "ACME" == dataset[0x00091001].private_creator


def test_what_is_no_part_of_a_data_set_is_left_out() -> None:
    """Group lengths, file meta information and item delimiters are dropped (JSN-05, ERR-16)."""
    obj = {
        "00020010": {"vr": "UI", "Value": ["1.2.840.10008.1.2"]},
        "00080000": {"vr": "UL", "Value": [10]},
        "FFFEE000": {"vr": "UN"},
        "00000902": {"vr": "LO", "Value": ["a comment"]},
    }

    assert [0x00000902] == list(dataset_from_json(obj).keys())


# --- bulk data ----------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", ["../bulk/1", ["../bulk/1"]])
def test_bulk_data_are_asked_for(uri: Any) -> None:
    """The resolver gets tag, VR and URI as sent, also within sequences (JSN-41)."""
    asked: list[tuple[str, str, str]] = []

    def resolve(tag: str, vr: str, text: str) -> bytes:
        asked.append((tag, vr, text))
        return b"\1\2"

    item = {"7fe00010": {"vr": "OW", "BulkDataURI": uri}}
    dataset = dataset_from_json({"00880200": {"vr": "SQ", "Value": [item]}}, resolve)

    assert b"\1\2" == dataset.IconImageSequence[0].PixelData
    assert [("7FE00010", "OW", "../bulk/1")] == asked


@pytest.mark.parametrize(
    ("expected", "vr", "value"),
    [
        (b"\1\2", "OB", memoryview(b"\1\2")),
        (b"\1\2", "UN", bytearray(b"\1\2")),
        ([1, 2], "US", b"\1\0\2\0"),  # JSN-42
        ([1.5, 2.0], "DS", b"1.5\\2 "),
        ("é\\è", "UT", "é\\è".encode()),
        (["A^B", "C"], "PN", b"A^B\\C"),
        ([0x00081111, 0x00082222], "AT", struct.pack("<4H", 0x0008, 0x1111, 0x0008, 0x2222)),
        (7, "SL", 7),
        ("text", "LT", "text"),
        (None, "FD", None),
    ],
)
def test_bulk_data_become_values(expected: Any, vr: str, value: object) -> None:
    """Octets are decoded by the VR; other values are taken as they are (JSN-42)."""
    obj = {"00091001": {"vr": vr, "BulkDataURI": "x"}}

    assert expected == dataset_from_json(obj, lambda *_: value)[0x00091001].value


@pytest.mark.parametrize(("vr", "value"), [("IS", "Doe"), ("DS", object())])
def test_bulk_data_of_the_wrong_kind_are_an_error(vr: str, value: object) -> None:
    """What is no value of the VR is not put into the data set."""
    with pytest.raises(JsonModelError) as caught:
        dataset_from_json({"00091001": {"vr": vr, "BulkDataURI": "x"}}, lambda *_: value)

    assert "00091001" == caught.value.path
    assert "Doe" not in str(caught.value)


def test_a_uri_is_a_string() -> None:
    """Anything else is an error."""
    with pytest.raises(JsonModelError, match="not a string"):
        dataset_from_json({"00091001": {"vr": "OB", "BulkDataURI": 5}}, lambda *_: None)
