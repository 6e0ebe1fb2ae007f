"""Archives to test against, and a client: each test runs against Orthanc and against ours.

What Orthanc does wrong, or otherwise than the standard says, is asserted as it is in Debian 12
(Orthanc 1.10.1 with its DICOMweb plugin 1.7) by modules that are named after it. What only our
server does is in those named after that. All other modules ask the same of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Client, Retry

from ..support.embedded import running_embedded
from ..support.orthanc import running_orthanc
from .accepted import HELD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ..support.dicom_files import Sample
    from ..support.peer import Peer

    Hold = Callable[[Sample], Sample]
    Running = Callable[[Path], AbstractContextManager[Peer]]

RUNNING: dict[str, Running] = {"orthanc": running_orthanc, "embedded": running_embedded}


@pytest.fixture(scope="session", params=RUNNING)
def running(request: pytest.FixtureRequest) -> Running:
    """Starts an archive with a data folder, for as long as it is entered."""
    return RUNNING[request.param]


@pytest.fixture(scope="session")
def peer(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """An archive for tests that store what they need, whatever others have left in it."""
    with running(tmp_path_factory.mktemp("peer")) as started:
        yield started


@pytest.fixture
def empty(peer: Peer) -> Iterator[Peer]:
    """An archive that holds nothing."""
    peer.forget_all()
    yield peer
    peer.forget_all()


@pytest.fixture
def hold(empty: Peer) -> Hold:
    """Puts a file into the archive, past the library. Many files have the same UIDs."""

    def put(sample: Sample) -> Sample:
        empty.put(sample.octets)
        assert [sample.octets] == empty.held()
        return sample

    return put


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[Client]:
    """A client of the archive. It repeats nothing: what fails has to fail at once."""
    async with Client(peer.url, retry=Retry(attempts=1)) as opened:
        yield opened


@pytest.fixture(scope="session")
def archive(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """An archive that holds all it takes, each instance as the first file has it. Read only."""
    with running(tmp_path_factory.mktemp("archive")) as started:
        for file in HELD:
            started.put(file.octets)
        yield started


@pytest.fixture
async def archive_client(archive: Peer) -> AsyncIterator[Client]:
    """A client of the archive that holds everything."""
    async with Client(archive.url, retry=Retry(attempts=1)) as opened:
        yield opened
