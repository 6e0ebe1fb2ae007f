"""The server on real sockets: raw clients, our own client, and what becomes of connections."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from aiodicomweb import ConfigurationError, ConnectionLost, Timeout
from aiodicomweb.http import URL, Deferred, FileSpan, OutgoingResponse, Produced, Request
from aiodicomweb.net import (
    BodyStream,
    Deadlines,
    HttpServer,
    ServerTimeout,
    Transport,
    listener,
)
from aiodicomweb.net.listener import slowest
from aiodicomweb.wire import BLOCK, Limits

from ..support.http_server import answer, body_of, echo, serving, talk
from ..support.streams import contexts

if TYPE_CHECKING:
    from pathlib import Path

GET = b"GET /studies?PatientName=Doe HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LARGE = bytes(range(256)) * 100_000
"""More than the system's buffers hold."""


def post(body: bytes, fields: bytes = b"") -> bytes:
    """A request with a body."""
    return b"POST /s HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (
        fields,
        len(body),
        body,
    )


async def send(
    transport: Transport, server: HttpServer, method: str = "GET", body: tuple[object, ...] = ()
) -> tuple[int, bytes]:
    """A request of our own client; status and body of the answer."""
    request = Request(method, URL.parse(f"{server.origin}/studies"), body=body)  # type: ignore[arg-type]
    incoming = await transport.send(request, Deadlines(Timeout(), server.origin))
    return incoming.response.status, bytes(await incoming.read_all())


# --- exchanges ------------------------------------------------------------------------------------


async def test_exchanges_follow_each_other() -> None:
    """A connection carries many, and the observer is told of each without its query."""
    async with serving() as server, talk(server) as client:
        for _ in range(3):
            await client.send(GET)
            assert (200, b"/studies?PatientName=Doe ") == await client.response()
        await client.send(post(b"abc"))
        head = await client.head()
        assert head.startswith("HTTP/1.1 200 OK\r\nDate: ")
        assert b"/s abc" == await client.read(6)
        await client.send(LAST)
        assert (await client.rest()).endswith(b"\r\n\r\n/last ")

        first, *_, last = await server.told(5)
        assert ("127.0.0.1", "GET", "/studies", 200, True) == (
            first.peer,
            first.method,
            first.path,
            first.status,
            first.complete,
        )
        assert (len(GET), len(post(b"abc"))) == (first.received, server.exchanges[3].received)
        assert len(head) + 6 == server.exchanges[3].sent
        assert "/last" == last.path
        assert 0 <= first.seconds < 10


async def test_requests_in_advance_are_answered_in_order() -> None:
    """Pipelined requests have their answers in the order in which they came (HTP-54)."""
    octets = b"".join(GET.replace(b"Doe", b"%d" % number) for number in range(50))
    async with serving() as server, talk(server, octets + post(b"x") + LAST + GET) as client:
        arrived = await client.rest()

        expected = [b"/studies?PatientName=%d " % number for number in range(50)]
        places = [arrived.index(target) for target in [*expected, b"/s x", b"/last "]]
        assert sorted(places) == places
        assert 52 == arrived.count(b"HTTP/1.1 200 OK\r\n"), "nothing behind the last one"
        assert 52 == len(await server.told(52))


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_bodies_of_all_segments_are_sent(tmp_path: Path, *, tls: bool) -> None:
    """Octets, pieces of files and promises arrive as one body; with its length where known."""
    path = tmp_path / "file"
    path.write_bytes(LARGE)
    known = (
        b"bytes,",
        memoryview(b"view,"),
        FileSpan(str(path), 1, 2_000_000),
        b"",
        b"between",
        FileSpan(str(path), 7, 0),
        FileSpan(str(path), 7, 9),
        Deferred(8, lambda: b"deferred"),
        bytes(BLOCK + 1),
    )
    expected = b"bytes,view," + LARGE[1:2_000_001] + b"between" + LARGE[7:16] + b"deferred"
    expected += bytes(BLOCK + 1)
    unknown = (Produced(lambda: b""), Produced(lambda: b"made"))

    async def handler(request: Request, _: BodyStream) -> OutgoingResponse:
        return answer(*known, *(unknown if request.method == "POST" else ()))

    context = contexts()
    async with serving(handler, tls=context.server if tls else None) as server:
        transport = Transport(tls=context.client, limits=Limits())
        assert (200, expected) == await send(transport, server)
        assert (200, expected + b"made") == await send(transport, server, "POST")
        assert (200, expected) == await send(transport, server)
        await transport.aclose()
        assert all(exchange.complete for exchange in await server.told(3))


