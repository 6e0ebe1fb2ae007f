from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom.encaps import generate_frames

from aiodicomweb.dicom.frame_layout import read_frame_layout
from aiodicomweb.dicom.layout import read_layout
from aiodicomweb.dicom.part10 import is_dicom
from aiodicomweb.dicom.uids import bulk_data_media_type, is_encapsulated
from aiodicomweb.errors import Part10Error
from aiodicomweb.http import FileSpan
from aiodicomweb.server.retrieving.budget import Budget
from aiodicomweb.services.wado import Resource, RetrieveResponse

from ...support.dicom_files import sample, samples
from ...support.fake_archive import FakeArchive, ask, get, holding_of, path_of

if TYPE_CHECKING:
    from aiodicomweb.http import Response
    from aiodicomweb.services.wado import BulkData

STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
NATIVE = 'multipart/related; type="application/octet-stream"'

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def has_frames(name: str) -> bool:
    """Whether a file has frames that can be told apart."""
    octets = samples()[name].octets
    if not is_dicom(octets):
        return False
    file = io.BytesIO(octets)
    try:
        return bool(read_frame_layout(file, read_layout(file)))
    except Part10Error:
        return False


IMAGES = [name for name in samples() if has_frames(name)]


def archive_of(name: str) -> tuple[FakeArchive, str]:
    """An archive of one file, and the path of its frames."""
    holding = holding_of(sample(name))
    return FakeArchive([holding]), f"{path_of(holding)}/frames"


def frames_in(response: Response) -> tuple[BulkData, ...]:
    """The frames of an answer, as the client reads it."""
    assert 200 == response.status, response.body
    return RetrieveResponse.from_http(response, resource=Resource.FRAMES).bulk_data


# --- as stored ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMAGES)
async def test_each_frame_is_what_the_file_holds(name: str) -> None:
    """Compressed streams bare, native pixels as they are; in the order asked for (MED-110)."""
    archive, path = archive_of(name)
    dataset = sample(name).read()
    number = int(dataset.get("NumberOfFrames") or 1)
    wanted = list(range(number, 0, -1))

    found = frames_in(await get(archive, f"{path}/{','.join(map(str, wanted))}", STORED))

    syntax = sample(name).transfer_syntax
    if is_encapsulated(syntax):
        expected = list(generate_frames(dataset.PixelData, number_of_frames=number))
        assert [expected[index - 1] for index in wanted] == [one.data for one in found]
        assert {bulk_data_media_type(syntax)} == {one.content_type.essence for one in found}
        assert {syntax} == {one.transfer_syntax for one in found}
    else:
        assert {"1.2.840.10008.1.2.1"} == {one.transfer_syntax for one in found}
    uri = f"http://archive.example/dicom-web{path.removesuffix('/frames')}/bulkdata/7FE00010"
    if "PixelData" in dataset:
        assert [f"{uri}/frames/{one}" for one in wanted] == [one.location for one in found]


