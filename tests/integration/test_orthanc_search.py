"""What Orthanc does otherwise when it is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..support.dicom_files import sample
from .accepted import ACCEPTED
from .peers import ORTHANC

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.peer import Peer

pytestmark = [pytest.mark.slow, ORTHANC]

CT = sample("CT_small.dcm")
STUDIES = {file.study for file in ACCEPTED}


async def test_no_date_is_before_any(archive_client: Client) -> None:
    """Orthanc compares text, so that studies without a date are in a range without a beginning."""
    undated = {file.study for file in ACCEPTED if not file.dataset.get("StudyDate")}

    found = await archive_client.search_for_studies(search_filters={"StudyDate": "-20041231"})

    assert undated <= {each.StudyInstanceUID for each in found}


async def test_dotted_filter_is_ignored(archive_client: Client) -> None:
    """Orthanc does not look into sequences, and finds all."""
    path = "RequestAttributesSequence.ScheduledProcedureStepID"

    found = await archive_client.search_for_studies(search_filters={path: "1"})

    assert STUDIES == {each.StudyInstanceUID for each in found}


async def test_percent_encoding_is_not_understood(archive: Peer, archive_client: Client) -> None:
    """A caret, which no URL may carry as it is, finds nothing in Orthanc: wildcards do."""
    name = str(CT.dataset.PatientName)
    by_hand = archive.get(f"/dicom-web/studies?PatientName={name}").json()

    found = await archive_client.search_for_studies(search_filters={"PatientName": name})

    assert "^" in name
    assert (1, []) == (len(by_hand), found)