async def test_a_body_of_unknown_length() -> None:
    """In chunks for HTTP/1.1, up to the end of the connection for 1.0 (HTP-34)."""
    made = (b"ab", Produced(lambda: b""), b"", Produced(lambda: b"cde"))

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(*made)

    async with serving(handler) as server:
        async with talk(server, LAST) as client:
            assert "\r\nTransfer-Encoding: chunked\r\n" in await client.head()
            assert b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n" == await client.rest()
        async with talk(server, b"GET / HTTP/1.0\r\n\r\n") as client:
            head = await client.head()
            assert "Transfer-Encoding" not in head
            assert "Content-Length" not in head
            assert b"abcde" == await client.rest()


@pytest.mark.parametrize(
    ("expected", "request_", "status"),
    [
        ("Content-Length: 3", LAST.replace(b"GET", b"HEAD"), 200),
        ("", LAST, 204),
        ("", LAST, 304),
    ],
)
async def test_responses_without_body(expected: str, request_: bytes, status: int) -> None:
    """HEAD has the length of GET; 204 and 304 have none, and none of them has a body."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(*([b"abc"] if status == 200 else []), status=status)

    async with serving(handler) as server, talk(server, request_) as client:
        head = await client.head()
        assert expected in head
        assert ("Content-Length" in head) is bool(expected)
        assert b"" == await client.rest()


async def test_the_response_to_head_leaves_promises_alone() -> None:
    """What is not sent is not made."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(Produced(lambda: bytes(1 // 0)))

    request = GET.replace(b"GET", b"HEAD")
    async with serving(handler) as server, talk(server, request + LAST) as client:
        assert "chunked" in await client.head()
        assert "500" in (await client.head()).partition("\r\n")[0]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "octets"),
    [
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, post(b"x", b"Transfer-Encoding: chunked\r\n")),
        (414, b"GET /" + b"a" * 100_000),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000),
        (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (417, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
        (415, post(b"x", b"Content-Encoding: br\r\n")),
    ],
)
async def test_a_request_that_is_not_legal(status: int, octets: bytes) -> None:
    """It has an answer of one line, and the connection ends, whatever follows."""
    async with serving() as server, talk(server) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, octets + GET * 1000)
            head = await client.head()
            assert str(status) == head.split(" ")[1]
            assert "\r\nConnection: close\r\n" in head
            assert "\r\nContent-Type: text/plain; charset=utf-8\r\n" in head
            assert 1 == (await client.rest()).count(b"\n")
        assert [status] == [exchange.status for exchange in await server.told()]


