"""One request and its response: heads, bodies, and what becomes of the connection."""

from __future__ import annotations

import gzip
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import (
    FramingError,
    LimitExceeded,
    LocalProtocolError,
    MultipartError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.wire import (
    BLOCK,
    END,
    NEED_DATA,
    Arena,
    ClientExchange,
    Limits,
    MultipartReader,
    OutgoingPart,
    PartHead,
    SinglePart,
    render_multipart,
)

from .driver import (
    FRAMINGS,
    MODES,
    Conversation,
    Framing,
    Mode,
    chunked,
    every_octet,
    framed,
    read_parts,
)

OK = b"HTTP/1.1 200 OK\r\n"
MULTIPART = [("Content-Type", "multipart/related; boundary=b")]
BODY = b"--b\r\n\r\n1\r\n--b\r\n\r\n22\r\n--b--\r\n"
ON_TRUST = 64 * 1024 * 1024


def read_all(conversation: Conversation, mode: Mode = Mode.PART) -> bytes:
    """The whole body, as one part."""
    conversation.head()
    reader = conversation.body.whole()
    conversation.drive(reader, reader.next_part)
    octets = conversation.read(reader, mode)
    conversation.finish()
    return octets


# --- heads ----------------------------------------------------------------------------------------


def test_request_head() -> None:
    """The request's head is written by h11, and refused by it."""
    exchange = ClientExchange(Arena(), Limits())
    url = URL.parse("http://a/studies")

    assert b"GET /studies HTTP/1.1\r\nHost: a\r\n\r\n" == exchange.request_head(Request("GET", url))
    with pytest.raises(LocalProtocolError):
        exchange.request_head(Request("GET", url, Headers([("Host", "a"), ("Host", "b")])))


@pytest.mark.parametrize("cut", [False, True])
def test_informational(*, cut: bool) -> None:
    """Informational responses are passed over, even with a length (HTP-40, case 40)."""
    octets = (
        b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx"
    )
    conversation = Conversation(octets, every_octet(octets) if cut else ())

    assert b"x" == read_all(conversation)
    assert conversation.exchange.reusable


@pytest.mark.parametrize("cut", [False, True])
def test_limit_of_informational(*, cut: bool) -> None:
    """``Limits.informational`` responses may come before the final one."""
    octets = b"HTTP/1.1 100 \r\n\r\n" * 3 + OK + b"\r\n"
    cuts = every_octet(octets) if cut else ()

    assert 200 == Conversation(octets, cuts, limits=Limits(informational=3)).head()
    with pytest.raises(LimitExceeded, match=r"Limits\.informational is 2"):
        Conversation(octets, cuts, limits=Limits(informational=2)).head()


@pytest.mark.parametrize("cut", [False, True])
def test_limit_of_head(*, cut: bool) -> None:
    """``Limits.head`` bounds each head, with its blank line."""
    octets = b"HTTP/1.1 100 \r\n\r\n" + OK + b"A: 12345\r\n\r\n"
    cuts = every_octet(octets) if cut else ()

    assert 200 == Conversation(octets, cuts, limits=Limits(head=29)).head()
    with pytest.raises(LimitExceeded, match=r"Limits\.head is 28"):
        Conversation(octets, cuts, limits=Limits(head=28)).head()


def test_a_head_of_too_many_fields() -> None:
    """``Limits.fields`` counts them, however long they are (HTP-99)."""
    octets = b"HTTP/1.1 200 OK\r\nA: 1\r\nA: 2\r\nContent-Length: 0\r\n\r\n"

    assert 200 == Conversation(octets, (), limits=Limits(fields=3)).head()
    with pytest.raises(LimitExceeded, match="Limits.fields is 2"):
        Conversation(octets, (), limits=Limits(fields=2)).head()


def test_switching_protocols() -> None:
    """Nobody switches protocols: unasked it is not legal, and we can't, asked (HTP-47, H11-11)."""
    octets = b"HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    with pytest.raises(RemoteProtocolError):
        Conversation(octets).head()

    exchange = ClientExchange(Arena(), Limits())
    asking = Headers({"Connection": "upgrade", "Upgrade": "websocket"})
    exchange.request_head(Request("GET", URL.parse("http://a/"), asking))
    exchange.writable(BLOCK)[: len(octets)] = octets
    exchange.commit(len(octets))
    with pytest.raises(RemoteProtocolError, match="switches protocols"):
        exchange.next_head()


@pytest.mark.parametrize("octets", [b"", b"HTTP", OK, OK + b"A: b\r\n", b"HTTP/1.1 100 \r\n\r\n"])
def test_end_in_the_head(octets: bytes) -> None:
    """A head that is cut off is no response."""
    with pytest.raises(FramingError, match="before its head is whole"):
        Conversation(octets).head()


def test_contradictory_head() -> None:
    """Both framings at once are refused with the head (HTP-22)."""
    octets = OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with pytest.raises(FramingError):
        Conversation(octets).head()


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "content_type"),
    [
        (MultipartReader, "multipart/related; boundary=b"),
        (MultipartReader, "multipart/byteranges"),
        (SinglePart, "application/dicom"),
        (SinglePart, "not a media type"),
        (SinglePart, None),
    ],
)
def test_readers(expected: type, content_type: str | None) -> None:
    """The media type chooses the reader; ``whole`` doesn't ask."""
    fields = [("Content-Type", content_type)] if content_type else []
    conversation = Conversation(framed(BODY, Framing.LENGTH, fields))
    conversation.head()

    assert expected is type(conversation.body.parts())
    assert SinglePart is type(conversation.body.whole())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("coding", [[], [("Content-Encoding", "gzip")]])
