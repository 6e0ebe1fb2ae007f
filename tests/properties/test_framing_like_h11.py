"""Whole messages, heads and bodies, through our framing and through h11: one verdict.

h11 writes and reads our heads, but the octets of bodies are counted by our own framing. For any
head and any cut of the octets both must deliver the same body, end it at the same place, and
accept or refuse alike. Where we are stricter than h11, on purpose, the reason has a name here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import h11
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import ProtocolError
from aiodicomweb.http import URL, Request
from aiodicomweb.wire import BLOCK, NEED_DATA, Arena, ClientExchange, Limits, ServerExchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiodicomweb.http import Response


@dataclass(frozen=True)
class Verdict:
    """What became of a message.

    Attributes:
        start: The status of a response, the method and target of a request; empty without head.
        body: Octets of the body that were delivered.
        end: ``whole``, ``refused``, or ``more`` where octets are missing.
        rest: Octets behind a whole message.
    """

    start: str
    body: bytes = b""
    end: str = "more"
    rest: bytes = b""


def by_h11(ours: h11.Connection, reads: Sequence[bytes], *, close: bool) -> Verdict:
    """What h11 makes of the message that arrives in these reads."""
    start, body = "", b""
    try:
        for octets in [*reads, *([b""] if close else [])]:
            ours.receive_data(octets)
            while (heard := ours.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(heard, h11.Response):
                    start = str(heard.status_code)
                elif isinstance(heard, h11.Request):
                    start = f"{heard.method.decode()} {heard.target.decode()}"
                elif isinstance(heard, h11.Data):
                    body += heard.data
                elif isinstance(heard, h11.EndOfMessage):
                    behind = reads[reads.index(octets) + 1 :] if octets else ()
                    return Verdict(start, body, "whole", ours.trailing_data[0] + b"".join(behind))
                elif isinstance(heard, h11.ConnectionClosed):
                    return Verdict(start, body, "refused")
    except h11.RemoteProtocolError:
        return Verdict(start, body, "refused")
    return Verdict(start, body)


def by_us(
    exchange: ClientExchange | ServerExchange, arena: Arena, reads: Sequence[bytes], *, close: bool
) -> Verdict:
    """What our exchange makes of it."""
    start, body = "", b""
    feed = [*reads, *([b""] if close else [])]
    behind = b""
    try:
        while (head := exchange.next_head()) is NEED_DATA:
            if not feed:
                return Verdict("")
            put(exchange, feed)
        start = start_of(head)
        while True:
            body += delivered(exchange)
            exchange.body.discard()  # complains about what is broken
            if exchange.body.complete:
                behind = bytes(arena.undecoded_view()) + b"".join(feed)
                return Verdict(start, body, "whole", behind)
            if not feed:
                return Verdict(start, body)
            put(exchange, feed)
    except ProtocolError:
        return Verdict(start, body + (delivered(exchange) if start else b""), "refused")


def start_of(head: Request | Response) -> str:
    """As h11 says it."""
    return f"{head.method} {head.url.target}" if isinstance(head, Request) else str(head.status)


def put(exchange: ClientExchange | ServerExchange, feed: list[bytes]) -> None:
    """Let the next read arrive, as much of it as there is room for; none is the end."""
    octets = feed.pop(0)
    room = exchange.writable(BLOCK)
    count = min(len(octets), len(room))
    if octets[count:]:
        feed.insert(0, octets[count:])
    room[:count] = octets[:count]
    exchange.commit(count)


def delivered(exchange: ClientExchange | ServerExchange) -> bytes:
    """The octets of the body that were framed so far, taken."""
    arena = exchange._arena
    octets = arena.octets(0, arena.available)
    arena.consume(len(octets))
    return octets


def cut(octets: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The octets in pieces."""
    return [octets[a:b] for a, b in pairwise([0, *cuts, len(octets)]) if a < b]


# --- generated messages --------------------------------------------------------------------------

