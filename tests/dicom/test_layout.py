from __future__ import annotations

import io
import random
import struct
import warnings
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom.excerpt import read_excerpt
from aiodicomweb.dicom.frame_layout import read_frame_layout
from aiodicomweb.dicom.layout import MAX_DEPTH, Encoding, Layout, Span, read_layout, read_span
from aiodicomweb.dicom.part10 import is_dicom
from aiodicomweb.errors import Part10Error

from ..support.dicom_files import sample, samples

META = b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
DEFLATED = META[:132] + b"\x02\0\x10\0UI\x16\0" + b"1.2.840.10008.1.2.1.99"
LITTLE = Encoding(is_implicit=False, is_little_endian=True)

# Their items are longer than the sequences that they are in.
BROKEN = {"dicomdirtests/DICOMDIR-nooffset"}
FILES = [name for name, one in samples().items() if is_dicom(one.octets) and name not in BROKEN]


def layout_of(octets: bytes) -> Layout:
    """Where the elements of a file are."""
    return read_layout(io.BytesIO(octets))


def deflate(octets: bytes) -> bytes:
    """Octets without a head around them (RFC 1951)."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(octets) + deflater.flush()


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    """An element whose length has 16 bits, in Explicit VR Little Endian."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def long(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element whose length has 32 bits."""
    told = len(value) if length is None else length
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, told) + value


def item(value: bytes, length: int | None = None) -> bytes:
    """An item of a sequence."""
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(value) if length is None else length) + value


ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


# --- against pydicom ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_each_value_is_where_pydicom_finds_it(name: str) -> None:
    """Tags, order and octets of the top level are those that pydicom reads."""
    octets = sample(name).octets
    layout = layout_of(octets)
    source = layout.source(io.BytesIO(octets)).read()
    dataset = sample(name).read()

    assert sorted(dataset.keys()) == sorted({element.tag for element in layout.elements})
    for element in layout.elements:
        raw = dataset.get_item(element.tag)
        value = getattr(raw, "value", None)
        if isinstance(value, bytes) and element.fragments is None:
            start, length = element.value
            assert value == source[start : start + length]


@pytest.mark.parametrize("name", FILES)
def test_elements_follow_each_other_without_a_gap(name: str) -> None:
    """Where one ends the next starts, up to the end of a file that is whole."""
    octets = sample(name).octets
    layout = layout_of(octets)
    source = layout.source(io.BytesIO(octets)).read()

    ends = [layout.start, *(element.end for element in layout.elements)]
    assert ends[:-1] == [element.start for element in layout.elements]
    if layout.is_complete:
        assert len(source) - ends[-1] < 8


def test_the_encoding_is_that_of_the_transfer_syntax() -> None:
    """Explicit and implicit, little and big endian, and deflated, are told apart."""
    encodings = {
        name: layout_of(sample(name).octets).encoding
        for name in ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm")
    }

    assert {
        "CT_small.dcm": LITTLE,
        "MR_small_implicit.dcm": Encoding(is_implicit=True, is_little_endian=True),
        "MR_small_bigendian.dcm": Encoding(is_implicit=False, is_little_endian=False),
    } == encodings


def test_a_deflated_data_set_is_inflated() -> None:
    """Places are those in the inflated octets, which are read like a file."""
    octets = sample("image_dfl.dcm").octets
    layout = layout_of(octets)
    pixels = layout.find(0x7FE00010)

    assert pixels is not None
    found = read_span(layout.source(io.BytesIO(octets)), pixels.value)
    assert sample("image_dfl.dcm").dataset.PixelData == found


def test_a_bare_data_set_has_places_from_its_start() -> None:
    """Without preamble and group 0002 the data set begins at once."""
    octets = sample("rtstruct.dcm").octets
    layout = layout_of(octets)

    assert (0, "1.2.840.10008.1.2") == (layout.start, layout.transfer_syntax)
    assert layout.find(0x00080018) is not None


def test_a_file_that_ends_within_a_value_ends_there() -> None:
    """The last value is as long as the file, and the layout says that it is not complete."""
    octets = sample("MR_truncated.dcm").octets
    layout = layout_of(octets)

    assert not layout.is_complete
    assert len(octets) == layout.elements[-1].end


# --- what is nested -------------------------------------------------------------------------------


@pytest.mark.parametrize("undefined", [False, True])
def test_a_large_value_in_a_sequence_is_found(undefined: bool) -> None:
    """By tags and item numbers, whether lengths are told or delimiters end things."""
    value = bytes(range(256)) * 8
    inner = short(0x00080060, b"CS", b"OT") + long(0x54001010, b"OB", value)
    small = item(short(0x00080060, b"CS", b"OT"))
    if undefined:
        items = small + item(inner + ITEM_END, 0xFFFFFFFF) + SEQUENCE_END
        octets = META + long(0x54000100, b"SQ", items, 0xFFFFFFFF)
    else:
        octets = META + long(0x54000100, b"SQ", small + item(inner))
    octets += short(0x60000010, b"US", b"\1\0")
    layout = layout_of(octets)

    found = layout.find(0x54000100, 2, 0x54001010)
    assert found is not None
    assert value == read_span(io.BytesIO(octets), found.value)
    assert [0x54000100, 0x60000010] == [element.tag for element in layout.elements]
    assert layout.find(0x54000100, 1, 0x54001010) is None
    assert layout.find(0x54000100, 2, 0x00080060) is None
    assert layout.find(0x54001010) is None


def test_a_sequence_of_unknown_vr_is_implicit_inside() -> None:
    """UN of undefined length holds items whose elements have no VRs (PS3.5 §6.2.2)."""
    value = bytes(2000)
    inner = struct.pack("<HHL", 0x5400, 0x1010, len(value)) + value
    octets = META + long(0x54000100, b"UN", item(inner) + SEQUENCE_END, 0xFFFFFFFF)

    found = layout_of(octets).find(0x54000100, 1, 0x54001010)
    assert found is not None
    assert ("OB or OW", 2000) == (found.vr, found.value.length)


