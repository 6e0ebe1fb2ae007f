"""The whole server: an archive, what is answered from it, and the sockets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from ..errors import ConfigurationError
from ..http import Origin as HttpOrigin
from ..net import HttpServer, ServerTimeout
from ..wire import Limits
from .cors import Cors
from .hosts import Hosts
from .origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ssl import SSLContext
    from typing import Self

    from ..http import OutgoingResponse, Request
    from ..net import BodyStream, Exchange
    from .access import Access
    from .archive import Archive

__all__ = ["Server"]

_access_log = logging.getLogger("aiodicomweb.access")

_TIMEOUT: Final = ServerTimeout()
_LIMITS: Final = Limits()

_REACHABLE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not to listen on
"""Addresses that stand for all of them, and those by which a machine reaches itself."""


class Server:
    """A DICOMweb origin server; an async context manager that serves inside.

    ::

        async with Server(DirectoryArchive("studies"), port=8080) as server:
            print(server.url)
            await anyio.sleep_forever()

    Leaving it is :meth:`stop`; where an exception ends the block, connections are cut. Each
    exchange becomes a line of the log ``aiodicomweb.access``, at level ``INFO``, with the path if
    it is one of this service, and without the query, which names patients.

    Args:
        archive: What there is; opened on entering, closed on leaving.
        host: Name or address to listen on.
        port: Port to listen on; 0 is any that is free.
        path: Path of the base URL, such as ``/dicom-web``.
        tls: For ``https``; ``None`` for ``http``.
        read_only: Whether nothing can be stored or deleted.
        allow_delete: Whether studies, series and instances can be deleted.
        access: Who may ask; everybody if ``None``.
        cors: Which pages of other origins may: all or none of them, those of these origins, or
            what a :class:`Cors` says.
        allowed_hosts: By which names it may be asked for, without port, beside its own: those that
            a gateway passes on. Any other is a 421, also where none are given and only loopback
            addresses are listened on: see :class:`~aiodicomweb.server.hosts.Hosts`.
        most_results: The most results of one answer to a search.
        timeout: How long to wait for the clients.
        limits: Bounds over what they send.
        connections: The most connections at one time; those that are idle, and else those that
            are slowest, give way to further ones.

    Raises:
        ConfigurationError: Settings that cannot be, or that contradict each other. On entering:
            nobody can listen there.
    """

    def __init__(
        self,
        archive: Archive,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        path: str = "",
        tls: SSLContext | None = None,
        read_only: bool = False,
        allow_delete: bool = False,
        access: Access | None = None,
        cors: bool | Cors | Iterable[str] = False,
        allowed_hosts: Iterable[str] = (),
        most_results: int = 1000,
        timeout: ServerTimeout = _TIMEOUT,
        limits: Limits = _LIMITS,
        connections: int = 512,
    ) -> None:
        if read_only and allow_delete:
            raise ConfigurationError("nothing can be deleted where nothing can be written")
        self._origin = Origin(
            archive,
            base_path=path,
            allow_store=not read_only,
            allow_delete=allow_delete,
            access=access,
            cors=_cors(cors),
            most_results=most_results,
            limits=limits,
        )
        self._hosts = Hosts(host, allowed_hosts)
        self._archive = archive
        self._tls = tls
        self._path = path.rstrip("/")
        self._http = HttpServer(
            self._respond,
            host=host,
            port=port,
            tls=tls,
            timeout=timeout,
            limits=limits,
            connections=connections,
            observe=self._log,
        )

    @property
    def url(self) -> str:
        """The base URL, known inside.

        Where all addresses are listened on, it is that of this machine for itself.
        """
        scheme = "http" if self._tls is None else "https"
        host = _REACHABLE.get(self._http.host, self._http.host)
        return f"{HttpOrigin(scheme, host, self._http.port)}{self._path}"

    @property
    def port(self) -> int:
        """The port that is listened on, known inside."""
        return self._http.port

    def __repr__(self) -> str:
        """Where it listens."""
        return f"<Server {self.url}>"

    async def __aenter__(self) -> Self:
        """Take the port, open the archive, and listen."""
        await self._http.bind()
        try:
            await self._archive.open()
            try:
                await self._http.__aenter__()
            except BaseException:
                await self._close_archive()
                raise
        except BaseException:
            self._http.unbind()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop, at once if there is an exception, and close the archive."""
        try:
            await self._http.__aexit__(*exc_info)
        finally:
            await self._close_archive()

    async def stop(self, grace: float = 5.0) -> None:
        """Take no new connections and requests, finish what runs, and then cut what is left.

        May be called by any task, and again.

        Args:
            grace: Seconds for what runs.
        """
        await self._http.stop(grace)

    async def _respond(self, request: Request, body: BodyStream) -> OutgoingResponse:
        refused = self._hosts.check(request, self._http.host)
        return refused or await self._origin.respond(request, body)

    def _log(self, exchange: Exchange) -> None:
        path = exchange.path if self._origin.has_path(exchange.path) else ""
        _access_log.info(
            '%s "%s %s" %s %d %.3f%s',
            exchange.peer,
            exchange.method or "-",
            path or "-",
            exchange.status or "-",
            exchange.sent,
            exchange.seconds,
            "" if exchange.complete else " cut",
        )

    async def _close_archive(self) -> None:
        # Nothing waits for a peer here; what was stored must get to the disk in good order.
        with anyio.CancelScope(shield=True):
            await self._archive.aclose()


def _cors(given: bool | Cors | Iterable[str]) -> Cors | None:
    match given:
        case bool():
            return Cors() if given else None
        case Cors():
            return given
        case str():
            return Cors((given,))
        case _:
            return Cors(tuple(given))
