"""An origin server that costs as little as can be: blocking sockets and prepared octets.

It exists so that a benchmark measures the client. An application is a function of a request's
head; it gives the segments of the answer, which go to the socket as they are. Bodies of requests
are drained, and only counted.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 256 * 1024
MOST_SEGMENTS = 512
"""Segments that go to the kernel in one call, of at most 1,024 that it takes."""


@dataclass(frozen=True)
class Asked:
    """A request that came.

    Attributes:
        method: Such as ``GET``.
        size: Size of the task: the first segment of the path.
        path: What follows it.
        head: All of its head.
        octets: Of its body.
    """

    method: str
    size: int
    path: str
    head: bytes
    octets: int


Application: TypeAlias = Callable[[Asked], Iterable[bytes]]


def serve(application: Application, certificate: str | None = None) -> None:
    """Print the port, and serve each connection in a thread of its own, for ever."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arguments = (sock, application, context)
            threading.Thread(target=_converse, args=arguments, daemon=True).start()


def _converse(
    sock: socket.socket, application: Application, context: ssl.SSLContext | None
) -> None:
    try:
        if context is not None:
            sock = context.wrap_socket(sock, server_side=True)
        with sock:
            _exchange_all(sock, application)
    except OSError:
        pass  # the client left; whether it should have is not for us to say


def _exchange_all(sock: socket.socket, application: Application) -> None:
    buffer = bytearray(BLOCK)
    while True:
        head, rest = _read_head(sock, buffer)
        if head is None:
            return
        octets = _drain(sock, head, rest, buffer)
        line = head.partition(b"\r\n")[0].decode("ascii")
        method, target, _ = line.split(" ")
        size, _, path = target.lstrip("/").partition("/")
        _send(sock, application(Asked(method, int(size), path, head, octets)))


def _read_head(sock: socket.socket, buffer: bytearray) -> tuple[bytes | None, bytes]:
    head = b""
    while (end := head.find(b"\r\n\r\n")) < 0:
        count = sock.recv_into(buffer)
        if not count:
            return None, b""
        head += buffer[:count]
    return head[: end + 4], head[end + 4 :]


def _drain(sock: socket.socket, head: bytes, rest: bytes, buffer: bytearray) -> int:
    """Read the body of a request, chunked or with a length; its octets on the wire."""
    if re.search(rb"(?i)\r\nexpect: *100-continue", head):
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        return _drain_chunked(sock, rest, buffer)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    total = int(length[1]) if length else 0
    missing = total - len(rest)
    while missing > 0:
        count = sock.recv_into(buffer, min(missing, len(buffer)))
        if not count:
            raise ConnectionError("the client left")
        missing -= count
    return total


def _drain_chunked(sock: socket.socket, rest: bytes, buffer: bytearray) -> int:
    """Read to what looks like the last chunk: payloads of benchmarks don't."""
    total, tail = len(rest), rest[-5:]
    while tail != b"0\r\n\r\n":
        count = sock.recv_into(buffer)
        if not count:
            raise ConnectionError("the client left")
        total += count
        tail = (tail + buffer[max(0, count - 5) : count])[-5:]
    return total


def _send(sock: socket.socket, segments: Iterable[bytes]) -> None:
    if isinstance(sock, ssl.SSLSocket):
        for segment in segments:
            sock.sendall(segment)
        return
    waiting: list[memoryview] = []
    for segment in segments:
        waiting.append(memoryview(segment))
        if len(waiting) == MOST_SEGMENTS:
            waiting = _send_some(sock, waiting)
    while waiting:
        waiting = _send_some(sock, waiting)


def _send_some(sock: socket.socket, segments: list[memoryview]) -> list[memoryview]:
    sent = sock.sendmsg(segments[:MOST_SEGMENTS])
    for place, segment in enumerate(segments):
        if sent < len(segment):
            return [segment[sent:], *segments[place + 1 :]]
        sent -= len(segment)
    return []


def make_certificates(folder: Path) -> tuple[str, str]:
    """A private authority and a certificate for 127.0.0.1; the paths of both."""
    import trustme

    authority = trustme.CA()
    ca, certificate = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(ca)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    return str(ca), str(certificate)
