from __future__ import annotations

import base64
import io
import json
import math
import struct
from typing import Any

import pytest
from pydicom import DataElement, Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from aiodicomweb.dicom import dataset_from_json, dataset_to_json, format_objects
from aiodicomweb.dicom.json_writer import to_values
from aiodicomweb.errors import JsonModelError

BINARY = base64.b64encode(b"\1\2\3\4").decode()


def of_one(vr: str, value: Any, **options: Any) -> Dataset:
    """A data set of one private element, whose value is not looked at."""
    dataset = Dataset()
    dataset[0x00091001] = DataElement(0x00091001, vr, value, already_converted=True, **options)
    return dataset


@pytest.mark.parametrize(
    ("expected", "vr", "value"),
    [
        (["A", "B"], "CS", ["A", "B"]),
        (["A", None], "LO", ["A", ""]),
        ([{"Alphabetic": "A"}], "PN", "A"),
        ([{"Ideographic": "I"}], "PN", "=I"),
        ([{"Alphabetic": "A", "Phonetic": "P"}], "PN", "A==P=more"),
        (["00181063"], "AT", 0x00181063),
        (["00181063", None], "AT", [0x00181063, None]),
        ([1, -1], "SS", [1, -1]),
        ([0], "US", 0),
        ([0.5, 0.1, 1.0, 16777216.0], "FL", [0.5, 0.10000000149011612, 1, 2**24]),  # JSN-65
        (["Infinity"], "FL", math.inf),
        ([2], "US", 2.0),
        (["NaN"], "FD", math.nan),
        (["Infinity", "-Infinity"], "FD", [math.inf, -math.inf]),
        # JSN-33: other readers have doubles for numbers
        ([2**53 - 1, str(2**53)], "UV", [2**53 - 1, 2**53]),
        ([1 - 2**53, str(-(2**53))], "SV", [1 - 2**53, -(2**53)]),
        ([None, 5], "SV", [None, 5]),
        # JSN-32: numbers where a number says the same, else the text
        ([3, "03", "+3", 4], "IS", ["3", "03", "+3", 4]),
        (["1.5"], "IS", "1.5"),
        ([1.5, 1, 1.0, -0.0], "DS", ["1.5", "1", "1.0", "-0.0"]),
        (["1.50", "1e5", ".5", "-0", "1e999"], "DS", ["1.50", "1e5", ".5", "-0", "1e999"]),
        ([1.5, None, 0.1], "DS", [1.5, "", 0.1]),
        (["-Infinity"], "DS", "-inf"),
    ],
)  # fmt: skip
def test_values_are_written(expected: list[Any], vr: str, value: Any) -> None:
    """The standard's form of each kind (JSN-30..36, JSN-62)."""
    values = to_values(vr, DataElement(0x00091001, vr, value, validation_mode=0))

    assert list(map(repr, expected)) == list(map(repr, values))


def test_an_integer_string_with_a_fraction_is_text() -> None:
    """pydicom makes a float of it."""
    dataset = dataset_from_json({"00200013": {"vr": "IS", "Value": [1.5]}})

    assert {"00200013": {"vr": "IS", "Value": ["1.5"]}} == dataset_to_json(dataset)


@pytest.mark.parametrize("value", [None, "", " ", [], MultiValue(str, []), ["", None]])
def test_an_element_without_a_value_has_none(value: Any) -> None:
    """Whatever stands for nothing (JSN-20)."""
    assert {"00091001": {"vr": "LO"}} == dataset_to_json(of_one("LO", value))


def test_lone_surrogates_are_replaced() -> None:
    """They are not Unicode (JSN-52)."""
    assert {"00091001": {"vr": "LO", "Value": ["a?é"]}} == dataset_to_json(of_one("LO", "a\ud800é"))


@pytest.mark.parametrize(
    ("vr", "octets", "little"),
    [
        ("OB", b"\1\2\3", b"\1\2\3"),
        ("UN", b"\1\2\3", b"\1\2\3"),
        ("OW", b"\1\2\3\4\5", b"\2\1\4\3\5"),  # half a word is left as it is
        ("OF", struct.pack(">f", 1.5), struct.pack("<f", 1.5)),
        ("OL", b"\1\2\3\4", b"\4\3\2\1"),
        ("OD", struct.pack(">d", 1.5), struct.pack("<d", 1.5)),
        ("OV", b"\1\2\3\4\5\6\7\0", b"\0\7\6\5\4\3\2\1"),
    ],
)
def test_octets_of_big_endian_files_become_little_endian(
    vr: str, octets: bytes, little: bytes
) -> None:
    """Also within sequences (JSN-40, JSN-42)."""
    dataset = of_one(vr, octets)
    dataset.OtherPatientIDsSequence = [of_one(vr, octets)]
    dataset.set_original_encoding(False, False, None)

    again = dataset_from_json(dataset_to_json(dataset))

    assert little == again[0x00091001].value
    assert little == again.OtherPatientIDsSequence[0][0x00091001].value


