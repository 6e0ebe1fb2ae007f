"""Where a body ends; h11 is the judge."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import FramingError, LimitExceeded, RemoteProtocolError
from aiodicomweb.http import Headers, Response
from aiodicomweb.wire import Arena, Limits
from aiodicomweb.wire.framing import (
    Announced,
    ChunkedFraming,
    Framing,
    LengthFraming,
    UntilClose,
    response_framing,
)

from .driver import chunked, every_octet

if TYPE_CHECKING:
    from collections.abc import Iterable

Verdict = tuple[bytes, str, bytes]
"""Octets of the body; how it ended; octets behind it."""

FIELDS = {
    "length": b"Content-Length: 12",
    "chunked": b"Transfer-Encoding: chunked",
    "close": b"A: b",
}
CUTS = st.lists(st.integers(0, 200), max_size=20, unique=True).map(sorted)


def pieces(octets: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The octets, cut at these offsets."""
    return [octets[a:b] for a, b in pairwise([0, *cuts, len(octets)]) if a < b]


def by_h11(kind: str, reads: list[bytes], *, close: bool) -> Verdict:
    """What h11 makes of a body."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    body = b""
    try:
        for octets in [b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % FIELDS[kind], *reads, b""]:
            if octets or close:
                connection.receive_data(octets)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return body, "end", connection.trailing_data[0]
                elif isinstance(event, h11.ConnectionClosed):
                    break
    except h11.RemoteProtocolError:
        return body, "error", b""
    return body, "more", b""


def by_us(framing: Framing, reads: list[bytes], *, close: bool) -> Verdict:
    """What a framing makes of a body."""
    arena = Arena(1)
    try:
        for octets in reads:
            arena.write(octets)
            framing.advance(arena)
            if framing.complete:
                break
        if close and not framing.complete:
            framing.receive_eof()
    except RemoteProtocolError:
        return arena.octets(0, arena.available), "error", b""
    end = "end" if framing.complete else "more"
    rest = bytes(arena.undecoded_view()) if framing.complete else b""
    return arena.octets(0, arena.available), end, rest


def of_kind(kind: str, limits: Limits | None = None) -> Framing:
    """A framing."""
    fields = [tuple(FIELDS[kind].decode().split(": "))]
    return response_framing("GET", Response(200, Headers(fields)), "1.1", limits or Limits())


GOOD_CHUNK = st.builds(
    lambda data, ext, form: (form % len(data)) + ext + b"\r\n" + data + b"\r\n",
    st.binary(min_size=1, max_size=20),
    st.sampled_from([b"", b" ", b";a", b';a="b" ; c ', b"\t", b";\x80\r"]),
    st.sampled_from([b"%x", b"%X", b"%019x"]),
)
FRAGMENT = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"0", b"0\r\n", b"0\r\n\r\n", b"0\n\n", b"0;x\r\n\n", b"00\r\n"),
        *(b"3", b"3\r\nabc", b"3\nabc\n", b"3\r\nabcd\r\n", b"3 ;x\r\nabc\r\n", b"3;\n\r\nabc\r\n"),
        *(b"-1\r\n", b"+3\r\nabc\r\n", b"0x3\r\nabc\r\n", b" 3\r\nabc\r\n", b"g\r\n", b"1_0\r\n"),
        *(b"fffffffffffffffff\r\n", b"0" * 21 + b"\r\n", b"3\r\nabc__", b"\x00"),
        *(b"A: b\r\n", b"A : b\r\n", b"A: b\n c\r\n", b"Content-Length: 5\r\n"),
    ]
)
LAST = st.sampled_from(
    [b"", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\nA : b\r\n\r\n", b"0\r\n\r\nX"]
)


@settings(max_examples=300)
@given(
    fragments=st.lists(GOOD_CHUNK | GOOD_CHUNK | FRAGMENT, max_size=6),
    last=LAST,
    cuts=CUTS,
    close=st.booleans(),
)
@example(fragments=[b"3\r\nabcXY"], last=b"0\r\n\r\n", cuts=[], close=True)
def test_chunked_like_h11(
    fragments: list[bytes], last: bytes, cuts: list[int], *, close: bool
) -> None:
    """Same octets, same end, same refusals as h11, however chunks are coded and cut (HTP-34)."""
    reads = pieces(b"".join(fragments) + last, cuts)

    assert by_h11("chunked", reads, close=close) == by_us(of_kind("chunked"), reads, close=close)


@settings(max_examples=100)
@given(octets=st.binary(max_size=20), cuts=CUTS, close=st.booleans())
@pytest.mark.parametrize("kind", ["length", "close"])
def test_others_like_h11(kind: str, octets: bytes, cuts: list[int], *, close: bool) -> None:
    """A length, and the end of the connection, mean what they mean to h11 (HTP-25, HTP-27)."""
    reads = pieces(octets, cuts)

    assert by_h11(kind, reads, close=close) == by_us(of_kind(kind), reads, close=close)


@given(body=st.binary(max_size=300), cuts=CUTS)
def test_chunked(body: bytes, cuts: list[int]) -> None:
    """Chunks end to end are the body; nothing else is delivered."""
    reads = pieces(chunked(body), cuts)

    assert (body, "end", b"") == by_us(of_kind("chunked"), reads, close=False)


def decode(framing: Framing, reads: list[bytes]) -> None:
    """Let a framing see octets as they arrive."""
    arena = Arena()
    for octets in reads:
        arena.write(octets)
        framing.advance(arena)


@pytest.mark.parametrize(
    "octets",
    [
        b"3\r\nabcXY0\r\n\r\n",  # what follows a chunk is verified, not skipped (HTP-96)
        b"3\r\nabc\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",  # bare LF, where others may see none (HTP-95)
        b"0xabc\r\nabc\r\n0\r\n\r\n",
        b"3 ;abc\r\nabc\r\n0\r\n\r\n",
        b"\r\n3\r\nabc\r\n0\r\n\r\n",
        b"111111111111111111111\r\n",
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_bad_chunks(octets: bytes, *, cut: bool) -> None:
    """Chunks on which two readers might disagree are refused, and are not shown."""
    framing = of_kind("chunked")

    with pytest.raises(FramingError) as caught:
        decode(framing, pieces(octets, every_octet(octets) if cut else ()))

    assert not framing.complete
    assert "abc" not in str(caught.value)


def test_bad_trailers() -> None:
    """Trailers are fields; what is in them is not shown, and pickles (HTP-35)."""
    framing = of_kind("chunked")
    arena = Arena()
    arena.write(b"0\r\nX-Patient : Doe\r\n\r\n")

    with pytest.raises(RemoteProtocolError, match="illegal trailers") as caught:
        framing.advance(arena)

    assert "Doe" not in str(caught.value)
    assert "Doe" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


def verdicts(octets: bytes, limit: int) -> list[str]:
    """How chunks end, whole and octet by octet, and which limit they exceed."""
    found = []
    for cuts in ((), every_octet(octets)):
        framing = of_kind("chunked", Limits(chunk_line=limit))
        try:
            decode(framing, pieces(octets, cuts))
            found.append("end" if framing.complete else "more")
        except LimitExceeded as error:
            found.append(error.limit)
    return found


def test_limit_of_size_line() -> None:
    """``Limits.chunk_line`` bounds a size line without its line end (H11-01)."""
    assert ["end"] * 2 == verdicts(b"1;345678\r\na\r\n0\r\n\r\n", 8)
    assert ["chunk_line"] * 2 == verdicts(b"1;3456789\r\na\r\n0\r\n\r\n", 8)
    assert ["chunk_line"] * 2 == verdicts(b"1;" + bytes(50), 8)


@pytest.mark.parametrize("fill", [b";", b" "])
def test_limit_of_all_extensions(fill: bytes) -> None:
    """What chunks carry besides their octets may not outgrow these and ``chunk_line`` (HTP-34)."""
    chunk = b"1" + fill * 3 + b"\r\na\r\n"  # two more than its payload

    assert ["end"] * 2 == verdicts(chunk * 3 + b"0\r\n\r\n", 8)
    assert ["more"] * 2 == verdicts(chunk * 3, 8)
    assert ["chunk_line"] * 2 == verdicts(chunk * 5, 8)
    assert ["chunk_line"] * 2 == verdicts(chunk * 3 + b"0" + fill * 6 + b"\r\n\r\n", 8)


def test_extensions_in_proportion() -> None:
    """A signature for each chunk of a long body is no attack."""
    chunk = b"40;chunk-signature=" + b"f" * 40 + b"\r\n" + bytes(64) + b"\r\n"

    assert ["end"] * 2 == verdicts(chunk * 50 + b"0\r\n\r\n", 64)


def test_limit_of_trailers() -> None:
    """``Limits.chunk_line`` bounds the trailers with their blank line."""
    assert ["end"] * 2 == verdicts(b"0\r\nA: b\r\n\r\n", 8)
    assert ["chunk_line"] * 2 == verdicts(b"0\r\nA: bc\r\n\r\n", 8)
    assert ["chunk_line"] * 2 == verdicts(b"0\r\nA: " + b"b" * 50, 8)


@pytest.mark.parametrize(
    ("expected", "octets"),
    [("a chunk's size line", b"1;" + b"a" * 50), ("the trailer section", b"0\r\nA: " + b"b" * 50)],
)
def test_what_is_too_long_is_named(expected: str, octets: bytes) -> None:
    """One of the two that ``Limits.chunk_line`` bounds."""
    with pytest.raises(LimitExceeded, match=f"{expected} is too long"):
        decode(of_kind("chunked", Limits(chunk_line=8)), [octets])


@pytest.mark.parametrize(
    ("expected", "method", "status", "fields"),
    [
        # No body, whatever the headers say (HTP-20).
        (LengthFraming, "HEAD", 200, {"Content-Length": "5"}),
        (LengthFraming, "HEAD", 200, {"Transfer-Encoding": "chunked"}),
        (LengthFraming, "GET", 204, {"Content-Length": "5"}),
        (LengthFraming, "GET", 304, {"Transfer-Encoding": "chunked"}),
        (ChunkedFraming, "GET", 200, {"Transfer-Encoding": "chunked"}),
        (LengthFraming, "GET", 200, {"Content-Length": "0"}),
        (LengthFraming, "POST", 409, {"Content-Length": "99999999999999999999"}),
        (UntilClose, "GET", 200, {}),
    ],
)
def test_precedence(expected: type, method: str, status: int, fields: dict[str, str]) -> None:
    """The order of precedence of RFC 9112 §6.3 (HTP-20, HTP-23, HTP-25, HTP-27)."""
    framing = response_framing(method, Response(status, Headers(fields)), "1.1", Limits())

    assert expected is type(framing)
    assert framing.delimited is (expected is not UntilClose)
    empty = method == "HEAD" or status in (204, 304) or fields.get("Content-Length") == "0"
    assert framing.complete is empty


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({"Transfer-Encoding": "chunked", "Content-Length": "5"}, "1.1"),  # HTP-22
        ({"Transfer-Encoding": "chunked"}, "1.0"),  # HTP-94
    ],
)
def test_contradictions(fields: dict[str, str], version: str) -> None:
    """Heads that say contradictory things about the body are refused."""
    with pytest.raises(FramingError):
        response_framing("GET", Response(200, Headers(fields)), version, Limits())


def test_remaining() -> None:
    """With a length one knows how much is to come."""
    framing = LengthFraming(5)
    arena = Arena()
    arena.write(b"abc")
    framing.advance(arena)

    assert 2 == framing.remaining
    assert of_kind("chunked").remaining is None
    assert UntilClose().remaining is None
    with pytest.raises(FramingError, match="ends 2 octets before its Content-Length"):
        framing.receive_eof()
    with pytest.raises(FramingError, match="before its last chunk"):
        of_kind("chunked").receive_eof()


def test_end_behind_the_end() -> None:
    """The end of the connection behind a whole body says nothing."""
    framing = LengthFraming(0)
    framing.receive_eof()

    assert framing.complete


# --- framing by others ----------------------------------------------------------------------------


def test_an_end_that_is_announced() -> None:
    """Everything is delivered as it comes, and whoever delivers says that it was all."""
    framing, arena = Announced(), Arena()
    for piece in (b"ab", b"", b"cde"):
        arena.write(piece)
        framing.advance(arena)
    assert (5, False, True) == (arena.available, framing.complete, framing.delimited)
    assert framing.remaining is None

    with pytest.raises(FramingError):
        framing.receive_eof()
    framing.end()
    framing.receive_eof()
    assert framing.complete


@pytest.mark.parametrize(
    "octets",
    [
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\n",
        b"3\r\nabc\r\n0\r\nA: b\n\r\n",
    ],
)
def test_a_server_is_stricter(octets: bytes) -> None:
    """Line ends that a client lets pass could be read in another way by a gateway (HTP-95)."""
    for strict in (False, True):
        arena, framing = Arena(), ChunkedFraming(Limits(), strict=strict)
        arena.write(octets)
        if strict:
            with pytest.raises(FramingError):
                framing.advance(arena)
        else:
            framing.advance(arena)
        assert framing.complete is not strict
