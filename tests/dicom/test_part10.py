from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.data import get_testdata_file, get_testdata_files
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from aiodicomweb.dicom import (
    PEEK_OCTETS,
    FileMeta,
    decode,
    encode,
    is_dicom,
    is_instance,
    is_part10,
    is_uid,
    peek,
    peek_instance_uid,
)
from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.errors import Part10Error

FILES = sorted(path for path in map(Path, get_testdata_files()) if path.is_file())
DICOM_FILES = [path for path in FILES if is_part10(path.read_bytes())]
BARE_FILES = {
    "ExplVR_BigEndNoMeta.dcm": "1.2.840.10008.1.2.2",
    "ExplVR_LitEndNoMeta.dcm": "1.2.840.10008.1.2.1",
    "rtstruct.dcm": "1.2.840.10008.1.2",
}
"""pydicom's data sets without preamble and file meta information."""
CT = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
EMPTY = FileMeta(None, None, None)


def element(number: int, vr: bytes, value: bytes) -> bytes:
    """An element of group 0002 with a short length."""
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value


def head(*elements: bytes) -> bytes:
    """A file's head with these elements."""
    return bytes(128) + b"DICM" + b"".join(elements)


def test_there_are_files_to_test_with() -> None:
    """pydicom brings more than a hundred files."""
    assert len(DICOM_FILES) > 100


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name not in BARE_FILES], ids=lambda path: path.name
)
def test_peek_agrees_with_pydicom(path: Path) -> None:
    """The UIDs are those that pydicom finds; what it calls no DICOM file is none."""
    octets = path.read_bytes()[:PEEK_OCTETS]
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        with pytest.raises(Part10Error):
            peek(octets)
        return
    except Exception:  # noqa: BLE001  (a directory record or deflated data that is broken)
        meta = pydicom.filereader.read_file_meta_info(path)

    expected = FileMeta(
        meta.get("MediaStorageSOPClassUID") or None,
        meta.get("MediaStorageSOPInstanceUID") or None,
        meta.get("TransferSyntaxUID") or None,
    )
    assert expected == peek(octets)


@pytest.mark.parametrize(("name", "syntax"), BARE_FILES.items())
def test_a_bare_data_set_is_dicom(name: str, syntax: str) -> None:
    """A data set without preamble is known by its first element, and read like a file."""
    octets = Path(str(get_testdata_file(name))).read_bytes()
    expected = pydicom.dcmread(get_testdata_file(name), force=True)

    assert is_dicom(octets)
    assert not is_part10(octets)
    assert syntax == peek(octets).transfer_syntax_uid
    assert expected == decode(octets)
    assert expected.get("SOPInstanceUID") == peek_instance_uid(octets)
    assert expected.get("SOPClassUID") == peek(octets).sop_class_uid


def test_exactly_the_dicom_files_are_dicom() -> None:
    """Of all bundled files, texts, dumps and archives are none; all others are."""
    odd = {"no_meta.dcm"}  # begins within an element
    expected = {path.name for path in FILES if path.suffix == ".dcm"} - odd
    expected |= {path.name for path in FILES if path in DICOM_FILES}

    assert expected == {path.name for path in FILES if is_dicom(path.read_bytes()[:PEEK_OCTETS])}


@given(st.binary(max_size=200))
def test_what_is_not_dicom_is_refused(octets: bytes) -> None:
    """``is_dicom`` decides what ``peek`` and ``decode`` take; nothing else is raised."""
    if is_dicom(octets):
        assert isinstance(peek(octets), FileMeta)
    else:
        with pytest.raises(Part10Error):
            peek(octets, "name")
        with pytest.raises(Part10Error):
            decode(octets)


def test_a_directory_of_a_medium_is_no_instance() -> None:
    """A DICOMDIR is a DICOM file that holds none (PS3.10 §8.6)."""
    heads = {path.name: path.read_bytes()[:PEEK_OCTETS] for path in FILES}

    assert is_dicom(heads["DICOMDIR"])
    assert not is_instance(heads["DICOMDIR"])
    assert is_instance(heads["CT_small.dcm"])
    assert not is_instance(b"text")


