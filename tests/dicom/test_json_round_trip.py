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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config
from pydicom.data import get_charset_files, get_testdata_file, get_testdata_files
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
    is_part10,
    parse_objects,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def files(paths: list[str]) -> list[Path]:
    """Those that are images or the like."""
    found = (path for path in sorted(map(Path, paths)) if path.is_file())
    return [p for p in found if is_part10(p.read_bytes()) and "DICOMDIR" not in p.name]


FILES = files(get_testdata_files() + get_charset_files())

# --- generated data sets ------------------------------------------------------------------------

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)
PLAIN = ASCII.map(lambda text: text.replace("\\", "/").strip()).filter(bool)
# Code points of every plane, without the separators of values, name groups and name components.
ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\=^"),
    min_size=1,
    max_size=12,
).filter(lambda text: bool(text.strip()))
LONG_TEXT = st.text(st.sampled_from("aé王\\\n\t\x1b \U0001f600"), min_size=1).filter(str.strip)
NAMES = st.tuples(*[st.lists(ANY_TEXT, max_size=5).map("^".join) for _ in range(3)]).map(
    lambda groups: "=".join(groups).rstrip("=")
)
DIGITS = st.from_regex(r"[+-]?[0-9]{1,9}", fullmatch=True)
DECIMALS = st.from_regex(r"[+-]?([0-9]{1,5}\.?|[0-9]{0,3}\.[0-9]{1,5})([eE][+-]?[0-9]{1,2})?", fullmatch=True)  # fmt: skip
FLOATS = st.floats(allow_nan=False)


def words(size: int) -> st.SearchStrategy[bytes]:
    """Octets of whole words."""
    return st.binary(min_size=1, max_size=16).map(lambda octets: octets * size)


SEVERAL: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["AE", "AS", "CS", "DA", "DT", "TM"], PLAIN),
    **dict.fromkeys(["LO", "SH", "UC"], ANY_TEXT),
    "AT": st.integers(0, 2**32 - 1).map(BaseTag),
    "DS": DECIMALS | FLOATS.map(repr),
    "FD": FLOATS,
    "FL": st.floats(allow_nan=False, width=32),
    "IS": DIGITS,
    "PN": NAMES,
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "UI": st.from_regex(r"[0-9]{1,8}(\.[0-9]{1,8}){0,4}", fullmatch=True),
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
CHARACTER_SETS = st.sampled_from(
    [None, "ISO_IR 192", "ISO_IR 100", "GB18030", ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]]
)


@st.composite
def an_element(draw: st.DrawFn, tag: int, items: st.SearchStrategy[Dataset] | None) -> DataElement:
    """Of any VR, empty, of one value or of several."""
    vr = draw(st.sampled_from([*SEVERAL, *SINGLE, *(["SQ"] if items is not None else [])]))
    value: Any
    if vr == "SQ" and items is not None:
        value = Sequence(draw(st.lists(items, max_size=3)))
    elif draw(st.integers(0, 5)) == 0:
        value = None if vr not in {"PN"} else ""
    elif vr in SINGLE:
        value = draw(SINGLE[vr])
    else:
        value = draw(st.lists(SEVERAL[vr], min_size=1, max_size=3))
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
    numbers = st.sampled_from([0x00100010, 0x00100020, 0x00281101, 0x00400275, 0x00091001, 0x00091002, 0x0009FFFF, 0x7FE00010])  # fmt: skip
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
        elif first.VR != second.VR or first.private_creator != second.private_creator:
            yield tag
        elif not (first.is_empty and second.is_empty) and text_of(first.value) != text_of(
            second.value
        ):
            yield tag


def through_text(dataset: Dataset) -> Dataset:
    """To JSON text, and back by the stream."""
    stream = JsonStream()
    stream.feed(format_objects([dataset]))
    obj = stream.next()
    assert isinstance(obj, dict)
    return dataset_from_json(obj)


@given(data_sets())
def test_generated_data_sets_survive(dataset: Dataset) -> None:
    """All VRs, nested, empty and of several values, private blocks (JSN-20..40, JSN-50)."""
    again = through_text(dataset)

    assert [] == list(differences(dataset, again))
    assert format_objects([dataset]).replace(b'{"vr":"CS"}', b"") or True
    assert [] == list(differences(dataset, pickle.loads(pickle.dumps(again))))
    assert [] == list(differences(dataset, copy.deepcopy(again)))


@given(data_sets())
def test_generated_data_sets_can_be_written(dataset: Dataset) -> None:
    """Text is what it was after a way through a file, whatever (0008,0005) said (JSN-53)."""
    for element in dataset:
        if element.VR in {"FL", "FD", "DS", "UN"}:
            del dataset[element.tag]  # these have other limits in a file
    again = through_text(dataset)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, again, implicit_vr=False, little_endian=True)
        buffer.seek(0)
        reread = pydicom.dcmread(buffer, force=True)
        reread.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

        assert texts(again) == texts(reread)


def texts(dataset: Dataset) -> list[str]:
    """Texts of top level elements whose encoding (0008,0005) tells."""
    return [
        str(element.value).rstrip()
        for element in dataset
        if element.VR in {"LO", "PN", "SH", "UC", "UT"} and not element.is_empty
    ]
