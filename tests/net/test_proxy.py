"""What proxies are told, and what becomes of their answers."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiodicomweb import (
    AuthenticationRequired,
    BasicAuth,
    BearerAuth,
    Client,
    ConnectFailed,
    DeadlineExceeded,
    Limits,
    ProxyError,
    Retry,
    StatusError,
    Timeout,
)
from aiodicomweb.http import URL, Headers, Origin, Proxies, Proxy, Request
from aiodicomweb.net import Deadlines, Tls, Transport
from aiodicomweb.net.dial import Dialer
from aiodicomweb.net.proxy import open_tunnel
from aiodicomweb.testing import PeerRequest, Reply, ScriptedPeer, response

from ..support.streams import contexts, receive, tcp_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PACS = Origin("https", "pacs.example", 443)
DEADLINES = Deadlines(Timeout(), "")
SECRET = Proxy.parse("http://user:swordfish@proxy.example:3128")
CREDENTIALS = "Basic dXNlcjpzd29yZGZpc2g="
BARE = Proxy.parse("http://proxy.example:3128")
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def ask(
    *answers: bytes,
    proxy: Proxy = BARE,
    origin: Origin = PACS,
    limits: Limits | None = None,
    end: bool = False,
) -> bytes:
    """Open a tunnel through a proxy that gives this answer; what it was told."""
    async with tcp_pair() as (one, other):

        async def answer() -> None:
            for octets in answers:
                await other.send([octets])
                await anyio.lowlevel.checkpoint()
            if end:
                await other.send_eof()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            try:
                await open_tunnel(one, origin, proxy, limits or Limits(), DEADLINES)
            except ProxyError as error:
                failure = error
            else:
                await one.send_eof()
                return await receive(other, 65536)
    raise failure


@pytest.mark.parametrize(
    ("origin", "authority"),
    [(PACS, "pacs.example:443"), (Origin("https", "2001:db8::7", 8443), "[2001:db8::7]:8443")],
)
async def test_a_tunnel_is_asked_for(origin: Origin, authority: str) -> None:
    """By host and port, and with no field that is none of the proxy's business."""
    expected = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"

    assert expected.encode() == await ask(ESTABLISHED, origin=origin)


async def test_the_proxy_is_told_who_asks() -> None:
    """With the credentials of its URL."""
    asked = await ask(ESTABLISHED, proxy=SECRET)

    assert f"Proxy-Authorization: {CREDENTIALS}\r\n".encode() in asked


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
async def test_any_success_opens_the_tunnel(answer: bytes) -> None:
    """Framing that it tells does not count (RFC 9110 §9.3.6); 1xx may come before."""
    assert await ask(answer)


@given(cuts=st.lists(st.integers(1, len(ESTABLISHED) - 1), max_size=5, unique=True).map(sorted))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=20)
def test_the_answer_may_come_in_pieces(cuts: list[int]) -> None:
    """Of any size."""
    bounds = [0, *cuts, len(ESTABLISHED)]
    pieces = [ESTABLISHED[a:b] for a, b in pairwise(bounds)]

    async def main() -> bytes:
        return await ask(*pieces)

    assert anyio.run(main)


@pytest.mark.parametrize(
    ("status", "proxy", "message", "hint"),
    [
        (407, BARE, "wants to know who asks for pacs.example:443", "user:password@"),
        (407, SECRET, "refuses the user name or password", "user:password@"),
        (401, BARE, "refuses the user name or password", "user:password@"),
        (403, BARE, "does not allow connections to pacs.example:443", "direct"),
        (502, BARE, "can't reach pacs.example:443", "direct"),
        (504, BARE, "can't reach pacs.example:443", "direct"),
        (302, BARE, "does not connect to pacs.example:443", "direct"),
        (500, BARE, "does not connect to pacs.example:443", "direct"),
    ],
)
async def test_a_refusal(status: int, proxy: Proxy, message: str, hint: str) -> None:
    """The error says that it was the proxy, why, and what can be done."""
    answer = f"HTTP/1.1 {status} swordfish\r\nContent-Length: 9\r\n\r\nswordfish".encode()
    with pytest.raises(ProxyError, match=f"the proxy {message} .status {status}.") as caught:
        await ask(answer, proxy=proxy)

    error = caught.value
    assert (status, "connect", "http://proxy.example:3128") == (
        error.status,
        error.phase,
        error.origin,
    )
    assert hint in error.hint
    assert "swordfish" not in f"{error}{error!r}"
    assert status == pickle.loads(pickle.dumps(error)).status