def test_every_truncation_gives_what_is_whole() -> None:
    """A head that ends early is no DICOM file, or gives the elements before its end."""
    whole = peek(CT[:PEEK_OCTETS])

    for length in range(700):
        if length < 132:
            assert not is_part10(CT[:length])
            with pytest.raises(Part10Error):
                peek(CT[:length])
        else:
            found = peek(CT[:length])
            assert found.sop_class_uid in (None, whole.sop_class_uid)
            assert found.sop_instance_uid in (None, whole.sop_instance_uid)
            assert found.transfer_syntax_uid in (None, whole.transfer_syntax_uid)
    assert whole == peek(CT[:700])


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    """Broken file meta information is read as far as it makes sense."""
    assert isinstance(peek(head(octets)), FileMeta)


@pytest.mark.parametrize("path", DICOM_FILES, ids=lambda path: path.name)
def test_the_instance_uid_is_that_of_the_data_set(path: Path) -> None:
    """Some files have another one in their file meta information; servers go by the data set."""
    octets = path.read_bytes()[:PEEK_OCTETS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"])
        except Exception:  # noqa: BLE001
            pytest.skip("pydicom does not read it")
        expected = dataset.get("SOPInstanceUID")
    if expected is None:
        expected = peek(octets).sop_instance_uid

    assert expected == peek_instance_uid(octets)


@given(
    st.binary(max_size=300),
    st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]),
)
def test_no_data_set_raises(octets: bytes, syntax: str) -> None:
    """A data set of any octets leaves the file meta's UID, or gives one that can be."""
    meta = element(3, b"UI", b"1.2\0") + element(0x10, b"UI", syntax.encode())

    assert is_uid(peek_instance_uid(head(meta, octets)) or "")


def test_missing_elements_are_none() -> None:
    """Neither group length nor any UID has to be there."""
    assert peek(head()) == EMPTY
    assert FileMeta(None, None, "1.2.840.10008.1.2.1") == peek(
        head(element(0x10, b"UI", b"1.2.840.10008.1.2.1\0"))
    )


def test_values_are_without_padding() -> None:
    """NUL and space at the end are padding; only padding is no value."""
    meta = peek(
        head(
            element(0, b"UL", b"\xff\xff\xff\xff"),  # a wrong group length
            element(2, b"UI", b"1.2\0"),
            element(3, b"UI", b"1.2.3 "),
            element(0x10, b"UI", b"\0\0"),
        )
    )

    assert FileMeta("1.2", "1.2.3", None) == meta


def test_long_lengths_are_skipped() -> None:
    """OB has two reserved octets and a length of four (PS3.5 §7.1.2)."""
    version = struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\0\1"

    assert FileMeta("1.2", None, None) == peek(head(version, element(2, b"UI", b"1.2\0")))
    assert peek(head(version[:10])) == EMPTY


def test_the_data_set_is_not_read() -> None:
    """Group 0002 ends where the next group begins."""
    data = struct.pack("<HH2sH", 8, 0x10, b"UI", 4) + b"9.9\0"

    assert peek(head(data, element(2, b"UI", b"1.2\0"))) == EMPTY


@pytest.mark.parametrize("octets", [CT, bytearray(CT), memoryview(CT)])
def test_any_buffer_will_do(octets: bytes | bytearray | memoryview) -> None:
    """bytes, bytearray and memoryview are read alike."""
    assert is_part10(octets)
    assert str(CTImageStorage) == peek(octets[:PEEK_OCTETS]).sop_class_uid
    assert pydicom.dcmread(str(get_testdata_file("CT_small.dcm"))) == decode(octets)


def test_the_error_has_the_name() -> None:
    """What is not a DICOM file is called by its name."""
    with pytest.raises(Part10Error, match=r"^notes\.txt: not a DICOM file$"):
        peek(b"hello", "notes.txt")


@pytest.mark.parametrize(
    "path",
    [path for path in DICOM_FILES if peek(path.read_bytes()).sop_class_uid],
    ids=lambda path: path.name,
)
def test_encode_and_decode_are_each_other_s_reverse(path: Path) -> None:
    """What is written is read back equal, with the same file meta information."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path)
            # Group lengths are retired, and not written.
            expected = [element for element in dataset.iterall() if element.tag.element]
        except Exception:  # noqa: BLE001
            pytest.skip("pydicom does not read it")
        try:
            octets = encode(dataset)
        except Part10Error:
            pytest.skip("pydicom does not write it")
        again = decode(octets)

        assert expected == list(again.iterall())
    meta = peek(octets)
    assert peek(path.read_bytes()).transfer_syntax_uid == meta.transfer_syntax_uid
    assert peek_instance_uid(octets) == meta.sop_instance_uid


def minimal() -> Dataset:
    """The least that can be a file."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    dataset.PatientName = "Doe^John"
    return dataset