def test_a_private_attribute_has_the_vr_of_its_creator() -> None:
    """As pydicom's private dictionary tells; UN where nobody knows."""
    octets = META + short(0x00090010, b"LO", b"GEMS_IDEN_01") + long(0x00091001, b"UN", b"AB")
    octets += long(0x00091101, b"UN", b"AB")
    layout = layout_of(octets)

    assert ["LO", "LO", "UN"] == [element.vr for element in layout.elements]


def test_fragments_are_listed_with_the_offset_table_first() -> None:
    """Items of encapsulated pixel data, without their tags and the delimiter (PS3.5 §A.4)."""
    body = item(b"") + item(b"abcd") + item(b"ef")
    octets = META + long(0x7FE00010, b"OB", body + SEQUENCE_END, 0xFFFFFFFF)
    element = layout_of(octets).elements[0]
    start = len(META) + 12

    assert (Span(start + 8, 0), Span(start + 16, 4), Span(start + 28, 2)) == element.fragments
    assert Span(start, len(body)) == element.value
    assert len(octets) == element.end


# --- nonsense -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (b"", "not a DICOM file"),
        (b"PK\3\4" * 100, "not a DICOM file"),
        (META + long(0x00081140, b"SQ", item(b"", 5000) + bytes(2000)), "beyond its sequence"),
        (META + long(0x00081140, b"SQ", b"\x08\0\x10\0" * 600), "other than items"),
        (META + long(0x00081140, b"SQ", b"", 0xFFFFFFFF), "other than items"),
        (META + long(0x7FE00010, b"OB", item(b"", 99), 0xFFFFFFFF), "beyond the file"),
        (META + long(0x7FE00010, b"OB", item(b"a" * 8), 0xFFFFFFFF), "other than items"),
        (META + long(0x00081140, b"SQ", item(b"", 0xFFFFFFFF), 0xFFFFFFFF), "ends within"),
        (
            META + long(0x00081140, b"SQ", item(long(0x00081150, b"UN", b"", 9000) + bytes(2000))),
            "beyond its item",
        ),
        (DEFLATED + b"no", "deflated"),
    ],
)
def test_nonsense_is_refused(octets: bytes, message: str) -> None:
    """What cannot be a data set is an error of the tree, with a reason."""
    with pytest.raises(Part10Error, match=message):
        layout_of(octets)


def test_nesting_has_a_limit() -> None:
    """A file cannot use up the stack."""
    # No delimiters are needed: the limit comes first.
    nested = b""
    for _ in range(MAX_DEPTH + 1):
        nested = long(0x00081140, b"SQ", item(nested, 0xFFFFFFFF), 0xFFFFFFFF)

    with pytest.raises(Part10Error, match="nested deeper"):
        layout_of(META + nested)


def test_what_is_inflated_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file does not become a large one in memory."""
    monkeypatch.setattr("aiodicomweb.dicom.inflation.MAX_INFLATED", 2 << 20)

    with pytest.raises(Part10Error, match="deflated, and larger than 2 MiB"):
        layout_of(DEFLATED + deflate(bytes(5 << 20)))


def test_what_is_inflated_is_whole() -> None:
    """However much of it there is, and however little of the file it takes."""
    value = bytes(3 << 20) + random.Random(1).randbytes(3 << 20)
    octets = long(0x7FE00010, b"OB", value)
    deflated = DEFLATED + deflate(octets)

    assert octets == layout_of(deflated).source(io.BytesIO(deflated)).read()


@pytest.mark.parametrize(
    "octets",
    [
        short(0x00080060, b"CS", b"") * 200,
        long(0x7FE00010, b"OB", item(b"") * 200 + SEQUENCE_END, 0xFFFFFFFF),
        long(0x00081140, b"SQ", item(long(0x00091001, b"OB", bytes(2000))) * 60),
    ],
    ids=["elements", "fragments", "items"],
)
def test_what_is_inflated_has_few_places(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place takes memory, and repeated heads take no room in a file that is deflated."""
    monkeypatch.setattr("aiodicomweb.dicom.layout.MAX_KEPT_IF_DEFLATED", 100)

    with pytest.raises(Part10Error, match="100 elements"):
        layout_of(DEFLATED + deflate(octets))
    layout_of(META + octets)


def test_elements_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of nothing but heads does not fill the memory."""
    monkeypatch.setattr("aiodicomweb.dicom.layout.MAX_ELEMENTS", 100)

    with pytest.raises(Part10Error, match="100 elements"):
        layout_of(META + short(0x00080060, b"CS", b"") * 200)


SMALL = [
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "waveform_ecg.dcm",
    "rtstruct.dcm",
    "nested_priv_SQ.dcm",
]


@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.integers(0, 20000), st.sampled_from([0, 1, 0x7F, 0xFF])), max_size=8),
    st.integers(0, 20000),
)
def test_a_broken_file_raises_nothing_else(
    name: str, changes: list[tuple[int, int]], end: int
) -> None:
    """Octets changed, and the rest cut off: a layout, or an error of the tree."""
    octets = bytearray(sample(name).octets[:end])
    for position, octet in changes:
        octets[position : position + 1] = bytes([octet])
    file = io.BytesIO(octets)

    try:
        layout = read_layout(file)
        with warnings.catch_warnings(action="ignore"):
            read_excerpt(file, layout, lambda element: element.value.length > 1024)
            read_frame_layout(file, layout)
    except Part10Error:
        return
    assert len(octets) >= layout.elements[-1].end if layout.elements else True