@pytest.mark.parametrize(("expected", "bits"), [(b"\4\3\2\1", 32), (b"\2\1\4\3", 16)])
def test_big_endian_pixels_are_turned_whole(expected: bytes, bits: int) -> None:
    """Bits Allocated of the very data set tells their size; an icon has its own (JSN-40)."""
    icon = Dataset()
    icon.BitsAllocated = 8
    icon.add_new(0x7FE00010, "OW", b"\1\2")
    dataset = Dataset()
    dataset.IconImageSequence = [icon]
    dataset.BitsAllocated = bits
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    dataset.set_original_encoding(False, False, None)

    again = dataset_from_json(dataset_to_json(dataset))

    assert expected == again.PixelData
    assert b"\2\1" == again.IconImageSequence[0].PixelData


def test_a_buffered_value_is_read() -> None:
    """From its start, and its position stays; pydicom keeps large values so (JSN-40)."""
    buffer = io.BytesIO(b"\1\2\3\4")
    buffer.seek(1)

    written = dataset_to_json(of_one("OB", buffer))

    assert {"00091001": {"vr": "OB", "InlineBinary": BINARY}} == written
    assert 1 == buffer.tell()
    assert {"00091001": {"vr": "OB"}} == dataset_to_json(of_one("OB", io.BytesIO()))


def test_bulk_data_are_chosen() -> None:
    """Each element that may travel so is shown, within sequences too, and no other (JSN-41)."""
    item = of_one("UT", "text")
    dataset = of_one("OB", b"\1\2")
    dataset.PatientID = "1"
    dataset.PatientName = "A"
    dataset.Rows = 5
    dataset.SliceThickness = "1.5"
    dataset.PatientComments = ""
    dataset.OtherPatientIDsSequence = [item]
    asked: list[str] = []

    def choose(element: DataElement) -> str | None:
        asked.append(element.VR)
        return "../bulk/1" if element.VR in {"OB", "UT"} else None

    written = dataset_to_json(dataset, choose)

    assert ["OB", "UT", "DS", "US"] == asked
    bulk = {"BulkDataURI": "../bulk/1"}
    assert {"vr": "OB"} | bulk == written["00091001"]
    assert [{"00091001": {"vr": "UT"} | bulk}] == written["00101002"]["Value"]
    assert {"vr": "US", "Value": [5]} == written["00280010"]


def test_the_chooser_s_errors_are_its_own() -> None:
    """They are not taken for those of a broken value."""

    def choose(_: DataElement) -> str | None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dataset_to_json(of_one("OB", b"\1"), choose)


def test_elements_that_pydicom_has_not_converted_are_converted() -> None:
    """One that it cannot convert is an error with its path."""
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import BaseTag

    dataset = Dataset()
    for number, value in ((0x00280010, b"\5\0"), (0x00280011, b"\5")):
        tag = BaseTag(number)
        dataset[tag] = RawDataElement(tag, "US", len(value), value, 0, False, True)

    with pytest.raises(JsonModelError) as caught:
        dataset_to_json(dataset)

    assert "00280011" == caught.value.path
    del dataset[0x00280011]
    assert {"00280010": {"vr": "US", "Value": [5]}} == dataset_to_json(dataset)


def test_objects_and_data_sets_are_formatted() -> None:
    """An array, whatever their number (JSN-02)."""
    dataset = of_one("LO", "é")
    obj = {"00091001": {"vr": "LO", "Value": ["x"]}}

    assert b"[]" == format_objects([])
    assert [{"00091001": {"vr": "LO", "Value": ["é"]}}, obj] == json.loads(
        format_objects([dataset, obj])
    )


@pytest.mark.parametrize(
    ("path", "item"), [("[1]", {"x": b"Doe"}), ("[1].00091001", of_one("US", "Doe"))]
)
def test_what_cannot_be_formatted_is_named(path: str, item: Any) -> None:
    """By its index, and by its path where there is one."""
    with pytest.raises(JsonModelError) as caught:
        format_objects([{}, item])

    assert path == caught.value.path
    assert "Doe" not in str(caught.value)


