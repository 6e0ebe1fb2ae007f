"""How Orthanc puts what it refuses, and what else it has; and tests without it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Client, JsonModelError, NotFound, Retry, StatusError

from ..support import orthanc as support
from ..support.dicom_files import sample
from ..support.orthanc import running_orthanc
from ..support.programs import REQUIRED
from .peers import ORTHANC

if TYPE_CHECKING:
    from pathlib import Path

    from ..support.peer import Peer

pytestmark = pytest.mark.slow

CT = sample("CT_small.dcm")


@pytest.mark.parametrize("lacking", ["_PROGRAM", "_PLUGIN"])
def test_without_orthanc(lacking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Orthanc or its plugin tests are skipped; where it is required, they fail."""
    monkeypatch.setattr(support, lacking, "NoSuchThing")

    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"), running_orthanc(tmp_path):
        pass
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="not installed"), running_orthanc(tmp_path):
        pass


@ORTHANC
async def test_what_is_not_there(archive_client: Client) -> None:
    """Orthanc says so in JSON."""
    with pytest.raises(NotFound) as caught:
        await archive_client.retrieve_study("1.2.3")

    error = json.loads(caught.value.body)
    assert (404, "Accessing an inexistent item") == (error["HttpStatus"], error["Message"])


@ORTHANC
async def test_unacceptable(archive_client: Client) -> None:
    """Orthanc refuses a media type with 400, where PS3.18 §8.7.8 has 406, and says why."""
    with pytest.raises(StatusError) as caught:
        await archive_client.retrieve_study(CT.study, ["image/jpeg"])

    assert 400 == caught.value.status
    assert "only supports application/dicom return type" in json.loads(caught.value.body)["Details"]


@ORTHANC
async def test_wrong_service(archive: Peer) -> None:
    """Orthanc's own interface has /studies too, whose answer is no DICOM JSON."""
    async with Client(archive.root, retry=Retry(attempts=1)) as client:
        with pytest.raises(JsonModelError):
            await client.search_for_studies()
