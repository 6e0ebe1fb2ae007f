"""All transactions of the Studies Service, upon an archive (PS3.18 §10)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..dicom.uids import is_uid
from ..errors import ConfigurationError, RemoteProtocolError
from ..http import URL, Headers, OutgoingResponse, Response
from ..services import Resource, RetrieveRequest, Route, Service
from ..services.routes import METHODS
from ..wire import Limits
from .capabilities import capabilities
from .delete import delete
from .problems import problem, refusal
from .retrieving import retrieve
from .retrieving.bulk_values import parse_bulkdata_path
from .search import search
from .storing import store

if TYPE_CHECKING:
    from ..http import Request
    from ..net.body_stream import BodyStream
    from .access import Access
    from .archive import Archive
    from .cors import Cors

__all__ = ["Origin"]

_PATH: Final = re.compile(r"(?:/[0-9A-Za-z._~!$&'()*+,;=:@%-]+)+")
_LIMITS: Final = Limits()
_READING: Final = ("GET", "HEAD")
_DOCUMENT: Final = frozenset({"", "/", "/capabilities"})
"""Paths of the capabilities document. The standard's is the second, with ``OPTIONS``."""


class Origin:
    """An origin server without its sockets: answers requests from an archive.

    :meth:`respond` is what :class:`~aiodicomweb.net.HttpServer` takes as its handler. URLs in
    answers begin as the request's own does; ``X-Forwarded-Host`` and its like are not heeded, as
    anybody can send them.

    Args:
        archive: What there is; the caller opens and closes it.
        base_path: Path of the base URL, such as ``/dicom-web``.
        allow_store: Whether instances may be stored.
        allow_delete: Whether studies, series and instances may be deleted.
        access: Who may ask; everybody if ``None``.
        cors: Which pages of other origins may; none if ``None``.
        most_results: The most results of one answer to a search.
        limits: Bounds.

    Raises:
        ConfigurationError: The path is none, or the number is less than 1.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        base_path: str = "",
        allow_store: bool = True,
        allow_delete: bool = False,
        access: Access | None = None,
        cors: Cors | None = None,
        most_results: int = 1000,
        limits: Limits = _LIMITS,
    ) -> None:
        path = base_path.rstrip("/")
        if path and not _PATH.fullmatch(path):
            raise ConfigurationError("base_path is the path of a URL", hint="such as /dicom-web")
        if most_results < 1:
            raise ConfigurationError("most_results is a number from 1")
        self._path = path
        self._archive = archive
        self._allow_store = allow_store
        self._allow_delete = allow_delete
        self._access = access
        self._cors = cors
        self._most_results = most_results
        self._limits = limits

    async def respond(self, request: Request, body: BodyStream) -> OutgoingResponse:
        """Answer a request.

        Args:
            request: Its head; the URL is the whole one, as the client sees it.
            body: Its body, which is not read unless it is wanted.

        Raises:
            TransportError: The connection broke while the body was read.
            Exception: Whatever the archive raises; a 500.
        """
        if self._cors is None:
            return await self._respond(request, body)
        if self._cors.is_preflight(request):
            return self._cors.mark(request, self._cors.preflight(request))
        return self._cors.mark(request, await self._respond(request, body))

    def has_path(self, path: str) -> bool:
        """Whether a path is one of this service.

        Then it consists of the standard's words, UIDs, tags and numbers, and may be logged; any
        other may be a query that was encoded once too often, with the name of a patient in it.
        """
        if self._is_document(path):
            return True
        try:
            Route.parse(path, base=self._path)
        except RemoteProtocolError:
            value = parse_bulkdata_path(path, self._path)
            if value is None:
                return False
            instance, _ = value
            return all(
                is_uid(str(uid)) for uid in (instance.study, instance.series, instance.instance)
            )
        return True

    def _is_document(self, path: str) -> bool:
        return path.startswith(self._path) and path[len(self._path) :] in _DOCUMENT

    async def _respond(self, request: Request, body: BodyStream) -> OutgoingResponse:
        try:
            refused = await self._access.check(request) if self._access else None
            return refused or await self._dispatch(request, body)
        except RemoteProtocolError as error:
            return refusal(error)

    async def _dispatch(self, request: Request, body: BodyStream) -> OutgoingResponse:
        base = URL(request.url.scheme, request.url.authority, self._path)
        path = request.url.path
        if request.method == "OPTIONS" and not path:
            return _other_method(request, self._all_methods())
        if self._is_document(path):
            return self._describe(request, base)
        route = self._route(path)
        methods = _READING if route is None else self._methods(route)
        if request.method not in methods:
            return _other_method(request, methods)
        if request.method == "DELETE" and route is not None:
            return await delete(self._archive, route.selector)
        if request.method == "POST" and route is not None:
            return await store(
                self._archive,
                request,
                body,
                base=base,
                study=route.selector.study or None,
                limits=self._limits,
            )
        if route is not None and Service.SEARCH in route.services:
            return await search(self._archive, request, base, self._most_results)
        asked = RetrieveRequest.from_http(request, base_url=base)
        return await retrieve(self._archive, asked, request, base)

    def _route(self, path: str) -> Route | None:
        """What a path names; ``None`` for a value's own, which ``BulkDataURI`` told.

        Raises:
            RemoteProtocolError: Nothing; the status hint is 404.
        """
        try:
            return Route.parse(path, base=self._path)
        except RemoteProtocolError:
            if parse_bulkdata_path(path, self._path) is None:
                raise
            return None

    def _methods(self, route: Route) -> tuple[str, ...]:
        """What a resource admits here (PS3.18 Table 10.3-1)."""
        services = set(route.services)
        if not self._allow_store:
            services.discard(Service.STORE)
        found = [
            method for service in Service if service in services for method in METHODS[service]
        ]
        is_object = Service.RETRIEVE in services and route.resource is Resource.INSTANCES
        if self._allow_delete and is_object:
            found.append("DELETE")
        return tuple(found)

    def _all_methods(self) -> tuple[str, ...]:
        """What some resource admits: asked for by ``OPTIONS *`` (RFC 9110 §9.3.7)."""
        post = ("POST",) if self._allow_store else ()
        return (*_READING, *post, *(("DELETE",) if self._allow_delete else ()))

    def _describe(self, request: Request, base: URL) -> OutgoingResponse:
        if request.method not in (*_READING, "OPTIONS"):
            return _other_method(request, _READING)
        return capabilities(request, base, self._methods)


def _other_method(request: Request, methods: tuple[str, ...]) -> OutgoingResponse:
    """The answer to a method that a resource does not have, and to the question which it has."""
    allow = Headers({"Allow": ", ".join((*methods, "OPTIONS"))})
    if request.method == "OPTIONS":
        return OutgoingResponse(Response(204, allow, reason="No Content"))
    return problem(405, "the resource has no such method here", allow)
