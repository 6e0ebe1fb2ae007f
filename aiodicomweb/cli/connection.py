"""Which server, and how to reach it: what the options of the connection say, and a client of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from aiodicomweb.errors import ConfigurationError

from .connection_options import connection_options, connection_settings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable

    from aiodicomweb.client import Client, Hook

    P = ParamSpec("P")

__all__ = ["Connection", "connected", "perhaps_connected", "uid"]


def uid(text: str) -> str:
    """Check a DICOM unique identifier (PS3.5 §9) of the command line before anything is sent.

    Raises:
        click.BadParameter: It is none.
    """
    from aiodicomweb.dicom import is_uid

    if not is_uid(text):
        raise click.BadParameter("a UID has up to 64 digits and dots")
    return text


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Connection:
    """What the options say of the server. Holds credentials, and so has no ``repr``.

    Attributes:
        url: The DICOMweb service.
        user: For basic authentication; goes with ``password``.
        password: For basic authentication.
        token: For bearer authentication.
        ca: A file of certificates (PEM) to trust instead of the system's.
        insecure: Whether any certificate will do.
        cert: A file with our own certificate (PEM), for a server that wants to see one.
        key: The file with its private key, if that is not in the same.
        proxy: URL of a proxy; ``direct`` for none; ``None`` goes by the environment.
        timeout: Seconds for each phase of an exchange; ``None`` is the client's default.
    """

    url: str = ""
    user: str | None = None
    password: str | None = None
    token: str | None = None
    ca: str | None = None
    insecure: bool = False
    cert: str | None = None
    key: str | None = None
    proxy: str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot go together."""
        if not self.url:
            raise click.UsageError("which server? Give --url or set AIODICOMWEB_URL")
        if (self.user is None) != (self.password is None):
            raise click.UsageError("--user and --password go together")
        if self.user is not None and self.token is not None:
            raise click.UsageError("--user and --token exclude each other")
        if self.ca is not None and self.insecure:
            raise click.UsageError("--ca and --insecure exclude each other")
        if self.key is not None and self.cert is None:
            raise click.UsageError("--key goes with --cert")

    @property
    def authenticated(self) -> bool:
        """Whether credentials were given."""
        return self.user is not None or self.token is not None

    def run(self, work: Callable[[Client], Awaitable[int]], *, hooks: Iterable[Hook] = ()) -> int:
        """Open a client, do the work with it, and return the work's exit status."""
        import anyio

        async def main() -> int:
            async with self._client(hooks) as client:
                return await work(client)

        return anyio.run(main)

    def _client(self, hooks: Iterable[Hook] = ()) -> Client:
        from aiodicomweb import BasicAuth, BearerAuth, Client, Timeout

        auth: BasicAuth | BearerAuth | None = None
        if self.token is not None:
            auth = BearerAuth(self.token)
        elif self.user is not None and self.password is not None:
            auth = BasicAuth(self.user, self.password)
        seconds = self.timeout
        timeout = (
            Timeout()
            if seconds is None
            else Timeout(
                connect=seconds,
                tls=seconds,
                pool=seconds,
                head=seconds,
                read=seconds,
                write=seconds,
            )
        )
        return Client(
            self.url,
            auth=auth,
            tls=self._tls(),
            proxy=self.proxy,
            timeout=timeout,
            hooks=hooks,
        )

    def _tls(self) -> ssl.SSLContext | None:
        """The context that the options ask for; ``None`` leaves it to the client."""
        if self.ca is None and self.cert is None and not self.insecure:
            return None
        from aiodicomweb import Tls

        try:
            context = Tls(ca=self.ca, certificate=self.cert, key=self.key).context()
        except ConfigurationError as error:
            text = error.message
            for name, option in _TLS_OPTIONS.items():
                text = text.replace(name, option)
            raise click.UsageError(text) from error
        if self.insecure:
            import ssl

            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


_TLS_OPTIONS = {"Tls.ca": "--ca", "Tls.certificate": "--cert", "Tls.key": "--key"}


def connected(command: Callable[Concatenate[Connection, P], int]) -> Callable[P, int]:
    """Give a command the options of the connection, and their values as its first argument."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> int:
        return command(Connection(**connection_settings()), *args, **kwargs)

    return connection_options(wrapper)


def perhaps_connected(
    command: Callable[Concatenate[Connection | None, P], int],
) -> Callable[P, int]:
    """The same for a command that can do without a server: ``None`` if nothing is said of one."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> int:
        settings = connection_settings()
        return command(Connection(**settings) if settings else None, *args, **kwargs)

    return connection_options(wrapper)