CHUNKED = [b"3\r\nabc\r\n0\r\n\r\n", b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n", b"0\r\n\r\n"]
BODIES = st.sampled_from([b"", b"abc", b"abcdefgh", *CHUNKED, CHUNKED[0][:9], b"3\r\nabcd\r\n"])
LENGTHS = [
    b"0",
    b"3",
    b"8",
    b"03",
    b"3, 3",
    b"3,4",
    b"+3",
    b"-3",
    b"0x3",
    b"3 3",
    b"",
    b"3;",
    b"9" * 21,
]
FIELD = st.one_of(
    st.sampled_from(LENGTHS).map(lambda value: b"Content-Length: " + value),
    st.sampled_from(
        [
            *(b"Transfer-Encoding: chunked", b"transfer-encoding:Chunked", b"Content-Length: 3"),
            *(b"Transfer-Encoding: gzip", b"Transfer-Encoding: gzip, chunked"),
            *(b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, chunked"),
            *(b"Connection: close", b"Connection: keep-alive", b"A: b", b"A:\tb \t", b"A: "),
            *(b"A : b", b": b", b"A", b"A\x00: b", "Ä: b".encode(), "A: ü".encode("latin-1")),
        ]
    ),
)
VERSION = st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"])
CUTS = st.lists(st.integers(1, 120), max_size=8, unique=True).map(sorted)


def is_stricter(fields: Sequence[bytes], version: bytes) -> bool:
    """Whether we refuse a message that h11 lets pass (HTP-22, HTP-36, HTP-92, HTP-94)."""
    names = [field.partition(b":")[0].lower() for field in fields]
    told_twice = {b"content-length", b"transfer-encoding"} <= set(names)
    return told_twice or (b"transfer-encoding" in names and version == b"1.0")


@settings(max_examples=600)
@given(
    method=st.sampled_from(["GET", "GET", "HEAD"]),
    status=st.sampled_from(
        [b"200", b"200", b"204", b"206", b"304", b"404", b"99", b"2000", b"600"]
    ),
    version=VERSION,
    reason=st.sampled_from([b" OK", b" ", b"", b" \xff"]),
    fields=st.lists(FIELD, max_size=3),
    body=BODIES,
    rest=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]),
    cuts=CUTS,
    close=st.booleans(),
)
def test_responses(
    method: str,
    status: bytes,
    version: bytes,
    reason: bytes,
    fields: list[bytes],
    body: bytes,
    rest: bytes,
    cuts: list[int],
    *,
    close: bool,
) -> None:
    """A response is the same to h11 and to us, as its client (HTP-20…HTP-38)."""
    lines = [b"HTTP/%b %b%b" % (version, status, reason), *fields]
    octets = b"\r\n".join(lines) + b"\r\n\r\n" + body + rest
    reads = cut(octets, cuts)
    judge = h11.Connection(h11.CLIENT)
    judge.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    judge.send(h11.EndOfMessage())
    arena = Arena(1)
    exchange = ClientExchange(arena, Limits())
    exchange.request_head(Request(method, URL.parse("http://a/")))

    expected = by_h11(judge, reads, close=close)
    got = by_us(exchange, arena, reads, close=close)

    event(expected.end)
    if is_stricter(fields, version) and expected.start and method == "GET":
        assume(status not in (b"204", b"304"))
        assert ("", "refused") == (got.start, got.end)
    else:
        assert expected == got


@settings(max_examples=600)
@given(
    version=VERSION,
    fields=st.lists(FIELD, max_size=3),
    body=BODIES,
    rest=st.sampled_from([b"", b"GET / HTTP/1.1\r\n"]),
    cuts=CUTS,
    close=st.booleans(),
)
def test_requests(
    version: bytes, fields: list[bytes], body: bytes, rest: bytes, cuts: list[int], *, close: bool
) -> None:
    """A request is the same to h11 and to us, as its server (HTP-26, HTP-92…HTP-96)."""
    lines = [b"POST /studies HTTP/" + version, b"Host: a", *fields]
    octets = b"\r\n".join(lines) + b"\r\n\r\n" + body + rest
    reads = cut(octets, cuts)
    arena = Arena(1)

    expected = by_h11(h11.Connection(h11.SERVER), reads, close=close)
    got = by_us(ServerExchange(arena, Limits()), arena, reads, close=close)

    event(expected.end)
    if is_stricter(fields, version) and expected.start:
        assert ("", "refused") == (got.start, got.end)
    else:
        assert expected == got