async def test_a_proxy_that_takes_no_passwords() -> None:
    """The hint says so, and not to give one."""
    head = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n"
    with pytest.raises(ProxyError, match="it takes no Basic authentication"):
        await ask(head)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closes when asked"),
        (ESTABLISHED[:-2], "closes when asked"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "answers with what is no HTTP"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17, "answers with what is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000, "answers with what is no HTTP"),
        (ESTABLISHED + b"\x15\x03", "speaks first in the tunnel to pacs.example:443"),
    ],
    ids=["nothing", "half", "no HTTP", "1xx", "endless", "too early"],
)
async def test_what_is_no_answer(answer: bytes, message: str) -> None:
    """The proxy is at fault, whatever it does."""
    with pytest.raises(ProxyError, match=f"the proxy {message}") as caught:
        await ask(answer, end=True)

    assert 0 == caught.value.status


async def test_a_silent_proxy() -> None:
    """The seconds of connecting bound its answer; the socket is closed."""
    async with ScriptedPeer([Reply([anyio.Event()])]) as peer:
        proxy = Proxy.parse(peer.url)
        deadlines = Deadlines(Timeout(connect=0.1), str(PACS))
        with pytest.raises(DeadlineExceeded, match="did not say whether it can connect") as caught:
            await Dialer(Tls(), Limits()).dial(PACS, deadlines, proxy)

        assert ("connect", str(proxy)) == (caught.value.phase, caught.value.origin)
        await peer.wait_until_idle()


async def test_a_proxy_that_is_not_there() -> None:
    """It is the proxy that can't be reached, and not the server."""
    async with ScriptedPeer() as peer:
        proxy = Proxy.parse(peer.url)
    with pytest.raises(ConnectFailed, match="the proxy can't be reached") as caught:
        await Dialer(Tls(), Limits()).dial(PACS, DEADLINES, proxy)

    assert str(proxy) == caught.value.origin
    assert "HTTPS_PROXY" in caught.value.hint


@asynccontextmanager
async def tunnelling_proxy() -> AsyncIterator[Proxy]:
    """A proxy that is spoken to by TLS, and leads to wherever it is asked to."""

    async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while octets := await source.read(65536):
            sink.write(octets)
            await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        host, _, port = head.split()[1].decode().rpartition(":")
        beyond, onward = await asyncio.open_connection(host, int(port))
        writer.write(ESTABLISHED)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(reader, onward))
            tasks.create_task(pour(beyond, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts().server)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Proxy.parse(f"https://127.0.0.1:{port}")


async def test_a_tunnel_through_a_proxy_of_https() -> None:
    """TLS inside TLS: the proxy is verified, and so is the server behind it."""
    body = bytes(range(256)) * 4096
    async with (
        tunnelling_proxy() as proxy,
        ScriptedPeer([response(body)], tls=contexts().server) as peer,
    ):
        transport = Transport(tls=contexts().client, limits=Limits(), proxies=Proxies(https=proxy))
        incoming = await transport.send(Request("GET", URL.parse(peer.url)), DEADLINES)

        assert body == await incoming.read_all()
        assert "/" == peer.requests[0].target
        await transport.aclose()
        await peer.wait_until_idle()


@pytest.mark.parametrize("steps", [*range(0, 24, 2), 40, 80])
@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
async def test_cancelling_leaves_no_socket(steps: int, *, native: bool) -> None:
    """On the way to the proxy, before its answer, and in the handshake behind it."""
    async with ScriptedPeer([ESTABLISHED]) as peer:
        dialer, proxy = Dialer(contexts().client, Limits()), Proxy.parse(peer.url)

        async def connect() -> None:
            await dialer.dial(PACS, DEADLINES, proxy)

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connect)

        task = asyncio.ensure_future(connect() if native else grouped())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()
        await peer.wait_until_idle()


# --- requests that are forwarded -----------------------------------------------------------------


async def forward(peer: ScriptedPeer, *urls: str, headers: Headers | None = None) -> list[bytes]:
    """Ask for these by way of a proxy that wants credentials; the answers."""
    proxy = Proxy.parse(peer.url.replace("://", "://user:swordfish@"))
    tls = contexts().client
    transport = Transport(tls=tls, limits=Limits(), proxies=Proxies(http=proxy, https=proxy))
    try:
        answers: list[bytes] = []
        for url in urls:
            request = Request("GET", URL.parse(url), headers or Headers())
            incoming = await transport.send(request, DEADLINES)
            assert CREDENTIALS not in incoming.request.headers.get_all("Proxy-Authorization")
            answers.append(bytes(await incoming.read_all()))
        return answers
    finally:
        await transport.aclose()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_a_proxy_is_asked_for_whole_urls(*, tls: bool) -> None:
    """With its credentials in place of any others, over TLS if it is a proxy of https."""
    context = contexts().server if tls else None
    async with ScriptedPeer([response(b"fine")], tls=context) as peer:
        mine = Headers({"Proxy-Authorization": "Basic other"})
        answers = await forward(peer, "http://pacs.example:8042/studies?limit=1#x", headers=mine)

        assert [b"fine"] == answers
        (request,) = peer.requests
        assert "http://pacs.example:8042/studies?limit=1" == request.target
        assert "pacs.example:8042" == request.headers["Host"]
        assert [CREDENTIALS] == request.headers.get_all("Proxy-Authorization")


