"""What Orthanc reports otherwise when instances are stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Conflict, FailedInstance, StatusError, StoreFailed

from ..support.dicom_files import sample
from .peers import ORTHANC

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.peer import Peer

pytestmark = [pytest.mark.slow, ORTHANC]

SYNTAX_ERROR, CANNOT_UNDERSTAND, PROCESSING_FAILURE = 400, 0xC000, 0x0110


async def test_report_of_a_mixed_bag(client: Client, empty: Peer) -> None:
    """Of what was refused, it names what Orthanc names; the rest is unreported, not forgotten."""
    good, unidentified, broken = map(
        sample, ["CT_small.dcm", "palettes/fall.dcm", "SC_rgb_jpeg.dcm"]
    )

    report = await client.store_instances([good.path, unidentified.path, broken.path])

    palette = str(unidentified.dataset.SOPClassUID), str(unidentified.dataset.SOPInstanceUID)
    # Orthanc calls the whole request bad, although it has stored a part of it (PS3.18 Table
    # 10.5.3-1 has 202 for that).
    assert SYNTAX_ERROR == report.response.status
    assert [good.instance] == [item.sop_instance_uid for item in report.stored]
    assert (FailedInstance(*palette, CANNOT_UNDERSTAND),) == report.failed
    assert (broken.instance,) == report.unreported
    assert not report.complete
    with pytest.raises(StoreFailed, match="1 stored, 1 failed, 1 unreported"):
        report.raise_for_failures()
    assert [good.octets] == empty.held()


async def test_store_into_another_study(client: Client, empty: Peer) -> None:
    """Into a study that is not its own Orthanc does not store, for a failure in processing."""
    refused = await client.store_instances(sample("CT_small.dcm").path, "1.2.3.4")

    assert [PROCESSING_FAILURE] == [each.failure_reason for each in refused.failed]
    assert [] == empty.held()


async def test_refused_in_other_terms(client: Client, empty: Peer) -> None:
    """An answer that names no instance is an error, with what the archive said."""
    with pytest.raises(StatusError) as caught:
        await client.store_instances(sample("SC_rgb_jpeg.dcm").path)

    assert not isinstance(caught.value, Conflict)
    assert SYNTAX_ERROR == caught.value.status
    assert {"00080005", "00081198", "00081199"} == set(json.loads(caught.value.body))
    assert [] == empty.held()
