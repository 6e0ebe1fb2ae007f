"""One exchange seen from the server: what is refused, what is read, and what is written."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import (
    DicomWebError,
    FramingError,
    LimitExceeded,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.wire import NEED_DATA, Arena, ClientExchange, Limits, ServerExchange
from aiodicomweb.wire.framing import LAST_CHUNK, chunk_start

from .driver import chunked

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = b"Host: pacs.example\r\n"
GET = b"GET /studies?limit=1 HTTP/1.1\r\n" + HOST + b"\r\n"


def post(body: bytes, fields: bytes = b"") -> bytes:
    """A request with a body of this length."""
    head = b"POST /studies HTTP/1.1\r\n" + HOST + fields
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Side:
    """The server's side of a connection on which these octets arrive, cut at these offsets."""

    def __init__(self, octets: bytes, cuts: Iterable[int] = (), limits: Limits | None = None):
        self.arena = Arena()
        self.limits = limits or Limits()
        self._pieces = [octets[a:b] for a, b in pairwise(sorted({0, *cuts, len(octets)}))]
        self._rest = b""
        self.written = b""
        self.exchange = self.next()

    def next(self) -> ServerExchange:
        """The exchange that follows."""
        self.exchange = ServerExchange(self.arena, self.limits, authority="own.example:8042")
        return self.exchange

    def receive(self) -> None:
        """What one read gives; behind the last octet that is the end."""
        room = self.exchange.writable(1 << 16)
        octets = self._rest or (self._pieces.pop(0) if self._pieces else b"")
        count = min(len(room), len(octets))
        room[:count] = octets[:count]
        self._rest = octets[count:]
        self.exchange.commit(count)

    def head(self) -> Request:
        """The request's head."""
        while (request := self.exchange.next_head()) is NEED_DATA:
            self.receive()
        return request

    def body(self) -> bytes:
        """The request's body, whole."""
        reader = self.exchange.body.whole()
        reader.next_part()
        while (octets := reader.read_part()) is NEED_DATA:
            if not self.exchange.body.advance(reader):
                self.receive()
        return bytes(octets)


def refused(octets: bytes, cuts: Iterable[int] = ()) -> tuple[type[ProtocolError], int]:
    """The error, and the status that a request is refused with."""
    with pytest.raises(ProtocolError) as caught:
        Side(octets, cuts).head()
    return type(caught.value), caught.value.status_hint


# --- what is refused ------------------------------------------------------------------------------

