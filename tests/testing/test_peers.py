"""The scripted peer does what its script says, and records what it got."""

from __future__ import annotations

import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme

from aiodicomweb.errors import ConnectionLost
from aiodicomweb.http import Origin
from aiodicomweb.testing import Chunk, End, PeerRequest, Reply, ScriptedPeer, response

from ..support.streams import dial

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiodicomweb.net import ByteStream

GET = b"GET /studies?PatientName=Doe HTTP/1.1\r\nHost: peer\r\n\r\n"
POST = b"POST /studies HTTP/1.1\r\nHost: peer\r\nContent-Length: 5\r\n\r\n"
ANSWER = response(b"whole", {"X-Kind": "scripted"})


@asynccontextmanager
async def connected(
    peer: ScriptedPeer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ByteStream]:
    """A stream to the peer."""
    scheme, _, port = peer.origin.rpartition(":")
    stream = await dial(Origin(scheme.partition(":")[0], "127.0.0.1", int(port)), tls)
    try:
        with anyio.fail_after(5):
            yield stream
    finally:
        stream.abort()


async def receive(stream: ByteStream, count: int) -> bytes:
    """Exactly so many octets, or fewer if the peer closes."""
    octets = bytearray()
    room = memoryview(bytearray(65536))
    while len(octets) < count and (got := await stream.receive_into(room[: count - len(octets)])):
        octets += room[:got]
    return bytes(octets)


def test_response_is_whole() -> None:
    """The helper counts the body, and sends header fields as they are."""
    assert (b"HTTP/1.1 404 Scripted\r\nContent-Length: 2\r\nX-A: b\r\n\r\nno") == response(
        b"no", {"X-A": "b"}, 404
    )


async def test_replies_in_order_on_one_connection() -> None:
    """Replies come as scripted; behind the script's end the answer is 599."""
    async with ScriptedPeer([ANSWER, Reply([ANSWER[:9], ANSWER[9:]])]) as peer:
        async with connected(peer) as stream:
            for _ in range(2):
                await stream.send([GET])
                assert ANSWER == await receive(stream, len(ANSWER))
            await stream.send([GET])
            assert b"HTTP/1.1 599" == await receive(stream, 12)

        assert 1 == peer.connections
        assert [1, 1, 1] == [request.connection for request in peer.requests]


async def test_a_request_is_recorded() -> None:
    """Method, target, head, header fields and body are kept; ``repr`` shows no query."""
    async with ScriptedPeer([ANSWER, ANSWER], keep=3) as peer, connected(peer) as stream:
        await stream.send([GET, POST, b"he", b"llo"])
        await receive(stream, 2 * len(ANSWER))

        get, post = peer.requests
        assert ("GET", "/studies?PatientName=Doe", GET) == (get.method, get.target, get.head)
        assert (b"", 0, True) == (get.body, get.body_length, get.complete)
        assert "<PeerRequest GET /studies, 0 bytes>" == repr(get)
        assert "peer" == post.headers["host"]
        assert (b"hel", 5, True) == (post.body, post.body_length, post.complete)