@pytest.mark.parametrize(
    "name", [name for name in IMAGES if sample(name).transfer_syntax == "1.2.840.10008.1.2.1"]
)
async def test_native_frames_together_are_the_value(name: str) -> None:
    """One part each; where a frame ends within an octet, its bits start one of their own."""
    archive, path = archive_of(name)
    dataset = sample(name).dataset
    number = int(dataset.get("NumberOfFrames") or 1)
    keywords = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    value = next(dataset[keyword].value for keyword in keywords if keyword in dataset)

    numbers = ",".join(str(index + 1) for index in range(number))
    found = frames_in(await get(archive, f"{path}/{numbers}", NATIVE))

    bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        bits = bits // 3 * 2
    joined = sum(int.from_bytes(one.data, "little") << bits * i for i, one in enumerate(found))
    mask = (1 << bits * number) - 1
    assert int.from_bytes(value, "little") & mask == joined
    assert {(bits + 7) // 8} == {len(one.data) for one in found}


@pytest.mark.parametrize(
    ("big", "little"),
    [
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
        ("rtdose_expb.dcm", "rtdose.dcm"),
        ("liver_expb_1frame.dcm", "liver_1frame.dcm"),
    ],
)
async def test_frames_of_a_big_endian_file_are_little_endian(big: str, little: str) -> None:
    """Whatever the words are: of 8, 16, 32 bits or one (MED-112)."""
    answers = []
    for name in (big, little):
        archive, path = archive_of(name)
        number = int(sample(name).dataset.get("NumberOfFrames") or 1)
        numbers = ",".join(str(index + 1) for index in range(number))
        answers.append(
            [one.data for one in frames_in(await get(archive, f"{path}/{numbers}", NATIVE))]
        )

    assert answers[1] == answers[0]


async def test_frames_go_from_the_file_to_the_socket() -> None:
    """Nothing of a compressed or native frame is read: spans of the file, and the length known."""
    for name in ("JPEG2000.dcm", "CT_small.dcm"):
        archive, path = archive_of(name)

        answer = await ask(archive, f"{path}/1,1", STORED)

        spans = [segment for segment in answer.body if isinstance(segment, FileSpan)]
        assert 2 == len(spans)
        assert {str(sample(name).path)} == {span.path for span in spans}
        assert all(isinstance(segment, FileSpan | bytes) for segment in answer.body)
        assert answer.length is not None


async def test_the_frames_url_below_the_bulk_data_resolves() -> None:
    """``Content-Location`` of a frame gives that frame (RET-58)."""
    archive, path = archive_of("MR_small_RLE.dcm")
    (first,) = frames_in(await get(archive, f"{path}/1", STORED))
    assert first.location is not None

    (again,) = frames_in(await get(archive, first.location, STORED))

    assert first == again


# --- what is given --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "accept", "expected"),
    [
        ("MR_small_RLE.dcm", 'multipart/related; type="image/dicom-rle"', "image/dicom-rle"),
        ("MR_small_RLE.dcm", "multipart/related; type=image/x-dicom-rle", "image/dicom-rle"),
        ("MR_small_RLE.dcm", "image/dicom-rle", "image/dicom-rle"),
        ("MR_small_RLE.dcm", "application/octet-stream", "application/octet-stream"),
        ("MR_small_RLE.dcm", None, "image/dicom-rle"),
        ("CT_small.dcm", "application/octet-stream", "application/octet-stream"),
        ("CT_small.dcm", None, "application/octet-stream"),
    ],
)
async def test_frames_are_given_as_asked(name: str, accept: str | None, expected: str) -> None:
    """In the media type of the transfer syntax, or decompressed; alone or in parts (MED-80…104)."""
    archive, path = archive_of(name)

    response = await get(archive, f"{path}/1", accept)

    (frame,) = frames_in(response)
    assert expected == frame.content_type.essence
    assert response.media_type is not None
    alone = accept is not None and not accept.startswith("multipart")
    assert alone != response.media_type.is_multipart
    assert "Accept" == response.headers["Vary"]


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("CT_small.dcm", 'multipart/related; type="image/jpeg"'),
        ("MR_small_RLE.dcm", 'multipart/related; type="image/jp2"'),
        ("MR_small_RLE.dcm", "text/html"),
        ("693_J2KI.dcm", 'multipart/related; type="image/jp2"'),  # means lossless only
    ],
)
async def test_what_cannot_be_given_is_406(name: str, accept: str) -> None:
    """With one line that says what there is (RET-36)."""
    archive, path = archive_of(name)

    response = await get(archive, f"{path}/1", accept)

    assert 406 == response.status
    assert 1 == response.body.count(b"\n")


async def test_several_frames_do_not_stand_alone() -> None:
    """Single parts only count for one item (MED-38)."""
    archive, path = archive_of("SC_rgb_rle_2frame.dcm")

    response = await get(archive, f"{path}/1,2", "application/octet-stream")

    assert 406 == response.status
    text = response.body.decode()
    assert text.startswith("asked for: application/octet-stream; several frames are multipart/")
    assert 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.1' in text


async def test_a_frame_may_be_asked_for_again_a_few_times() -> None:
    """A short request has no answer of any length."""
    archive, path = archive_of("CT_small.dcm")

    (first, *others) = frames_in(await get(archive, f"{path}/1,1,1,1", STORED))
    refused = await get(archive, f"{path}/1,1,1,1,1", STORED)

    assert [first.data] * 3 == [one.data for one in others]
    assert (400, b"frame 1 is asked for 5 times; 4 is the most\n") == (
        refused.status,
        refused.body,
    )


