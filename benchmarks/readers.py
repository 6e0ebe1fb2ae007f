"""How each contestant reads the parts of one answer to the end.

Nobody gets help: each library is used as its documentation says, with its default settings. Where a
library knows nothing of multipart bodies it reads raw octets, and is no peer but a bound.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multipart import INSTANCE, SERIES, STUDY

if TYPE_CHECKING:
    from ssl import SSLContext

    from requests import Session
    from rig import Take

    from aiodicomweb import Tls

BLOCK = 256 * 1024
ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


def ca() -> str | None:
    """The authority that the benchmark's certificate is of, if it has one."""
    return os.environ.get("BENCHMARK_CA")


def frames_path(numbers: str) -> str:
    """Path of frames below the service."""
    return f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/frames/{numbers}"


def all_frames(size: int) -> str:
    """Path of so many frames, for the readers that don't make it themselves."""
    return frames_path(",".join(map(str, range(1, size + 1))))


async def aiodicomweb(url: str, size: int, take: Take) -> None:
    """Ours: frame by frame."""
    from aiodicomweb import Client

    numbers = list(range(1, size + 1))
    async with Client(url, tls=tls()) as client:
        async for frame in client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, numbers):
            take(frame.data)


def tls() -> Tls | None:
    """Our settings for the benchmark's authority; ``None`` without TLS."""
    if ca() is None:
        return None
    from aiodicomweb import Tls

    return Tls(ca=ca())


def dicomweb_client(url: str, size: int, take: Take) -> None:
    """dicomweb-client: frame by frame."""
    from dicomweb_client import DICOMwebClient

    client = DICOMwebClient(url, session=requests_session())
    numbers = list(range(1, size + 1))
    for frame in client.iter_instance_frames(STUDY, SERIES, INSTANCE, numbers):
        take(frame)


def requests_session() -> Session:
    """A session of requests that trusts the benchmark's authority."""
    import requests

    session = requests.Session()
    session.verify = ca() or True
    session.trust_env = False  # or a variable of the environment would come before it
    return session


async def aiohttp_parts(url: str, size: int, take: Take, path: str | None = None) -> None:
    """aiohttp's MultipartReader: part by part."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        target = url + (path or all_frames(size))
        async with session.get(target, headers={"Accept": ACCEPT}, ssl=context()) as response:
            reader = aiohttp.MultipartReader.from_response(response)
            while (part := await reader.next()) is not None:
                take(await part.read())


async def aiohttp_raw(url: str, size: int, take: Take, path: str | None = None) -> None:
    """aiohttp without looking at parts."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        target = url + (path or all_frames(size))
        async with session.get(target, headers={"Accept": ACCEPT}, ssl=context()) as response:
            async for piece in response.content.iter_any():
                take(piece)


async def httpx_raw(url: str, size: int, take: Take, path: str | None = None) -> None:
    """httpx without looking at parts."""
    import httpx

    target = url + (path or all_frames(size))
    async with (
        httpx.AsyncClient(verify=context()) as client,
        client.stream("GET", target, headers={"Accept": ACCEPT}) as response,
    ):
        async for piece in response.aiter_raw():
            take(piece)


def pycurl_raw(url: str, size: int, take: Take, path: str | None = None) -> None:
    """libcurl without looking at parts."""
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + (path or all_frames(size)))
    curl.setopt(pycurl.HTTPHEADER, [f"Accept: {ACCEPT}"])
    curl.setopt(pycurl.WRITEFUNCTION, take)
    if ca() is not None:
        curl.setopt(pycurl.CAINFO, ca())
    curl.perform()
    curl.close()


def drain(url: str, size: int, take: Take, path: str | None = None) -> None:
    """The floor: a blocking socket, read into one buffer that nobody looks at."""
    parts = urlsplit(url)
    request = f"GET {parts.path}{path or all_frames(size)} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    buffer = memoryview(bytearray(BLOCK))
    sock = socket.create_connection((parts.hostname, parts.port))
    if parts.scheme == "https":
        sock = context().wrap_socket(sock, server_hostname=parts.hostname)
    with sock:
        sock.sendall(f"{request}\r\n".encode())
        start = b""
        while (end := start.find(b"\r\n\r\n")) < 0:
            start += sock.recv(4096)
        chunked = b"chunked" in start[:end]
        missing = 0 if chunked else int(start.lower().split(b"content-length: ")[1].split(b"\r")[0])
        missing -= len(start) - end - 4
        tail = b""
        while tail != b"0\r\n\r\n" if chunked else missing > 0:
            count = sock.recv_into(buffer)
            take(buffer[:count])
            missing -= count
            tail = (
                bytes(buffer[max(0, count - 5) : count])
                if count >= 5
                else tail[count:] + bytes(buffer[:count])
            )


def context() -> SSLContext | bool:
    """A context for the benchmark's authority; ``True``, the peers' default, without TLS."""
    if ca() is None:
        return True
    from rig import trust

    return trust()
