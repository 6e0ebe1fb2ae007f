"""Native DICOM Model documents there and back: generated data sets, and bundled files."""

from __future__ import annotations

import struct
import warnings
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config
from pydicom.sequence import Sequence

from aiodicomweb.dicom import dataset_from_json, dataset_to_json
from aiodicomweb.dicom.native_xml import dataset_from_xml, dataset_to_xml
from aiodicomweb.dicom.vrs import STANDARD_VRS
from aiodicomweb.errors import NativeXmlError

from ..support.dicom_files import Sample, samples
from ..support.native_xml import attribute, content, document

FILES = [
    sample
    for sample in samples().values()
    # A number of letters, which is kept as octets of VR UN, as it is when it comes in JSON.
    if len(sample.dataset) and sample.name != "badVR.dcm"
]

LINE = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\\"))
PROSE = st.text(st.characters(codec="utf-8", exclude_categories=["C"], include_characters="\t\r\n"))
FLOATS = st.floats(width=32)
VRS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["LO", "SH", "UC", "AE", "CS"], LINE),
    **dict.fromkeys(["LT", "ST", "UT"], PROSE),
    **dict.fromkeys(["OB", "OW", "OL", "OV", "OF", "OD", "UN"], st.binary(max_size=20)),
    "AS": st.sampled_from(["045Y", "001D"]),
    "AT": st.integers(0, 2**32 - 1),
    "DA": st.sampled_from(["20240229", "19000101"]),
    "DS": st.sampled_from(["1.50", "+1", "-.5", "1e3", " 2.25"]) | st.floats(-1e6, 1e6).map(str),
    "DT": st.sampled_from(["20240229120000.5+0100"]),
    "FD": st.floats(),
    "FL": FLOATS,
    "IS": st.sampled_from(["+1", "007", "-0"]) | st.integers(-(2**31), 2**31 - 1).map(str),
    "PN": st.lists(st.text("ABé王^ -", max_size=8), min_size=1, max_size=3).map("=".join),
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "TM": st.sampled_from(["120000.000001", "12"]),
    "UI": st.sampled_from(["1.2.840.10008.1.2", "2.25.1"]),
    "UL": st.integers(0, 2**32 - 1),
    "UR": LINE,
    "US": st.integers(0, 2**16 - 1),
    "UV": st.integers(0, 2**64 - 1),
}
SINGLE = {"LT", "ST", "UT", "UR", "OB", "OW", "OL", "OV", "OF", "OD", "UN"}


def has_value(members: list[Any]) -> bool:
    """Whether it is more than empty values, which JSON takes for nothing."""
    return any(str(member).strip("^=") for member in members if member is not None)


@st.composite
def elements(draw: st.DrawFn, depth: int) -> DataElement:
    """An element of any VR, in a private block or without one; standard tags are by group."""
    tag = draw(st.integers(0, 20))
    group = draw(st.sampled_from([0x00090000, 0x00091000, 0x00091100, 0x00111000, 0x00100000]))
    if group == 0x00090000:
        tag += 0x2000  # a block without a creator
    vr = draw(st.sampled_from([*VRS, "SQ"] if depth else sorted(VRS)))
    if vr == "SQ":
        value: Any = Sequence(draw(st.lists(datasets(depth - 1), max_size=2)))
    elif vr in SINGLE:
        value = draw(st.none() | VRS[vr])
    else:
        # Numbers of a fixed length cannot be empty in a file; JSON's null is NaN for floats.
        empty = st.just("" if vr in TEXTS else None) if vr not in {"FD", "FL"} else st.nothing()
        several = st.lists(VRS[vr] | empty, min_size=2, max_size=4)
        value = draw(st.none() | VRS[vr] | several.filter(has_value))
    return DataElement(group | tag | 1, vr, value, validation_mode=config.IGNORE)


TEXTS = {"LO", "SH", "UC", "AE", "CS", "AS", "DA", "DS", "DT", "IS", "PN", "TM", "UI"}


