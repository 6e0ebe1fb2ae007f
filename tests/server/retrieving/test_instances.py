from __future__ import annotations

from dataclasses import replace

import pytest

from aiodicomweb.dicom.part10 import decode, is_part10
from aiodicomweb.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from aiodicomweb.http import FileSpan, Produced
from aiodicomweb.server.retrieving.conversion import Conversion
from aiodicomweb.services.wado import Resource, RetrieveResponse

from ...support.comparison import differences
from ...support.dicom_files import sample
from ...support.fake_archive import FakeArchive, ask, get, holding_of, path_of

STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
DEFAULT = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
PIXELS = ("7FE00010",)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def study_of(*names: str) -> FakeArchive:
    """Files as instances of one study."""
    holdings = [holding_of(sample(name)) for name in names]
    return FakeArchive(
        [
            replace(one, study="1.2", series="1.2.3", instance=f"1.{n}")
            for n, one in enumerate(holdings)
        ]
    )


async def test_instances_go_out_as_they_are() -> None:
    """Spans of the files, of known length, each with its transfer syntax and place (RET-51)."""
    names = ("CT_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm")
    archive = study_of(*names)

    answer = await ask(archive, "/studies/1.2", STORED)
    response = await get(archive, "/studies/1.2", STORED)

    assert 3 == sum(isinstance(segment, FileSpan) for segment in answer.body)
    assert answer.length is not None
    found = RetrieveResponse.from_http(response, resource=Resource.INSTANCES)
    assert [sample(name).transfer_syntax for name in names] == [
        one.file_meta.TransferSyntaxUID for one in found.datasets
    ]
    for number, name in enumerate(names):
        assert sample(name).octets in response.body
        location = f"http://archive.example/dicom-web{path_of(archive.instances[number])}\r\n"
        assert location.encode() in response.body


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("MR_small_RLE.dcm", "application/dicom; transfer-syntax=*"),
        ("MR_small_RLE.dcm", "application/dicom; transfer-syntax=1.2.840.10008.1.2.5"),
        ("CT_small.dcm", "application/dicom"),
        ("MR_small_implicit.dcm", "application/dicom; transfer-syntax=1.2.840.10008.1.2"),
    ],
)
async def test_one_instance_may_stand_alone(name: str, accept: str) -> None:
    """The file, octet for octet, in the transfer syntax that it is stored in (RET-52)."""
    holding = holding_of(sample(name))

    response = await get(FakeArchive([holding]), path_of(holding), accept)

    assert (200, sample(name).octets) == (response.status, response.body)
    assert response.media_type is not None
    assert sample(name).transfer_syntax == response.media_type.transfer_syntax


@pytest.mark.parametrize("path", ["/studies/1.2", "/studies/1.2/series/1.2.3"])
async def test_a_study_does_not_stand_alone(path: str) -> None:
    """Even if it happens to have one instance (MED-38)."""
    assert 406 == (await get(study_of("CT_small.dcm"), path, "application/dicom")).status


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_implicit.dcm",
        "image_dfl.dcm",
        "rtplan.dcm",
        "waveform_ecg.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
        "rtdose_rle.dcm",
    ],
)
async def test_the_default_is_explicit_vr_little_endian(name: str) -> None:
    """Elements are written anew, run lengths are decompressed; all else stays (MED-65)."""
    holding = holding_of(sample(name))

    response = await get(FakeArchive([holding]), path_of(holding), DEFAULT)

    (found,) = RetrieveResponse.from_http(response, resource=Resource.INSTANCES).datasets
    assert EXPLICIT_VR_LITTLE_ENDIAN == found.file_meta.TransferSyntaxUID
    told = differences(sample(name).read(), found)
    assert [] == [line for line in told if not line.startswith(PIXELS)]


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("rtdose_expb.dcm", "rtdose.dcm"),
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
    ],
)
async def test_pixels_are_the_same_whatever_they_are_made_of(name: str, native: str) -> None:
    """Run lengths and big-endian words become what the same image has in the default syntax."""
    holding = holding_of(sample(name))

    response = await get(FakeArchive([holding]), path_of(holding), "application/dicom")

    found = decode(response.body)
    assert sample(native).dataset.PixelData == found.PixelData
    assert not found["PixelData"].is_undefined_length


