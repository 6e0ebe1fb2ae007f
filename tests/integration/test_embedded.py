"""Our server where Orthanc does otherwise than the standard says, and what it alone takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLossless

from aiodicomweb import (
    FailedInstance,
    NotAcceptable,
    NotFound,
    StatusError,
    StoreFailed,
)
from aiodicomweb.dicom import FailureReason

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import ACCEPTED, BARE
from .expected_frames import BIG_ENDIAN, DEFLATED
from .peers import EMBEDDED

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.peer import Peer
    from .conftest import Hold

pytestmark = [pytest.mark.slow, EMBEDDED]

CT = sample("CT_small.dcm")
TWINS = {"liver_expb_1frame.dcm": "liver_1frame.dcm", "image_dfl.dcm": "image_dfl.dcm"}
"""Which file has the pixels of one whose frames are not given as they are stored."""


# --- searching -----------------------------------------------------------------------------------


async def test_name_with_a_caret(archive_client: Client) -> None:
    """A caret goes over percent-encoded, and is one again."""
    filters = {"PatientName": str(CT.dataset.PatientName)}

    found = await archive_client.search_for_studies(search_filters=filters)

    assert "^" in filters["PatientName"]
    assert [CT.study] == [each.StudyInstanceUID for each in found]


async def test_no_date_is_in_no_range(archive_client: Client) -> None:
    """A study without a date does not match one, nor a range (PS3.4 §C.2.2.2.5)."""
    dated = {f.study for f in ACCEPTED if "" < (f.dataset.get("StudyDate") or "") <= "20041231"}

    found = await archive_client.search_for_studies(search_filters={"StudyDate": "-20041231"})

    assert dated == {each.StudyInstanceUID for each in found}


async def test_attribute_in_a_sequence(archive_client: Client) -> None:
    """A path leads into the items of a sequence."""
    path = "BeamSequence.BeamName"
    plan = sample("rtplan.dcm")
    name = plan.dataset.BeamSequence[0].BeamName

    found = await archive_client.search_for_instances(search_filters={path: name})

    assert [plan.instance] == [each.SOPInstanceUID for each in found]
    assert [] == await archive_client.search_for_instances(search_filters={path: "1.2.3"})


# --- retrieving ----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", BARE, ids=str)
async def test_bare_data_set(client: Client, hold: Hold, tmp_path: Path, file: Sample) -> None:
    """A data set without a head comes as a file that is equal (PS3.10 §7.1)."""
    hold(file)

    (path,) = [await part.save(tmp_path) async for part in client.retrieve_instance(*file.uids)]

    found = dcmread(path)
    assert [] == differences(file.dataset, found)
    assert found.file_meta.MediaStorageSOPInstanceUID == file.instance


async def test_transfer_syntax_is_told(client: Client, hold: Hold) -> None:
    """The media type of a part has it (PS3.18 §8.7.3.5)."""
    file = hold(sample("MR_small_RLE.dcm"))

    call = client.retrieve_instance(*file.uids)

    assert [file.transfer_syntax] == [part.transfer_syntax async for part in call]


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("retrieve_study", [CT.study, ["image/jpeg"]]),
        ("retrieve_instance", [*CT.uids, [("application/dicom", ImplicitVRLittleEndian)]]),
        ("retrieve_instance_frames", [*CT.uids, [1], ["image/jpeg"]]),
        ("retrieve_instance_frames", [*CT.uids, [1], [("image/jp2", JPEGLossless)]]),
    ],
)
async def test_unacceptable(archive_client: Client, verb: str, arguments: list[object]) -> None:
    """What there is in no acceptable form is 406 (PS3.18 §8.7.8)."""
    with pytest.raises(NotAcceptable):
        await getattr(archive_client, verb)(*arguments)


@pytest.mark.parametrize("numbers", [[16], [1, 16], [16, 1]])
async def test_frames_out_of_range(client: Client, hold: Hold, numbers: list[int]) -> None:
    """If one of the numbers is beyond the last frame, there is no such resource."""
    file = hold(sample("rtdose.dcm"))

    with pytest.raises(NotFound):
        await client.retrieve_instance_frames(*file.uids, numbers)


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
@pytest.mark.parametrize("name", sorted(BIG_ENDIAN | DEFLATED))
async def test_frames_are_little_endian(client: Client, hold: Hold, name: str) -> None:
    """Frames that can't be given as they are stored come in Explicit VR Little Endian."""
    file = hold(sample(name))

    (frame,) = await client.retrieve_instance_frames(*file.uids, [1])
    found = await client.retrieve_instance(
        *file.uids, [("application/dicom", ExplicitVRLittleEndian)]
    )

    assert ExplicitVRLittleEndian == frame.transfer_syntax
    assert found.PixelData[: len(frame)] == bytes(frame)
    if name in TWINS:
        assert sample(TWINS[name]).dataset.PixelData == bytes(frame)


