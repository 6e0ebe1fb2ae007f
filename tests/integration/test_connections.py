"""How the client gets along with the archives' connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import Client, ConnectFailed, Limits, Retry
from aiodicomweb.testing import FaultProxy

from ..support.dicom_files import sample
from .accepted import ACCEPTED, BARE, HELD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..support.dicom_files import Sample
    from ..support.peer import Peer
    from .conftest import Running

pytestmark = pytest.mark.slow

CT = sample("CT_small.dcm")
ONCE = Retry(attempts=1)
TINY_STUDY = next(file.study for file in ACCEPTED if file.path.name == "IM000000")
"""Has fifty instances."""


async def test_an_archive_that_goes_away(running: Running, tmp_path: Path) -> None:
    """When the archive has ended, a client that was connected says that it can't connect."""
    with running(tmp_path) as peer:
        client = Client(peer.url, retry=ONCE)
        assert [] == await client.search_for_studies()

    async with client:
        with pytest.raises(ConnectFailed):
            await client.search_for_studies()


async def test_many_at_once(archive: Peer) -> None:
    """Thirty retrievals share four connections, and each gets its own instance."""
    files = [each for each in HELD if each not in BARE][:30]
    limits = Limits(connections=4)

    async def retrieve(client: Client, file: Sample) -> bytes:
        (octets,) = [
            bytes(await part.read()) async for part in client.retrieve_instance(*file.uids)
        ]
        return octets

    async with (
        FaultProxy(archive.url) as proxy,
        Client(proxy.url, limits=limits, retry=ONCE) as client,
    ):
        found = await asyncio.gather(*(retrieve(client, file) for file in files))

    assert 30 == len(files)
    assert [archive.file(file.instance) for file in files] == found
    assert 4 == proxy.most_open


async def test_all_kinds_at_once(archive: Peer) -> None:
    """Searches, metadata, frames and studies mix on the same connections."""

    async def tiny(client: Client) -> int:
        return len([bytes(await part.read()) async for part in client.retrieve_study(TINY_STUDY)])

    async with (
        FaultProxy(archive.url) as proxy,
        Client(proxy.url, limits=Limits(connections=3), retry=ONCE) as client,
    ):
        found = await asyncio.gather(
            tiny(client),
            client.search_for_studies().as_json(),
            client.retrieve_instance_frames(*CT.uids, [1]),
            client.retrieve_study_metadata(TINY_STUDY).as_json(),
            tiny(client),
        )

    studies = {file.study for file in ACCEPTED}
    assert (50, len(studies), 50, 50) == (found[0], len(found[1]), len(found[3]), found[4])
    assert studies == {each["0020000D"]["Value"][0] for each in found[1]}
    assert [CT.dataset.PixelData] == [bytes(frame) for frame in found[2]]
    # How many were open at a time, the proxy can't tell: it hears late of one that was closed.
    assert proxy.open_connections == 0


async def test_connections_are_used_again(archive: Peer) -> None:
    """One request after the other goes over one connection, as far as the server keeps it open."""
    async with FaultProxy(archive.url) as proxy, Client(proxy.url, retry=ONCE) as client:
        for _ in range(5):
            await client.search_for_studies()
            await client.retrieve_instance(*CT.uids)

    assert 1 == proxy.connections


async def test_idle_connection_that_the_server_has_closed(archive: Peer) -> None:
    """After the server's Keep-Alive time is over, the next request takes a new connection."""
    async with FaultProxy(archive.url) as proxy, Client(proxy.url, retry=ONCE) as client:
        await client.search_for_studies()
        async with asyncio.timeout(30):
            await proxy.wait_for_ends()

        found = await client.search_for_studies(search_filters={"PatientID": "1CT1"})

    assert [CT.study] == [each.StudyInstanceUID for each in found]
    assert 2 == proxy.connections


async def left_by_break(client: Client) -> None:
    """Go after the first part."""
    async for part in client.retrieve_study(TINY_STUDY):
        await part.read()
        break


async def left_within_a_part(client: Client) -> None:
    """Go after the first piece of the first part."""
    async for part in client.retrieve_study(TINY_STUDY):
        async for _ in part:
            break
        break


async def left_at_once(client: Client) -> None:
    """Go after the head."""
    async with client.retrieve_study(TINY_STUDY):
        pass


async def left_by_an_error(client: Client) -> None:
    """Fail over the first part."""

    async def fail() -> None:
        async for _ in client.retrieve_study(TINY_STUDY):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def left_by_cancelling(client: Client) -> None:
    """Be cancelled over the first part."""
    started = asyncio.Event()

    async def retrieve() -> None:
        async for _ in client.retrieve_study(TINY_STUDY):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(retrieve())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "leave",
    [left_by_break, left_within_a_part, left_at_once, left_by_an_error, left_by_cancelling],
)
async def test_client_after_an_unfinished_retrieval(
    archive: Peer, leave: Callable[[Client], Any]
) -> None:
    """An iteration that is broken off gives its connection up; the only one is free again."""
    async with Client(archive.url, limits=Limits(connections=1), retry=ONCE) as client:
        for _ in range(3):
            await leave(client)
            async with asyncio.timeout(30):
                study = await client.retrieve_study(TINY_STUDY)
            assert 50 == len(study)


async def test_parts_that_are_passed_over(archive_client: Client) -> None:
    """Parts that nobody reads are skipped; those that are read are whole."""
    read = {}
    async for part in archive_client.retrieve_study(TINY_STUDY):
        if part.number % 7 == 0:
            octets = bytes(await part.read())
            read[part.number] = octets

    sources = {file.octets for file in ACCEPTED if file.study == TINY_STUDY}
    assert [7, 14, 21, 28, 35, 42, 49] == list(read)
    assert set(read.values()) <= sources
    assert 7 == len(set(read.values()))


async def test_two_clients(archive: Peer) -> None:
    """Two clients read the same at the same time, each for itself."""
    async with (
        Client(archive.url, retry=ONCE) as one,
        Client(archive.url, retry=ONCE) as other,
        one.retrieve_study(TINY_STUDY) as first,
        other.retrieve_study(TINY_STUDY) as second,
    ):
        pairs = [
            (bytes(await part.read()), bytes(await (await anext(second)).read()))
            async for part in first
        ]

    assert 50 == len(pairs)
    assert all(left == right for left, right in pairs)
