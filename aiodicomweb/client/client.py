"""The client: one object, with a verb for each transaction (PS3.18 §10)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..http import Proxies
from ..net import Timeout
from ..wire import Limits
from .observe import Observer
from .retry import Retry
from .session import Session
from .settings import check_kinds, header_fields, parse_url, service_url
from .verbs import DeleteVerbs, RenderVerbs, RetrieveVerbs, SearchVerbs, StoreVerbs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ssl import SSLContext
    from typing import Self

    from ..net import Tls
    from .auth import Auth
    from .events import Hook

__all__ = ["Client"]


class Client(SearchVerbs, RetrieveVerbs, RenderVerbs, StoreVerbs, DeleteVerbs):
    """A DICOMweb client.

    ::

        async with Client("https://pacs.example/dicom-web") as client:
            studies = await client.search_for_studies(search_filters={"PatientID": "123"})

    A verb returns a :class:`~aiodicomweb.client.calls.Call`: await it for the whole result,
    iterate over it for items as they arrive, or enter it with ``async with``. Arguments are
    checked at once, nothing is sent before. Tasks may share a client; each call belongs to one.

    Every call can raise the errors below :class:`~aiodicomweb.errors.TransportError`,
    ``ProtocolError`` and ``StatusError``. What a verb raises besides stands in its text.

    Args:
        url: URL of the DICOMweb service, ``http`` or ``https``, with or without a slash at its
            end.
        qido_url_prefix: Where searches go: a path below ``url``, or a URL of its own.
        wado_url_prefix: The same for retrievals.
        stow_url_prefix: The same for stores.
        delete_url_prefix: The same for deletions.
        auth: Credentials, such as ``BasicAuth`` or ``BearerAuth``. They go to the origins of the
            URLs above and to no other.
        headers: Header fields for each request to these origins.
        tls: For ``https``; ``None`` verifies the server against the system's trust store. ``Tls``
            names other authorities and a certificate of our own; an ``ssl.SSLContext`` is used as
            it is.
        proxy: URL of an HTTP proxy for all requests, such as
            ``http://user:password@proxy.example:3128``; ``"direct"`` for none. ``None`` goes by
            ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` in the environment, as
            they are now.
        timeout: Seconds for each phase.
        limits: Bounds over what a server may send.
        retry: Which requests are repeated that failed before anything was handed out, and when.
        hooks: One or several callables that take each
            :class:`~aiodicomweb.client.events.Event`, at once and without waiting.

    Raises:
        ConfigurationError: A URL or a setting can't be; a setting of a wrong type is one.
    """

    def __init__(
        self,
        url: str,
        *,
        qido_url_prefix: str | None = None,
        wado_url_prefix: str | None = None,
        stow_url_prefix: str | None = None,
        delete_url_prefix: str | None = None,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        tls: Tls | SSLContext | None = None,
        proxy: str | None = None,
        timeout: Timeout | None = None,
        limits: Limits | None = None,
        retry: Retry | None = None,
        hooks: Hook | Iterable[Hook] | None = None,
    ) -> None:
        base = parse_url(url)
        qido = service_url(base, qido_url_prefix)
        wado = service_url(base, wado_url_prefix)
        stow = service_url(base, stow_url_prefix)
        deletion = service_url(base, delete_url_prefix)
        check_kinds(
            auth=auth,
            tls=tls,
            proxy=proxy,
            timeout=timeout,
            limits=limits,
            retry=retry,
            hooks=hooks,
        )
        session = Session(
            origins={service.origin for service in (base, qido, wado, stow, deletion)},
            auth=auth,
            headers=header_fields(headers),
            tls=tls,
            proxies=Proxies.configured(proxy, os.environ),
            timeout=timeout or Timeout(),
            limits=limits or Limits(),
            retry=retry or Retry(),
            observer=Observer(() if hooks is None else hooks),
        )
        super().__init__(session, qido=qido, wado=wado, stow=stow, deletion=deletion)

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first call."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; calls that are not finished break off with ``ConnectionLost``.

        That they wait for credentials changes nothing. A function in a thread that gives these
        runs to its end, and nobody waits for it.

        Calls that begin afterwards raise ``ConfigurationError``.
        """
        await self._session.aclose()

    def __repr__(self) -> str:
        """The service's URL and the connections, counted."""
        return f"<Client {self._wado.redacted()} {self._session!r}>"
