"""Archives to test against, and a client.

What Orthanc does wrong, or otherwise than the standard says, is asserted as it is in Debian 12:
Orthanc 1.10.1 with its DICOMweb plugin 1.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Client, Retry

from ..support.orthanc import running_orthanc
from .accepted import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from ..support.dicom_files import Sample
    from ..support.orthanc import Orthanc

    Hold = Callable[[Sample], Sample]


@pytest.fixture
def empty(orthanc: Orthanc) -> Iterator[Orthanc]:
    """An archive that holds nothing."""
    orthanc.forget_all()
    yield orthanc
    orthanc.forget_all()


@pytest.fixture
def hold(empty: Orthanc) -> Hold:
    """Puts a file into the archive, past the library. Many files have the same UIDs."""

    def put(sample: Sample) -> Sample:
        reply = empty.ask("POST", "/instances", sample.octets)
        assert (200, "Success") == (reply.status, reply.json()["Status"])
        return sample

    return put


@pytest.fixture
async def client(orthanc: Orthanc) -> AsyncIterator[Client]:
    """A client of the archive. It repeats nothing: what fails has to fail at once."""
    async with Client(orthanc.url, retry=Retry(attempts=1)) as opened:
        yield opened


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An archive that holds all it takes, each instance as the first file has it. Read only."""
    with running_orthanc(tmp_path_factory.mktemp("archive")) as running:
        for file in ACCEPTED:
            running.ask("POST", "/instances", file.octets)
        yield running


@pytest.fixture
async def archive_client(archive: Orthanc) -> AsyncIterator[Client]:
    """A client of the archive that holds everything."""
    async with Client(archive.url, retry=Retry(attempts=1)) as opened:
        yield opened