REFUSED = {
    "both framings (HTP-92)": (
        400,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    "chunked in 1.0 (HTP-94)": (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "two lengths (HTP-93)": (
        400,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    ),
    "a list of lengths (HTP-93)": (
        400,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\n",
    ),
    "an empty member (HTP-93)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n"),
    "a signed length (HTP-93)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
    "another coding (HTP-36)": (
        501,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ),
    "chunked twice (HTP-94)": (
        501,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + 2 * b"Transfer-Encoding: chunked\r\n" + b"\r\n",
    ),
    "xchunked (HTP-94)": (501, b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    "identity": (501, b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    "space before the colon (HTP-06)": (
        400,
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
    ),
    "a tab in the value (HTP-94)": (
        400,
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    ),
    "bare LF (HTP-95)": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "one bare LF (HTP-95)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n"),
    "bare LF at the end": (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    "bare CR (HTP-01)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n"),
    "a folded line (HTP-08)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"),
    "a fold behind the request line (HTP-09)": (400, b"GET / HTTP/1.1\r\n A: b\r\nHost: a\r\n\r\n"),
    "NUL (HTP-07)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n"),
    "another control (HTP-07)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x01c\r\n\r\n"),
    "no host (HTP-04)": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "no host, newer version": (400, b"GET / HTTP/1.9\r\n\r\n"),
    "an empty host (HTP-04)": (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    "two hosts (HTP-04)": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    "a host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "a host with a user": (400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "a host with a space": (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a bad host that is overruled": (400, b"GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a user that is overruled": (400, b"GET http://a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    "a resource of https": (421, b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a proxy's business": (400, b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    "a fragment (HTP-03)": (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "two spaces (HTP-02)": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "no version (HTP-02)": (400, b"GET /\r\n\r\n"),
    "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"),
    "empty lines without end": (400, b"\r\n" * 10),
    "another expectation (HTP-42)": (417, b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"),
    "one more expectation": (
        417,
        b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n",
    ),
    "half of a head": (400, GET[:-2]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """Whatever two readers may read in two ways is refused, however it is cut."""
    status, octets = REFUSED[name]

    assert status == refused(octets)[1]
    assert status == refused(octets, range(1, len(octets)))[1]


@given(name=st.sampled_from(list(REFUSED)), data=st.data())
def test_what_is_refused_is_so_however_it_is_cut(name: str, data: st.DataObject) -> None:
    """Neither error nor status depends on the network."""
    octets = REFUSED[name][1]
    cuts = data.draw(st.lists(st.integers(1, len(octets) - 1)))

    assert refused(octets) == refused(octets, cuts)


@pytest.mark.parametrize(
    ("status", "octets"),
    [
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1000),
        (414, b"GET /" + b"a" * 1000),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_head_that_is_too_long(status: int, octets: bytes, step: int) -> None:
    """It is refused as soon as the limit is reached, and the status says what is too long."""
    side = Side(octets, range(step, len(octets), step), Limits(head=100))

    with pytest.raises(LimitExceeded) as caught:
        side.head()

    assert status == caught.value.status_hint
    assert side.arena.undecoded < 100 + step


def test_a_head_of_too_many_fields() -> None:
    """It is refused with 431 (HTP-99)."""
    with pytest.raises(LimitExceeded, match="Limits.fields is 1") as caught:
        Side(post(b"", b"A: 1\r\n"), limits=Limits(fields=1)).head()

    assert 431 == caught.value.status_hint


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\nabcX0\r\n\r\n",  # HTP-96
        b"3\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3;a\0\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\n",
        b"3\r\nabc\r\n0\r\nA: b\n\r\n",
        b"3\r\nabc\r\n0\r\nA: b\r\n\n",
    ],
)
def test_chunks_that_are_refused(body: bytes) -> None:
    """What a lenient reader lets pass would smuggle a request past a strict one (HTP-95)."""
    octets = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body
    for cuts in ((), range(1, len(octets))):
        side = Side(octets, cuts)
        side.head()

        with pytest.raises(RemoteProtocolError):
            side.body()

        assert not side.exchange.request_complete


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "octets"),
    [
        ("http://pacs.example/studies?limit=1", GET),
        ("http://pacs.example/studies?limit=1", b"\r\n\r\n" + GET),
        ("http://other:1/x", b"GET http://other:1/x HTTP/1.1\r\n" + HOST + b"\r\n"),  # HTP-04
        ("http://own.example:8042/x", b"GET /x HTTP/1.0\r\n\r\n"),
        ("http://pacs.example//x", b"GET //x HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
)
def test_the_url_of_a_request(expected: str, octets: bytes) -> None:
    """It is whole, and the same however the head is cut; ``Host`` is not told twice."""
    for cuts in ((), range(1, len(octets))):
        request = Side(octets, cuts).head()

        assert expected == str(request.url)
        assert Headers() == request.headers


@given(
    bodies=st.lists(st.tuples(st.binary(max_size=300), st.booleans()), min_size=1, max_size=4),
    data=st.data(),
)
def test_requests_that_follow_each_other(
    bodies: list[tuple[bytes, bool]], data: st.DataObject
) -> None:
    """Each exchange takes its own octets, however they are framed and cut (RFC 9112 §9.3.2)."""
    head = b"POST /studies HTTP/1.1\r\n" + HOST
    octets = b"".join(
        head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body) if coded else post(body)
        for body, coded in bodies
    )
    cuts = data.draw(st.lists(st.integers(1, len(octets) - 1), max_size=30))
    side = Side(octets, cuts)

    for body, _ in bodies:
        side.next()
        assert "POST" == side.head().method
        assert body == side.body()
        assert side.exchange.request_complete
        side.exchange.response_head(Response(200), 0)
        assert side.exchange.reusable
    assert 0 == side.arena.undecoded
    side.next()
    with pytest.raises(FramingError, match="before its head is whole"):
        side.head()


def test_a_body_that_is_cut_short() -> None:
    """The peer closed before the length was reached (HTP-25)."""
    side = Side(post(b"abc")[:-1])
    side.head()

    with pytest.raises(FramingError, match="1 octets before"):
        side.body()
    side.exchange.response_head(Response(400), 0)
    assert not side.exchange.reusable


def test_a_body_that_nobody_reads_is_skipped() -> None:
    """What was not read is dropped, coded as it is, up to where the next request begins."""
    side = Side(post(b"no gzip at all", b"Content-Encoding: gzip\r\n") + GET, [120])
    side.head()
    while not side.exchange.request_complete:
        side.exchange.body.skip()
        side.receive()
    side.exchange.body.skip()

    side.next()
    assert "GET" == side.head().method


@pytest.mark.parametrize(
    ("expected", "octets"),
    [
        (True, post(b"abc", b"Expect: 100-continue\r\n")[:-3]),
        (True, post(b"abc", b"Expect: 100-Continue\r\n")[:-3]),
        (False, post(b"abc", b"Expect: 100-continue\r\n")[:-2]),  # it didn't wait
        (False, post(b"", b"Expect: 100-continue\r\n")),
        (False, post(b"abc")[:-3]),
        (
            False,
            post(b"abc", b"Expect: 100-continue\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")[:-3],
        ),
    ],
)
def test_who_waits_for_a_word(expected: bool, octets: bytes) -> None:
    """Only who expects it, has a body, has not sent any of it, and speaks 1.1 (HTP-42)."""
    side = Side(octets)
    side.head()

    assert expected is side.exchange.expects_continue
    if expected:
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == side.exchange.continue_head()
        assert not side.exchange.expects_continue
        assert side.exchange.response_head(Response(200), 0).startswith(b"HTTP/1.1 200 ")


def test_who_did_not_wait_needs_no_word() -> None:
    """Octets of the body that arrive make an interim response pointless (HTP-42)."""
    octets = post(b"abc", b"Expect: 100-continue\r\n")
    side = Side(octets, [len(octets) - 3, len(octets) - 1])
    side.head()
    assert side.exchange.expects_continue
    side.receive()

    assert not side.exchange.expects_continue


# --- what is written ------------------------------------------------------------------------------


def answered(request: bytes, response: Response, length: int | None, **how: bool) -> Side:
    """A side that has read a request and written the head of a response."""
    side = Side(request)
    side.head()
    side.written = side.exchange.response_head(response, length, **how)
    return side


@pytest.mark.parametrize(
    ("lines", "request_", "status", "length", "chunked_", "reusable"),
    [
        ("Content-Length: 5", GET, 200, 5, False, True),
        ("Transfer-Encoding: chunked", GET, 200, None, True, True),
        ("Content-Length: 5", GET.replace(b"GET", b"HEAD"), 200, 5, False, True),
        ("Transfer-Encoding: chunked", GET.replace(b"GET", b"HEAD"), 200, None, True, True),
        ("", GET, 204, 0, False, True),
        ("", GET, 304, 0, False, True),
        ("Content-Length: 0", GET, 205, 0, False, True),
        ("Connection: close|Content-Length: 5", b"GET / HTTP/1.0\r\n\r\n", 200, 5, False, False),
        ("Connection: close", b"GET / HTTP/1.0\r\n\r\n", 200, None, False, False),
        (
            "Connection: close|Content-Length: 0",
            b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            200,
            0,
            False,
            False,
        ),
        (
            "Connection: close|Transfer-Encoding: chunked",
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            200,
            None,
            True,
            False,
        ),
    ],
)
def test_the_framing_of_a_response(
    lines: str, request_: bytes, status: int, length: int | None, chunked_: bool, reusable: bool
) -> None:
    """By length, by chunks, or by the end of the connection (HTP-20, HTP-31, HTP-50)."""
    side = answered(request_, Response(status), length)
    head = side.written.decode()

    assert sorted(filter(None, lines.split("|"))) == sorted(filter(None, head.split("\r\n")[1:]))
    assert (chunked_, reusable) == (side.exchange.chunked, side.exchange.reusable)
    assert side.exchange.until_close is (length is None and not chunked_)


@pytest.mark.parametrize(
    ("expected", "method", "status"),
    [
        (True, b"GET", 200),
        (True, b"GET", 404),
        (False, b"HEAD", 200),
        (False, b"GET", 204),
        (False, b"GET", 304),
    ],
)
def test_which_responses_have_a_body(expected: bool, method: bytes, status: int) -> None:
    """Not those to HEAD, and not 204 and 304 (HTP-20)."""
    side = Side(GET.replace(b"GET", method))
    side.head()

    assert expected is side.exchange.has_body(status)


def test_the_last_exchange() -> None:
    """Either side may say that no other follows (HTP-51)."""
    for side in (
        answered(GET, Response(200), 0, close=True),
        answered(GET, Response(200, Headers({"Connection": "close"})), 0),
    ):
        assert b"\r\nConnection: close\r\n" in side.written
        assert not side.exchange.reusable


def test_a_response_before_the_request_is_whole() -> None:
    """The connection can't be used again while the rest of the body is on its way (HTP-44)."""
    side = answered(post(b"abc")[:-1], Response(413), 0)

    assert not side.exchange.reusable


@pytest.mark.parametrize(
    ("response", "length"),
    [
        (Response(200, Headers({"Transfer-Encoding": "chunked"})), 0),
        (Response(204), 1),
        (Response(304), None),
        (Response(101), 0),
        (Response(1000), 0),
    ],
)
def test_a_response_that_is_not_legal(response: Response, length: int | None) -> None:
    """It is refused, and another can be written in its place (HTP-31, HTP-90)."""
    side = Side(GET)
    side.head()

    with pytest.raises(LocalProtocolError):
        side.exchange.response_head(response, length)

    assert side.exchange.response_head(Response(500), 0).startswith(b"HTTP/1.1 500 ")


def test_a_response_in_the_place_of_another() -> None:
    """While nothing was sent another head can be written; it is the connection's last."""
    side = answered(GET, Response(200), None)
    head = side.exchange.response_head(Response(500), 5)

    assert b"HTTP/1.1 500 \r\nConnection: close\r\nContent-Length: 5\r\n\r\n" == head
    assert (False, False) == (side.exchange.chunked, side.exchange.reusable)


def test_a_refusal_of_what_could_not_be_read() -> None:
    """There is an answer to a request that is no request."""
    side = Side(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(RemoteProtocolError):
        side.head()

    head = side.exchange.response_head(Response(400), 0, close=True)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert not side.exchange.reusable


# --- both sides -----------------------------------------------------------------------------------


@given(
    body=st.binary(max_size=200),
    answer=st.binary(min_size=1, max_size=200),
    sizes=st.lists(st.integers(1, 50), max_size=5),
    known=st.booleans(),
    data=st.data(),
)
def test_client_and_server_understand_each_other(
    body: bytes, answer: bytes, sizes: list[int], known: bool, data: st.DataObject
) -> None:
    """A request and its response go from one machine to the other, cut anywhere."""
    client_arena = Arena()
    client = ClientExchange(client_arena, Limits())
    url = URL.parse("http://pacs.example:8042/studies?PatientID=1")
    request = Request("POST", url, Headers({"Accept": "*/*"}), body)
    octets = client.request_head(request) + body
    side = Side(octets, data.draw(st.lists(st.integers(1, len(octets) - 1))))

    arrived = side.head()
    assert ("POST", url, "*/*") == (arrived.method, arrived.url, arrived.headers["Accept"])
    assert body == side.body()

    response = side.exchange.response_head(Response(200), len(answer) if known else None)
    response += answer if known else coded(answer, sizes)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(response) - 1))))
    received = bytearray()
    head, position = client.next_head(), 0
    while not (head is not NEED_DATA and client.body.complete):
        end = cuts[at] if (at := bisect_right(cuts, position)) < len(cuts) else len(response)
        assert end > position, "the response is not whole"
        room = client.writable(end - position)
        count = min(len(room), end - position)
        room[:count] = response[position : position + count]
        client.commit(count)
        position += count
        if head is NEED_DATA:
            head = client.next_head()
        if head is not NEED_DATA:
            received += client_arena.view(client_arena.available)
            client_arena.consume(client_arena.available)
    assert len(response) == position
    assert answer == bytes(received)
    assert client.reusable
    assert side.exchange.reusable


def coded(octets: bytes, sizes: list[int]) -> bytes:
    """Chunks of these sizes and one of the rest, as a server writes them."""
    chunks = b""
    for size in [*sizes, len(octets)]:
        piece, octets = octets[:size], octets[size:]
        if piece:
            chunks += chunk_start(len(piece)) + piece + b"\r\n"
    return chunks + LAST_CHUNK


@given(st.binary() | st.text("GETPOSTH/1.0 :\r\nHostContent-Lengthchunked").map(str.encode))
def test_raw_octets_give_errors_of_our_tree(octets: bytes) -> None:
    """No octets raise anything else."""
    side = Side(octets)
    try:
        side.head()
        side.body()
    except DicomWebError:
        pass
