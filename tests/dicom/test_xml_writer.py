from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import DataElement, Dataset, config
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import DA, DSfloat

from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.dicom.vrs import BULK_VRS, MAX_DEPTH
from aiodicomweb.errors import NativeXmlError

from ..support.native_xml import NAMESPACE

BEFORE = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}"'


def written(dataset: Dataset, **kwargs: Any) -> str:
    """The attributes of a document."""
    text = dataset_to_xml(dataset, **kwargs).decode()

    assert text.startswith(f'{BEFORE} xml:space="preserve">')
    assert text.endswith("</NativeDicomModel>")
    return text.partition('"preserve">')[2].removesuffix("</NativeDicomModel>")


def write(vr: str, value: Any, tag: int = 0x00091001) -> str:
    """What is in one attribute."""
    dataset = Dataset()
    dataset.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    return written(dataset).partition(">")[2].removesuffix("</DicomAttribute>")


def values(*texts: str) -> str:
    """Values in their order."""
    return "".join(f'<Value number="{n}">{text}</Value>' for n, text in enumerate(texts, 1))


@pytest.mark.parametrize(
    ("expected", "vr", "value"),
    [
        (values("CT"), "CS", "CT"),
        (values("A", "", "B"), "CS", ["A", "", "B"]),
        (values("", ""), "LO", ["", ""]),
        ("", "LO", ""),
        ("", "LO", None),
        ("", "SQ", []),
        ("", "OB", b""),
        (values("1.50"), "DS", "1.50"),
        (values("0.1", "", "1e-07"), "DS", [0.1, "", 1e-7]),
        (values("+01"), "IS", "+01"),
        (values("7"), "IS", 7),
        (values("00181063", "0018106A"), "AT", [0x00181063, 0x0018106A]),
        (values("0.1"), "FD", 0.1),
        (values("NaN", "Infinity"), "FL", [float("nan"), float("inf")]),
        (values("-9223372036854775808"), "SV", -(2**63)),
        (values("1", "", "3"), "US", [1, None, 3]),
        (values("20240229"), "DA", DA("20240229")),
        (values("a\\b"), "UT", "a\\b"),
        # XML-14: what XML cannot hold, and what a reader would change
        (values("a?b?c"), "LT", "a\x1bb\x0cc"),
        (values("?-?-\U0010ffff"), "LO", "\ud800-\uffff-\U0010ffff"),
        (values("a&#13;\n\t\x85"), "LT", "a\r\n\t\x85"),
        (values("&lt;a&gt; &amp;amp; \"'"), "LO", "<a> &amp; \"'"),
        ("<InlineBinary>AQIDBA==</InlineBinary>", "OB", b"\1\2\3\4"),
        ("<InlineBinary>AQIDBA==</InlineBinary>", "UN", b"\1\2\3\4"),
    ],
)
def test_a_value_is_written(expected: str, vr: str, value: Any) -> None:
    """Values of every kind (XML-05..07, XML-11, XML-14)."""
    assert expected == write(vr, value)


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        (
            "<Alphabetic><FamilyName>A</FamilyName><NameSuffix>E</NameSuffix></Alphabetic>",
            "A^^^^E",
        ),
        ("<Phonetic><MiddleName>C&amp;C</MiddleName></Phonetic>", "==^^C&C"),
        ("<Alphabetic><FamilyName>A</FamilyName></Alphabetic>", "A^^=^=="),
        (
            (
                "<Alphabetic><GivenName>B</GivenName><NamePrefix>D</NamePrefix>"
                "<NameSuffix>E^F</NameSuffix></Alphabetic>"
            ),
            "^B^^D^E^F",
        ),
        ("", "^^^^"),
    ],
)
def test_a_name_is_written(expected: str, name: str) -> None:
    """Groups and components that are empty are left out (XML-08)."""
    assert f'<PersonName number="1">{expected}</PersonName>' == write("PN", name)


