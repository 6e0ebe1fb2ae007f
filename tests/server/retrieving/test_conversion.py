from __future__ import annotations

import gc
import random
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from aiodicomweb.dicom.part10 import decode, encode, is_part10
from aiodicomweb.errors import Part10Error
from aiodicomweb.http import Deferred, FileSpan, Headers, OutgoingResponse, Produced, Response
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving.budget import SENDING_SMALL, Claimed
from aiodicomweb.server.retrieving.conversion import Conversion, to_file
from aiodicomweb.server.retrieving.transcode import Decoded, can_decode

from ...support.dicom_files import sample
from ...support.fake_archive import holding_of, whole
from .test_transcode import GREY, RLE, compressed

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.http import OutgoingBody

IMPLICIT = "1.2.840.10008.1.2"


def octets_of(body: OutgoingBody) -> bytes:
    """What a body is, once its pieces are made and read in turn."""
    return whole(OutgoingResponse(Response(200, Headers()), body)).body


def converted(holding: Holding) -> bytes:
    """An instance in Explicit VR Little Endian: the same alone and among others."""
    conversion = Conversion(holding)
    octets = octets_of(conversion.pieces())
    assert octets == octets_of(Conversion(holding, is_alone=False).promises())
    return octets


def image() -> Dataset:
    """A compressed image of two frames with an icon, and a table that will not hold."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation, dataset.PhotometricInterpretation = 0, "MONOCHROME2"
    dataset.NumberOfFrames = "2"
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = bytes(16), bytes(16)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = RLELossless
    return dataset


def test_offset_tables_go_with_what_they_are_of() -> None:
    """Native pixel data have none (PS3.3 §C.7.6.3.1.8)."""
    frames = [random.Random(seed).randbytes(48) for seed in range(2)]
    packed = [compressed(frame, GREY) for frame in frames]
    dataset = image()
    dataset.PixelData = encapsulate(packed)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    lengths = [len(one) for one in packed]
    offsets = [0, lengths[0] + 8]
    for keyword, numbers in (("", offsets), ("Lengths", lengths)):
        value = b"".join(number.to_bytes(8, "little") for number in numbers)
        setattr(dataset, f"ExtendedOffsetTable{keyword}", value)
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    found = decode(converted(holding))

    assert b"".join(frames) == found.PixelData
    assert "ExtendedOffsetTable" not in found
    assert "ExtendedOffsetTableLengths" not in found
    assert ("OW", "MONOCHROME2") == (found["PixelData"].VR, found.PhotometricInterpretation)


def claimed(length: int) -> Claimed:
    """Octets for which there is room."""
    return Claimed.of(bytes(length), SENDING_SMALL.claim(length))


def test_frames_have_room_one_at_a_time() -> None:
    """Each is let go when the next is asked for, and nothing is left where an answer breaks off."""
    gc.disable()
    try:
        holding = of_run_lengths(*[compressed(bytes(48), GREY)] * 3)
        pieces = [one for one in Conversion(holding).pieces() if isinstance(one, Deferred)]
        held = [one.produce() for one in pieces]

        assert (3, 48) == (len(held), SENDING_SMALL.taken)
        del pieces, held
        assert 0 == SENDING_SMALL.taken
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_what_is_decompressed_is_not_subsampled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pixel has its own colour, and the data set says so (PS3.3 §C.7.6.3.1.2)."""

    def decoded(*_: object) -> Decoded:
        return Decoded(claimed(72), name, 8)

    monkeypatch.setattr("aiodicomweb.server.retrieving.conversion.decode", decoded)
    monkeypatch.setattr("aiodicomweb.server.retrieving.conversion.check_frames", lambda *_: None)
    dataset = image()
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.BitsStored = 3, 8, 8
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = name, 0
    dataset.NumberOfFrames = "1"
    dataset.PixelData = encapsulate([b"ab"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    found = decode(converted(holding))

    assert ("YBR_FULL", 72) == (found.PhotometricInterpretation, len(found.PixelData))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.skipif(not can_decode("1.2.840.10008.1.2.4.50"), reason="no decoder of JPEG")
def test_a_decompressed_jpeg_can_be_read() -> None:
    """Its length is that of the pixels that it says it has."""
    pytest.importorskip("numpy")

    found = decode(converted(holding_of(sample("examples_ybr_color.dcm"))))

    assert (int(found.NumberOfFrames), found.Rows, found.Columns, 3) == found.pixel_array.shape


def test_what_is_not_described_is_not_decompressed() -> None:
    """An image of unknown size."""
    dataset = image()
    del dataset.Rows
    dataset.PixelData = encapsulate([b"ab"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    del dataset.ExtendedOffsetTable
    holding = Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")

    with pytest.raises(Part10Error, match="not described"):
        converted(holding)


def test_a_broken_value_is_an_error() -> None:
    """Of our tree; numbers are read when they are to be turned round."""
    holding = holding_of(sample("MR_small_bigendian.dcm"))
    octets = sample("MR_small_bigendian.dcm").octets + b"\x7f\xe1\0\x10US\0\3abc"

    conversion = Conversion(replace(holding, content=octets))

    for convert in (conversion.pieces, conversion.check):
        with pytest.raises(Part10Error, match="^the data set cannot be converted$"):
            convert()


def test_pixels_beyond_32_bits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no length for them (MED-65)."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.conversion._LARGEST", 1000)

    with pytest.raises(Part10Error, match="too large"):
        converted(holding_of(sample("MR_small_RLE.dcm")))


def test_long_values_of_short_lengths_become_unknown() -> None:
    """More than 65534 octets have no length of 16 bits (MED-66)."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PixelSpacing = ["1.5"] * 20000
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    holding = Holding("1", "2", "1.2.3", "1.2.840", "1.2.840.10008.1.2", encode(dataset), "v")

    with pytest.warns(UserWarning, match="64 kByte"):
        octets = converted(holding)

    assert b"\x28\0\x30\0UN" in octets


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_is_made_in_its_own_transfer_syntax() -> None:
    """Of a data set without file meta information."""
    holding = replace(holding_of(sample("rtstruct.dcm")), transfer_syntax="1.2.840.10008.1.2")

    assert "1.2.840.10008.1.2" == decode(octets_of(to_file(holding))).file_meta.TransferSyntaxUID


# --- pieces ---------------------------------------------------------------------------------------


def native(bits: int, length: int, syntax: str = IMPLICIT) -> Dataset:
    """An image whose pixels have so many octets."""
    dataset = image()
    del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.PixelData = random.Random(bits).randbytes(length)
    dataset["PixelData"].VR = "OW"
    dataset.DataSetTrailingPadding = bytes(4)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def stored(dataset: Dataset, path: Path) -> Holding:
    """A data set in a file, and something before and behind it."""
    octets = encode(dataset)
    path.write_bytes(b"before" + octets + b"behind")
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    return Holding("1", "2", "1.2.3", "1.2", syntax, FileSpan(str(path), 6, len(octets)), "v")


@pytest.mark.parametrize(("bits", "vr"), [(1, "OB"), (8, "OB"), (16, "OW"), (32, "OW")])
def test_native_pixels_stay_in_the_file(bits: int, vr: str, tmp_path: Path) -> None:
    """They are sent from there; the VR is that of their bits (PS3.5 §A.2)."""
    dataset = native(bits, 96)
    holding = stored(dataset, tmp_path / "a")

    pieces = Conversion(holding).pieces()
    found = decode(octets_of(pieces))

    (span,) = [piece for piece in pieces if isinstance(piece, FileSpan)]
    assert 96 == span.length
    assert (vr, dataset.PixelData) == (found["PixelData"].VR, found.PixelData)
    assert bytes(4) == found.DataSetTrailingPadding
    assert octets_of(pieces) == converted(holding)


def test_an_odd_length_becomes_even(tmp_path: Path) -> None:
    """Though the file's is odd (PS3.5 §7.1.1)."""
    dataset = native(8, 96)
    octets = encode(dataset).replace(
        struct.pack("<HHL", 0x7FE0, 0x10, 96), struct.pack("<HHL", 0x7FE0, 0x10, 95)
    )
    end = octets.index(dataset.PixelData) + 95
    octets = octets[:end] + octets[end + 1 :]
    holding = replace(stored(dataset, tmp_path / "a"), content=octets)

    found = decode(converted(holding))

    assert dataset.PixelData[:95] + b"\0" == found.PixelData
    assert bytes(4) == found.DataSetTrailingPadding


def test_other_large_values_stay_in_the_file_too(tmp_path: Path) -> None:
    """An encapsulated document is none of the elements that are written anew."""
    dataset = native(8, 96)
    dataset.EncapsulatedDocument = document = random.Random(1).randbytes(100_000)
    dataset.ImageComments = "behind the document"

    pieces = Conversion(stored(dataset, tmp_path / "a")).pieces()
    found = decode(octets_of(pieces))

    assert [100_000, 96] == [piece.length for piece in pieces if isinstance(piece, FileSpan)]
    assert (document, "behind the document") == (found.EncapsulatedDocument, found.ImageComments)


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.2"])
def test_an_icon_keeps_its_pixels(syntax: str, tmp_path: Path) -> None:
    """They are nested, and stay where they are."""
    dataset, icon = native(8, 96, syntax), Dataset()
    icon.Rows = icon.Columns = 64
    icon.BitsAllocated = 8
    icon.PixelData = random.Random(2).randbytes(4096)
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]

    found = decode(converted(stored(dataset, tmp_path / "a")))

    assert sorted(icon.PixelData) == sorted(found.IconImageSequence[0].PixelData)
    assert 96 == len(found.PixelData)


def test_big_endian_words_are_swapped_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each when its turn comes."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.conversion._BLOCK", 32)
    dataset = native(16, 96, "1.2.840.10008.1.2.2")

    found = decode(converted(stored(dataset, tmp_path / "a")))

    words = struct.unpack(">48H", dataset.PixelData)
    assert struct.pack("<48H", *words) == found.PixelData


def of_run_lengths(*frames: bytes) -> Holding:
    """An image of such frames."""
    dataset = image()
    del dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    dataset.NumberOfFrames = str(len(frames))
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    return Holding("1", "2", "1.2.3", "1.2.840", RLE, encode(dataset), "v")


def test_frames_are_decompressed_in_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first shows how long they are, and is not made twice."""
    frames = [random.Random(seed).randbytes(48) for seed in range(4)]
    holding = of_run_lengths(*[compressed(frame, GREY) for frame in frames])
    made: list[int] = []
    from aiodicomweb.server.retrieving import conversion

    def counted(octets: bytes, *rest: object) -> Decoded:
        made.append(len(octets))
        return original(octets, *rest)  # type: ignore[arg-type]

    original = conversion.decode
    monkeypatch.setattr(conversion, "decode", counted)

    pieces = Conversion(holding).pieces()

    assert 1 == len(made)
    assert b"".join(frames) == decode(octets_of(pieces)).PixelData
    assert 4 == len(made)


def test_nothing_is_held_before_the_turn_and_behind_it() -> None:
    """Of an instance among others."""
    holding = of_run_lengths(*[compressed(bytes(48), GREY)] * 2)
    conversion = Conversion(holding, is_alone=False)

    body = conversion.promises()
    before = conversion._work
    produced = [piece.produce() for piece in body if isinstance(piece, Produced)]

    assert 4 == len(produced)
    assert (None, None) == (before, conversion._work)


def test_a_later_frame_that_is_none_is_told_before(tmp_path: Path) -> None:
    """The answer has not begun."""
    good = compressed(bytes(48), GREY)

    with pytest.raises(Part10Error, match="^frame 3 does not begin like one$"):
        Conversion(of_run_lengths(good, good, b"ab" * 40)).pieces()


def test_too_few_frames_are_told_before() -> None:
    """The pixel data would be shorter than the data set says."""
    holding = of_run_lengths(*[compressed(bytes(48), GREY)] * 3)
    assert isinstance(holding.content, bytes)
    octets = holding.content.replace(b"IS\2\0" + b"3 ", b"IS\2\0" + b"4 ")

    with pytest.raises(Part10Error, match="fewer"):
        Conversion(replace(holding, content=octets))


def test_a_frame_of_another_size_ends_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length has been told."""
    holding = of_run_lengths(*[compressed(bytes(48), GREY)] * 2)
    sizes = iter([48, 50])
    monkeypatch.setattr(
        "aiodicomweb.server.retrieving.conversion.decode",
        lambda *_: Decoded(claimed(next(sizes)), "MONOCHROME2", 16),
    )
    pieces = Conversion(holding).pieces()

    with pytest.raises(Part10Error, match="another size"):
        octets_of(pieces)


def test_compressed_pixels_under_a_native_label_are_refused() -> None:
    """Nobody knows how they are compressed."""
    holding = of_run_lengths(compressed(bytes(48), GREY))
    assert isinstance(holding.content, bytes)
    octets = holding.content.replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
    holding = replace(holding, content=octets, transfer_syntax=IMPLICIT)

    with pytest.raises(Part10Error, match="compressed"):
        Conversion(holding)


def test_a_bare_data_set_stays_as_it_is() -> None:
    """Something is put before it, and it goes out from where it is."""
    holding = holding_of(sample("rtstruct.dcm"))

    head, body = to_file(holding)

    assert isinstance(head, bytes)
    assert is_part10(head)
    assert holding.content == body


def test_who_has_no_uid_becomes_no_file() -> None:
    """File meta information names the instance (PS3.10 §7.1)."""
    holding = Holding("1", "2", "3", "4", IMPLICIT, b"\x08\0\x60\0\2\0\0\0CT" * 2, "v")

    with pytest.raises(Part10Error, match="which instance"):
        to_file(holding)
