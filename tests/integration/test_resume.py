"""Retrievals from an archive behind a network that breaks off go on, whatever the archive is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Client, FramingError, MultipartError, Retry
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.testing import Fault, FaultProxy, make_study

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb.client import InstancesCall

    from ..support.peer import Peer

pytestmark = pytest.mark.slow

STUDY = make_study(slices=4, frames=3)
UIDS = {str(instance.SOPInstanceUID) for instance in STUDY}
FIRST = STUDY[0]
PATIENT = Retry(first=0)


@pytest.fixture
def held(empty: Peer) -> Peer:
    """An archive that holds the study."""
    for instance in STUDY:
        empty.put(encode(instance))
    return empty


def behind(proxy: FaultProxy) -> Client:
    """A client of the archive behind a proxy."""
    return Client(proxy.url, retry=PATIENT)


@pytest.mark.parametrize("at", [0, 1_000, 10_000, 20_000, 40_000])
async def test_a_study_goes_on(held: Peer, tmp_path: Path, at: int) -> None:
    """All instances come once each, as the archive has them."""
    faults = [Fault.cut(at, in_body=True), None, None, Fault.reset(5_000, in_body=True)]
    async with FaultProxy(held.url, faults) as proxy, behind(proxy) as client:
        saved = [
            await instance.save(tmp_path)
            async for instance in client.retrieve_study(FIRST.StudyInstanceUID)
        ]

    assert UIDS == {path.stem for path in saved}
    assert len(UIDS) == len(saved)
    for path in saved:
        assert held.file(path.stem) == path.read_bytes()


async def test_frames_go_on(held: Peer) -> None:
    """Those that are missing are asked for, in the form that the archive understood."""
    uids = (FIRST.StudyInstanceUID, FIRST.SeriesInstanceUID, FIRST.SOPInstanceUID)
    faults = [Fault.cut(6_000, in_body=True)] * 2
    async with FaultProxy(held.url, faults) as proxy, behind(proxy) as client:
        frames = await client.retrieve_instance_frames(*uids, [3, 1, 2])

    assert [3, 1, 2] == [frame.number for frame in frames]
    size = len(FIRST.PixelData) // 3
    assert FIRST.PixelData == b"".join(bytes(frames[at])[:size] for at in (1, 2, 0))


async def test_pieces_of_a_study_do_not(held: Peer) -> None:
    """An archive's answer in parts has nothing that proves what would follow."""
    faults = [Fault.cut(6_000, in_body=True)]
    async with FaultProxy(held.url, faults) as proxy, behind(proxy) as client:
        call = client.retrieve_study(FIRST.StudyInstanceUID)
        with pytest.raises((FramingError, MultipartError), match="handed out"):
            await read_in_pieces(call)


async def read_in_pieces(call: InstancesCall) -> None:
    """Read all instances, and keep nothing."""
    async for instance in call:
        async for _ in instance:
            pass
