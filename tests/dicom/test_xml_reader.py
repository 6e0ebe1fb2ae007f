from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest
from pydicom import Dataset, config
from pydicom.uid import UID

from aiodicomweb.dicom.native_xml import dataset_from_xml
from aiodicomweb.dicom.vrs import MAX_DEPTH
from aiodicomweb.dicom.xml_reader import MAX_GAPS
from aiodicomweb.errors import NativeXmlError

from ..support.native_xml import attribute, content, document

BINARY = base64.b64encode(b"\x01\x02\x03\x04").decode()


def value(text: str, number: int = 1) -> str:
    """One value."""
    return f'<Value number="{number}">{text}</Value>'


def read(vr: str, inner: str, tag: str = "00091001") -> Any:
    """The value of one attribute; a private tag unless the dictionary matters."""
    return dataset_from_xml(document(attribute(tag, vr, inner)))[int(tag, 16)].value


def refused(*attributes: str) -> NativeXmlError:
    """The error for attributes that have no meaning."""
    with pytest.raises(NativeXmlError) as caught:
        dataset_from_xml(document(*attributes), lambda *_: b"Doe")

    assert "Doe" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "vr", "inner"),
    [
        ("CT", "CS", value("CT")),
        ("CT", "cs", value("CT")),
        (["A", "B"], "CS", value("A") + value("B", 2)),
        (["A", "B"], "CS", value("B", 2) + value("A")),
        (["A", "B"], "CS", "<Value>A</Value><Value>B</Value>"),
        (["A", "", "B"], "LO", value("A") + value("B", 3)),  # XML-06: a gap
        (["", "", "B"], "LO", value("B", 3)),
        (["A", ""], "LO", value("A") + value("", 2)),
        (["", ""], "LO", value("") + value("", 2)),
        (["A", "B"], "LO", value("A\\B")),  # joined by the server
        ("A\\B", "LT", value("A") + value("B", 2)),  # split by the server
        ("A", "LO", value("\n  A\n")),  # pretty-printed
        (" A ", "LO", value(" A ")),
        ("\n A\n", "LT", value("\n A\n")),
        ("1.50", "DS", value("1.50")),  # the text is kept
        ("+01", "IS", value("+01")),
        (["1", "2"], "IS", value(" 1") + value("2 ", 2)),
        (b"5,0\\mm", "DS", value("5,0") + value("mm", 2)),
        (512, "US", value(" 512 ")),
        ([1, None, 3], "SS", value("1") + value("3", 3)),
        ([0x00181063, 0x0018106A], "AT", value("00181063") + value("0018106a", 2)),
        (math.inf, "FD", value("inf")),
        (b"\1\0\2\0", "OW", value("1") + value("2", 2)),
        (b"A\\5", "UN", value("A") + value("5", 2)),
        # What is no value of its VR is kept as octets.
        (b"Doe", "US", value("Doe")),
        (b"65536", "US", value("65536")),
        (b"1\\Doe", "OW", value("1") + value("Doe", 2)),
        (b"Doe", "AT", value("Doe")),
        (b"\1\2\3\4", "FD", f"<InlineBinary>{BINARY}</InlineBinary>"),
        (b"1A", "IS", f"<InlineBinary>{base64.b64encode(b'1A ').decode()}</InlineBinary>"),
        (b"\1\2\3\4", "OB", f"<InlineBinary>{BINARY}</InlineBinary>"),
        (b"\1\2\3\4", "UN", "<InlineBinary>\nAQID\r\n BA\n</InlineBinary>"),
        ([0x0201, 0x0403], "US", f"<InlineBinary>{BINARY}</InlineBinary>"),
        ("A", "LO", value("A") + "<InlineBinary>AAAA</InlineBinary>" + '<BulkData uri="x"/>'),
        ("A", "LO", '<DataFragment number="1">X</DataFragment>' + value("A<b>X</b>")),
        ("A", "LO", '<x:Value xmlns:x="urn:x" number="1">X</x:Value>' + value("A")),
        ("A", "LO", "<value Number='1'>A</value>"),
        ("A\r\nB", "LT", value("A&#13;\nB")),
    ],
)
def test_a_value_is_read(expected: Any, vr: str, inner: str) -> None:
    """Values in the standard's form and in those of products (XML-05..11, XML-16)."""
    found = read(vr, inner)

    if vr in {"DS", "IS"} and not isinstance(expected, bytes):
        found = [str(item) for item in found] if isinstance(expected, list) else str(found)
    assert expected == found


