"""What TLS streams do beyond the contract of all streams: trust, and every kind of end."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
import trustme

from aiodicomweb.errors import ConnectionLost, TlsError
from aiodicomweb.http import URL, Request
from aiodicomweb.net import Deadlines, Timeout, Tls, Transport
from aiodicomweb.net.certificates import peer_names, untrusted
from aiodicomweb.net.tcp import TcpStream
from aiodicomweb.net.tls import TlsStream
from aiodicomweb.testing import End, Reply, ScriptedPeer
from aiodicomweb.wire import Limits

from ..support.streams import contexts, receive, socket_pair, tcp_pair, tls_pair

if TYPE_CHECKING:
    from pathlib import Path

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


async def test_an_unknown_authority_is_not_trusted() -> None:
    """A certificate of nobody we know is refused, with what can be done about it."""
    error = await attempt(Tls().context(), contexts().server)

    assert "the server's certificate is not trusted: its authority is not known here" in str(error)
    assert "tls=Tls(ca=...)" in error.hint
    assert "tls" == error.phase


@pytest.mark.parametrize(
    ("names", "hostname", "message"),
    [
        (["a.example"], "pacs.example", "it is for a.example, not for pacs.example"),
        (["a.example", "*.b.example"], "10.0.0.7", "is for a.example, *.b.example, not for 10.0"),
        (["127.0.0.1"], "pacs.example", "it is for 127.0.0.1, not for pacs.example"),
        (
            [f"{letter}.example" for letter in "abcde"],
            "pacs.example",
            "it is for a.example, b.example, c.example and 2 more, not for pacs.example",
        ),
    ],
)
async def test_another_host_is_not_trusted(names: list[str], hostname: str, message: str) -> None:
    """A certificate for another name is refused, in plain words."""
    error = await attempt(contexts().client, serving_as(*names), hostname)

    assert message in str(error)
    assert "is it the right server?" in error.hint


def serving_as(*names: str, **settings: Any) -> ssl.SSLContext:
    """A server's context with a certificate for these names of an authority that is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts().authority.issue_cert(*names, **settings).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [(-20, -10, "it has expired"), (10, 20, "it is not valid yet")],
)
async def test_a_certificate_has_its_time(begin: int, end: int, message: str) -> None:
    """Before and after it is not trusted; a clock that is wrong looks the same."""
    now = dt.datetime.now(dt.UTC)
    begins, ends = (now + dt.timedelta(days=days) for days in (begin, end))
    server = serving_as("127.0.0.1", not_before=begins, not_after=ends)
    error = await attempt(contexts().client, server)

    assert message in str(error)
    assert "clock" in error.hint


async def test_a_self_signed_certificate() -> None:
    """Nobody vouches for it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.cert_pem.tempfile() as certificate, authority.private_key_pem.tempfile() as key:
        server.load_cert_chain(certificate, key)
    error = await attempt(contexts().client, server)

    assert "it is self-signed" in str(error)
    assert "tls=Tls(ca=...)" in error.hint


async def test_other_reasons_are_those_of_openssl() -> None:
    """What we have no words for it says itself."""
    error = ssl.SSLCertVerificationError(1, "text")
    error.verify_code, error.verify_message = 26, "unsuitable certificate purpose"

    assert "not trusted: unsuitable certificate purpose" in str(untrusted(error, "a", ()))


async def test_a_client_that_is_not_trusted() -> None:
    """The server says whose certificate it was."""
    server = serving_as("127.0.0.1")
    server.verify_mode = ssl.CERT_REQUIRED
    contexts().authority.configure_trust(server)
    client = ssl.create_default_context()
    contexts().authority.configure_trust(client)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    trustme.CA().issue_cert("client.example").configure_cert(client)
    async with tcp_pair() as (one, other), anyio.create_task_group() as tasks:

        async def connect() -> None:
            with pytest.raises(TlsError):
                await TlsStream.client(one, client, "127.0.0.1")

        tasks.start_soon(connect)
        with pytest.raises(TlsError, match="the client's certificate is not trusted"):
            await TlsStream.server(other, server)


async def test_names_that_nobody_vouches_for() -> None:
    """A Python that does not show them, or a peer that put nonsense there, costs no more."""
    context = ssl.create_default_context()
    fresh = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="pacs.example")

    class Strange:
        """A certificate with names that no host has."""

        def get_unverified_chain(self) -> list[Strange]:
            return [self]

        def get_info(self) -> dict[str, object]:
            names = ["a\x1b[31m.example", "b.example", "c" * 300, ("d",)]
            return {"subjectAltName": tuple(("DNS", name) for name in names)}

    class Fake:
        _sslobj = Strange()

    assert () == peer_names(fresh)
    assert () == peer_names(object())  # type: ignore[arg-type]
    assert ("b.example",) == peer_names(Fake())  # type: ignore[arg-type]


async def test_a_server_that_wants_to_know_us(tmp_path: Path) -> None:
    """A certificate of our own is shown to it."""
    server = serving_as("127.0.0.1")
    server.verify_mode = ssl.CERT_REQUIRED
    contexts().authority.configure_trust(server)
    contexts().authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    own = contexts().authority.issue_cert("client.example").private_key_and_cert_chain_pem
    own.write_to_path(str(tmp_path / "own.pem"))
    settings = Tls(ca=tmp_path / "ca.pem", certificate=tmp_path / "own.pem")
    client = await anyio.to_thread.run_sync(settings.context)
    async with tls_pair(client, server) as (_, other):
        names = other._object.getpeercert()["subjectAltName"]  # type: ignore[attr-defined]

        assert (("DNS", "client.example"),) == names


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


@pytest.mark.parametrize("end", [End.CLOSE, End.CUT])
async def test_a_body_that_ends_with_the_connection(end: End) -> None:
    """The farewell says that it is whole; without, it was cut off (RFC 9112 §9.8)."""
    reply = Reply(b"HTTP/1.1 200 OK\r\n\r\nwhole?", end)
    async with ScriptedPeer([reply], tls=contexts().server) as peer:
        transport = Transport(tls=contexts().client, limits=Limits())
        request = Request("GET", URL.parse(peer.url))
        incoming = await transport.send(request, Deadlines(Timeout(), peer.origin))
        assert incoming.verifiable
        if end is End.CLOSE:
            assert b"whole?" == await incoming.read_all()
        else:
            with pytest.raises(ConnectionLost, match="close_notify"):
                await incoming.read_all()
        await transport.aclose()


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
        with pytest.raises(TlsError, match="CERTIFICATE_REQUIRED") as caught:
            await receive(client, 1)
        assert "tls=Tls(certificate=..., key=...)" in caught.value.hint
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