async def test_too_many_frames_that_nobody_takes_are_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon there is room again; what is stored is given nevertheless."""
    budget = Budget(10, patience=0)
    monkeypatch.setattr("aiodicomweb.server.retrieving.transcode.sending", lambda _: budget)
    archive, path = archive_of("MR_small_RLE.dcm")
    held = budget.claim(1)

    refused = await get(archive, f"{path}/1", NATIVE)

    assert (503, "10") == (refused.status, refused.headers["Retry-After"])
    assert 1 == len(frames_in(await get(archive, f"{path}/1", STORED)))
    held.release()
    assert 1 == len(frames_in(await get(archive, f"{path}/1", NATIVE)))


async def test_a_later_frame_that_is_none_is_told_before_the_answer() -> None:
    """All that are asked for are looked at, before the first is decompressed."""
    holding = holding_of(sample("SC_rgb_rle_2frame.dcm"))
    octets = sample("SC_rgb_rle_2frame.dcm").octets
    second = octets.rindex(b"\xfe\xff\x00\xe0") + 8
    broken = replace(holding, content=octets[:second] + bytes(64) + octets[second + 64 :])
    path = f"{path_of(holding)}/frames"

    for numbers, status in (("1", 200), ("2", 406), ("1,2", 406)):
        response = await get(FakeArchive([broken]), f"{path}/{numbers}", NATIVE)
        assert status == response.status
    assert b"frame 2 does not begin like one" in response.body
    assert 200 == (await get(FakeArchive([broken]), f"{path}/1,2", STORED)).status


async def test_without_a_decoder_octets_are_406(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncompressed frames are asked for by leaving out the transfer syntax."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.frames.can_decode", lambda _: False)
    archive, path = archive_of("MR_small_RLE.dcm")

    assert 406 == (await get(archive, f"{path}/1", NATIVE)).status


@pytest.mark.parametrize(
    ("compressed", "native"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("rtdose_rle.dcm", "rtdose.dcm"),
    ],
)
async def test_run_lengths_are_decompressed_without_numpy(compressed: str, native: str) -> None:
    """To what the same image is uncompressed, planes of colours as the data set says."""
    frames = []
    for name in (compressed, native):
        archive, path = archive_of(name)
        number = int(sample(name).dataset.get("NumberOfFrames") or 1)
        numbers = ",".join(str(index + 1) for index in range(number))
        frames.append(frames_in(await get(archive, f"{path}/{numbers}", NATIVE)))

    assert [one.data for one in frames[1]] == [one.data for one in frames[0]]


@pytest.mark.parametrize("resource", ["frames/1", "bulkdata/7FE00010"])
async def test_a_frame_that_cannot_be_decompressed_is_406(
    resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is tried before the answer begins; one of another size is none."""
    holding = holding_of(sample("MR_small_RLE.dcm"))
    monkeypatch.setattr("aiodicomweb.server.retrieving.frames.decode_frame", lambda *_: b"short")

    response = await get(FakeArchive([holding]), f"{path_of(holding)}/{resource}", NATIVE)

    assert (406, 1) == (response.status, response.body.count(b"\n"))


# --- what is not there ----------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", ["2", "1,2", "4294967295"])
async def test_a_frame_that_is_not_there_is_404(numbers: str) -> None:
    """And so is a list with one that is not: no answer with fewer frames than asked (RET-35)."""
    archive, path = archive_of("CT_small.dcm")

    response = await get(archive, f"{path}/{numbers}", STORED)

    assert (404, b"the instance has 1 frame\n") == (response.status, response.body)


async def test_frames_that_cannot_be_told_apart_are_406() -> None:
    """Their number is broken; the instance itself can be read, and is given (RET-36)."""
    holding = holding_of(sample("badVR.dcm"))
    archive = FakeArchive([holding])

    response = await get(archive, f"{path_of(holding)}/frames/1", STORED)

    assert (406, 1) == (response.status, response.body.count(b"\n"))


async def test_an_instance_without_pixels_has_no_frames() -> None:
    """A plan."""
    archive, path = archive_of("rtplan.dcm")

    assert 404 == (await get(archive, f"{path}/1", STORED)).status


async def test_a_frame_alone_can_be_asked_for_again() -> None:
    """One part has an entity tag, ranges and conditions."""
    archive, path = archive_of("CT_small.dcm")
    first = await get(archive, f"{path}/1", "application/octet-stream")

    again = await get(
        archive, f"{path}/1", "application/octet-stream", If_None_Match=first.headers["ETag"]
    )
    piece = await get(archive, f"{path}/1", "application/octet-stream", Range="bytes=100-199")

    assert (304, b"") == (again.status, again.body)
    assert (206, first.body[100:200]) == (piece.status, piece.body)