@settings(max_examples=25)
@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(1, 400), max_size=20).map(sorted))
def test_whole_bodies(
    framing: Framing, coding: list[tuple[str, str]], mode: Mode, body: bytes, cuts: list[int]
) -> None:
    """A body is read whole, or in pieces, however it is framed, coded and cut."""
    coded = gzip.compress(body) if coding else body
    conversation = Conversation(framed(coded, framing, coding), cuts)

    assert body == read_all(conversation, mode)
    assert (framing is not Framing.CLOSE) is conversation.exchange.reusable


@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED])
@pytest.mark.parametrize("coding", [None, "gzip", "br"])
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"204 "), ("GET", b"304 ")]
)
def test_no_body(framing: Framing, coding: str | None, method: str, status: bytes) -> None:
    """Where there is no body, framing and coding are about another one (HTP-20, HTP-45)."""
    fields = [("Content-Encoding", coding)] if coding else []
    head = framed(b"", framing, fields).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    conversation = Conversation(head.replace(b"200 OK", status), method=method)

    assert b"" == read_all(conversation)
    assert conversation.exchange.reusable


def test_empty_body_that_says_gzip() -> None:
    """No octets are no octets, coded or not."""
    conversation = Conversation(framed(b"", Framing.LENGTH, [("Content-Encoding", "gzip")]))

    assert b"" == read_all(conversation)
    assert conversation.exchange.reusable


def test_unknown_coding() -> None:
    """A coding that can't be undone is told when the body is read; the status is known before."""
    octets = framed(b"octets", Framing.LENGTH, [*MULTIPART, ("Content-Encoding", "br")])
    for whole in (False, True):
        conversation = Conversation(octets)
        assert 200 == conversation.head()
        reader = conversation.body.whole() if whole else conversation.body.parts()
        if whole:
            reader.next_part()
        step = reader.read_part if whole else reader.next_part
        with pytest.raises(UnexpectedMediaType, match="br"):
            conversation.drive(reader, step)
        with pytest.raises(UnexpectedMediaType):
            conversation.body.discard()


# --- what breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rest", [b"XY", b"5\r\n--b\r\nXY", b"g\r\n", b"0\r\nA : b\r\n\r\n"])
def test_parts_before_broken_chunks(rest: bytes, mode: Mode) -> None:
    """What came whole before the framing broke is read, however the octets were cut."""
    body = chunked(b"--b\r\n\r\n1\r\n--b\r\n\r\n22")[: -len(b"0\r\n\r\n")] + rest
    octets = OK + b"Content-Type: multipart/related; boundary=b\r\n"
    octets += b"Transfer-Encoding: chunked\r\n\r\n" + body
    outcomes = [read_parts(octets, cuts, mode) for cuts in ((), every_octet(octets))]

    assert outcomes[0] == outcomes[1]
    assert ((Headers(), b"1"),) == outcomes[0].parts
    assert outcomes[0].error is not None
    assert issubclass(outcomes[0].error, RemoteProtocolError)