async def test_a_body_beyond_the_limit() -> None:
    """What is too large to be held is 413, told while it is still being sent."""
    async with (
        serving(limits=Limits(body=1000)) as server,
        talk(server) as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(client.send, post(LARGE))
        assert "413" in (await client.head()).partition("\r\n")[0]
        assert b"too long" in await client.rest()


async def test_a_slow_head() -> None:
    """A head that takes too long is answered 408, and the connection ends."""
    async with serving(timeout=ServerTimeout(head=0.05)) as server, talk(server) as client:
        await client.send(GET[:20])
        assert "408" in (await client.head()).partition("\r\n")[0]
        assert b"too long" in await client.rest()


async def test_a_slow_body() -> None:
    """A body that stops on its way is answered 408, and the connection ends."""
    async with serving(timeout=ServerTimeout(read=0.05)) as server, talk(server) as client:
        await client.send(post(b"abc")[:-1])
        assert "408" in (await client.head()).partition("\r\n")[0]
        assert b"too long" in await client.rest()


async def test_a_body_that_trickles() -> None:
    """Octets one by one don't keep a connection: 408, as for one that stops."""
    timeout = ServerTimeout(read=0.1, rate=1000)
    async with serving(timeout=timeout) as server, talk(server, post(LARGE)[:100]) as client:
        with contextlib.suppress(ConnectionLost):
            while not client.stream.is_readable():
                await client.send(b"x")
                await anyio.sleep(0.005)
        assert "408" in (await client.head()).partition("\r\n")[0]


@pytest.mark.parametrize("octets", [b"", GET])
async def test_an_idle_connection(octets: bytes) -> None:
    """A connection on which no request begins ends without a word."""
    async with serving(timeout=ServerTimeout(idle=0.05)) as server, talk(server, octets) as client:
        if octets:
            await client.response()
        assert b"" == await client.rest()


async def test_a_peer_that_takes_nothing() -> None:
    """A response that nobody reads does not hold the connection for ever."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(LARGE)

    timeout = ServerTimeout(write=0.05)
    async with serving(handler, timeout=timeout) as server, talk(server, GET) as client:
        [exchange] = await server.told()
        assert (200, False) == (exchange.status, exchange.complete)
        assert len(await client.rest()) < len(LARGE)


# --- handlers that fail ---------------------------------------------------------------------------


async def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """500; the log tells where, and nothing of what the error says."""
    said = "Doe^Jane"

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        raise ValueError(said)

    async with serving(handler) as server, talk(server, GET + GET) as client:
        for _ in range(2):
            assert (500, b"the server failed\n") == await client.response()
    assert "ValueError" in caplog.text
    assert "test_listener.py" in caplog.text
    assert said not in caplog.text


@pytest.mark.parametrize(
    "response",
    [
        answer(status=101),
        answer(b"x", status=204),
        answer(headers={"Transfer-Encoding": "gzip"}),
        answer(FileSpan("/nowhere", 0, 5)),
        answer(b"head of a part", FileSpan("/nowhere", 0, 5)),
        answer(Deferred(5, lambda: b"123456")),
        answer(Produced(lambda: bytes(1 // 0))),
    ],
)
@pytest.mark.parametrize("request_", [GET, LAST, post(LARGE)])
async def test_a_response_that_cannot_be_sent(
    response: OutgoingResponse, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it went out: 500 takes its place."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return response

    async with serving(handler) as server, talk(server) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, request_)
            assert (500, b"the server failed\n") == await client.response()
        [exchange] = await server.told()
        assert (500, True) == (exchange.status, exchange.complete)
    assert caplog.records


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("known", [True, False])
async def test_a_response_that_breaks_off(
    tmp_path: Path, version: bytes, *, known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer can see that it is not whole, whatever its framing."""
    path = tmp_path / "short"
    path.write_bytes(bytes(10))

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(
            bytes(100_000), FileSpan(str(path), 0, 20), *([] if known else [Produced(bytes)])
        )

    request = GET.replace(b"1.1", version)
    async with serving(handler) as server, talk(server, request) as client:
        head = await client.head()
        if version == b"1.0" and not known:
            with pytest.raises(ConnectionError):
                await client.rest()
        else:
            rest = await client.rest()
            assert "chunked" in head or len(rest) < 100_020
            assert not rest.endswith(b"0\r\n\r\n")
        [exchange] = await server.told()
        assert (200, False) == (exchange.status, exchange.complete)
    assert caplog.records


# --- bodies ---------------------------------------------------------------------------------------


async def test_continue_is_said_when_the_body_is_read() -> None:
    """Not before: the handler decides (HTP-42)."""
    decide = anyio.Event()

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        await decide.wait()
        return answer(await body_of(body))

    octets = post(b"abc", b"Expect: 100-continue\r\n")
    async with serving(handler) as server, talk(server, octets[:-3]) as client:
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert not client.stream.is_readable()
        decide.set()
        assert "HTTP/1.1 100 Continue\r\n\r\n" == await client.head()
        await client.send(octets[-3:])
        assert (200, b"abc") == await client.response()


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_continue_is_not_said(version: bytes) -> None:
    """Not by who does not read the body, and not to HTTP/1.0; then the connection ends."""

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        if version == b"1.0":
            return answer(await body_of(body))
        return answer(status=401)

    octets = post(b"abc", b"Expect: 100-continue\r\n").replace(b"1.1", version)
    async with serving(handler) as server, talk(server, octets[:-3]) as client:
        if version == b"1.0":
            await client.send(octets[-3:])
        head = await client.head()
        assert ("200" if version == b"1.0" else "401") == head.split(" ")[1]
        assert "\r\nConnection: close\r\n" in head
        await client.rest()


async def test_a_small_body_that_nobody_reads() -> None:
    """It is dropped, and the connection lives on."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(b"no", status=401)

    async with serving(handler) as server, talk(server) as client:
        for octets in (post(b"abc"), post(bytes(60_000)), post(b"?", b"Content-Encoding: x\r\n")):
            await client.send(octets)
            assert (401, b"no") == await client.response()
        await client.send(GET)
        assert (401, b"no") == await client.response()


@pytest.mark.parametrize("size", [2, len(LARGE)])
async def test_an_early_answer_to_a_large_upload(size: int) -> None:
    """A client that reads only when it has sent everything gets the answer (RFC 9112 §9.6)."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(LARGE[:size], status=413)

    async with serving(handler) as server, talk(server) as client:
        await client.send(post(LARGE))
        head = await client.head()
        assert "413" == head.split(" ")[1]
        assert "\r\nConnection: close\r\n" in head
        assert LARGE[:size] == await client.rest()


async def test_our_own_client_stores_and_is_refused() -> None:
    """Uploads of our client arrive whole, and early refusals reach it."""

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        length = 0
        await body.next_part()
        while (chunk := await body.read_chunk()) is not None:
            length += len(chunk)
            if len(server.exchanges) == 1:
                return answer(b"enough", status=413)
        return answer(b"%d" % length)

    transport = Transport(tls=None, limits=Limits())
    async with serving(handler) as server:
        assert (200, b"%d" % len(LARGE)) == await send(transport, server, "POST", (LARGE,))
        assert (413, b"enough") == await send(transport, server, "POST", (LARGE,))
        assert (200, b"0") == await send(transport, server)
        await transport.aclose()


async def test_what_was_read_of_a_cancelled_body() -> None:
    """A handler that gives up reading answers, and the connection ends."""

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        with anyio.move_on_after(0.01):
            await body.read_all()
        return answer(b"too slow", status=408)

    async with serving(handler) as server, talk(server, post(b"abc")[:-1]) as client:
        assert "\r\nConnection: close\r\n" in await client.head()
        assert b"too slow" == await client.rest()


async def test_a_client_that_leaves() -> None:
    """In the middle of a head, a body or a response: nothing is logged, nothing is left."""
    entered = anyio.Event()

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        entered.set()
        await body.read_all()
        return answer(LARGE)

    async with serving(handler) as server:
        async with talk(server, GET[:10]):
            pass
        async with talk(server, post(b"abc")[:-1]):
            await entered.wait()
        async with talk(server, GET) as client:
            await client.head()


# --- connections ----------------------------------------------------------------------------------


async def test_no_more_connections_than_that() -> None:
    """Further ones wait until those that are busy have their responses, and close."""
    go_on = anyio.Event()

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        await go_on.wait()
        return answer(b"here")

    async with (
        serving(handler, connections=2) as server,
        talk(server, GET) as one,
        talk(server, GET) as two,
        talk(server, GET) as three,
    ):
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert not three.stream.is_readable()
        assert "2 open" in repr(server)
        go_on.set()
        assert [(200, b"here")] * 3 == [await peer.response() for peer in (one, two, three)]


async def test_an_idle_connection_gives_way() -> None:
    """Nobody locks others out by connections on which nothing happens; the oldest goes first."""
    async with (
        serving(connections=2) as server,
        talk(server, GET) as one,
        talk(server, GET) as two,
    ):
        await one.response()
        await two.response()
        async with talk(server, GET) as three:
            assert 200 == (await three.response())[0]
            assert b"" == await one.rest()
            await two.send(LAST)
            assert (await two.rest()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("expected", "behind"),
    [
        (None, []),
        (None, [(0.0, "quick"), (5.0, "a pause")]),
        ("slow", [(0.0, "quick"), (5.1, "slow"), (5.0, "a pause")]),
        ("slowest", [(6.0, "slow"), (60.0, "slowest"), (0.0, "quick")]),
    ],
)
def test_who_gives_way(expected: str | None, behind: list[tuple[float, str]]) -> None:
    """Whose octets are missing for longest, if that is more than what a lost packet costs."""
    assert expected == slowest(behind)


@pytest.mark.parametrize(
    "octets",
    [GET[:20], post(b"abc")[:-1], b"", GET + post(b"abc")[:-1], b"?\r\n\r\n"],
    ids=["head", "body", "tls", "second body", "end"],
)
async def test_a_slow_connection_gives_way(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody locks others out by octets that come one by one, wherever; it is cut."""
    monkeypatch.setattr(listener, "_SLOW_SECONDS", 0.0)
    context = contexts()
    tls = not octets
    async with (
        serving(connections=1, tls=context.server if tls else None) as server,
        talk(server, octets or b"\x16") as slow,
    ):
        transport = Transport(tls=context.client, limits=Limits())
        assert (200, b"/studies ") == await send(transport, server)
        with contextlib.suppress(ConnectionError):
            await slow.rest()
        await transport.aclose()


async def test_who_takes_nothing_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that nobody reads does not keep others out."""
    monkeypatch.setattr(listener, "_SLOW_SECONDS", 0.0)

    async def handler(request: Request, _: BodyStream) -> OutgoingResponse:
        return answer(*([LARGE] * 10 if request.url.query else [b"here"]))

    async with serving(handler, connections=1) as server, talk(server, GET) as slow:
        async with talk(server, LAST) as client:
            assert (await client.rest()).endswith(b"here")
        with contextlib.suppress(ConnectionError):
            assert len(await slow.rest()) < 10 * len(LARGE)


async def test_who_is_served_does_not_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer does not answer for the time that the server takes."""
    monkeypatch.setattr(listener, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(listener, "_LOOK_SECONDS", 0.0)
    go_on = anyio.Event()

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        await body.read_all()
        await go_on.wait()
        return answer(b"here")

    async with (
        serving(handler, connections=1) as server,
        talk(server, post(b"abc")) as one,
        talk(server, GET) as two,
    ):
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        go_on.set()
        assert [(200, b"here")] * 2 == [await peer.response() for peer in (one, two)]


async def test_a_tls_handshake_that_does_not_come() -> None:
    """Who says nothing, and who speaks no TLS, is let go."""
    timeout = ServerTimeout(tls=0.05)
    async with serving(tls=contexts().server, timeout=timeout) as server:
        for octets in (b"", GET, b"\x16\x03\x01"):
            async with talk(server, octets) as client:
                with contextlib.suppress(ConnectionError):
                    await client.rest()
        assert [] == server.exchanges


def accepts(server: HttpServer) -> bool:
    """Whether new connections are taken."""
    with socket.socket() as sock:
        return sock.connect_ex((server.host, server.port)) == 0


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
async def test_stopping_lets_what_runs_finish(*, tls: bool) -> None:
    """Idle connections end, new ones are refused, and an answer on its way is whole."""
    entered, decide = anyio.Event(), anyio.Event()

    async def handler(request: Request, _: BodyStream) -> OutgoingResponse:
        if request.method == "POST":
            entered.set()
            await decide.wait()
        return answer(LARGE)

    context = contexts()
    answers: list[tuple[int, bytes]] = []

    async def store() -> None:
        answers.append(await send(transport, server, "POST"))

    async with serving(handler, tls=context.server if tls else None) as server:
        transport = Transport(tls=context.client, limits=Limits())
        await send(transport, server)
        async with anyio.create_task_group() as tasks, talk(server) as idle:
            tasks.start_soon(store)
            await entered.wait()
            tasks.start_soon(server.stop)
            if not tls:
                assert b"" == await idle.rest()
            while accepts(server):
                await anyio.lowlevel.checkpoint()
            decide.set()
        await transport.aclose()
    assert [(200, LARGE)] == answers


async def test_stopping_cuts_what_does_not_end() -> None:
    """Behind the grace a handler is cancelled."""
    entered, cancelled = anyio.Event(), anyio.Event()

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        entered.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(handler) as server, talk(server, GET) as client:
        await entered.wait()
        await server.stop(0.01)
        assert cancelled.is_set()
        assert b"" == await client.rest()
        await server.stop()
        [exchange] = await server.told()
        assert (0, False) == (exchange.status, exchange.complete)


async def test_leaving_by_an_exception() -> None:
    """Everything is cut, and the exception goes on."""
    entered = anyio.Event()

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        entered.set()
        await anyio.sleep_forever()
        raise AssertionError

    async def leave() -> None:
        async with serving(handler) as server, talk(server, GET):
            await entered.wait()
            raise KeyError

    with pytest.raises(KeyError):
        await leave()


async def test_leaving_in_another_task() -> None:
    """As fixtures do: pytest-asyncio sets up and tears down in tasks of their own."""

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        return answer(b"here")

    server = await asyncio.create_task(HttpServer(handler).__aenter__())
    transport = Transport(tls=None, limits=Limits())
    assert (200, b"here") == await send(transport, server)
    await transport.aclose()
    await asyncio.create_task(server.__aexit__(None, None, None))

    assert {asyncio.current_task()} == asyncio.all_tasks()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


@pytest.mark.parametrize("native", [True, False])
async def test_a_server_that_is_cancelled(*, native: bool) -> None:
    """In anyio's or in asyncio's way: nothing is left."""
    entered = anyio.Event()
    scope = anyio.CancelScope()

    async def handler(_: Request, __: BodyStream) -> OutgoingResponse:
        entered.set()
        await anyio.sleep_forever()
        raise AssertionError

    async def serve() -> None:
        with scope:
            async with serving(handler) as server, talk(server, GET):
                await anyio.sleep_forever()

    task = asyncio.ensure_future(serve())
    await entered.wait()
    if native:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        scope.cancel()
        await task


@pytest.mark.parametrize(
    ("host", "origin"), [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")]
)
async def test_where_it_listens(host: str, origin: str) -> None:
    """Names and addresses of both families; requests of HTTP/1.0 are told where they are."""

    async def handler(request: Request, _: BodyStream) -> OutgoingResponse:
        return answer(str(request.url).encode())

    try:
        async with serving(handler, host=host) as server:
            assert f"http://{origin}:{server.port}" == server.origin
            async with talk(server, b"GET /x HTTP/1.0\r\n\r\n") as client:
                assert (await client.rest()).endswith(f"{server.origin}/x".encode())
    except ConfigurationError:
        assert "::1" == host, "only IPv6 may be missing"


@pytest.mark.parametrize(
    "settings", [{"port": 1 << 20}, {"host": "no.such.host.invalid"}, {"connections": 0}]
)
async def test_where_nobody_can_listen(settings: dict[str, object]) -> None:
    """It is told at once."""
    with pytest.raises(ConfigurationError):
        async with HttpServer(echo, **settings):  # type: ignore[arg-type]
            pass


async def test_a_port_that_is_taken() -> None:
    """The reason is the system's."""
    async with serving() as server:
        with pytest.raises(ConfigurationError, match="use"):
            async with HttpServer(echo, port=server.port):
                pass


async def test_an_observer_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """It ends its connection, and no other."""

    def observe(_: object) -> None:
        raise ValueError("Doe^Jane")

    async with HttpServer(echo, observe=observe) as server:
        for _ in range(2):
            async with talk(server, GET) as client:
                assert (200, b"/studies?PatientName=Doe ") == await client.response()
                assert b"" == await client.rest()
    assert "ValueError" in caplog.text
    assert "Doe" not in caplog.text


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
async def test_curl(tmp_path: Path, version: str) -> None:
    """A client that others wrote: uploads with Expect, in chunks, of both versions."""
    path = tmp_path / "file"
    path.write_bytes(LARGE)

    async def handler(_: Request, body: BodyStream) -> OutgoingResponse:
        octets = await body_of(body)
        return answer(Produced(lambda: b"%d " % len(octets)), headers={"Content-Type": "x/y"})

    async with serving(handler) as server:
        for field in ("Expect: 100-continue", "Expect:", "Transfer-Encoding: chunked"):
            if version == "--http1.0" and "chunked" in field:
                continue
            upload = ["curl", "-sS", version, "-H", field, "--data-binary", f"@{path}"]
            command = [*upload, server.origin + "/studies", server.origin + "/studies"]
            run = partial(subprocess.run, command, stdout=subprocess.PIPE, check=True)
            done = await anyio.to_thread.run_sync(run)
            assert b"%d " % len(LARGE) * 2 == done.stdout