async def test_a_study_is_never_in_memory() -> None:
    """What is made is made in its turn, a piece of an instance at a time."""
    answer = await ask(
        study_of("MR_small_RLE.dcm", "MR_small_implicit.dcm"), "/studies/1.2", DEFAULT
    )

    assert 5 == sum(isinstance(segment, Produced) for segment in answer.body)
    assert 1 == sum(isinstance(segment, FileSpan) for segment in answer.body)
    assert 1000 > sum(len(segment) for segment in answer.body if isinstance(segment, bytes))


async def test_a_bare_data_set_becomes_a_file() -> None:
    """Instances are files of PS3.10 whatever the archive keeps (RET-51)."""
    holding = holding_of(sample("rtstruct.dcm"))

    response = await get(
        FakeArchive([holding]), path_of(holding), "application/dicom; transfer-syntax=*"
    )

    assert is_part10(response.body)
    assert [] == differences(sample("rtstruct.dcm").dataset, decode(response.body))


async def test_what_cannot_be_given_is_406(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a decoder, and with a transfer syntax that it is not stored in (RET-36)."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.instances.can_convert", lambda _: False)
    archive = study_of("MR_small_RLE.dcm")

    for accept in (DEFAULT, f"{DEFAULT}; transfer-syntax=1.2.840.10008.1.2.4.50", "text/html"):
        response = await get(archive, "/studies/1.2", accept)
        assert (406, 1) == (response.status, response.body.count(b"\n"))