async def test_a_chunked_request_is_recorded() -> None:
    """A chunked body is decoded."""
    async with ScriptedPeer([ANSWER]) as peer, connected(peer) as stream:
        head = b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        await stream.send([head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"])
        await receive(stream, len(ANSWER))

        assert b"abcde" == peer.requests[0].body


async def test_a_function_decides() -> None:
    """A function sees each request with its body, and returns any kind of reply."""

    def script(request: PeerRequest) -> bytes:
        return response(request.body + request.target.encode())

    async with ScriptedPeer(script) as peer, connected(peer) as stream:
        await stream.send([POST, b"hello"])
        answer = response(b"hello/studies")

        assert answer == await receive(stream, len(answer))


async def test_an_async_iterable_is_sent() -> None:
    """Chunks may be made while they are sent."""

    async def chunks() -> AsyncIterator[Chunk]:
        yield ANSWER[:5]
        await anyio.lowlevel.checkpoint()
        yield ANSWER[5:]

    async with ScriptedPeer([Reply(chunks())]) as peer, connected(peer) as stream:
        await stream.send([GET])

        assert ANSWER == await receive(stream, len(ANSWER))


@pytest.mark.parametrize("end", [End.CLOSE, End.CUT])
async def test_it_closes_in_order(end: End) -> None:
    """FIN follows the reply, even where the client's octets are unread."""
    async with ScriptedPeer([Reply(ANSWER, end, early=True)]) as peer, connected(peer) as stream:
        await stream.send([POST, b"he"])

        assert ANSWER == await receive(stream, len(ANSWER) + 1)
        await stream.send([b"llo"])
        assert 1 == peer.open_connections
        stream.abort()
        await peer.wait_until_idle()


async def test_it_resets() -> None:
    """RST follows the reply: what was sent is read, and then the connection is broken."""
    async with ScriptedPeer([Reply(ANSWER, End.RESET)]) as peer, connected(peer) as stream:
        await stream.send([GET])

        assert ANSWER == await receive(stream, len(ANSWER))
        with pytest.raises(ConnectionLost, match="reset"):
            await receive(stream, 1)


async def test_it_replies_early_and_reads_on() -> None:
    """An early reply comes before the body; a kept connection goes on behind the body."""
    async with ScriptedPeer([Reply(ANSWER, early=True), ANSWER]) as peer, connected(peer) as stream:
        await stream.send([POST])
        assert ANSWER == await receive(stream, len(ANSWER))
        assert not peer.requests[0].complete
        await stream.send([b"hello", GET])
        assert ANSWER == await receive(stream, len(ANSWER))

        assert [True, True] == [request.complete for request in peer.requests]


async def test_it_stalls_until_an_event() -> None:
    """What stands behind an event is sent once that is set."""
    event = anyio.Event()
    async with ScriptedPeer([[ANSWER[:9], event, ANSWER[9:]]]) as peer, connected(peer) as stream:
        await stream.send([GET])
        assert ANSWER[:9] == await receive(stream, 9)
        event.set()

        assert ANSWER[9:] == await receive(stream, len(ANSWER) - 9)


async def test_a_client_that_leaves_ends_a_stall() -> None:
    """A peer that stalls notices when the client closes."""
    async with ScriptedPeer([[anyio.Event()]]) as peer:
        async with connected(peer) as stream:
            await stream.send([GET])
            await peer.wait_for_requests(1)
            assert 1 == peer.open_connections
        await peer.wait_until_idle()

        assert "<ScriptedPeer 1 requests, 1 connections, 0 open>" == repr(peer)


async def test_leaving_ends_everything() -> None:
    """Whatever the script is at when the peer is left, its connections and its port are closed."""
    async with ScriptedPeer([[anyio.Event()]]) as peer:
        port = int(peer.origin.rpartition(":")[2])
        stream = await dial(Origin("http", "127.0.0.1", port))
        await stream.send([GET])
        await peer.wait_for_requests(1)

    with anyio.fail_after(5):
        assert b"" == await receive(stream, 1)
    stream.abort()
    assert 0 == peer.open_connections
    with pytest.raises(ConnectionRefusedError), socket.socket() as sock:
        sock.connect(("127.0.0.1", port))


async def test_what_the_script_raises_is_raised_on_leaving() -> None:
    """A mistake in a script is not taken for a lost connection."""

    def script(_: PeerRequest) -> bytes:
        raise LookupError("no such study")

    async def ask() -> None:
        async with ScriptedPeer(script) as peer, connected(peer) as stream:
            await stream.send([GET])
            assert b"" == await receive(stream, 1)

    with pytest.raises(LookupError, match="no such study"):
        await ask()


async def test_what_the_script_raises_explains_a_lost_connection() -> None:
    """What its client raises for that reason comes out, with a note of the mistake."""

    def script(_: PeerRequest) -> bytes:
        raise LookupError("no such study")

    async def ask() -> None:
        async with ScriptedPeer(script) as peer, connected(peer) as stream:
            await stream.send([GET])
            assert b"" == await receive(stream, 1)
            raise ConnectionLost("nothing came")

    with pytest.raises(ConnectionLost) as caught:
        await ask()

    assert ["the ScriptedPeer failed: LookupError('no such study')"] == caught.value.__notes__


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A throw-away certificate authority."""
    return trustme.CA()


@pytest.mark.parametrize("end", [End.CLOSE, End.CUT])
async def test_it_speaks_tls(authority: trustme.CA, end: End) -> None:
    """With a context it serves https; CLOSE says the TLS farewell and CUT does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with ScriptedPeer([Reply(ANSWER, end)], tls=context) as peer:
        assert peer.url.startswith("https://127.0.0.1:")
        async with connected(peer, client) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))
            if end is End.CLOSE:
                assert b"" == await receive(stream, 1)
            else:
                with pytest.raises(ConnectionLost, match="close_notify"):
                    await receive(stream, 1)


async def test_a_peer_that_is_not_ready(authority: trustme.CA) -> None:
    """Connections are accepted, and no handshake is begun before it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    ready = anyio.Event()
    async with ScriptedPeer([ANSWER], tls=context, ready=ready) as peer:
        with anyio.move_on_after(0.05) as scope:
            async with connected(peer, client):
                pass
        assert scope.cancelled_caught
        assert 1 == peer.connections
        ready.set()
        async with connected(peer, client) as stream:
            await stream.send([GET])
            assert ANSWER == await receive(stream, len(ANSWER))
