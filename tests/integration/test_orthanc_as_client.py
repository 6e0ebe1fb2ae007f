"""Orthanc as a client of ours: its plugin stores to our server, searches it and fetches back."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from aiodicomweb.server import BasicAccess, MemoryArchive, Server

from ..support.dicom_files import sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..support.orthanc import Orthanc, Reply

NAMES = ("CT_small.dcm", "SC_rgb_rle_2frame.dcm", "JPEG2000.dcm", "reportsi.dcm")
"""One study each; native, compressed in two ways, and without pixels."""


class Remote:
    """Orthanc's view of our server.

    Attributes:
        server: Our server.
    """

    def __init__(self, orthanc: Orthanc, server: Server) -> None:
        self._orthanc = orthanc
        self.server = server

    async def ask(self, method: str, path: str, value: Any) -> Reply:
        """A request to Orthanc, which sends its own to us meanwhile."""
        body = json.dumps(value).encode()
        return await to_thread.run_sync(self._orthanc.ask, method, path, body)

    async def make(self, verb: str, value: Any) -> Any:
        """Let Orthanc do something with our server."""
        reply = await self.ask("POST", f"/dicom-web/servers/ours/{verb}", value)
        assert reply.status == 200, reply.body
        return reply.json()


@asynccontextmanager
async def known_to(orthanc: Orthanc) -> AsyncIterator[Remote]:
    """A server of ours, which has nothing yet, and which Orthanc knows; that has nothing either.

    No fixture: a server is left in the task that entered it.
    """
    orthanc.forget_all()
    access = BasicAccess({"orthanc": "secret"})
    async with Server(
        MemoryArchive(), path="/dicom-web", access=access, allow_delete=True
    ) as server:
        remote = Remote(orthanc, server)
        settings = {"Username": "orthanc", "Password": "secret", "HasDelete": True}
        await remote.ask("PUT", "/dicom-web/servers/ours", {"Url": f"{server.url}/", **settings})
        yield remote
        orthanc.forget_all()


async def store(remote: Remote, orthanc: Orthanc) -> Any:
    """Let Orthanc send us everything, and forget it."""
    added = [orthanc.ask("POST", "/instances", sample(name).octets).json() for name in NAMES]
    resources = [instance["ID"] for instance in added]
    told = await remote.make("stow", {"Resources": resources, "Synchronous": True})
    orthanc.forget_all()
    return told


async def test_it_stores_and_fetches_back(orthanc: Orthanc) -> None:
    """Every file comes back as it was, octet for octet."""
    async with known_to(orthanc) as remote:
        stored = await store(remote, orthanc)
        wanted = [{"Study": sample(name).study} for name in NAMES]
        fetched = await remote.make("retrieve", {"Resources": wanted, "Synchronous": True})
        files = {name: orthanc.file(sample(name).instance) for name in NAMES}

    assert str(len(NAMES)) == stored["InstancesCount"] == fetched["ReceivedInstancesCount"]
    assert {name: sample(name).octets for name in NAMES} == files


async def test_it_searches(orthanc: Orthanc) -> None:
    """By an attribute, at the level of studies."""
    image = sample(NAMES[0])
    arguments = {"PatientID": str(image.dataset.PatientID)}
    async with known_to(orthanc) as remote:
        await store(remote, orthanc)
        (study,) = await remote.make("qido", {"Uri": "/studies", "Arguments": arguments})

    assert image.study == study["0020000D"]["Value"]


async def test_it_deletes(orthanc: Orthanc) -> None:
    """A study, which is then not found."""
    study = sample(NAMES[0]).study
    uri = {"Uri": "/studies", "Arguments": {"StudyInstanceUID": study}}
    async with known_to(orthanc) as remote:
        await store(remote, orthanc)
        before = await remote.make("qido", uri)
        await remote.make("delete", {"Level": "Study", "StudyInstanceUID": study})
        after = await remote.make("qido", uri)

    assert (1, 0) == (len(before), len(after))