@pytest.mark.parametrize("inner", ["", value(""), "\n", "<InlineBinary/>", "<BulkData/>"])
@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "IS", "US", "FD", "AT", "UI", "OW", "UN", "SQ"])
def test_an_attribute_without_values_is_present_and_empty(vr: str, inner: str) -> None:
    """No child is no length, and so is one value without text (XML-05, XML-06)."""
    element = dataset_from_xml(document(attribute("00091001", vr, inner)))[0x00091001]

    assert vr == element.VR
    assert element.is_empty


@pytest.mark.parametrize(
    ("expected", "inner"),
    [
        ("A^B", "<Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName></Alphabetic>"),
        ("A^B", "<Alphabetic><GivenName>B</GivenName><FamilyName>A</FamilyName></Alphabetic>"),
        ("A^^^^E", "<Alphabetic><FamilyName>A</FamilyName><NameSuffix>E</NameSuffix></Alphabetic>"),
        ("A", "<SingleByte><FamilyName>A</FamilyName></SingleByte>"),
        ("A", "<Alphabetic><FamilyName>A</FamilyName><GivenName/></Alphabetic><Phonetic/>"),
        ("A", "\n <Alphabetic>\n <FamilyName>\n A\n </FamilyName>\n </Alphabetic>\n"),
        (
            "A=I^J=^P",
            (
                "<Phonetic><GivenName>P</GivenName></Phonetic>"
                "<Ideographic><FamilyName>I</FamilyName><GivenName>J</GivenName></Ideographic>"
                "<Alphabetic><FamilyName>A</FamilyName></Alphabetic>"
            ),
        ),
        # The components in one text, as some products write them.
        ("A^B", "<Alphabetic>A^B</Alphabetic>"),
        ("A^B=I", "<Alphabetic>\n A^B\n</Alphabetic> <Ideographic>I</Ideographic>"),
        ("A^B", "\n A^B\n"),
        ("", "<Alphabetic> <FamilyName/> </Alphabetic>"),
        ("^^C^D", "<Alphabetic><MiddleName>C</MiddleName><NamePrefix>D</NamePrefix></Alphabetic>"),
    ],
)
def test_a_name_is_read(expected: str, inner: str) -> None:
    """Groups and components in any order, delimiters at the end trimmed (XML-08, XML-24)."""
    assert expected == str(read("PN", f'<PersonName number="1">{inner}</PersonName>'))


def test_names_have_numbers() -> None:
    """A name left out is empty; groups do not reach into the next name (XML-06)."""
    first = "<Ideographic><FamilyName>I</FamilyName></Ideographic>"
    third = "<Alphabetic><FamilyName>A</FamilyName></Alphabetic>"

    assert ["=I", "", "A"] == read(
        "PN",
        f'<PersonName number="1">{first}</PersonName><PersonName number="3">{third}</PersonName>',
    )
    assert "Doe^John" == read("PN", value("Doe^John"))


def test_items_are_read() -> None:
    """Items nest, may be empty, and have numbers (XML-06, XML-09)."""
    inner = attribute("0020000E", "UI", value("1.2"))
    nested = attribute("00081140", "SQ", f'<Item number="1">{inner}</Item>')
    (first, second, third) = read(
        "SQ", f'<Item number="3">{nested}</Item><Item number="1"/>', "00081115"
    )

    assert [0, 0] == [len(first), len(second)]
    assert "1.2" == third.ReferencedImageSequence[0].SeriesInstanceUID
    assert isinstance(third.ReferencedImageSequence[0].SeriesInstanceUID, UID)


