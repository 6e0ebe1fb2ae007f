"""By which names a server may be asked for (RFC 9110 §7.2, §15.5.20).

A server that only its own machine can reach is reached by every page that is open in a browser of
that machine. The page's origin keeps it from reading the answers, unless whoever owns the page's
name lets it mean this machine once the page is loaded (DNS rebinding): then both have the same
origin. But the request still has that name, which is none of this server's.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError
from .problems import problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..http import OutgoingResponse, Request

__all__ = ["Hosts"]

_NAME: Final = re.compile(r"[0-9a-z_](?:[0-9a-z._-]*[0-9a-z_])?")
_REFUSED: Final = (
    "this server has another name; where a gateway passes this one on, allow it with "
    "--allow-host, or Server(allowed_hosts=...)"
)


class Hosts:
    """The names of a server.

    Who listens on loopback addresses only is asked for by one, by ``localhost``, by the name that
    it was told to listen on, or by one that is allowed. So is every server for which names are
    allowed; any other may be asked for by any name.

    Args:
        host: Name or address that the server was told to listen on.
        allowed: Further names, without port, such as that of a gateway.

    Raises:
        ConfigurationError: One is no name.
    """

    __slots__ = ("_is_limited", "_names")

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        # A lone text would be an iterable of its letters.
        further = [allowed] if isinstance(allowed, str) else list(allowed)
        self._is_limited = bool(further)
        self._names = {_canonical(host), *map(_checked, further)}

    def check(self, request: Request, listening: str) -> OutgoingResponse | None:
        """Refuse with 421 who asks for another server.

        Args:
            request: Its URL has the name.
            listening: The address that is listened on.

        Returns:
            What to answer in place of what was asked for; ``None`` to let it pass.
        """
        host = _canonical(request.url.host)
        if not self._is_limited and not _is_loopback(_canonical(listening)):
            return None
        if host in self._names or _is_loopback(host):
            return None
        return problem(421, _REFUSED)


def _canonical(host: str) -> str:
    """A name or address as it is compared."""
    host = host.lower().strip("[]").removesuffix(".")
    return str(ipaddress.ip_address(host)) if _is_address(host) else host


def _checked(name: str) -> str:
    host = _canonical(name)
    if not _NAME.fullmatch(host) and not _is_address(host):
        raise ConfigurationError(
            "a host is a name or an address, without port", hint="such as pacs.example"
        )
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    """Whether what is compared stands for the machine itself, whoever owns which name."""
    return ipaddress.ip_address(host).is_loopback if _is_address(host) else host == "localhost"
