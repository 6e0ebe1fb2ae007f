from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate

from aiodicomweb.dicom.frames import set_transfer_syntax
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.http import Deferred, FileSpan, Response
from aiodicomweb.services.wado import BulkData, Resource, RetrieveResponse

from ...support.dicom_files import sample
from ...support.fake_archive import BASE, FakeArchive, ask, get, holding_of, path_of

OCTETS = "application/octet-stream"
PARTS = f'multipart/related; type="{OCTETS}"'
STORED = f"{PARTS}; transfer-syntax=*"
RAW = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def values_in(response: Response) -> tuple[BulkData, ...]:
    """The values of an answer, as the client reads it."""
    assert response.is_success, response.body
    return RetrieveResponse.from_http(response, resource=Resource.BULKDATA).bulk_data


def archive_of(name: str) -> tuple[FakeArchive, str]:
    """An archive of one file, and the path of its instance."""
    holding = holding_of(sample(name))
    return FakeArchive([holding]), path_of(holding)


def made(syntax: str = RAW, **elements: object) -> FakeArchive:
    """An archive of one instance with these elements."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840", "1.2.3"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB"
    set_transfer_syntax(dataset, syntax)
    holding = holding_of(sample("CT_small.dcm"), content=encode(dataset))
    return FakeArchive([replace(holding, transfer_syntax=syntax)])


# --- one value ------------------------------------------------------------------------------------


async def test_a_value_goes_from_the_file_to_the_socket() -> None:
    """One part, of which nothing is read, with the URL that it was asked for by (RET-58)."""
    archive, path = archive_of("CT_small.dcm")

    answer = await ask(archive, f"{path}/bulkdata/7FE00010", PARTS)
    (value,) = values_in(await get(archive, f"{path}/bulkdata/7FE00010", PARTS))

    assert 1 == sum(isinstance(segment, FileSpan) for segment in answer.body)
    assert answer.length is not None
    assert sample("CT_small.dcm").dataset.PixelData == value.data
    assert f"{BASE}{path}/bulkdata/7FE00010" == value.location
    assert RAW == value.transfer_syntax


async def test_a_value_may_stand_alone() -> None:
    """Without multipart around it, where that is asked for (MED-27)."""
    archive, path = archive_of("CT_small.dcm")

    response = await get(archive, f"{path}/bulkdata/7FE00010", OCTETS)

    assert sample("CT_small.dcm").dataset.PixelData == response.body
    assert f"{OCTETS}; transfer-syntax={RAW}" == response.headers["Content-Type"]


async def test_a_nested_value_is_found() -> None:
    """By tags and item numbers."""
    archive, path = archive_of("waveform_ecg.dcm")

    response = await get(archive, f"{path}/bulkdata/54000100/2/54001010", OCTETS)

    assert sample("waveform_ecg.dcm").dataset.WaveformSequence[1].WaveformData == response.body


@pytest.mark.parametrize(
    "below",
    [
        "7FE00008",
        "00100010",
        "54000100/1/54001010",
        "7FE00010/1/7FE00010",
        "7fe0001",
        "7FE00010/frames/0",
        "00081140/frames/1",
        "../metadata",
        "7FE00010/frames/2",
    ],
)
async def test_what_is_no_bulk_data_is_404(below: str) -> None:
    """Other elements, those that are not there, and what is no path of a value."""
    archive, path = archive_of("CT_small.dcm")

    assert 404 == (await get(archive, f"{path}/bulkdata/{below}", STORED)).status


async def test_words_are_little_endian() -> None:
    """Whatever they are stored as (RET-63, MED-112)."""
    archive, path = archive_of("rtdose_expb.dcm")

    response = await get(archive, f"{path}/bulkdata/7FE00010", OCTETS)

    assert sample("rtdose.dcm").dataset.PixelData == response.body


async def test_compressed_frames_are_parts_of_one_location() -> None:
    """Each a stream by itself, without items (RET-62, MED-110)."""
    archive, path = archive_of("SC_rgb_rle_2frame.dcm")

    found = values_in(await get(archive, f"{path}/bulkdata/7FE00010", STORED))
    frames = await get(archive, f"{path}/frames/1,2", STORED)

    assert ["image/dicom-rle"] * 2 == [one.content_type.essence for one in found]
    assert {f"{BASE}{path}/bulkdata/7FE00010"} == {one.location for one in found}
    assert [one.data for one in values_in(frames)] == [one.data for one in found]


async def test_uncompressed_frames_are_one_part() -> None:
    """All of them in one, once they are decompressed (RET-61)."""
    archive, path = archive_of("rtdose_rle.dcm")

    (found,) = values_in(await get(archive, f"{path}/bulkdata/7FE00010", PARTS))

    assert sample("rtdose.dcm").dataset.PixelData == found.data


async def test_a_compressed_icon_is_given_as_it_is() -> None:
    """In the transfer syntax of the whole, as one frame."""
    icon = Dataset()
    icon.PixelData = encapsulate([b"\xff\xd8" + bytes(2000) + b"\xff\xd9"])
    icon["PixelData"].VR, icon["PixelData"].is_undefined_length = "OB", True
    archive = made(JPEG, IconImageSequence=[icon])
    path = path_of(archive.instances[0])

    (found,) = values_in(
        await get(archive, f"{path}/bulkdata/00880200/1/7FE00010", "image/jpeg; transfer-syntax=*")
    )
    nothing = await get(archive, f"{path}/pixeldata", STORED)

    assert b"\xff\xd8" + bytes(2000) + b"\xff\xd9" == found.data
    assert JPEG == found.transfer_syntax
    assert 404 == nothing.status  # that of icons does not count (RET-60)


@pytest.mark.parametrize(
    ("told", "accept", "expected"),
    [
        ("application/pdf", None, "application/pdf"),
        ("application/pdf", STORED, "application/pdf"),
        ("application/pdf", "application/pdf", "application/pdf"),
        ("application/pdf", OCTETS, OCTETS),
        ("text/XML", f"{STORED}, */*; q=0.5", "text/xml"),
        ("no media type", None, OCTETS),
    ],
)
async def test_a_document_has_its_own_media_type(
    told: str, accept: str | None, expected: str
) -> None:
    """As its instance says (RET-65)."""
    archive = made(EncapsulatedDocument=bytes(2000), MIMETypeOfEncapsulatedDocument=told)
    path = path_of(archive.instances[0])

    (found,) = values_in(await get(archive, f"{path}/bulkdata/00420011", accept))

    assert (expected, bytes(2000)) == (found.content_type.essence, found.data)


async def test_native_pixels_need_no_description() -> None:
    """A value is a value, also where nobody knows what it shows."""
    archive = made(PixelData=bytes(2000))

    (found,) = values_in(await get(archive, f"{path_of(archive.instances[0])}/pixeldata", STORED))

    assert bytes(2000) == found.data


async def test_what_cannot_be_given_is_406() -> None:
    """A value as an image that it is not."""
    archive, path = archive_of("CT_small.dcm")

    for below in ("bulkdata/7FE00010", "bulkdata", "pixeldata"):
        response = await get(archive, f"{path}/{below}", 'multipart/related; type="image/jpeg"')
        assert (406, 1) == (response.status, response.body.count(b"\n"))


async def test_frames_that_cannot_be_told_apart_are_406() -> None:
    """The instance can be read all the same, and is given as it is stored (RET-36)."""
    archive = made(
        JPEG, PixelData=encapsulate([b"ab", b"cd"], has_bot=False), NumberOfFrames="3",
        Rows=1, Columns=1, BitsAllocated=8,
    )  # fmt: skip
    path = path_of(archive.instances[0])

    for below in ("bulkdata/7FE00010", "frames/1"):
        assert 406 == (await get(archive, f"{path}/{below}", STORED)).status


# --- ranges ---------------------------------------------------------------------------------------


async def test_octets_of_a_value_are_given() -> None:
    """Also to who would take parts rather: a range is one of the value (RET-03)."""
    archive, path = archive_of("CT_small.dcm")
    pixels = sample("CT_small.dcm").dataset.PixelData

    for accept in (OCTETS, f"{STORED}, */*; q=0.5"):
        response = await get(archive, f"{path}/bulkdata/7FE00010", accept, Range="bytes=100-299")
        (found,) = values_in(response)
        assert (206, pixels[100:300]) == (response.status, found.data)
        assert found.content_range is not None
        assert (100, 299, len(pixels)) == (
            found.content_range.first,
            found.content_range.last,
            found.content_range.complete_length,
        )


async def test_a_range_of_parts_is_not_understood() -> None:
    """Who takes nothing but multipart gets all."""
    archive, path = archive_of("CT_small.dcm")

    assert 200 == (await get(archive, f"{path}/bulkdata/7FE00010", PARTS, Range="bytes=0-9")).status


# --- all values -----------------------------------------------------------------------------------


async def test_all_bulk_data_of_a_study_are_parts() -> None:
    """Nested ones too, each with its own URL (RET-59)."""
    names = ("CT_small.dcm", "waveform_ecg.dcm", "rtplan.dcm")
    holdings = [replace(holding_of(sample(name)), study="1.2") for name in names]

    found = values_in(await get(FakeArchive(holdings), "/studies/1.2/bulkdata", STORED))

    below = [(one.location or "").partition("/bulkdata/")[2] for one in found]
    assert {"7FE00010", "54000100/1/54001010", "54000100/2/54001010"} <= set(below)
    for one in found:
        (again,) = values_in(await get(FakeArchive(holdings), one.location or "", STORED))
        assert one == again


async def test_all_pixel_data_of_a_study_are_parts() -> None:
    """And nothing else (RET-60)."""
    names = ("CT_small.dcm", "waveform_ecg.dcm", "MR_small_RLE.dcm")
    holdings = [replace(holding_of(sample(name)), study="1.2") for name in names]

    found = values_in(await get(FakeArchive(holdings), "/studies/1.2/pixeldata", STORED))

    assert [OCTETS, "image/dicom-rle"] == [one.content_type.essence for one in found]


async def test_the_only_value_of_an_instance_may_stand_alone() -> None:
    """It is one item (MED-38); that of a study may not."""
    archive, path = archive_of("CT_small.dcm")
    study = path.partition("/series")[0]

    assert (
        sample("CT_small.dcm").dataset.PixelData
        == (await get(archive, f"{path}/pixeldata", OCTETS)).body
    )
    assert 406 == (await get(archive, f"{study}/pixeldata", OCTETS)).status


async def test_a_study_is_never_in_memory() -> None:
    """What must be inflated or decompressed is that in its turn; lengths are known."""
    names = ("image_dfl.dcm", "MR_small_RLE.dcm", "SC_rgb_rle_16bit_2frame.dcm")
    holdings = [replace(holding_of(sample(name)), study="1.2") for name in names]

    answer = await ask(FakeArchive(holdings), "/studies/1.2/pixeldata", PARTS)
    found = values_in(await get(FakeArchive(holdings), "/studies/1.2/pixeldata", PARTS))

    assert 4 == sum(isinstance(segment, Deferred) for segment in answer.body)
    assert 5000 > sum(len(segment) for segment in answer.body if isinstance(segment, bytes))
    assert answer.length is not None
    assert sample("image_dfl.dcm").dataset.PixelData == found[0].data
    assert sample("MR_small.dcm").dataset.PixelData == found[1].data


async def test_where_there_are_none_is_404() -> None:
    """A plan has no pixel data, and little else."""
    archive, path = archive_of("rtplan.dcm")

    assert 404 == (await get(archive, f"{path}/pixeldata", STORED)).status
    assert 404 == (await get(archive, f"{path}/bulkdata", STORED)).status


async def test_a_file_that_is_gone_is_missing() -> None:
    """The values of the others are given, as a part of all (RET-31)."""
    holdings = [
        replace(holding_of(sample(n)), study="1.2") for n in ("CT_small.dcm", "MR_small.dcm")
    ]
    holdings[0] = replace(holdings[0], content=FileSpan("/nonexistent", 0, 10))

    response = await get(FakeArchive(holdings), "/studies/1.2/pixeldata", STORED)

    assert (True, 206, 1) == (response.partial, response.status, len(values_in(response)))
