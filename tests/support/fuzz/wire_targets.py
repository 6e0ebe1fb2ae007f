"""Targets of ``wire``: bodies as they arrive, cut in several ways, within small limits."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from aiodicomweb.errors import DicomWebError
from aiodicomweb.http import body_octets
from aiodicomweb.wire import (
    NEED_DATA,
    Arena,
    Limits,
    OutgoingPart,
    ServerExchange,
    read_parts,
    render_multipart,
)

from ...wire import driver
from .judging import same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiodicomweb.http import Request

    from .judging import Attempt

__all__ = ["SMALL", "TARGETS", "cuts_of"]

SMALL = Limits(
    head=2048,
    informational=2,
    chunk_line=64,
    part_head=256,
    parts=8,
    part=4096,
    body=8192,
    preamble=128,
    expansion=20,
)
_MULTIPART = ("Content-Type", "multipart/related; boundary=b")
_LENGTH, _CHUNKED, _CLOSE = driver.FRAMINGS
_OWN_BOUNDARY = "0123456789abcdef"
_MOST_CUTS = 2048


def cuts_of(octets: bytes) -> list[Iterable[int]]:
    """Ways to cut octets: not at all, behind each of them, and at some that they tell."""
    random = Random(zlib.crc32(octets))
    some = sorted(random.randrange(len(octets) + 1) for _ in range(random.randrange(1, 20)))
    every = driver.every_octet(octets[:_MOST_CUTS])
    return [(), every, some]


def _read_alike(octets: bytes, attempt: Attempt) -> None:
    """Read a response; the outcome is the same however it is cut."""
    delimited = _is_delimited(octets)
    for mode in driver.MODES:
        whole, *others = [
            driver.read_parts(octets, cuts, mode, limits=SMALL) for cuts in cuts_of(octets)
        ]
        attempt.outcomes.append(f"{len(whole.parts)} {whole.error}")
        for other in others:
            # What follows the last part of a body that ends with the connection is not waited for:
            # whether it is broken is seen only if it came along.
            behind = not delimited and whole.part == len(whole.parts)
            expected = replace(whole, error=other.error) if behind else whole
            same(f"{mode} of the response, cut", expected, other)


def _is_delimited(octets: bytes) -> bool:
    conversation = driver.Conversation(octets, limits=SMALL)
    try:
        conversation.head()
    except DicomWebError:
        return True
    return conversation.body.delimited


def exchange(octets: bytes, attempt: Attempt) -> None:
    """A response, from its first octet on."""
    _read_alike(octets, attempt)


def server_exchange(octets: bytes, attempt: Attempt) -> None:
    """A request as it arrives at a server, head and body."""
    whole, *others = [_receive(octets, cuts) for cuts in cuts_of(octets)]
    attempt.outcomes.append(f"{whole[2]}")
    for other in others:
        same("the request, cut", whole, other)


def _receive(
    octets: bytes, cuts: Iterable[int]
) -> tuple[Request | None, bytes, type[DicomWebError] | None]:
    """Head and body of a request, and the error that ended it."""
    arena = Arena()
    exchange = ServerExchange(arena, SMALL)
    ends = [*cuts, len(octets)]
    position = 0

    def receive() -> None:
        nonlocal position
        end = next((end for end in ends if end > position), position)
        room = exchange.writable(max(1, end - position))
        piece = octets[position : min(end, position + len(room))]
        room[: len(piece)] = piece
        exchange.commit(len(piece))
        position += len(piece)

    request: Request | None = None
    try:
        while (head := exchange.next_head()) is NEED_DATA:
            receive()
        request = head
        reader = exchange.body.whole()
        reader.next_part()
        while (body := reader.read_part()) is NEED_DATA:
            if not exchange.body.advance(reader):
                receive()
    except DicomWebError as error:
        return request, b"", type(error)
    return request, bytes(body), None


def body(octets: bytes, attempt: Attempt) -> None:
    """A multipart body in each framing, and in each coding."""
    for framing in driver.FRAMINGS:
        _read_alike(driver.framed(octets, framing, [_MULTIPART]), attempt)
    for coding, coded in (("gzip", gzip.compress(octets)), ("deflate", zlib.compress(octets))):
        fields = [_MULTIPART, ("Content-Encoding", coding)]
        _read_alike(driver.framed(coded, _CHUNKED, fields), attempt)


def chunked(octets: bytes, attempt: Attempt) -> None:
    """Octets in place of chunks."""
    head = driver.framed(b"", _CLOSE, [("Transfer-Encoding", "chunked")])
    _read_alike(head + octets, attempt)


def coded(octets: bytes, attempt: Attempt) -> None:
    """Octets in place of those of a content coding."""
    for coding in ("gzip", "deflate", "x-gzip, gzip"):
        for framing in (_LENGTH, _CLOSE):
            fields = [("Content-Encoding", coding)]
            _read_alike(driver.framed(octets, framing, fields), attempt)


def multipart(octets: bytes, attempt: Attempt) -> None:
    """A multipart body, whole and as it arrives, its boundary told or not."""
    for boundary in ("b", None):
        parts = attempt(read_parts, octets, boundary)
        if parts and _OWN_BOUNDARY.encode() not in octets:
            outgoing = [OutgoingPart(headers, (data,)) for headers, data in parts]
            written = body_octets(render_multipart(outgoing, _OWN_BOUNDARY))
            same("the parts", parts, attempt(read_parts, written, _OWN_BOUNDARY))
        for delimited in (True, False):
            for mode in driver.MODES:
                _feed_alike(octets, boundary, mode, attempt, delimited=delimited)


def _feed_alike(
    octets: bytes, boundary: str | None, mode: driver.Mode, attempt: Attempt, *, delimited: bool
) -> None:
    whole, *others = [
        driver.Feed(octets, cuts, boundary=boundary, limits=SMALL, delimited=delimited).outcome(
            mode
        )
        for cuts in cuts_of(octets)
    ]
    attempt.outcomes.append(f"{len(whole[0])} {whole[1]}")
    for other in others:
        same(f"{mode} of the parts, cut", whole, other)


TARGETS: dict[str, Callable[[bytes, Attempt], None]] = {
    "exchange": exchange,
    "server-exchange": server_exchange,
    "body": body,
    "chunked": chunked,
    "coded": coded,
    "multipart": multipart,
}
