"""Making connections, and what it says when that can't be done."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import (
    ConfigurationError,
    ConnectFailed,
    DeadlineExceeded,
    Limits,
    Timeout,
    TlsError,
)
from aiodicomweb.http import Origin
from aiodicomweb.net import Deadlines, Tls, happy_eyeballs
from aiodicomweb.net import dial as dial_module
from aiodicomweb.net.dial import Dialer
from aiodicomweb.net.tls import TlsStream
from aiodicomweb.testing import ScriptedPeer, response

from ..support.streams import contexts, dial, receive

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


DEADLINES = Deadlines(Timeout(), "")
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
        stream = await dial(Origin("http", host, port_of(peer)))
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
            await dial(Origin("https", "127.0.0.1", port_of(peer)))

        assert peer.origin == caught.value.origin
        await peer.wait_until_idle()


async def test_nobody_listens() -> None:
    """Each address that was tried is listed with the reason."""
    port = free_port()
    with pytest.raises(ConnectFailed, match="refused") as caught:
        await dial(Origin("http", "127.0.0.1", port))

    assert ((f"127.0.0.1 port {port}", "Connection refused"),) == caught.value.attempts
    assert ("connect", f"http://127.0.0.1:{port}") == (caught.value.phase, caught.value.origin)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".example", "a..b"])
async def test_no_such_name(host: str) -> None:
    """A name that can't be resolved, or that can't even be asked for, is no connection."""
    with pytest.raises(ConnectFailed, match="can't be resolved") as caught:
        await dial(Origin("http", host, 80))

    assert host == caught.value.attempts[0][0]


@pytest.mark.parametrize("port", [0, 65536, 99999])
async def test_no_such_port(port: int) -> None:
    """A port that can't be is no connection."""
    with pytest.raises(ConnectFailed):
        await dial(Origin("http", "127.0.0.1", port))


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port that answers no attempt to connect."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = int(listener.getsockname()[1])
        for _ in range(4):  # fill the queue: further ones are dropped
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port


def open_sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            count += str(link.readlink()).startswith("socket:")
    return count


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Origin]:
    """Let a host have several addresses: 127.0.0.1 and these ports."""

    def resolve(*ports: int, delay: float) -> Origin:
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        addresses = [dial_module._Address(*kind, ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(dial_module, "_look_up", lambda *_: addresses)
        monkeypatch.setattr(dial_module, "_is_address", lambda _: True)  # no thread
        monkeypatch.setattr(happy_eyeballs, "ATTEMPT_DELAY", delay)
        return Origin("http", "pacs.example", 80)

    return resolve


async def test_a_silent_address_does_not_hold_up_the_next(resolve: Callable[..., Origin]) -> None:
    """While one does not answer the next is tried; what is not needed any more is closed."""
    async with ScriptedPeer() as peer:
        with silent_port() as silent:
            origin = resolve(silent, silent, port_of(peer), delay=0.005)
            before = open_sockets()
            stream = await dial(origin)
            assert before + 2 == open_sockets(), "ours, and the peer's"
            stream.abort()
        await peer.wait_until_idle()

        assert 1 == peer.connections


async def test_a_refusal_brings_on_the_next_at_once(resolve: Callable[..., Origin]) -> None:
    """However long the delay between attempts is."""
    async with ScriptedPeer() as peer:
        stream = await dial(resolve(free_port(), port_of(peer), delay=3600))

        stream.abort()


async def test_one_connection_wins(resolve: Callable[..., Origin]) -> None:
    """Of several that are made at the same moment one is kept."""
    async with ScriptedPeer() as peer:
        before = open_sockets()
        stream = await dial(resolve(*[port_of(peer)] * 5, delay=0))
        stream.abort()
        await peer.wait_until_idle()

        assert before == open_sockets()


async def test_every_address_has_its_reason(resolve: Callable[..., Origin]) -> None:
    """In the order in which they were tried."""
    ports = [free_port(), free_port()]
    with pytest.raises(ConnectFailed, match="no connection could be made") as caught:
        await dial(resolve(*ports, delay=3600))

    reason = "Connection refused"
    assert tuple((f"127.0.0.1 port {port}", reason) for port in ports) == caught.value.attempts


async def test_time_is_up_while_connecting(resolve: Callable[..., Origin]) -> None:
    """The error says what became of each address."""
    with silent_port() as silent:
        refused = free_port()
        origin = resolve(refused, silent, delay=0.001)
        before = open_sockets()
        with pytest.raises(DeadlineExceeded, match="Timeout.connect of 0.1 s is over") as caught:
            await dial(origin, timeout=Timeout(connect=0.1))

        assert before == open_sockets()
    assert f"127.0.0.1 port {refused}: Connection refused" in str(caught.value)
    assert f"127.0.0.1 port {silent}: no answer" in str(caught.value)
    assert "connect" == caught.value.phase


async def test_time_is_up_while_resolving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is silent holds nobody up."""
    answer = threading.Event()
    monkeypatch.setattr(dial_module, "_look_up", lambda *_: answer.wait() and [])
    with pytest.raises(DeadlineExceeded, match="the name of the host was not resolved") as caught:
        await dial(Origin("http", "pacs.example", 80), timeout=Timeout(connect=0.02))
    answer.set()

    assert "connect" == caught.value.phase


async def test_time_is_up_in_the_handshake() -> None:
    """TLS has seconds of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = Origin("https", "127.0.0.1", listener.getsockname()[1])
        before = open_sockets()
        with pytest.raises(DeadlineExceeded, match="Timeout.tls of 0.02 s is over") as caught:
            await dial(origin, contexts().client, timeout=Timeout(tls=0.02))

        assert before == open_sockets()
    assert ("tls", str(origin)) == (caught.value.phase, caught.value.origin)


async def test_the_context_is_made_once_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the trust store takes a while: it blocks nobody, and isn't repeated."""
    threads: list[int] = []

    def context(_: Tls) -> ssl.SSLContext:
        threads.append(threading.get_ident())
        return contexts().client

    monkeypatch.setattr(Tls, "context", context)
    dialer = Dialer(Tls(), Limits())
    async with ScriptedPeer(tls=contexts().server) as peer, anyio.create_task_group() as tasks:

        async def connect() -> None:
            origin = Origin("https", "127.0.0.1", port_of(peer))
            (await dialer.dial(origin, DEADLINES)).abort()

        for _ in range(3):
            tasks.start_soon(connect)

    assert 1 == len(threads)
    assert threading.get_ident() not in threads


async def test_files_that_are_missing_are_no_fault_of_the_server() -> None:
    """They are a mistake in the settings, and the connection is closed."""
    async with ScriptedPeer() as peer:
        with pytest.raises(ConfigurationError, match="Tls.ca: missing.pem: No such file"):
            await dial(Origin("https", "127.0.0.1", port_of(peer)), Tls(ca="missing.pem"))
        await peer.wait_until_idle()


@pytest.mark.parametrize("steps", range(14))
@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
async def test_cancelling_leaves_no_socket(
    steps: int, resolve: Callable[..., Origin], *, native: bool
) -> None:
    """Connecting can be cancelled at any moment, with several attempts under way."""
    async with ScriptedPeer() as peer:
        with silent_port() as silent:
            origin = resolve(silent, port_of(peer), port_of(peer), delay=0)
            before = open_sockets()

            async def connect() -> None:
                (await dial(origin)).abort()

            async def grouped() -> None:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(connect)

            task = asyncio.ensure_future(connect() if native else grouped())
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            task.cancel()
            await asyncio.wait([task])
            await peer.wait_until_idle()

            assert before == open_sockets()