def test_an_attribute_says_what_it_is() -> None:
    """Tag, keyword where there is one, and VR, in ascending order (XML-03)."""
    dataset = Dataset()
    dataset.add_new(0x60020010, "US", None)
    dataset.add_new(0x00100020, "LO", None)
    dataset.add_new(0x00100011, "LO", None)

    assert (
        '<DicomAttribute tag="00100011" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00100020" keyword="PatientID" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="60020010" keyword="OverlayRows" vr="US"></DicomAttribute>'
    ) == written(dataset)


def test_private_attributes_name_their_creator() -> None:
    """Blocks are zero and creators not written; what has no creator keeps its tag (XML-12)."""
    dataset = Dataset()
    dataset.add_new(0x00090010, "LO", 'A "<\n&')
    dataset.add_new(0x00090011, "LO", "lonely")
    dataset.add_new(0x00090012, "LO", "")
    dataset.add_new(0x00090013, "UN", b"x")
    dataset.add_new(0x00091000, "LO", None)
    dataset.add_new(0x000910FF, "LO", None)
    dataset.add_new(0x00091201, "LO", None)
    dataset.add_new(0x00091301, "LO", None)
    dataset.add_new(0x00091401, "LO", None)
    dataset.add_new(0x00090001, "LO", None)
    creator = "A &quot;&lt;&#10;&amp;"

    assert (
        '<DicomAttribute tag="00090001" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00090012" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00090013" vr="UN"><InlineBinary>eA==</InlineBinary></DicomAttribute>'
        f'<DicomAttribute tag="00090000" privateCreator="{creator}" vr="LO"></DicomAttribute>'
        f'<DicomAttribute tag="000900FF" privateCreator="{creator}" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00091201" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00091301" vr="LO"></DicomAttribute>'
        '<DicomAttribute tag="00091401" vr="LO"></DicomAttribute>'
    ) == written(dataset)


@pytest.mark.parametrize(
    ("vr", "keyword", "value"),
    [
        ("SS", "SmallestImagePixelValue", -5),
        ("US", "SmallestImagePixelValue", 5),
        ("US", "SmallestImagePixelValue", None),
        ("SS", "LUTDescriptor", [1, -2, 3]),
        ("OW", "LUTData", b"\1\2"),
        ("US", "LUTData", [1, 2]),
        ("OW", "PixelData", b"\1\2"),
    ],
)
def test_an_ambiguous_vr_is_decided(vr: str, keyword: str, value: Any) -> None:
    """Elements that pydicom makes of a keyword may have several VRs."""
    dataset = Dataset()
    setattr(dataset, keyword, value)

    assert f'vr="{vr}"' in written(dataset)


def test_octets_of_big_endian_data_sets_are_turned_round() -> None:
    """XML has little-endian words (XML-11), also in items, whose origin may not be known."""
    item = Dataset()
    item.add_new(0x00091001, "OF", b"\1\2\3\4")
    other = Dataset()
    other.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    other.add_new(0x00091001, "OW", b"\1\2")
    dataset = Dataset()
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=False)
    dataset.ReferencedSeriesSequence = Sequence([item, other])
    item.set_original_encoding(is_implicit_vr=None, is_little_endian=None)
    dataset.add_new(0x00091001, "OW", b"\1\2\3\4\5")
    dataset.add_new(0x00091002, "OB", b"\1\2")
    dataset.add_new(0x00091003, "UN", b"\1\2")

    read = dataset_from_xml(dataset_to_xml(dataset))
    first, second = read.ReferencedSeriesSequence
    assert b"\4\3\2\1" == first[0x00091001].value
    assert b"\1\2" == second[0x00091001].value
    assert b"\2\1\4\3\5" == read[0x00091001].value
    assert b"\1\2" == read[0x00091002].value
    assert b"\1\2" == read[0x00091003].value


def test_big_endian_pixels_are_turned_whole() -> None:
    """Bits Allocated tells their size (XML-11)."""
    dataset = Dataset()
    dataset.BitsAllocated = 32
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=False)

    assert b"\4\3\2\1" == dataset_from_xml(dataset_to_xml(dataset)).PixelData


def test_a_buffered_value_is_read() -> None:
    """pydicom keeps large values so (XML-11)."""
    assert "<InlineBinary>AQIDBA==</InlineBinary>" == write("OB", io.BytesIO(b"\1\2\3\4"))
    assert "" == write("OB", io.BytesIO())