def test_a_data_set_is_written() -> None:
    """One example of each kind of value, in the standard's form (JSN-03, JSN-20, JSN-30..40)."""
    item = Dataset()
    item.PatientID = "1"
    dataset = Dataset()
    dataset.PixelData = b"\1\2\3\4"
    dataset["PixelData"].VR = "OW"
    dataset.PatientName = "A^B==P"
    dataset.OtherPatientNames = ["A=I", ""]
    dataset.PatientBirthDate = ""
    dataset.FrameIncrementPointer = [0x00181063, 0x0018106A]
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.Rows = 512
    dataset.SliceThickness = "1.50"
    dataset.ImagePositionPatient = ["1", "", "2.5"]
    dataset.InstanceNumber = "3"
    dataset.RealWorldValueSlope = math.nan
    dataset.add_new(0x00186020, "FD", [math.inf, -math.inf, 0.5])
    dataset.OtherPatientIDsSequence = [item, Dataset()]
    dataset.ReferencedSeriesSequence = []
    dataset.add_new(0x00080000, "UL", 8)
    dataset.AccessionNumber = " "
    expected = {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]},
        "00080050": {"vr": "SH"},
        "00081115": {"vr": "SQ"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "P"}]},
        "00100030": {"vr": "DA"},
        "00101001": {"vr": "PN", "Value": [{"Alphabetic": "A", "Ideographic": "I"}, None]},
        "00101002": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["1"]}}, {}]},
        "00180050": {"vr": "DS", "Value": ["1.50"]},  # JSN-32: a number would be 1.5
        "00186020": {"vr": "FD", "Value": ["Infinity", "-Infinity", 0.5]},
        "00200013": {"vr": "IS", "Value": [3]},
        "00200032": {"vr": "DS", "Value": [1.0, None, 2.5]},
        "00280009": {"vr": "AT", "Value": ["00181063", "0018106A"]},
        "00280010": {"vr": "US", "Value": [512]},
        "00409225": {"vr": "FD", "Value": ["NaN"]},
        "7FE00010": {"vr": "OW", "InlineBinary": BINARY},
    }

    written = dataset_to_json(dataset)

    assert expected == written
    assert sorted(expected) == list(written)  # JSN-04
    assert json.loads(json.dumps(written, allow_nan=False)) == written


def test_ambiguous_vrs_are_not_written() -> None:
    """A VR such as "US or SS" is one of pydicom's, not of the standard."""
    dataset = Dataset()
    dataset.SmallestImagePixelValue = 5
    dataset.LargestImagePixelValue = -5
    dataset.LUTData = b"\1\2\3\4"
    dataset.LUTDescriptor = [256, 0, 16]

    assert {
        "00280106": {"vr": "US", "Value": [5]},
        "00280107": {"vr": "SS", "Value": [-5]},
        "00283002": {"vr": "US", "Value": [256, 0, 16]},
        "00283006": {"vr": "OW", "InlineBinary": BINARY},
    } == dataset_to_json(dataset)


def test_an_integer_string_with_a_fraction_is_not_cut() -> None:
    """IS that holds 1.5, or no number at all, is written as text (JSN-32)."""
    dataset = dataset_from_json({"00200013": {"vr": "IS", "Value": ["1.5"]}})
    dataset[0x00280008] = DataElement(0x00280008, "IS", "1A", already_converted=True)
    dataset[0x00180050] = DataElement(0x00180050, "DS", "5,0", already_converted=True)

    assert {
        "00180050": {"vr": "DS", "Value": ["5,0"]},
        "00200013": {"vr": "IS", "Value": ["1.5"]},
        "00280008": {"vr": "IS", "Value": ["1A"]},
    } == dataset_to_json(dataset)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        *(("US", "Doe"), ("OB", "Doe"), ("AT", "Doe"), ("DS", object())),
        *(("US", 70000), ("US", -1), ("US", 1.5), ("SL", 2**40), ("UV", 2**64), ("FL", 1e300)),
        *(("AT", -1), ("AT", 2**32)),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_with_its_path(vr: str, value: object) -> None:
    """pydicom's errors don't come through, and their texts neither."""
    item = Dataset()
    item[0x00091001] = DataElement(0x00091001, vr, value, already_converted=True)
    dataset = Dataset()
    dataset.OtherPatientIDsSequence = Sequence([Dataset(), item])

    with pytest.raises(JsonModelError) as caught:
        dataset_to_json(dataset)

    assert "00101002[1].00091001" == caught.value.path
    assert "Doe" not in str(caught.value)