def test_the_file_meta_is_filled_from_the_data_set() -> None:
    """Class and instance come from the data set, whose own file meta is not changed."""
    dataset = minimal()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    octets = encode(dataset)

    assert FileMeta(CTImageStorage, "1.2.3", ExplicitVRLittleEndian) == peek(octets)
    assert "MediaStorageSOPInstanceUID" not in dataset.file_meta
    assert "Doe^John" == decode(octets).PatientName


@pytest.mark.parametrize(
    ("expected", "implicit", "little"),
    [
        ("1.2.840.10008.1.2", True, True),
        ("1.2.840.10008.1.2.1", False, True),
        ("1.2.840.10008.1.2.2", False, False),
    ],
)
def test_the_transfer_syntax_may_come_from_how_it_was_read(
    expected: str, implicit: bool, little: bool
) -> None:
    """Without file meta the original encoding decides."""
    dataset = minimal()
    dataset.set_original_encoding(implicit, little)

    octets = encode(dataset)

    assert expected == peek(octets).transfer_syntax_uid
    assert "Doe^John" == decode(octets).PatientName
    assert not hasattr(dataset, "file_meta")


def test_a_data_set_without_transfer_syntax_is_refused() -> None:
    """Nobody knows how to write it; the hint says what to do."""
    with pytest.raises(Part10Error, match="file_meta.TransferSyntaxUID"):
        encode(minimal())


def test_what_cannot_be_written_is_an_error_without_the_value() -> None:
    """pydicom's errors don't come through, and their texts neither."""
    dataset = minimal()
    dataset.set_original_encoding(False, True)
    dataset.add(DataElement(0x00280010, "US", "Doe^John", validation_mode=IGNORE))

    with pytest.raises(Part10Error) as caught:
        encode(dataset)

    assert "Doe" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_data_set_without_uids_is_refused() -> None:
    """A file names its SOP class and instance (PS3.10 §7.1)."""
    dataset = Dataset()
    dataset.set_original_encoding(False, True)

    with pytest.raises(Part10Error):
        encode(dataset)


@pytest.mark.parametrize("octets", [b"", b"hello", bytes(132)])
def test_what_is_not_a_file_is_not_decoded(octets: bytes) -> None:
    """Without preamble and prefix nothing is read."""
    with pytest.raises(Part10Error, match="not a DICOM file"):
        decode(octets)


def test_a_broken_file_is_an_error_of_ours() -> None:
    """pydicom's errors don't come through."""
    with pytest.raises(Part10Error, match="cannot be read"):
        decode(head(element(0x10, b"UI", b"1.2.840.10008.1.2.1.99"), b"not deflated"))


@pytest.mark.parametrize("terms", [None, "ISO_IR 100"])
def test_text_beyond_the_character_set_is_written_in_unicode(terms: str | None) -> None:
    """Nothing becomes a question mark, in items neither; the data set is not changed (JSN-53)."""
    item = Dataset()
    item.PatientName = "王^小東"
    dataset = Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2"
    dataset.SpecificCharacterSet = terms
    dataset.PatientComments = "é"
    dataset.OtherPatientIDsSequence = [item]
    dataset.add_new(0x7FE00010, "OB", io.BytesIO(b"ab"))
    set_transfer_syntax(dataset, "1.2.840.10008.1.2.1")

    again = decode(encode(dataset))

    assert "ISO_IR 192" == again.SpecificCharacterSet
    assert ["é", "王^小東"] == [
        again.PatientComments,
        again.OtherPatientIDsSequence[0].PatientName,
    ]
    assert b"ab" == again.PixelData
    assert terms == dataset.SpecificCharacterSet


def test_text_that_its_character_set_has_is_written_as_it_was() -> None:
    """Whether or not anybody looked at it (JSN-53)."""
    dataset = Dataset()
    dataset.SOPClassUID = dataset.SOPInstanceUID = "1.2"
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.PatientName = "Yamada=山田"
    set_transfer_syntax(dataset, "1.2.840.10008.1.2.1")
    octets = encode(dataset)
    touched = decode(octets)

    assert "Yamada=山田" == touched.PatientName
    assert octets == encode(decode(octets)) == encode(touched)
    assert b"\x1b$B" in octets
