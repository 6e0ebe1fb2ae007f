"""An archive that is a list, and how a test asks it and reads its answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aiodicomweb.http import URL, Deferred, FileSpan, Headers, Produced, Request, Response
from aiodicomweb.server import Holding
from aiodicomweb.server.retrieving import retrieve
from aiodicomweb.services.wado import RetrieveRequest

if TYPE_CHECKING:
    from aiodicomweb.http import OutgoingResponse
    from aiodicomweb.server import Archive
    from aiodicomweb.services import Selector

    from .dicom_files import Sample

BASE = URL.parse("http://archive.example/dicom-web")


@dataclass
class FakeArchive:
    """The instances, in the order in which they are given."""

    instances: list[Holding] = field(default_factory=list[Holding])

    async def holdings(self, selector: Selector) -> list[Holding]:
        wanted = (selector.study, selector.series, selector.instance)
        return [
            one
            for one in self.instances
            if all(
                uid is None or uid == own
                for uid, own in zip(wanted, (one.study, one.series, one.instance), strict=True)
            )
        ]


def holding_of(sample: Sample, *, content: FileSpan | bytes | Deferred | None = None) -> Holding:
    """A bundled file as an archive has it; its content as it lies on disk if not said."""
    dataset = sample.dataset
    return Holding(
        study=str(dataset.get("StudyInstanceUID") or "1.2"),
        series=str(dataset.get("SeriesInstanceUID") or "1.2.3"),
        instance=str(dataset.get("SOPInstanceUID") or "1.2.3.4"),
        sop_class=str(dataset.get("SOPClassUID") or ""),
        transfer_syntax=sample.transfer_syntax,
        content=content or FileSpan(str(sample.path), 0, len(sample.octets)),
        version=hashlib.sha256(sample.octets).hexdigest(),
    )


def path_of(holding: Holding) -> str:
    """The path of an instance below the base URL."""
    return f"/studies/{holding.study}/series/{holding.series}/instances/{holding.instance}"


async def ask(
    archive: FakeArchive, path: str, accept: str | None = None, **fields: str
) -> OutgoingResponse:
    """Ask for a path below the base URL, or for a whole URL."""
    url = URL.parse(path if "://" in path else f"{BASE}{path}")
    headers = Headers((name.replace("_", "-"), value) for name, value in fields.items())
    if accept is not None:
        headers = headers.add("Accept", accept)
    http = Request("GET", url, headers)
    request = RetrieveRequest.from_http(http, base_url=BASE, permissive=True)
    return await retrieve(cast("Archive", archive), request, http, BASE)


def whole(answer: OutgoingResponse) -> Response:
    """An answer with its body, of which each piece is made and read in its turn."""
    body = b"".join(map(_octets, answer.body))
    assert answer.length in (None, len(body))
    head = answer.head
    return Response(head.status, head.headers, body, head.reason)


def _octets(segment: object) -> bytes:
    match segment:
        case FileSpan(path, offset, length):
            octets = Path(path).read_bytes()[offset : offset + length]
            assert length == len(octets)
            return octets
        case Deferred(length, produce):
            made = produce()
            assert length == len(made)
            return made
        case Produced(produce):
            return produce()
        case bytes() | bytearray() | memoryview():
            return bytes(segment)
        case _:
            raise AssertionError(segment)


async def get(
    archive: FakeArchive, path: str, accept: str | None = None, **fields: str
) -> Response:
    """Ask, and read the answer."""
    return whole(await ask(archive, path, accept, **fields))
