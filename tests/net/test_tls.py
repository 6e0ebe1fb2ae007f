"""What TLS streams do beyond the contract of all streams: trust, and every kind of end."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme

from aiodicomweb.errors import ConnectionLost, TlsError
from aiodicomweb.net.tcp import TcpStream
from aiodicomweb.net.tls import TlsStream, default_context

from ..support.streams import contexts, receive, socket_pair, tcp_pair, tls_pair

if TYPE_CHECKING:
    from aiodicomweb.net import ByteStream

ROOM = memoryview(bytearray(65536))


async def attempt(
    client: ssl.SSLContext, server: ssl.SSLContext, hostname: str = "127.0.0.1"
) -> TlsError:
    """Shake hands with a server in vain; the client's error."""
    async with tcp_pair() as (one, other):

        async def serve() -> None:
            with pytest.raises(TlsError):
                await TlsStream.server(other, server)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            with pytest.raises(TlsError) as caught:
                await TlsStream.client(one, client, hostname)
        assert one.is_readable(), "the stream below is closed"
    return caught.value


def test_the_default_verifies() -> None:
    """Verification on, hostnames checked, TLS 1.2 at least."""
    context = default_context()

    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def test_an_unknown_authority_is_not_trusted() -> None:
    """A certificate of nobody we know is refused, with what can be done about it."""
    error = await attempt(default_context(), contexts().server)

    assert "not trusted: unable to get local issuer certificate" in str(error)
    assert "cafile" in error.hint
    assert "tls" == error.phase


async def test_another_host_is_not_trusted() -> None:
    """A certificate for another name is refused, in plain words."""
    error = await attempt(contexts().client, contexts().server, "pacs.example")

    assert "Hostname mismatch" in str(error)


async def test_no_common_version() -> None:
    """A server that is too old is refused."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts().authority.issue_cert("127.0.0.1").configure_cert(old)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = ssl.create_default_context()
    new.minimum_version = ssl.TLSVersion.TLSv1_3

    assert "handshake failed: " in str(await attempt(new, old))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "WRONG_VERSION_NUMBER"), (b"", "EOF|ended")],
    ids=["plain HTTP", "closed"],
)
async def test_what_speaks_no_tls(octets: bytes, reason: str) -> None:
    """A server without TLS, or one that closes, fails the handshake."""
    async with tcp_pair() as (one, other):
        await other.send([octets])
        other.abort()
        with pytest.raises(TlsError, match=reason):
            await TlsStream.client(one, contexts().client, "127.0.0.1")


@pytest.mark.parametrize("hostname", ["", ".example", "x" * 70])
async def test_a_name_that_cannot_be(hostname: str) -> None:
    """A name that TLS can't ask for is an error of our tree, and closes the stream."""
    one, other = socket_pair()
    with pytest.raises(TlsError, match="can't be begun"):
        await TlsStream.client(TcpStream(one), contexts().client, hostname)

    assert -1 == one.fileno()
    other.close()


async def test_a_context_of_the_other_side() -> None:
    """A server's context is refused for a client."""
    one, other = socket_pair()
    with pytest.raises(TlsError, match="can't be begun"):
        await TlsStream.client(TcpStream(one), contexts().server, "127.0.0.1")

    assert -1 == one.fileno()
    other.close()


@pytest.mark.parametrize("native", [True, False])
async def test_a_cancelled_handshake_closes(*, native: bool) -> None:
    """A handshake that the peer never answers leaves no socket behind when it is cancelled."""
    one, other = socket_pair()
    if native:
        task = asyncio.ensure_future(
            TlsStream.client(TcpStream(one), contexts().client, "127.0.0.1")
        )
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    else:
        with anyio.move_on_after(0.001):
            await TlsStream.client(TcpStream(one), contexts().client, "127.0.0.1")

    assert -1 == one.fileno()
    other.close()


async def test_an_end_without_farewell_is_a_cut() -> None:
    """FIN without close_notify may be somebody's doing (RFC 9112 §9.8)."""
    async with tls_pair() as (client, server):
        await server.send([b"so far"])
        server.abort()

        assert b"so far" == await receive(client, 6)
        with pytest.raises(ConnectionLost, match="close_notify"):
            await receive(client, 1)


async def test_a_farewell_without_end_is_an_end() -> None:
    """close_notify ends the stream, and the connection is not at rest then."""
    async with tls_pair() as (client, server):
        await server.send([b"last"])
        farewell(server)
        await server._flush()  # type: ignore[attr-defined]
        while not client.is_readable():
            await anyio.lowlevel.checkpoint()

        assert b"last" == await receive(client, 4)
        assert client.is_readable(), "the farewell was read together with the octets"
        assert b"" == await receive(client, 1)


def farewell(stream: ByteStream) -> None:
    """Put a close_notify behind what was sent."""
    with pytest.raises(ssl.SSLWantReadError):
        stream._object.unwrap()  # type: ignore[attr-defined]


async def test_a_refused_client_is_told_why() -> None:
    """A server that wants a certificate says so only after the handshake (TLS 1.3)."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    contexts().authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    async with tcp_pair() as (one, other), anyio.create_task_group() as tasks:

        async def serve() -> None:
            with pytest.raises(TlsError):
                await TlsStream.server(other, server)

        tasks.start_soon(serve)
        client = await TlsStream.client(one, contexts().client, "127.0.0.1")
        with pytest.raises(TlsError, match="CERTIFICATE_REQUIRED"):
            await receive(client, 1)
        with pytest.raises(ConnectionLost):
            await client.send([bytes(1 << 20)] * 100)


async def test_a_corrupt_record_is_no_end() -> None:
    """Octets that were changed on the way break TLS."""
    async with tcp_pair() as (one, other):
        one_below = _Corrupting(one)
        ends: dict[str, TlsStream] = {}

        async def serve() -> None:
            ends["server"] = await TlsStream.server(other, contexts().server)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            client = await TlsStream.client(one_below, contexts().client, "127.0.0.1")
        await ends["server"].send([b"!"])
        await receive(client, 1)
        one_below.corrupts = True
        await ends["server"].send([bytes(1000)])

        with pytest.raises(TlsError, match="BAD_RECORD_MAC"):
            await receive(client, 1000)


class _Corrupting(TcpStream):
    """A stream that changes an octet of what arrives."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream._socket)  # type: ignore[attr-defined]
        self.corrupts = False

    async def receive_into(self, view: memoryview) -> int:
        count = await super().receive_into(view)
        if self.corrupts:
            view[count - 1] ^= 1
        return count


async def test_a_writer_may_need_to_hear() -> None:
    """When TLS wants to be heard by the writer too, one of the two receives for both."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts().authority.issue_cert("127.0.0.1").configure_cert(server)
    async with tls_pair(server=server) as (client, other):
        assert isinstance(client, TlsStream)
        wanted = iter([ssl.SSLWantReadError, ssl.SSLWantReadError])

        def operation() -> str:
            # No public way leads here but a renegotiation, which peers no longer ask for.
            if error := next(wanted, None):
                raise error
            return "done"

        results: list[object] = []

        async def write() -> None:
            results.append(await client._run(operation))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.receive_into, ROOM)
            tasks.start_soon(write)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            await other.send([b"x"])
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            await other.send([b"y"])

        assert ["done"] == results
