"""What is said to a proxy: the tunnel that it opens, and the requests that it forwards.

Errors say which hop failed. What a proxy answered beyond its status, nobody vouches for, and it is
not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConnectionLost, DeadlineExceeded, LimitExceeded, ProtocolError, ProxyError
from ..http import URL, Headers, Request, parse_challenges
from ..wire.heads import ClientHeads, head_length

if TYPE_CHECKING:
    from ..http import Origin, Proxy, Response
    from ..wire import Limits
    from .deadline import Deadlines
    from .stream import ByteStream

__all__ = ["absolute_form", "forwarded", "is_refusal", "open_tunnel", "refusal"]

_READ = 8 * 1024


async def open_tunnel(
    stream: ByteStream, origin: Origin, proxy: Proxy, limits: Limits, deadlines: Deadlines
) -> None:
    """Ask a proxy to connect to an origin (RFC 9110 §9.3.6); the stream then leads there.

    Args:
        stream: To the proxy.
        origin: Where the tunnel is to lead.
        proxy: Whom we speak to.
        limits: Bounds over its answer.
        deadlines: Of the call; the tunnel has the seconds of the phase ``connect``.

    Raises:
        ProxyError: It does not open one.
        DeadlineExceeded: It doesn't answer.
    """
    target = _authority(origin)
    try:
        with deadlines.phase("connect"):
            response, beyond = await _ask(stream, target, proxy, limits)
    except DeadlineExceeded as error:
        error.message += f" (the proxy did not say whether it can connect to {target})"
        error.origin = str(proxy)
        raise
    except (ConnectionLost, ProtocolError) as error:
        what = "closes" if isinstance(error, ConnectionLost) else "answers with what is no HTTP"
        raise _failure(proxy, f"the proxy {what} when asked to connect to {target}") from error
    if not response.is_success:
        raise refusal(response, target, proxy)
    if beyond:
        raise _failure(proxy, f"the proxy speaks first in the tunnel to {target}")


async def _ask(
    stream: ByteStream, target: str, proxy: Proxy, limits: Limits
) -> tuple[Response, bool]:
    """The answer to CONNECT, and whether octets came behind its head.

    What a success says of a body does not count (RFC 9110 §9.3.6).
    """
    heads = ClientHeads()
    request = Request("CONNECT", URL("https", target, ""), _credentials(proxy))
    await stream.send([heads.request(request, target)])
    arrived = bytearray()
    for _ in range(limits.informational + 1):
        head = heads.response(await _read_head(stream, arrived, limits))
        if not head.informational:
            return head.response, bool(arrived)
    raise LimitExceeded(
        "too many informational responses", limit="informational", value=limits.informational
    )


async def _read_head(stream: ByteStream, arrived: bytearray, limits: Limits) -> bytes:
    """Take the next head off what arrived, and off what arrives."""
    room = memoryview(bytearray(_READ))
    while (length := head_length(memoryview(arrived), limits.head)) is None:
        count = await stream.receive_into(room)
        if count == 0:
            raise ConnectionLost("the proxy closed the connection")
        arrived += room[:count]
    head = bytes(arrived[:length])
    del arrived[:length]
    return head


def forwarded(request: Request, proxy: Proxy) -> Request:
    """The request as the proxy that forwards it gets it, with what it wants to be told."""
    headers = request.headers.without("Proxy-Authorization").merged(_credentials(proxy))
    return Request(request.method, request.url, headers, request.body)


def absolute_form(url: URL) -> str:
    """What the request line to a proxy carries: the whole URL (RFC 9112 §3.2.2)."""
    return f"{url.scheme}://{url.without_userinfo().authority}{url.target}"


def is_refusal(response: Response) -> bool:
    """Whether the proxy that was to forward a request says itself that it won't.

    407 is always its own word. tinyproxy says 401 of a wrong password, as only a server may. It
    says so under its own name, and what it passes on has ``Via`` (RFC 9110 §7.6.3). What else
    looks like the server's answer is taken for that.
    """
    if response.status != 401 or "Via" in response.headers:
        return response.status == 407
    return response.headers.get("Server", "").lower().startswith("tinyproxy")


def refusal(response: Response, target: str, proxy: Proxy) -> ProxyError:
    """What to raise for an answer by which a proxy refuses to lead on to a target."""
    status = response.status
    match status:
        case 407 if proxy.authorization is None:
            message = f"the proxy wants to know who asks for {target}"
        case 401 | 407:  # tinyproxy says 401
            message = "the proxy refuses the user name or password"
        case 403:
            message = f"the proxy does not allow connections to {target}"
        case 502 | 503 | 504:
            message = f"the proxy can't reach {target}"
        case _:
            message = f"the proxy does not connect to {target}"
    hint = _credentials_hint(response) if status in (401, 407) else ""
    return _failure(proxy, f"{message} (status {status})", status=status, hint=hint)


def _credentials_hint(response: Response) -> str:
    challenges = parse_challenges(response.headers, "Proxy-Authenticate")
    if challenges and not any(challenge.is_scheme("Basic") for challenge in challenges):
        return "it takes no Basic authentication, and nothing else is spoken here"
    return 'proxy="http://user:password@host:port", percent-encoded'


def _failure(proxy: Proxy, message: str, *, status: int = 0, hint: str = "") -> ProxyError:
    return ProxyError(message, status=status, phase="connect", origin=str(proxy), hint=hint)


def _credentials(proxy: Proxy) -> Headers:
    if proxy.authorization is None:
        return Headers()
    return Headers({"Proxy-Authorization": proxy.authorization})


def _authority(origin: Origin) -> str:
    return str(origin).removeprefix(f"{origin.scheme}://")