def test_bulk_data_is_chosen() -> None:
    """The chooser sees what has a value and may be bulk data, items' too (XML-10, JSN-41)."""
    item = Dataset()
    item.add_new(0x54001010, "OW", b"\1\2")
    dataset = Dataset()
    dataset.WaveformSequence = Sequence([item])
    dataset.PatientID = "1"
    dataset.PatientComments = "long"
    dataset.ImageComments = ""
    dataset.Rows = 5
    asked: list[str] = []

    def choose(element: DataElement) -> str | None:
        asked.append(element.keyword)
        return {"PatientComments": "a&b", "WaveformData": ""}.get(element.keyword)

    text = written(dataset, bulk_data=choose)
    assert ["PatientComments", "Rows", "WaveformData"] == asked
    assert 'vr="LT"><BulkData uri="a&amp;b"/></DicomAttribute>' in text
    assert 'vr="OW"><BulkData uri=""/></DicomAttribute></Item>' in text
    assert f'vr="US">{values("5")}<' in text
    assert not BULK_VRS & {"SQ", "PN", "LO", "UI", "UR"}


def test_what_a_chooser_raises_is_passed_on() -> None:
    """A failure to store is not one of the data set."""

    def choose(_: DataElement) -> str | None:
        raise LookupError("full")

    dataset = Dataset()
    dataset.Rows = 5
    with pytest.raises(LookupError, match="full"):
        dataset_to_xml(dataset, choose)


@pytest.mark.parametrize(
    ("vr", "value"), [("US", "Doe"), ("AT", -1.5j), ("OB", "Doe"), ("FD", "Doe")]
)
def test_a_broken_value_is_an_error_with_its_place(vr: str, value: Any) -> None:
    """The error names the place, and shows no value."""
    item = Dataset()
    element = DataElement(0x00091001, vr, None)
    element._value = value
    item.add(element)
    dataset = Dataset()
    dataset.ReferencedSeriesSequence = Sequence([Dataset(), item])

    with pytest.raises(NativeXmlError) as caught:
        dataset_to_xml(dataset)

    assert "00081115[1].00091001" == caught.value.path
    assert "the value is not one of its VR at 00081115[1].00091001" == str(caught.value)
    assert caught.value.__suppress_context__


def test_a_value_that_pydicom_cannot_convert_is_an_error_with_its_place() -> None:
    """Elements are converted when they are first looked at; so are private creators."""
    broken = raw(0x00280010, "US", b"\1")
    with pytest.raises(NativeXmlError, match="^the value is not one of its VR at 00280010$"):
        dataset_to_xml(Dataset(broken))

    creator = raw(0x00090010, "US", b"\1") | raw(0x00091001, "LO", b"x")
    with pytest.raises(NativeXmlError, match="^the value is not one of its VR at 00090010$"):
        dataset_to_xml(Dataset(creator))


def raw(number: int, vr: str, octets: bytes) -> dict[BaseTag, RawDataElement]:
    """An element as it is read."""
    tag = BaseTag(number)
    return {
        tag: RawDataElement(
            tag, vr, len(octets), octets, 0, is_implicit_VR=False, is_little_endian=True
        )
    }


def test_nesting_has_a_limit() -> None:
    """What is written can be read."""
    dataset = Dataset()
    for _ in range(MAX_DEPTH):
        above = Dataset()
        above.ReferencedSeriesSequence = Sequence([dataset])
        dataset = above

    assert dataset == dataset_from_xml(dataset_to_xml(dataset))
    above = Dataset()
    above.ReferencedSeriesSequence = Sequence([dataset])
    with pytest.raises(NativeXmlError, match="^sequences are nested deeper than 64 at 00081115"):
        dataset_to_xml(above)


def test_decimal_strings_keep_their_form() -> None:
    """What was read is written (XML-07)."""
    dataset = Dataset()
    dataset.PixelSpacing = [DSfloat("1.500"), DSfloat(" 0002 ")]

    assert f'vr="DS">{values("1.500", "0002")}<' in written(dataset)
