"""An embedded server of the tests' own: in a thread with an event loop, with its own folder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio.from_thread import start_blocking_portal

from aiodicomweb.net import ServerTimeout
from aiodicomweb.server import DirectoryArchive, Server
from aiodicomweb.services import Selector, StoredInstance

from .archives import store
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

__all__ = ["Embedded", "running_embedded"]

_TIMEOUT = ServerTimeout(idle=1.0)
"""As short as Orthanc's, for tests that wait for it."""


@dataclass(frozen=True)
class Embedded(Peer):
    """A running embedded server.

    Attributes:
        folder: Where its archive is.
    """

    folder: Path
    _archive: DirectoryArchive
    _portal: BlockingPortal

    def put(self, octets: bytes) -> None:
        """Store a file with the archive, without a message."""
        result = self._portal.call(store, self._archive, octets)
        assert isinstance(result, StoredInstance), result

    def file(self, sop_instance_uid: str) -> bytes:
        """The file in the folder."""
        (path,) = self.folder.glob(f"[0-9]*/*/{sop_instance_uid}.dcm")
        return path.read_bytes()

    def held(self) -> list[bytes]:
        """The files in the folder."""
        return sorted(path.read_bytes() for path in self.folder.glob("[0-9]*/*/*.dcm"))

    def forget_all(self) -> None:
        """Delete all studies."""
        for study in self.folder.glob("[0-9]*"):
            self._portal.call(self._archive.delete, Selector(study.name))


@contextlib.contextmanager
def running_embedded(folder: Path, **settings: Any) -> Iterator[Embedded]:
    """Start a server with an archive in a folder, and stop it in the end.

    Args:
        folder: The archive's.
        settings: Of the server.
    """
    settings = {"path": "/dicom-web", "timeout": _TIMEOUT, **settings}
    with start_blocking_portal() as portal:
        # Made there: the loop of this thread may be of another kind.
        archive = portal.call(DirectoryArchive, folder)
        server = portal.call(partial(Server, archive, **settings))
        with portal.wrap_async_context_manager(server):
            yield Embedded(server.port, folder, archive, portal)