@st.composite
def datasets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """A data set of private and other elements; the blocks of 0009 are of two creators."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = draw(st.sampled_from(["ISO_IR 192", "GB18030"]))
    dataset.add_new(0x00090010, "LO", draw(st.sampled_from(["ACME", '<"&\t王'])))
    dataset.add_new(0x00090011, "LO", draw(st.sampled_from(["OTHER", "ACME"])))
    dataset.add_new(0x00110010, "LO", "ACME")
    for element in draw(st.lists(elements(depth), max_size=6)):
        dataset.add(element)
    return dataset


def test_elements_are_of_all_vrs() -> None:
    """None is forgotten among those that are generated."""
    assert STANDARD_VRS == {*VRS, "SQ"}


@pytest.mark.slow
@given(datasets())
def test_generated_data_sets_survive(dataset: Dataset) -> None:
    """Data set to XML and back, every VR, nested, empty and many-valued."""
    again = dataset_from_xml(dataset_to_xml(dataset))

    assert content(dataset) == content(again)
    assert content(dataset) == content(dataset_from_xml(dataset_to_xml(again)))


CHARACTER_SETS = ["", "ISO_IR 100", "ISO_IR 13", ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]]


@pytest.mark.slow
@given(datasets(depth=0), st.sampled_from(CHARACTER_SETS))
def test_text_survives_whatever_character_set_is_named(
    dataset: Dataset, terms: str | list[str]
) -> None:
    """The document is Unicode; the set named becomes one that holds the text (XML-14, JSN-53)."""
    dataset.SpecificCharacterSet = terms

    expected, found = content(dataset), content(dataset_from_xml(dataset_to_xml(dataset)))

    del expected["00080005", "", 0], found["00080005", "", 0]
    assert expected == found


def json_of(parent: ET.Element) -> dict[str, Any]:
    """The JSON object of a document without private attributes, literally by PS3.18 §F.3.1."""
    return {child.get("tag", ""): json_attribute(child) for child in parent}


def json_attribute(node: ET.Element) -> dict[str, Any]:
    """One attribute (XML-20..27)."""
    found: dict[str, Any] = {"vr": node.get("vr")}
    for child in node:
        kind = child.tag.rpartition("}")[2]
        if kind == "BulkData":
            found["BulkDataURI"] = child.get("uri")
        elif kind == "InlineBinary":
            found["InlineBinary"] = child.text
        else:
            value: Any = child.text
            if kind == "Item":
                value = json_of(child)
            elif kind == "PersonName":
                value = dict(map(json_group, child)) or None
            found.setdefault("Value", []).append(value)
    return found


def json_group(group: ET.Element) -> tuple[str, str]:
    """A component group of a name (XML-24)."""
    names = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"]
    found = {part.tag.rpartition("}")[2]: part.text or "" for part in group}
    joined = "^".join(found.get(name, "") for name in names)
    return group.tag.rpartition("}")[2], joined.rstrip("^")


def without_private(dataset: Dataset) -> Dataset:
    """A copy: blocks are the one thing that JSON says otherwise (XML-28)."""
    found = Dataset()
    for element in dataset:
        if element.VR == "SQ":
            element = DataElement(  # noqa: PLW2901
                element.tag, "SQ", Sequence([without_private(item) for item in element.value])
            )
        if not element.tag.is_private:
            found.add(element)
    return found


@pytest.mark.slow
@given(datasets().map(without_private))
def test_xml_and_json_mean_the_same(dataset: Dataset) -> None:
    """The document, turned into JSON by the standard's table, is the same data set (XML-20..27)."""
    root = ET.fromstring(dataset_to_xml(dataset))

    assert content(dataset_from_json(json_of(root))) == content(dataset)


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_files_survive(sample: Sample) -> None:
    """Every element of every bundled file, to XML and back."""
    with warnings.catch_warnings(action="ignore"):  # some values break the rules of their VR
        dataset = sample.read()
        expected = content(dataset)
        found = content(dataset_from_xml(dataset_to_xml(dataset)))

    if dataset.original_encoding == (False, False):
        samples = "I" if dataset.get("BitsAllocated") == 32 else "H"
        expected = {
            key: in_little_endian(item, samples if key[0] == "7FE00010" else "H")
            for key, item in expected.items()
        }
    assert expected == found


def in_little_endian(item: tuple[str, Any], code: str) -> tuple[str, Any]:
    """The words of a big-endian file turned round; XML's are little endian (XML-11)."""
    vr, values = item
    if vr == "OW" and values:
        count = len(values[0]) // struct.calcsize(code)
        return vr, [struct.pack(f"<{count}{code}", *struct.unpack(f">{count}{code}", values[0]))]
    return item


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_files_mean_the_same_in_xml_and_json(sample: Sample) -> None:
    """XML says what our own JSON says of a file (PS3.18 §F.3.1), private blocks aside."""
    with warnings.catch_warnings(action="ignore"):
        dataset = without_private(sample.read())
        names = [element.tag for element in dataset if element.VR == "PN"]
        again = dataset_from_xml(dataset_to_xml(dataset))
        expected = dataset_to_json(dataset)

    found = dataset_to_json(again)
    for name in names:  # delimiters at the end are trimmed in XML (XML-24)
        expected[f"{name:08X}"] = found[f"{name:08X}"]
    assert expected == found


@pytest.mark.slow
@given(st.data())
def test_whatever_stands_in_an_attribute_is_read_or_refused(data: st.DataObject) -> None:
    """Well-formed documents whose content has nothing to do with the VR."""
    words = st.sampled_from(
        [
            "",
            " ",
            "1",
            "-1.5",
            "1e400",
            "nan",
            "Doe^J=\\",
            "AAEC",
            "00100010",
            "\n",
            "\u0661",
            "1_0",
        ]
    )
    number = st.sampled_from(["", ' number="1"', ' number="2"', ' number="9"', ' number="x"'])
    child = st.one_of(
        st.builds("<Value{}>{}</Value>".format, number, words),
        st.builds(
            "<PersonName{}><Alphabetic><GivenName>{}</GivenName></Alphabetic></PersonName>".format,
            number,
            words,
        ),
        st.builds("<InlineBinary>{}</InlineBinary>".format, words),
        st.builds('<BulkData uri="{}"/>'.format, words),
        st.builds("<Item{}/>".format, number),
    )
    octets = document(
        *(
            attribute(
                data.draw(st.sampled_from(["00100010", "00090001", "00091001", "00090010"])),
                data.draw(st.sampled_from([*VRS, "SQ", "UN", "??", ""])),
                "".join(data.draw(st.lists(child, max_size=3))),
                data.draw(st.sampled_from(["", ' privateCreator="A"'])),
            )
            for _ in range(data.draw(st.integers(1, 3)))
        )
    )
    try:
        dataset = dataset_from_xml(octets, lambda *_: data.draw(words).encode())
    except NativeXmlError:
        return
    dataset_from_xml(dataset_to_xml(dataset))