@pytest.mark.parametrize(
    ("expected", "vr", "tag", "inner"),
    [
        ("LO", "", "00100020", value("A")),
        ("LO", "??", "00100020", ""),
        ("LO", "UN", "00100020", value("A")),  # UN has no text
        ("UN", "UN", "00100020", f"<InlineBinary>{BINARY}</InlineBinary>"),
        ("LO", "", "00090010", value("ACME")),
        ("UN", "", "00091001", value("A")),
        ("SQ", "", "00091001", "<Item/>"),
        ("SQ", "UN", "00091001", "<Item/>"),
        ("US", "", "00280106", value("5")),  # US or SS
        ("SS", "", "00280106", value("-5")),
        ("OW", "", "7FE00010", f"<InlineBinary>{BINARY}</InlineBinary>"),
    ],
)
def test_a_missing_vr_is_found(expected: str, vr: str, tag: str, inner: str) -> None:
    """The data dictionary, the kind of element and the content tell; else UN (XML-03)."""
    more = f' vr="{vr}"' if vr else ""
    octets = document(f'<DicomAttribute tag="{tag}"{more}>{inner}</DicomAttribute>')

    assert expected == dataset_from_xml(octets)[int(tag, 16)].VR


def test_single_precision_is_kept() -> None:
    """A number of nine digits is the one that was in the file."""
    (number,) = struct.unpack("<f", struct.pack("<f", 10.6006098))

    assert number == read("FL", value("10.6006098"))
    assert 10.6006098 == read("FD", value("10.6006098"))


def test_what_is_no_data_is_left_out() -> None:
    """Group lengths, group 0002 and delimiters (XML-13); the last of two equal tags counts."""
    dataset = dataset_from_xml(
        document(
            attribute("00080000", "UL", value("4")),
            attribute("00020010", "UI", value("1.2")),
            attribute("FFFEE00D", "UN"),
            attribute("00100020", "LO", value("A")),
            attribute("00100020", "LO", value("B")),
        )
    )

    assert ["00100020"] == [f"{element.tag:08X}" for element in dataset]
    assert "B" == dataset.PatientID


def test_odd_text_does_not_warn_and_does_not_raise() -> None:
    """Values that break the rules of their VR are given as they are (warnings are errors here)."""
    dataset = dataset_from_xml(
        document(
            attribute("00080005", "CS", value("iso ir 192, and much too long")),
            attribute("00080020", "DA", value("2020-01-01")),
            attribute("00080018", "UI", value("\n not.a.uid\n")),
            attribute("00101010", "AS", value("45")),
            attribute("00280010", "US", value("70000")),
        )
    )

    assert "2020-01-01" == dataset.StudyDate
    assert "not.a.uid" == dataset.SOPInstanceUID
    assert b"70000" == dataset.Rows
    assert config.WARN == config.settings.reading_validation_mode
    with pytest.warns(UserWarning, match="Invalid value for VR DA"):
        dataset["StudyDate"].value = "1.1.2020"


# --- bulk data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "vr", "result"),
    [
        (b"\1\2", "OW", b"\1\2"),
        (b"\1\2", "UN", memoryview(b"\1\2")),
        ([1, 2], "US", bytearray(b"\1\0\2\0")),
        (0x00181063, "AT", b"\x18\0\x63\x10"),
        (["a", "b"], "UC", b"a\\b "),
        ("é\\b", "UT", "é\\b\0".encode()),
        ("text", "UT", "text"),
        ([1.5, 2.0], "FD", [1.5, 2.0]),
        (b"x", "DS", b"x"),
        (None, "OW", None),
        ("", "UT", None),
        (None, "US", b""),
    ],
)
def test_bulk_data_is_resolved(expected: Any, vr: str, result: object) -> None:
    """The resolver gives a value, or octets of the value field, or nothing (XML-10, XML-26)."""
    asked: list[tuple[str, str, str]] = []

    def resolve(tag: str, vr: str, uri: str) -> object:
        asked.append((tag, vr, uri))
        return result

    inner = '<BulkData uri="../bulk/1?a&amp;b"/>'
    dataset = dataset_from_xml(document(attribute("0009a001", vr, inner)), resolve)

    assert expected == dataset[0x0009A001].value
    assert [("0009A001", vr, "../bulk/1?a&b")] == asked


def test_bulk_data_by_uuid_is_a_urn() -> None:
    """Outside the web a document names bulk data by UUID (XML-10)."""
    inner = '<BulkData uuid="4d56e90c-e696-01f1-c618-98da4a0b285e"/>'
    dataset = dataset_from_xml(
        document(attribute("00104000", "LT", inner)), lambda tag, vr, uri: f"{tag} {vr} {uri}"
    )

    assert "00104000 LT urn:uuid:4d56e90c-e696-01f1-c618-98da4a0b285e" == dataset.PatientComments
    assert "" == read("LT", inner, "00104000")


