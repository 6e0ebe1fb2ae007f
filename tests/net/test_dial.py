"""Making connections, and what it says when that can't be done."""

from __future__ import annotations

import socket

import anyio
import pytest

from aiodicomweb import ConnectFailed, TlsError
from aiodicomweb.http import Origin
from aiodicomweb.net.dial import dial
from aiodicomweb.net.tls import TlsStream
from aiodicomweb.testing import ScriptedPeer, response

from ..support.streams import contexts, receive

GET = b"GET / HTTP/1.1\r\nHost: peer\r\n\r\n"


def port_of(peer: ScriptedPeer) -> int:
    """The port that a peer listens on."""
    return int(peer.origin.rpartition(":")[2])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_is_reached(host: str) -> None:
    """By name or number; an address where nobody answers is passed over."""
    async with ScriptedPeer([response(b"yes")]) as peer:
        stream = await dial(Origin("http", host, port_of(peer)), None)
        await stream.send([GET])

        assert response(b"yes") == await receive(stream, len(response(b"yes")))
        await stream.aclose()


async def test_https_is_tls() -> None:
    """An https origin is reached over TLS, with the context given."""
    async with ScriptedPeer([response(b"yes")], tls=contexts().server) as peer:
        stream = await dial(Origin("https", "127.0.0.1", port_of(peer)), contexts().client)

        assert isinstance(stream, TlsStream)
        stream.abort()


async def test_no_trust_without_a_reason() -> None:
    """Without a context the system's authorities count; the error knows the origin."""
    async with ScriptedPeer(tls=contexts().server) as peer:
        with pytest.raises(TlsError, match="not trusted") as caught:
            await dial(Origin("https", "127.0.0.1", port_of(peer)), None)

        assert peer.origin == caught.value.origin
        await peer.wait_until_idle()


async def test_nobody_listens() -> None:
    """Each address that was tried is listed with the reason."""
    port = free_port()
    with pytest.raises(ConnectFailed, match="refused") as caught:
        await dial(Origin("http", "127.0.0.1", port), None)

    assert ((f"127.0.0.1 port {port}", "Connection refused"),) == caught.value.attempts
    assert ("connect", f"http://127.0.0.1:{port}") == (caught.value.phase, caught.value.origin)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".example", "a..b"])
async def test_no_such_name(host: str) -> None:
    """A name that can't be resolved, or that can't even be asked for, is no connection."""
    with pytest.raises(ConnectFailed, match="can't be resolved") as caught:
        await dial(Origin("http", host, 80), None)

    assert host == caught.value.attempts[0][0]


@pytest.mark.parametrize("port", [0, 65536, 99999])
async def test_no_such_port(port: int) -> None:
    """A port that can't be is no connection."""
    with pytest.raises(ConnectFailed):
        await dial(Origin("http", "127.0.0.1", port), None)


async def test_cancelling_leaves_no_socket() -> None:
    """Connecting can be cancelled at any moment."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    # Fill the queue of connections: further ones get no answer.
    waiting = [socket.socket() for _ in range(4)]
    for sock in waiting:
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))

    with anyio.move_on_after(0.02) as scope:
        await dial(Origin("http", "127.0.0.1", port), None)

    assert scope.cancelled_caught
    for sock in (*waiting, listener):
        sock.close()
