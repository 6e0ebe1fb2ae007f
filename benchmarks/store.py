"""500 files of 512 KiB stored in one request, over TCP and over TLS."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import files
import readers
from rig import Claim, Contestant, Target, folder, main

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from origin import Application, Asked
    from rig import Take

OCTETS = 512 * 1024
BLOCK = 64 * 1024
BOUNDARY = secrets.token_hex(16)
PART_HEAD = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
CLOSE = f"--{BOUNDARY}--\r\n".encode()
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
HEADERS = {"Content-Type": TYPE, "Accept": "application/dicom+json"}


def serve(_case: str) -> Application:
    """An origin that takes everything in, and says that it is stored."""

    def answer(asked: Asked) -> Iterable[bytes]:
        return [files.store_answer(asked.size)]

    return answer


def chosen(size: int) -> list[Path]:
    """The files to be stored."""
    return sorted(folder().iterdir())[:size]


async def aiodicomweb(url: str, size: int, take: Take) -> None:
    """Ours: paths in, a report out."""
    from aiodicomweb import Client

    async with Client(url, tls=readers.tls()) as client:
        report = await client.store_instances(chosen(size))
    report.raise_for_failures()
    take(bytes(len(report.stored)))


def dicomweb_client(url: str, size: int, take: Take) -> None:
    """dicomweb-client: data sets in, a data set out."""
    from dicomweb_client import DICOMwebClient
    from pydicom import dcmread

    client = DICOMwebClient(url, session=readers.requests_session())
    answer = client.store_instances([dcmread(path) for path in chosen(size)])
    take(bytes(len(answer.ReferencedSOPSequence)))


def _pieces(size: int) -> Iterator[bytes]:
    """A body, as who writes it by hand would: file by file."""
    for path in chosen(size):
        yield PART_HEAD
        yield path.read_bytes()
        yield b"\r\n"
    yield CLOSE


async def _awaited(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def aiohttp_by_hand(url: str, size: int, take: Take) -> None:
    """aiohttp, with a body made by hand: chunked."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        body = _awaited(_pieces(size))
        target, context = url + "/studies", readers.context()
        async with session.post(target, data=body, headers=HEADERS, ssl=context) as response:
            answer = await response.json(content_type=None)
    take(bytes(len(answer["00081199"]["Value"])))


async def httpx_by_hand(url: str, size: int, take: Take) -> None:
    """httpx, with a body made by hand: chunked."""
    import httpx

    async with httpx.AsyncClient(verify=readers.context(), timeout=60) as client:
        body = _awaited(_pieces(size))
        response = await client.post(url + "/studies", content=body, headers=HEADERS)
    take(bytes(len(response.json()["00081199"]["Value"])))


def raw_sendfile(url: str, size: int, take: Take) -> None:
    """The floor: a blocking socket and ``sendfile``; over TLS, blocks that are read and sent."""
    parts = urlsplit(url)
    paths = chosen(size)
    length = sum(len(PART_HEAD) + path.stat().st_size + 2 for path in paths) + len(CLOSE)
    head = f"POST {parts.path}/studies HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {TYPE}\r\n"
    sock = socket.create_connection((parts.hostname, parts.port))
    secure = parts.scheme == "https"
    if secure:
        sock = readers.context().wrap_socket(sock, server_hostname=parts.hostname)
    with sock:
        sock.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        for path in paths:
            sock.sendall(PART_HEAD)
            with path.open("rb", buffering=0) as file:
                if secure:
                    while block := file.read(BLOCK):
                        sock.sendall(block)
                else:
                    _send_file(sock, file.fileno(), path.stat().st_size)
            sock.sendall(b"\r\n")
        sock.sendall(CLOSE)
        sock.recv(BLOCK)
    take(bytes(size))


def _send_file(sock: socket.socket, descriptor: int, length: int) -> None:
    offset = 0
    while offset < length:
        offset += os.sendfile(sock.fileno(), descriptor, offset, length - offset)


def payload(_case: str, size: int) -> tuple[int, int]:
    """What stands for the answer: a zero for each instance that is stored."""
    import zlib

    return size, zlib.crc32(bytes(size))


CLAIM = Claim(
    name="store",
    title="Files of 512 KiB stored in one request",
    size=500,
    unit="files",
    cases=["tcp", "tls"],
    tls=["tls"],
    serve=serve,
    prepare=lambda place, size: files.write(place, OCTETS, size),
    payload=payload,
    octets=lambda size: size * OCTETS,
    contestants={
        "aiodicomweb": Contestant(aiodicomweb, peer=False),
        "dicomweb-client": Contestant(dicomweb_client),
        "aiohttp by hand": Contestant(aiohttp_by_hand),
        "httpx by hand": Contestant(httpx_by_hand),
        "raw sendfile": Contestant(raw_sendfile, peer=False),
    },
    targets=[
        Target("aiodicomweb", ["raw sendfile"], 0.85, "tcp"),
        Target("aiodicomweb", ["dicomweb-client"], 7, "tcp"),
        Target("aiodicomweb", ["dicomweb-client", "httpx by hand", "aiohttp by hand"], 2, "tls"),
    ],
)

if __name__ == "__main__":
    main(CLAIM)