def test_what_a_resolver_raises_is_passed_on() -> None:
    """A failure to fetch is not one of the document."""

    def resolve(*_: str) -> object:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        dataset_from_xml(document(attribute("7FE00010", "OW", '<BulkData uri="x"/>')), resolve)


def test_what_is_in_line_is_not_fetched() -> None:
    """Values come before octets, and these before a reference."""

    def resolve(*_: str) -> object:
        raise AssertionError

    inner = f'<BulkData uri="x"/><InlineBinary>{BINARY}</InlineBinary>'

    assert (
        b"\1\2\3\4"
        == dataset_from_xml(document(attribute("7FE00010", "OB", inner)), resolve).PixelData
    )


# --- private attributes -------------------------------------------------------------------------


def private(tag: str, creator: str, text: str = "", vr: str = "LO") -> str:
    """A private attribute of one value."""
    return attribute(tag, vr, value(text), f' privateCreator="{creator}"')


def shape(*attributes: str) -> dict[str, Any]:
    """Tags and values."""
    dataset = dataset_from_xml(document(*attributes))
    return {f"{element.tag:08X}": element.value for element in dataset}


def test_blocks_are_reserved_in_the_document_s_order() -> None:
    """One tag of several creators has as many elements (XML-12, XML-28, JSN-50)."""
    assert {
        "00090010": "B",
        "00090011": "A",
        "00091001": "one",
        "00091002": "two",
        "00091101": "three",
        "00110010": "A",
        "00111001": "four",
    } == shape(
        private("00090002", "B", "two"),
        private("00090001", "A", "three"),
        private("00090001", " B ", "one"),
        private("00110001", "A", "four"),
    )


def test_blocks_that_the_document_names_are_kept() -> None:
    """DCMTK writes private creators too, Orthanc nothing but whole tags."""
    assert {
        "00090010": "A",
        "00090012": "B",
        "00090014": "C",
        "00091001": "one",
        "00091101": "orphan",
        "00091201": "two",
        "00091301": "",
        "00091302": "whole",
        "00091401": "three",
    } == shape(
        attribute("00091302", "LO", value("whole")),
        attribute("00091301", "LO"),
        private("00090001", "B", "two"),
        attribute("00090012", "LO", value("B")),
        private("00090001", "A", "one"),
        private("00091101", "C", "three"),  # not the block of a creator that is named
        attribute("00091101", "LO", value("orphan")),
    )


def test_a_creator_that_has_a_tag_twice_has_two_blocks() -> None:
    """Nothing is lost that the document has."""
    assert {
        "00090010": "A",
        "00090011": "A",
        "00091001": "one",
        "00091002": "three",
        "00091101": "two",
    } == shape(
        private("00090001", "A", "one"),
        private("00090001", "A", "two"),
        private("00090002", "A", "three"),
    )


def test_the_first_of_a_block_is_no_group_length() -> None:
    """(gggg,xx00) has the tag of a group length when its block is taken away (XML-12, XML-13)."""
    assert {"00090010": "A", "00091000": "x"} == shape(
        private("00090000", "A", "x"), attribute("00090000", "UL", value("4"))
    )


def test_a_creator_without_a_name_reserves_its_block() -> None:
    """Whoever is in it, nobody else goes there."""
    dataset = dataset_from_xml(
        document(
            attribute("00090010", "LO"),
            attribute("00090011", "UN", f"<InlineBinary>{BINARY}</InlineBinary>"),
            private("00090001", "A", "x"),
        )
    )

    assert "x" == dataset[0x00091201].value


def test_only_private_attributes_have_a_creator() -> None:
    """On a standard tag it is forbidden, and has no meaning (XML-03)."""
    assert {"00100020": "1"} == shape(private("00100020", "A", "1"))
    assert {"00090001": "1"} == shape(private("00090001", " ", "1"))


def test_items_have_blocks_of_their_own() -> None:
    """Each data set reserves (PS3.5 §7.8.1)."""
    inner = f"<Item>{private('00090001', 'B', 'x')}</Item>"
    dataset = dataset_from_xml(
        document(private("00090001", "A", "y"), attribute("00081115", "SQ", inner))
    )
    item: Dataset = dataset[0x00081115].value[0]

    assert {("00090001", "B", 0): ("LO", ["x"])} == content(item)
    assert "B" == item[0x00090010].value


