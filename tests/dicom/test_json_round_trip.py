"""Data sets through JSON text and back: generated ones, and all files that pydicom brings."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import struct
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat, PersonName

from aiodicomweb.dicom import (
    JsonStream,
    dataset_from_json,
    dataset_to_json,
    datasets_from_json,
    format_objects,
    parse_objects,
)
from aiodicomweb.dicom.vrs import INTEGER_VRS, STANDARD_VRS, TEXT_VRS, single
from aiodicomweb.errors import JsonModelError

from ..support.dicom_files import Sample, sample, samples

if TYPE_CHECKING:
    from collections.abc import Iterator


FILES = [sample for sample in samples().values() if len(sample.dataset)]

# --- generated data sets ------------------------------------------------------------------------

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)
PLAIN = ASCII.map(lambda text: text.replace("\\", "/").strip()).filter(bool)
# Code points of every plane, without the separators of values, name groups and name components.
ANY_TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\=^"), max_size=12)
    .map(str.strip)
    .filter(bool)
)
LONG_TEXT = st.text(st.sampled_from("aé王\\\n\t\f \U0001f600"), min_size=1).filter(str.strip)
NAMES = (
    st.tuples(*[st.lists(ANY_TEXT, max_size=5).map("^".join) for _ in range(3)])
    .map(lambda groups: "=".join(groups).rstrip("="))
    .filter(str.strip)
)
DIGITS = st.from_regex(r"[+-]?[0-9]{1,9}", fullmatch=True)
DECIMALS = st.from_regex(
    r"[+-]?([0-9]{1,5}\.?|[0-9]{0,3}\.[0-9]{1,5})([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
FLOATS = st.floats(allow_nan=False)


def words(size: int) -> st.SearchStrategy[bytes]:
    """Octets of whole words."""
    return st.binary(min_size=1, max_size=16).map(lambda octets: octets * size)


SEVERAL: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["AE", "AS", "CS", "DA", "DT", "TM"], PLAIN),
    **dict.fromkeys(["LO", "SH", "UC"], ANY_TEXT),
    "AT": st.integers(0, 2**32 - 1).map(BaseTag),
    "DS": DECIMALS | st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "FD": FLOATS,
    "FL": st.floats(allow_nan=False, width=32),
    "IS": DIGITS,
    "PN": NAMES,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "UI": st.lists(st.integers(0, 10**8), min_size=1, max_size=5).map(
        lambda components: ".".join(map(str, components))
    ),
    "UL": st.integers(0, 2**32 - 1),
    "US": st.integers(0, 2**16 - 1),
    "UV": st.integers(0, 2**64 - 1),
}
SINGLE: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["LT", "ST", "UT"], LONG_TEXT),
    "OB": words(1),
    "OD": words(8),
    "OF": words(4),
    "OL": words(4),
    "OV": words(8),
    "OW": words(2),
    "UN": words(1),
    "UR": PLAIN,
}
# An empty value among others (JSN-21). To a float null is NaN, which pydicom can write to a file.
EMPTY_MEMBER = {
    **dict.fromkeys(TEXT_VRS, st.just("")),
    **{vr: SEVERAL[vr] for vr in ("AT", "FD", "FL")},
}
CHARACTER_SETS = st.sampled_from(
    [None, "ISO_IR 192", "ISO_IR 100", "GB18030", ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]]
)


def has_a_value(members: list[Any]) -> bool:
    """Whether not all are empty, which is no value at all (JSN-24)."""
    return any(member not in (None, "") for member in members)


@st.composite
def an_element(draw: st.DrawFn, tag: int, items: st.SearchStrategy[Dataset] | None) -> DataElement:
    """Of any VR, empty, of one value or of several."""
    vr = draw(st.sampled_from([*SEVERAL, *SINGLE, *(["SQ"] if items is not None else [])]))
    value: Any
    if vr == "SQ" and items is not None:
        value = Sequence(draw(st.lists(items, max_size=3)))
    elif draw(st.integers(0, 5)) == 0:
        value = None if vr != "PN" else ""
    elif vr in SINGLE:
        value = draw(SINGLE[vr])
    else:
        members = SEVERAL[vr] | EMPTY_MEMBER.get(vr, st.none())
        value = draw(st.lists(members, min_size=1, max_size=4).filter(has_a_value))
    element = DataElement(tag, "OB" if vr == "UN" else vr, value, validation_mode=config.IGNORE)
    element.VR = vr
    return element


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """Public and private elements, with their creator or without."""
    dataset = Dataset()
    items = data_sets(depth - 1) if depth else None
    if (terms := draw(CHARACTER_SETS)) is not None:
        dataset.SpecificCharacterSet = terms
    if draw(st.booleans()):
        dataset.add(DataElement(0x00090010, "LO", "ACME"))
    numbers = st.sampled_from(
        [
            0x00100010,
            0x00100020,
            0x00280030,
            0x00400275,
            0x00091001,
            0x00091002,
            0x0009FFFF,
            0x7FE00010,
        ]
    )
    for tag in draw(st.lists(numbers, unique=True, max_size=6)):
        dataset.add(draw(an_element(tag, items)))
    return dataset


def text_of(value: Any) -> Any:
    """What makes values the same: type, value, and the form in which they are written."""
    if isinstance(value, MultiValue | list):
        return [text_of(member) for member in value]
    if isinstance(value, float) and not isinstance(value, DSfloat):
        return repr(value)
    return (type(value), str(value))


def creator(element: DataElement) -> str | None:
    """Who made a private element; pydicom takes a group length for the creator of creators."""
    return element.private_creator if element.tag.element >= 0x1000 else None


def differences(one: Dataset, other: Dataset) -> Iterator[BaseTag]:
    """Tags of elements that are not the same in both, in any level."""
    for tag in sorted({*one.keys(), *other.keys()}):
        if tag == 0x00080005:
            continue
        if tag not in one or tag not in other:
            yield tag
            continue
        first, second = one[tag], other[tag]
        if first.VR == second.VR == "SQ":
            if len(first.value) != len(second.value):
                yield tag
            for left, right in zip(first.value, second.value, strict=False):
                yield from differences(left, right)
        elif (
            first.VR != second.VR
            or creator(first) != creator(second)
            or (
                not (first.is_empty and second.is_empty)
                and text_of(first.value) != text_of(second.value)
            )
        ):
            yield tag


def through_text(dataset: Dataset) -> Dataset:
    """To JSON text, and back by the stream."""
    stream = JsonStream()
    stream.feed(format_objects([dataset]))
    obj = stream.next()
    assert isinstance(obj, dict)
    return dataset_from_json(obj)


def test_elements_are_of_all_vrs() -> None:
    """None is forgotten among those that are generated."""
    assert STANDARD_VRS == {*SEVERAL, *SINGLE, "SQ"}


@given(data_sets())
def test_generated_data_sets_survive(dataset: Dataset) -> None:
    """All VRs, nested, empty and of several values, private blocks (JSN-20..40, JSN-50)."""
    again = through_text(dataset)

    assert [] == list(differences(dataset, again))
    assert [] == list(differences(dataset, pickle.loads(pickle.dumps(again))))
    assert [] == list(differences(dataset, copy.deepcopy(again)))


@given(data_sets())
def test_generated_data_sets_can_be_written(dataset: Dataset) -> None:
    """Text is what it was after a way through a file, whatever (0008,0005) said (JSN-53)."""
    limit_to_files(dataset)
    again = through_text(dataset)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, again, implicit_vr=False, little_endian=True)
        buffer.seek(0)
        reread = pydicom.dcmread(buffer, force=True)
        reread.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

        assert texts(again) == texts(reread)


def limit_to_files(dataset: Dataset) -> None:
    """Leave out what a file cannot hold: text of DS that is too long, missing numbers."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                limit_to_files(item)
        missing = element.VR in INTEGER_VRS and element.VM > 1 and None in element.value
        if missing or element.VR in {"FL", "FD", "DS", "UN"}:
            del dataset[element.tag]