async def test_who_does_not_say_gets_the_stored_form_if_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``*/*`` is the default, and what is stored where that cannot be had."""
    archive = study_of("MR_small_RLE.dcm")

    (converted,) = RetrieveResponse.from_http(await get(archive, "/studies/1.2")).datasets
    monkeypatch.setattr("aiodicomweb.server.retrieving.instances.can_convert", lambda _: False)
    (stored,) = RetrieveResponse.from_http(await get(archive, "/studies/1.2")).datasets

    assert EXPLICIT_VR_LITTLE_ENDIAN == converted.file_meta.TransferSyntaxUID
    assert sample("MR_small_RLE.dcm").transfer_syntax == stored.file_meta.TransferSyntaxUID


async def test_some_instances_are_better_than_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 206 without range, and a warning, when others cannot be given (RET-31)."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.instances.can_convert", lambda _: False)
    archive = study_of("CT_small.dcm", "MR_small_RLE.dcm")

    response = await get(archive, "/studies/1.2", DEFAULT)

    found = RetrieveResponse.from_http(response, resource=Resource.INSTANCES)
    assert (True, 1, 1) == (found.partial, len(found.datasets), len(found.warnings))


async def test_a_file_that_is_gone_is_missing() -> None:
    """The others are given; without others there is nothing (404)."""
    archive = study_of("CT_small.dcm", "MR_small.dcm")
    archive.instances[0] = replace(archive.instances[0], content=FileSpan("/nonexistent", 0, 10))

    assert 206 == (await get(archive, "/studies/1.2", STORED)).status
    assert 404 == (await get(archive, path_of(archive.instances[0]), STORED)).status


async def test_an_instance_that_cannot_be_decompressed_is_406(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is made before the answer begins, so that a failure can be told."""
    monkeypatch.setattr("aiodicomweb.server.retrieving.instances.can_convert", lambda _: True)
    holding = replace(holding_of(sample("CT_small.dcm")), transfer_syntax="1.2.840.10008.1.2.4.102")

    response = await get(FakeArchive([holding]), path_of(holding), DEFAULT)

    assert 406 == response.status


def broken(archive: FakeArchive, number: int) -> None:
    """Make the frames of a compressed instance what no decoder takes."""
    one = archive.instances[number]
    octets = sample("MR_small_RLE.dcm").octets
    item = octets.rindex(b"\xfe\xff\x00\xe0") + 8
    content = octets[:item] + bytes(64) + octets[item + 64 :]
    archive.instances[number] = replace(one, content=content)


@pytest.mark.parametrize("accept", [DEFAULT, OCTETS])
@pytest.mark.parametrize("number", [0, 1, 2])
async def test_what_cannot_be_decompressed_is_left_out_of_a_study(number: int, accept: str) -> None:
    """The others are given whole, and a warning says that there are more (RET-31)."""
    names = ["CT_small.dcm", "MR_small.dcm"]
    names.insert(number, "MR_small_RLE.dcm")
    archive = study_of(*names)
    broken(archive, number)

    response = await get(archive, "/studies/1.2", accept)

    found = RetrieveResponse.from_http(response)
    locations = [one for one in range(3) if f"/instances/1.{one}".encode() in response.body]
    assert (206, True, 1) == (response.status, found.partial, len(found.warnings))
    assert [one for one in range(3) if one != number] == locations


async def test_who_takes_anything_gets_what_cannot_be_decompressed_as_it_is_stored() -> None:
    """``*/*`` admits that, of a study and of one instance; nothing is left out (RET-36)."""
    archive = study_of("MR_small_RLE.dcm", "CT_small.dcm")
    broken(archive, 0)

    for path, count in (("/studies/1.2", 2), (path_of(archive.instances[0]), 1)):
        response = await get(archive, path)
        found = RetrieveResponse.from_http(response).datasets
        assert (200, count) == (response.status, len(found))
        assert sample("MR_small_RLE.dcm").transfer_syntax == found[0].file_meta.TransferSyntaxUID


@pytest.mark.parametrize("accept", [DEFAULT, OCTETS])
async def test_a_study_of_nothing_that_can_be_decompressed_is_406(accept: str) -> None:
    """In one line (RET-36)."""
    archive = study_of("MR_small_RLE.dcm", "MR_small_RLE.dcm")
    broken(archive, 0)
    broken(archive, 1)

    response = await get(archive, "/studies/1.2", accept)

    assert (406, 1) == (response.status, response.body.count(b"\n"))


async def test_the_wait_for_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some that can be converted the rest is converted in its turn only."""
    checked: list[object] = []
    monkeypatch.setattr("aiodicomweb.server.retrieving.instances._CHECKED", 2)
    monkeypatch.setattr(Conversion, "check", lambda self: checked.append(self._holding))
    archive = study_of(*["MR_small_RLE.dcm"] * 4)

    response = await get(archive, "/studies/1.2", DEFAULT)

    assert 2 == len(checked)
    assert 4 == len(RetrieveResponse.from_http(response).datasets)


async def test_octets_of_instances_are_their_bulk_data() -> None:
    """``application/octet-stream`` for a study is the same as its ``/bulkdata`` (RET-53)."""
    archive = study_of("CT_small.dcm", "MR_small.dcm")
    accept = 'multipart/related; type="application/octet-stream"'

    found = RetrieveResponse.from_http(await get(archive, "/studies/1.2", accept))

    assert [sample("CT_small.dcm").dataset.PixelData, sample("MR_small.dcm").dataset.PixelData] == [
        one.data for one in found.bulk_data if (one.location or "").endswith("7FE00010")
    ]


async def test_an_instance_alone_has_ranges_and_conditions() -> None:
    """A download goes on where it broke off (HTP-74)."""
    holding = holding_of(sample("CT_small.dcm"))
    archive, path, octets = FakeArchive([holding]), path_of(holding), sample("CT_small.dcm").octets

    first = await get(archive, path, "application/dicom")
    rest = await get(
        archive, path, "application/dicom", Range="bytes=1000-", If_Range=first.headers["ETag"]
    )
    same = await get(archive, path, "application/dicom", If_None_Match=first.headers["ETag"])

    assert (206, octets[1000:]) == (rest.status, rest.body)
    assert 304 == same.status