def test_blocks_can_run_out() -> None:
    """A group has 240 of them."""
    creators = [private("00090001", f"A{number}") for number in range(241)]

    assert 480 == len(shape(*creators[:240]))
    assert "no block is left for private elements in group 0009" == str(refused(*creators))
    assert refused(*[private("00090001", "A")] * 241).message.endswith("in group 0009")


# --- errors and bounds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "attributes"),
    [
        ("an attribute has no tag of eight hexadecimal digits", [attribute("Doe", "LO")]),
        ("an attribute has no tag of eight hexadecimal digits", ["<DicomAttribute/>"]),
        ("InlineBinary is not base64", [
            attribute("00280010", "OB", "<InlineBinary>Doe^</InlineBinary>")]),
        ("two values have the same number", [attribute("00280010", "US", value("1") * 2)]),
        ("the number of a value is not a positive", [
            attribute("00280010", "US", value("1", 0))]),
        ("the number of a value is not a positive", [
            attribute("00280010", "US", '<Value number="Doe">1</Value>')]),
        ("the number of a value is not a positive", [
            attribute("00280010", "US", '<Value number="٣">1</Value>')]),
        ("the number of a value is not a positive", [
            attribute("00280010", "US", value("1", 10**11))]),
        ("more than 65536 values are left out", [
            attribute("00280010", "US", value("1", 10**9))]),
        ("more than 65536 values are left out", [
            attribute("00280010", "US", value("1", MAX_GAPS)) for _ in range(2)]),
        ("more than 65536 values are left out", [
            attribute("00280010", "SQ", '<Item number="999999"/>')]),
        ("a sequence has values", [attribute("00280010", "SQ", value("Doe"))]),
        ("an attribute that is no sequence has items", [
            attribute("00280010", "US", "<Item/>")]),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_an_error_with_its_place(
    message: str, attributes: list[str]
) -> None:
    """The error names the place, and shows no value."""
    path = "00280010" if "00280010" in attributes[0] else ""
    nested = attribute("00081115", "SQ", f"<Item/><Item>{''.join(attributes)}</Item>")

    error, in_item = refused(*attributes), refused(nested)

    assert error.message.startswith(message)
    assert path == error.path
    assert f"00081115[1].{path}".rstrip(".") == in_item.path
    assert str(in_item).endswith(f" at {in_item.path}")


def test_a_resolver_has_to_give_a_value() -> None:
    """What cannot be a value of the VR is an error of the tree."""
    with pytest.raises(NativeXmlError, match="^bulk data is not a value of its VR at 00280030$"):
        dataset_from_xml(
            document(attribute("00280030", "DS", '<BulkData uri="x"/>')), lambda *_: object()
        )


def test_an_error_in_a_private_item_has_its_place() -> None:
    """Blocks are made when an item ends."""
    inner = "".join(private("00090001", f"A{number}") for number in range(241))

    error = refused(attribute("00081115", "SQ", f"<Item/><Item>{inner}</Item>"))

    assert error.message.endswith("group 0009")
    assert "00081115[1]" == error.path


def test_nesting_has_a_limit() -> None:
    """A peer cannot exhaust the stack of whoever walks the data set."""

    def nested(depth: int) -> str:
        start = '<DicomAttribute tag="00081115" vr="SQ"><Item number="1">'
        return start * depth + "</Item></DicomAttribute>" * depth

    dataset = dataset_from_xml(document(nested(MAX_DEPTH)))
    for _ in range(MAX_DEPTH):
        (dataset,) = dataset[0x00081115].value
    assert 0 == len(dataset)
    error = refused(nested(MAX_DEPTH + 1))
    assert "sequences are nested deeper than 64" == error.message
    assert ".".join(["00081115[0]"] * MAX_DEPTH + ["00081115"]) == error.path


def test_what_is_passed_over_may_nest() -> None:
    """Foreign elements cost nothing, however deep."""
    depth = 50_000

    assert {"00100020": "1"} == shape(
        "<x>" * depth + "</x>" * depth, attribute("00100020", "LO", value("1"))
    )
