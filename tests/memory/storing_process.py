"""An origin that stores one instance of metadata and bulk data, and says by how much it grew.

A process of its own, as the peak of a process never falls. Takes its orders as JSON, and prints
``{"growth": octets, "status": code}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.net.body_stream import BodyStream
from aiodicomweb.server import DirectoryArchive, Origin
from aiodicomweb.wire import Limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.process import status

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = bytes(range(256)) * 256
TYPES = {"json": "application/dicom+json", "xml": "application/dicom+xml"}
UIDS = {
    "00080016": "1.2.840.10008.5.1.4.1.1.7",
    "00080018": "1.2.3.4",
    "0020000D": "1.2",
    "0020000E": "1.2.3",
}


def in_json(instance: str, held: int) -> bytes:
    """Metadata whose pixel data are somewhere else, and octets that are in line."""
    dataset: dict[str, object] = {
        tag: {"vr": "UI", "Value": [value]} for tag, value in {**UIDS, "00080018": instance}.items()
    }
    dataset["00091010"] = {"vr": "OB", "InlineBinary": "AAAA" * (held // 3)}
    dataset["7FE00010"] = {"vr": "OW", "BulkDataURI": "pixels"}
    return json.dumps([dataset]).encode()


def in_xml(instance: str, held: int) -> bytes:
    """The same in XML."""
    attributes = "".join(
        f'<DicomAttribute tag="{tag}" vr="UI"><Value number="1">{value}</Value></DicomAttribute>'
        for tag, value in {**UIDS, "00080018": instance}.items()
    )
    return (
        f'<NativeDicomModel>{attributes}<DicomAttribute tag="00091010" vr="OB"><InlineBinary>'
        f'{"AAAA" * (held // 3)}</InlineBinary></DicomAttribute><DicomAttribute tag="7FE00010" '
        'vr="OW"><BulkData uri="pixels"/></DicomAttribute></NativeDicomModel>'
    ).encode()


def body(form: str, instance: str, size: int, held: int) -> Iterator[bytes]:
    """A request, piece by piece."""
    metadata = {"json": in_json, "xml": in_xml}[form](instance, held)
    yield f"\r\n--end\r\nContent-Type: {TYPES[form]}\r\n\r\n".encode() + metadata
    yield b"\r\n--end\r\nContent-Type: application/octet-stream\r\nContent-Location: pixels\r\n\r\n"
    for begin in range(0, size, len(BLOCK)):
        yield BLOCK[: size - begin]
    yield b"\r\n--end--\r\n"


async def store(origin: Origin, form: str, instance: str, size: int, held: int) -> int:
    """Store one instance with so many octets of pixel data, and so many in line."""
    content_type = f'multipart/related; type="{TYPES[form]}"; boundary=end'
    request = Request(
        "POST", URL.parse("http://pacs.example/studies"), Headers({"Content-Type": content_type})
    )
    pieces = body(form, instance, size, held)

    async def receive() -> bytes | None:
        return next(pieces, None)

    response = await origin.respond(request, BodyStream.over(request, receive, Limits()))
    return response.head.status


async def main() -> None:
    """Warm up, measure, store, measure."""
    order = json.loads(sys.argv[1])
    archive = DirectoryArchive(order["directory"])
    await archive.open()
    try:
        origin = Origin(archive)
        await store(origin, order["form"], "1.2.3.1", 1 << 20, 0)
        before = status("VmRSS")
        code = await store(origin, order["form"], "1.2.3.2", order["size"], order["held"])
        growth = status("VmHWM") - before
    finally:
        await archive.aclose()
    print(json.dumps({"growth": growth, "status": code}))  # noqa: T201


anyio.run(main)