async def test_subsampled_frames(client: Client, hold: Hold) -> None:
    """Two octets for each pixel, where chroma is subsampled."""
    file = hold(sample("SC_ybr_full_422_uncompressed.dcm"))

    (frame,) = await client.retrieve_instance_frames(*file.uids, [1])

    assert file.dataset.Rows * file.dataset.Columns * 2 == len(frame)
    assert file.dataset.PixelData == bytes(frame)


# --- storing -------------------------------------------------------------------------------------


async def test_report_of_a_mixed_bag(client: Client, empty: Peer) -> None:
    """What was refused is named with a reason, and the rest stored (PS3.18 Table 10.5.3-1)."""
    good, unidentified, broken = map(
        sample, ["CT_small.dcm", "palettes/fall.dcm", "MR_truncated.dcm"]
    )

    report = await client.store_instances([good.path, unidentified.path, broken.path])

    assert 202 == report.response.status
    assert [good.instance] == [item.sop_instance_uid for item in report.stored]
    assert {str(unidentified.dataset.SOPInstanceUID), broken.instance} == {
        item.sop_instance_uid for item in report.failed
    }
    assert ((), False) == (report.unreported, report.complete)
    with pytest.raises(StoreFailed, match="1 stored, 2 failed"):
        report.raise_for_failures()
    assert [good.octets] == empty.held()


async def test_store_of_another_one_with_the_same_uid(client: Client, empty: Peer) -> None:
    """Which is there stays, and the other is refused as a duplicate (PS3.18 Table I.2-2)."""
    file = sample("CT_small.dcm")
    other = file.read()
    other.PatientID = "somebody else"
    await client.store_instances(file.path)

    report = await client.store_instances(other)

    expected = FailedInstance(
        str(file.dataset.SOPClassUID), file.instance, FailureReason.DUPLICATE_SOP_INSTANCE
    )
    assert (409, (expected,)) == (report.response.status, report.failed)
    assert [file.octets] == empty.held()


@pytest.mark.parametrize("name", ["SC_rgb_jpeg.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm"])
async def test_what_orthanc_does_not_take(client: Client, empty: Peer, name: str) -> None:
    """Broken within its pixel data only, a file is kept and given back, octet for octet."""
    file = sample(name)

    await client.store_instances(file.path)
    (found,) = [bytes(await part.read()) async for part in client.retrieve_instance(*file.uids)]

    assert file.octets == found
    assert [found] == empty.held()


def test_nothing_is_deleted(hold: Hold, empty: Peer) -> None:
    """Nobody may, unless it is allowed."""
    file = hold(CT)

    reply = empty.ask("DELETE", f"/dicom-web/studies/{file.study}")

    assert 405 == reply.status
    assert [file.octets] == empty.held()


async def test_bad_query(archive_client: Client) -> None:
    """What the server can't read is refused, and not repeated; Orthanc finds nothing."""
    with pytest.raises(StatusError) as caught:
        await archive_client.search_for_studies(search_filters={"StudyDate": "yesterday"})

    assert 400 == caught.value.status
    assert "yesterday" not in str(caught.value)