def test_broken_chunks_stay_broken() -> None:
    """After the framing broke nothing is made of what follows."""
    octets = OK + b"Transfer-Encoding: chunked\r\n\r\nXY\r\n"
    conversation = Conversation(octets + b"0\r\n\r\n", [len(octets)])
    conversation.head()
    reader = conversation.body.whole()
    reader.next_part()

    for _ in range(2):
        with pytest.raises(FramingError, match="chunk size line") as caught:
            conversation.drive(reader, reader.read_part)
        conversation.receive()
    with pytest.raises(FramingError, match="chunk size line"):
        conversation.body.discard()
    assert not conversation.exchange.reusable
    assert str(caught.value) == str(pickle.loads(pickle.dumps(caught.value)))


def test_missing() -> None:
    """One sees how much is missing of a body with a length (HTP-37)."""
    conversation = Conversation(OK + b"Content-Length: 10\r\n\r\nabc")
    conversation.head()
    reader = conversation.body.whole()
    reader.next_part()

    assert 7 == conversation.body.missing
    assert not conversation.body.complete
    with pytest.raises(FramingError, match="ends 7 octets before"):
        conversation.drive(reader, reader.read_part)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("damage", ["checksum", "trailer", "garbage"])
@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED])
def test_gzip_broken_behind_the_last_part(
    framing: Framing, damage: str, mode: Mode, *, cut: bool
) -> None:
    """All of a coded body must be right, also what comes behind the close delimiter (HTP-82)."""
    coded = gzip.compress(BODY)
    coded = {
        "checksum": coded[:-8] + bytes(4) + coded[-4:],
        "trailer": coded[:-1],
        "garbage": coded + b"garbage",
    }[damage]
    octets = framed(coded, framing, [*MULTIPART, ("Content-Encoding", "gzip")])

    assert FramingError is read_parts(octets, every_octet(octets) if cut else (), mode).error


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_epilogue(coding: str | None) -> None:
    """An epilogue is read and discarded, up to ``Limits.preamble`` (MUL-09, MUL-55)."""
    for size, reusable in ((100, True), (3000, False)):
        body = BODY + bytes(size)
        fields = [*MULTIPART]
        if coding:
            body = gzip.compress(body, 0)
            fields.append(("Content-Encoding", coding))
        octets = framed(body, Framing.LENGTH, fields)
        conversation = Conversation(octets, range(50, len(octets), 50), limits=Limits(preamble=500))
        conversation.head()
        reader = conversation.body.parts()
        while isinstance(conversation.drive(reader, reader.next_part), PartHead):
            pass
        conversation.finish()

        assert 2 == reader.complete_parts
        assert reusable is conversation.exchange.reusable


def test_epilogue_that_expands() -> None:
    """A coded epilogue is not decoded without end."""
    body = gzip.compress(BODY + bytes(10_000_000))
    conversation = Conversation(
        framed(body, Framing.LENGTH, [*MULTIPART, ("Content-Encoding", "gzip")])
    )
    conversation.head()
    reader = conversation.body.parts()
    while isinstance(conversation.drive(reader, reader.next_part), PartHead):
        pass

    assert not conversation.body.discard()
    assert conversation.body.arena.capacity <= 3 * BLOCK