async def test_origins_share_no_connection() -> None:
    """What one is asked does not travel on the connection of another, though it could."""
    async with ScriptedPeer([response(b"fine")] * 3) as peer:
        await forward(peer, "http://a.example/", "http://b.example/", "http://a.example/")

        assert [1, 2, 1] == [request.connection for request in peer.requests]
        assert "http://b.example/" == peer.requests[1].target


async def test_a_proxy_that_forwards_nothing() -> None:
    """407 is the proxy's own word; the connection is closed."""
    async with ScriptedPeer([response(b"no", status=407)]) as peer:
        with pytest.raises(ProxyError, match="refuses the user name or password") as caught:
            await forward(peer, "http://pacs.example/")

        assert 407 == caught.value.status
        await peer.wait_until_idle()


TINYPROXY = {"Server": "tinyproxy/1.11.1", "WWW-Authenticate": 'Basic realm="Tinyproxy"'}


async def test_a_proxy_that_says_401() -> None:
    """tinyproxy does, of a wrong password, under its own name; no token is renewed for that."""
    refused = response(b"no", TINYPROXY, 401)
    tokens: list[object] = []
    async with ScriptedPeer([refused]) as peer:
        proxy = peer.url.replace("://", "://user:swordfish@")
        auth = BearerAuth(lambda: tokens.append(None) or "t")
        async with Client("http://pacs.example", proxy=proxy, auth=auth) as client:
            with pytest.raises(ProxyError, match="refuses the user name or password") as caught:
                await client.search_for_studies()

        assert (401, str(Proxy.parse(peer.url))) == (caught.value.status, caught.value.origin)
        assert (1, 1) == (len(tokens), len(peer.requests))
        assert "swordfish" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize(
    "fields",
    [
        {**TINYPROXY, "Via": "1.1 tinyproxy (tinyproxy/1.11.1)"},
        {**TINYPROXY, "Server": "Orthanc"},
        {"WWW-Authenticate": "Bearer", "Via": "1.1 tinyproxy (tinyproxy/1.11.1)"},
        {},
    ],
)
async def test_a_server_that_says_401(fields: dict[str, str]) -> None:
    """What a proxy passes on says so (RFC 9110 §7.6.3), or has no proxy's name."""
    async with (
        ScriptedPeer([response(b"no", fields, 401)]) as peer,
        Client("http://pacs.example", proxy=peer.url) as client,
    ):
        with pytest.raises(AuthenticationRequired, match="status 401"):
            await client.search_for_studies()


async def test_without_a_proxy_407_is_a_status() -> None:
    """Whoever says it, no proxy of ours did."""
    async with ScriptedPeer([response(b"no", status=407)]) as peer, Client(peer.url) as client:
        with pytest.raises(StatusError, match="status 407"):
            await client.search_for_studies()


# --- the client ----------------------------------------------------------------------------------


async def test_the_client_goes_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was when the client was made."""

    def reply(request: PeerRequest) -> bytes:
        return response(b"[]", {"Content-Type": "application/dicom+json"})

    for name in ("http_proxy", "no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    async with ScriptedPeer(reply) as peer:
        monkeypatch.setenv("HTTP_PROXY", peer.url)
        async with Client("http://pacs.example", auth=BasicAuth("me", "mine")) as client:
            monkeypatch.delenv("HTTP_PROXY")
            assert [] == await client.search_for_studies()

        (request,) = peer.requests
        assert request.target.startswith("http://pacs.example/studies")
        assert "Authorization" in request.headers
        assert "Proxy-Authorization" not in request.headers


async def test_the_client_goes_by_its_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to this very machine, and whatever the environment says."""
    reply = response(b"[]", {"Content-Type": "application/dicom+json"})
    monkeypatch.setenv("NO_PROXY", "*")
    async with ScriptedPeer([reply]) as peer:
        async with Client("http://127.0.0.1:1/", proxy=peer.url) as client:
            assert [] == await client.search_for_studies()

        assert peer.requests[0].target.startswith("http://127.0.0.1:1/studies")


async def test_direct_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Although there is a proxy in the environment."""
    monkeypatch.setenv("ALL_PROXY", "socks5://nowhere")
    async with Client("http://pacs.invalid", proxy="direct", retry=Retry(attempts=1)) as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.search_for_studies()

    assert "http://pacs.invalid:80" == caught.value.origin