def texts(dataset: Dataset) -> list[str]:
    """Texts of top level elements whose encoding (0008,0005) tells."""
    return [
        str(element.value).rstrip()
        for element in dataset
        if element.VR in {"LO", "PN", "SH", "UC", "UT"} and not element.is_empty
    ]


# --- the files that pydicom brings --------------------------------------------------------------


@cache
def opened(file: Sample) -> Dataset:
    """A file's data set, all of it converted; without what is no part of it (JSN-05)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = file.read()
        for _ in dataset.iterall():
            pass
    del dataset[0x00000000:0x00030000]
    for element in list(dataset):
        if not element.tag.element:
            del dataset[element.tag]
    return dataset


def is_big_endian(dataset: Dataset) -> bool:
    """Octets of its words are turned (JSN-40)."""
    return dataset.original_encoding[1] is False


# Values that are none of their VR come back as octets: text in DS, or in US.
ODD: dict[str, int] = {"badVR.dcm": 1}


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_bundled_file_survives(file: Sample) -> None:
    """Equal element by element, and in its JSON, after a way through text."""
    source = opened(file)

    again = through_text(source)

    odd = list(differences(source, again))
    if is_big_endian(source):
        odd = [tag for tag in odd if source[tag].VR != "OW"]
    assert len(odd) == ODD.get(file.name, 0), odd
    if not odd:
        assert dataset_to_json(again) == json.loads(json.dumps(dataset_to_json(source)))
        assert source.get("SpecificCharacterSet") == again.get("SpecificCharacterSet")


@pytest.mark.parametrize("name", ["MR_small", "rtdose"])
def test_pixels_of_a_big_endian_file_are_those_of_its_twin(name: str) -> None:
    """The same image in both byte orders, of 16 and of 32 bits (JSN-40)."""
    twins = [dataset_to_json(opened(sample(f"{name}{end}.dcm"))) for end in ("", "_expb")]

    assert twins[0]["7FE00010"] == twins[1]["7FE00010"]


def comparable(obj: dict[str, Any], big_endian: bool) -> dict[str, Any]:
    """A JSON object without the forms in which the standard leaves a choice."""
    result: dict[str, Any] = {}
    for tag, attribute in obj.items():
        vr = attribute["vr"]
        values = attribute.get("Value", [])
        if vr == "SQ":
            values = [comparable(item, big_endian) for item in values]
        elif vr in {"DS", "IS"}:
            # JSN-32: pydicom always writes numbers.
            values = [None if value in (None, "") else float(value) for value in values]
        elif vr == "FL":
            values = [str(single(float(value))) for value in values]  # JSN-65: it writes doubles
        elif vr == "FD":
            values = [str(float(value)) for value in values]  # JSN-62: it writes bare NaN
        elif vr == "PN":
            # JSN-25: it writes empty groups.
            values = [{k: v for k, v in (value or {}).items() if v} for value in values]
        binary = attribute.get("InlineBinary", "")
        if big_endian and vr == "OW":
            binary = bool(binary)  # JSN-40: it does not turn the words
        values = [value.strip() or None if isinstance(value, str) else value for value in values]
        if all(value in (None, {}) for value in values) and vr != "SQ":
            values = []  # JSN-20, JSN-24
        result[tag] = (vr, values, binary)
    return result


@pytest.mark.parametrize("file", FILES, ids=str)
def test_pydicom_writes_the_same(file: Sample) -> None:
    """The second opinion, where it is right."""
    source = opened(file)
    try:
        theirs = source.to_json_dict()
    except Exception:  # noqa: BLE001
        pytest.skip("pydicom cannot write it")
    ours = dataset_to_json(source)

    turned = is_big_endian(source)
    # JSN-06: VRs of two letters; pydicom leaves ambiguous ones.
    for tag, attribute in theirs.items():
        if len(attribute["vr"]) != 2:
            attribute["vr"] = ours[tag]["vr"]
    assert comparable(theirs, turned) == comparable(ours, turned)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_pydicom_reads_the_same(file: Sample) -> None:
    """Its own JSON, into the same elements; it gives private elements a creator as we do."""
    try:
        theirs_json = json.loads(json.dumps(opened(file).to_json_dict()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = Dataset.from_json(theirs_json)
    except Exception:  # noqa: BLE001
        pytest.skip("pydicom does not read its own JSON")

    ours = dataset_from_json(theirs_json)

    assert [] == [tag for tag in unequal(theirs, ours) if tag != 0x00080005]


def unequal(theirs: Dataset, ours: Dataset) -> Iterator[BaseTag]:
    """Tags of elements that pydicom itself does not find equal."""
    assert theirs.keys() == ours.keys()
    for tag in theirs.keys():  # noqa: SIM118
        first, second = theirs[tag], ours[tag]
        if first.VR == "SQ":
            for left, right in zip(first.value, second.value, strict=True):
                yield from unequal(left, right)
        elif first.private_creator != second.private_creator or first.VR != second.VR:
            yield tag
        elif first != second and not (first.is_empty and second.is_empty):
            same_nan = str(first.value) == str(second.value) == "nan"
            if not same_nan:
                yield tag


# --- what one does with a data set --------------------------------------------------------------


def test_a_data_set_behaves_as_any_other() -> None:
    """Iteration, attributes, change, private blocks, pickling, copies, comparison, writing."""
    source = opened(sample("CT_small.dcm"))
    (dataset,) = datasets_from_json(parse_objects(format_objects([source])))

    assert dataset == through_text(source)
    assert dataset == pickle.loads(pickle.dumps(dataset)) == copy.deepcopy(dataset)
    assert [element.tag for element in source] == [element.tag for element in dataset]
    assert [str(element) for element in source] == [str(element) for element in dataset]
    assert "CompressedSamples^CT1" == dataset.PatientName
    assert isinstance(dataset.PatientName, PersonName)
    assert "CompressedSamples" == dataset.PatientName.family_name
    assert dataset.SOPClassUID.name == "CT Image Storage"
    assert [0.661468, 0.661468] == dataset.PixelSpacing
    assert "0.661468" == str(dataset.PixelSpacing[0])
    acme = dataset.private_creators(0x0009)[0]
    assert acme == dataset.private_block(0x0009, acme)[0x01].private_creator
    dataset.PixelSpacing[0] = "0.50"
    dataset.PatientName = "Other^Name"
    dataset.ImageType.append("MORE")
    dataset.private_block(0x0009, acme).add_new(0xF0, "LO", "x")
    del dataset.StudyDate
    dataset.file_meta = source.file_meta
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    again = pydicom.dcmread(buffer)
    assert "Other^Name" == again.PatientName
    assert "0.50" == again.PixelSpacing[0].original_string
    assert "MORE" == again.ImageType[-1]
    assert source.PixelData == again.PixelData
    assert [] == list(differences(dataset, again))


def test_the_largest_double_is_infinite_in_fl() -> None:
    """dcm4che writes it so; a single cannot hold it, while a double may mean it (JSN-61)."""
    largest = struct.unpack("<d", b"\xff\xff\xff\xff\xff\xff\xef\x7f")[0]
    obj = {
        "00720076": {"vr": "FL", "Value": [largest]},
        "00720074": {"vr": "FD", "Value": [largest, -largest]},
        "00720077": {"vr": "FL", "Value": [1.5, -largest]},
    }

    dataset = dataset_from_json(obj)

    assert math.inf == dataset[0x00720076].value
    assert [1.5, -math.inf] == dataset[0x00720077].value
    assert [largest, -largest] == dataset[0x00720074].value


# --- octets that are nearly right ---------------------------------------------------------------

TYPICAL = format_objects(
    [
        {
            "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00090010": {"vr": "LO", "Value": ["ACME"]},
            "00091001": {"vr": "UN", "InlineBinary": "AQIDBA=="},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "é"}]},
            "00180050": {"vr": "DS", "Value": [1.5, "2.50", None]},
            "00189074": {"vr": "FD", "Value": ["NaN", 1e308]},
            "00200013": {"vr": "IS", "Value": ["7"]},
            "00280009": {"vr": "AT", "Value": ["00181063"]},
            "00280010": {"vr": "US", "Value": [512]},
            "00400275": {"vr": "SQ", "Value": [{}, {"00400009": {"vr": "SH", "Value": ["1"]}}]},
            "7FE00010": {"vr": "OW", "BulkDataURI": "../bulk/1"},
        }
    ]
    * 2
)
BITS = st.binary(max_size=3) | st.sampled_from(
    [b'"', b"{", b"}", b"[", b"]", b"\\", b"null", b"true", b"NaN", b"1e999", b"-1", b"UN", b"US"]
)


@given(st.lists(st.tuples(st.integers(0, len(TYPICAL)), st.integers(0, 4), BITS), max_size=4))
def test_damaged_text_is_data_sets_or_an_error(damages: list[tuple[int, int, bytes]]) -> None:
    """Nothing but JsonModelError comes out, and nothing else later, when values are used."""
    text = TYPICAL
    for place, length, bits in damages:
        text = text[:place] + bits + text[place + length :]
    stream = JsonStream()
    stream.feed(text)
    stream.feed_eof()
    try:
        while isinstance(obj := stream.next(), dict):
            dataset = dataset_from_json(obj, lambda *_: b"\1\2")
            assert (len(dataset) > 0) is (str(dataset) != "")
            again = dataset_from_json(dataset_to_json(dataset))
            assert dataset.keys() == again.keys()
    except JsonModelError:
        return