# --- the connection -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "octets"),
    [
        (True, OK + b"Content-Length: 1\r\n\r\nx"),
        (True, OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        (False, OK + b"Content-Length: 1\r\n\r\nxy"),  # HTP-38
        (False, OK + b"Content-Length: 1\r\n\r\nx\r\n"),
        (False, OK + b"Content-Length: 1\r\nConnection: close\r\n\r\nx"),  # HTP-51
        (False, OK + b"\r\nx"),
        (False, b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx"),
    ],
)
def test_reusable(expected: bool, octets: bytes) -> None:
    """A connection is used again only where both sides know that the response is over."""
    conversation = Conversation(octets)

    assert not conversation.exchange.reusable
    assert b"x" == read_all(conversation)
    assert expected is conversation.exchange.reusable


def test_not_reusable_after_our_close() -> None:
    """Who says ``Connection: close`` closes (HTP-51)."""
    exchange = ClientExchange(Arena(), Limits())
    exchange.request_head(Request("GET", URL.parse("http://a/"), Headers({"Connection": "close"})))
    octets = OK + b"Content-Length: 0\r\n\r\n"
    exchange.writable(BLOCK)[: len(octets)] = octets
    exchange.commit(len(octets))

    assert exchange.next_head() is not NEED_DATA
    assert exchange.body.complete
    assert not exchange.reusable


def test_not_reusable_in_the_middle() -> None:
    """The whole response is read before the next request (HTP-52)."""
    conversation = Conversation(OK + b"Content-Length: 5\r\n\r\nabc")
    conversation.head()

    assert not conversation.exchange.reusable


def test_arena_is_reused() -> None:
    """Exchanges on one connection share its memory; what was handed out stays intact."""
    arena = Arena()
    kept = []
    for number in range(5):
        payload = bytes([number]) * 200_000
        body = b"".join(map(bytes, render_multipart([OutgoingPart(Headers(), (payload,))], "b")))
        conversation = Conversation(framed(body, Framing.LENGTH, MULTIPART), arena=arena)
        conversation.head()
        reader = conversation.body.parts()
        conversation.drive(reader, reader.next_part)
        kept.append((payload, conversation.drive(reader, reader.read_part)))
        assert END is conversation.drive(reader, reader.next_part)
        conversation.finish()
        assert conversation.exchange.reusable

    for payload, part in kept:
        assert payload == part


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_memory_of_a_stream(framing: Framing, coding: str | None) -> None:
    """A streamed part takes a block or two of memory, however long it is (MUL-57)."""
    payload = bytes(range(256)) * 20_000
    body = b"".join(map(bytes, render_multipart([OutgoingPart(Headers(), (payload,))], "b")))
    fields = [*MULTIPART, ("Content-Encoding", coding)] if coding else MULTIPART
    octets = framed(gzip.compress(body) if coding else body, framing, fields, sizes=(50_000, 7))
    conversation = Conversation(octets, range(0, len(octets), 100_000))
    conversation.head()
    reader = conversation.body.parts()
    conversation.drive(reader, reader.next_part)

    size = 0
    while isinstance(piece := conversation.drive(reader, reader.read_chunk), memoryview):
        size += len(piece)
        assert conversation.arena.capacity <= 2 * BLOCK
        assert conversation.body.arena.capacity <= 3 * BLOCK
    assert len(payload) == size


@pytest.mark.parametrize("content_type", ["application/dicom", "multipart/related; boundary=b"])
def test_lie_of_a_terabyte(content_type: str) -> None:
    """A ``Content-Length`` that can't be true allocates nothing, or what is lent on trust."""
    octets = OK + f"Content-Type: {content_type}\r\n".encode()
    octets += b"Content-Length: 1000000000000\r\n\r\n--b\r\n\r\n" + bytes(10_000)

    outcome = read_parts(octets, mode=Mode.CHUNK, arena=(streamed := Arena()))
    assert FramingError is outcome.error
    assert streamed.capacity <= 2 * BLOCK

    outcome = read_parts(octets, limits=Limits(part=1 << 50), arena=(lent := Arena()))
    assert FramingError is outcome.error
    assert lent.capacity <= ON_TRUST + 2 * BLOCK

    outcome = read_parts(octets, arena=(held := Arena()))
    assert (LimitExceeded if content_type == "application/dicom" else FramingError) is outcome.error
    assert held.capacity <= 2 * BLOCK


def test_coded_octets_are_read_in_blocks() -> None:
    """What a part will become does not size the reads of what it is coded as."""
    body = b"--b\r\nContent-Length: 30000000\r\n\r\n" + bytes(100_000)
    octets = framed(gzip.compress(body), Framing.CLOSE, [*MULTIPART, ("Content-Encoding", "gzip")])

    assert MultipartError is read_parts(octets, arena=(source := Arena())).error
    assert source.capacity <= 2 * BLOCK


def test_limit_of_body() -> None:
    """``Limits.body`` bounds a body that is read whole, multipart or not; a stream is free."""
    octets = framed(b"12345678", Framing.CHUNKED, MULTIPART)

    assert b"12345678" == read_all(Conversation(octets, limits=Limits(body=8)))
    with pytest.raises(LimitExceeded, match=r"Limits\.body is 7"):
        read_all(Conversation(octets, limits=Limits(body=7)))
    assert b"12345678" == read_all(Conversation(octets, limits=Limits(body=7)), Mode.CHUNK)


@pytest.mark.parametrize("mode", MODES)
def test_gzip_cut_between_members(mode: Mode) -> None:
    """Whole gzip members prove nothing: until close, only the close delimiter is the end."""
    fields = [*MULTIPART, ("Content-Encoding", "gzip")]
    coded = gzip.compress(BODY.removesuffix(b"--\r\n"))

    outcome = read_parts(framed(coded, Framing.CLOSE, fields), mode=mode)

    assert MultipartError is outcome.error
    assert None is read_parts(framed(coded, Framing.LENGTH, fields), mode=mode).error
