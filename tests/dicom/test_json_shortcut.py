from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from aiodicomweb.dicom import json_shortcut
from aiodicomweb.dicom.json_shortcut import read_json
from aiodicomweb.dicom.part10 import encode, is_dicom
from aiodicomweb.http import URL
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving import metadata
from aiodicomweb.server.retrieving.bulk_values import is_bulk

from ..support.dicom_files import sample, samples
from ..support.fake_archive import holding_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

BASE = URL.parse("http://archive.example")
FILES = [name for name, one in samples().items() if is_dicom(one.octets)]
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


def quickly(octets: bytes) -> bytes | None:
    """The metadata of a file."""
    return read_json(io.BytesIO(octets), is_bulk, lambda path: f"/{'/'.join(map(str, path))}")


def both(holding: Holding, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The metadata of an instance, by the shortcut if there is one, and by the long way."""
    found = metadata._to_json(holding, BASE, b"")
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "read_json", lambda *_: None)
        return found, metadata._to_json(holding, BASE, b"")


@pytest.mark.parametrize("name", FILES)
def test_the_shortcut_leads_to_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same octets as the long way, for all files that pydicom brings."""
    found, expected = both(holding_of(sample(name)), monkeypatch)

    assert expected == found


def test_the_usual_files_take_the_shortcut() -> None:
    """Native and compressed, explicit and implicit, with sequences and texts in other alphabets."""
    taken = [name for name in FILES if quickly(sample(name).octets) is not None]

    usual = {"CT_small.dcm", "MR_small_implicit.dcm", "JPEG2000.dcm", "rtplan.dcm"}
    assert usual <= set(taken)
    assert len(FILES) * 0.6 < len(taken)


def a_dataset() -> Dataset:
    """A data set with what the VR of other elements depends on."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PatientName = "Müller^Jörg"
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation = 1
    return dataset


def written(dataset: Dataset, syntax: str) -> bytes:
    """A data set as a file."""
    from aiodicomweb.dicom.frames import set_transfer_syntax

    set_transfer_syntax(dataset, syntax)
    return encode(dataset)


def the_same(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The metadata of a file, which take the shortcut and are as by the long way."""
    holding = Holding("1", "2", "1.2.3", "4", EXPLICIT, octets, "v")
    assert quickly(octets) is not None
    found, expected = both(holding, monkeypatch)
    assert expected == found
    obj: dict[str, object] = json.loads(found)
    return obj


@pytest.mark.parametrize("sign", [0, 1])
def test_a_number_is_signed_if_pixels_are(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file does not tell VRs, the same octets are one number or another."""
    dataset = a_dataset()
    dataset.PixelRepresentation = sign
    dataset.add_new("PixelPaddingValue", "SS" if sign else "US", -2 if sign else 65534)

    obj = the_same(written(dataset, IMPLICIT), monkeypatch)

    assert {"vr": "SS" if sign else "US", "Value": [-2 if sign else 65534]} == obj["00280120"]


@pytest.mark.parametrize(("term", "codec"), [("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8")])
def test_the_same_octets_are_another_text_elsewhere(
    term: str, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the character set of the data set, in items too, unless these have their own."""
    dataset = a_dataset()
    dataset.SpecificCharacterSet = term
    inner, other = Dataset(), Dataset()
    inner.PersonName = other.PersonName = "Ä"
    other.SpecificCharacterSet = "ISO_IR 192"
    dataset.PersonIdentificationCodeSequence = [inner, other]

    the_same(written(dataset, EXPLICIT), monkeypatch)
    assert codec


def test_a_private_element_is_of_its_creator(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same octets with another creator are of another VR."""
    found: list[object] = []
    for creator in ("SIEMENS CSA HEADER", "nobody"):
        dataset = a_dataset()
        block = dataset.private_block(0x0029, creator, create=True)
        block.add_new(0x08, "CS", "IMAGE NUM 4 ")
        obj = the_same(written(dataset, IMPLICIT), monkeypatch)
        found.append(obj["00291008"]["vr"])  # type: ignore[index]

    assert ["CS", "UN"] == found


def raw(tag: int, vr: bytes, value: bytes) -> bytes:
    """An element with an explicit VR, little endian."""
    long = vr in (b"UN", b"SQ", b"OB", b"OF")
    length = struct.pack("<HL" if long else "<H", *([0] if long else []), len(value))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + length + value


@pytest.mark.parametrize(
    "further",
    [
        raw(0x7FE00008, b"OF", bytes(8)),  # pixels are elsewhere, however few
        raw(0x7FE00010, b"OB", bytes(8)),
        raw(0x00290010, b"UN", b"SIEMENS CSA HEADER") + raw(0x00291008, b"UN", b"IMAGE NUM 4 "),
        raw(
            0x00400555,
            b"SQ",
            struct.pack("<HHL", 0xFFFE, 0xE000, 34)
            + raw(0x00020010, b"UI", b"1.2.")  # is no part of a data set
            + raw(0x00080000, b"UL", bytes(4))
            + raw(0x00080060, b"CS", b"CT"),
        ),
        raw(0x00280120, b"UN", b"\1\0") + raw(0x00280200, b"US", b"\1\0"),
        raw(0x00400555, b"UN", struct.pack("<HHL", 0xFFFE, 0xE000, 0)),
    ],
    ids=["float-pixels", "few-pixels", "unknown-private", "group-2", "ambiguous", "unknown-items"],
)
def test_odd_elements_are_read_as_ever(further: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same rules as in the long way."""
    the_same(written(a_dataset(), EXPLICIT) + further, monkeypatch)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("size", [10, 2000])
def test_values_beyond_the_window_are_found(
    syntax: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies before, in and behind them, and however far."""
    monkeypatch.setattr(json_shortcut, "_WINDOW", 700)
    dataset = a_dataset()
    dataset.ImageComments = "x" * size
    item = Dataset()
    item.WaveformBitsAllocated = 8
    item.add_new("WaveformData", "OW", bytes(size))
    item.ChannelDefinitionSequence = [Dataset(), Dataset()]
    dataset.WaveformSequence = [item, item]
    dataset.PixelData = bytes(size)
    dataset["PixelData"].VR = "OW"
    dataset.DataSetTrailingPadding = bytes(6)
    if syntax == IMPLICIT:
        del item["WaveformData"]  # its VR depends on more

    obj = the_same(written(dataset, syntax), monkeypatch)

    assert "BulkDataURI" in obj["7FE00010"]  # type: ignore[operator]
    assert "FFFCFFFC" in obj


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\x10\0\x20\0LO\2\0AB",  # not in order
        b"\xff\x7f\x10\0US\3\0abc",  # broken
        b"\xff\x7f\x10\0ZZ\2\0ab",  # of no VR
        b"\xff\x7f\x10\0LO\xff\0ab",  # cut short
        b"\xff\x7f\x10\0",
        b"\xfe\xff\x0d\xe0US\0\0",  # the end of an item
        b"\xff\x7f\x10\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff",  # without end
        b"\xff\x7f\x10\0SQ\0\0\x0a\0\0\0\xfe\xff\0\xe0\x04\0\0\0abcd",  # not of its length
    ],
)
def test_the_unusual_goes_the_long_way(odd: bytes) -> None:
    """Whatever is wrong is told, or not, in one place."""
    usual = written(a_dataset(), EXPLICIT)

    assert (quickly(usual + odd) is None) == bool(odd)


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "image_dfl.dcm", "rtstruct.dcm"])
def test_other_files_go_the_long_way(name: str) -> None:
    """Big endian, deflated, and a bare data set."""
    assert quickly(sample(name).octets) is None


def test_compressed_pixels_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fragment by fragment, though they are not read."""
    monkeypatch.setattr(json_shortcut, "_WINDOW", 1000)

    obj = json.loads(quickly(sample("SC_rgb_rle_16bit_2frame.dcm").octets) or b"")

    assert {"vr": "OW", "BulkDataURI": f"/{0x7FE00010}"} == obj["7FE00010"]


def test_there_is_a_bound_on_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is larger goes the long way, which has its own."""
    monkeypatch.setattr(json_shortcut, "_WINDOW", 700)
    monkeypatch.setattr(json_shortcut, "_LARGEST_WINDOW", 2800)
    dataset = a_dataset()
    dataset.ImageComments = "x" * 10_000

    assert quickly(written(dataset, EXPLICIT)) is None


@given(st.integers(0, 2000), st.binary(max_size=8))
def test_broken_files_are_no_errors(place: int, octets: bytes) -> None:
    """Octets that were changed give the same as by the long way, or go it."""
    whole = bytearray(written(a_dataset(), EXPLICIT))
    place %= len(whole)
    whole[place : place + len(octets)] = octets
    found = quickly(bytes(whole))

    assert found is None or isinstance(json.loads(found), dict)


def test_what_was_seen_before_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is forgotten."""
    octets = written(a_dataset(), EXPLICIT)
    json_shortcut.forget()
    first = quickly(octets)
    read: list[object] = []

    def made(*octets: object) -> str:
        read.append(octets)
        return '"00080018":{}'

    monkeypatch.setattr(json_shortcut, "_made", made)

    assert first == quickly(octets)
    assert [] == read
    json_shortcut.forget()
    assert first != quickly(octets)
    json_shortcut.forget()


def test_a_deep_sequence_goes_the_long_way() -> None:
    """Sequences within each other have a bound."""
    value = b""
    for _ in range(100):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value
        value = b"\x40\0\x60\xa7SQ\0\0" + struct.pack("<L", len(item)) + item

    assert quickly(written(a_dataset(), EXPLICIT) + value) is None
