"""``aiodicomweb serve``: an archive of one's own, in a folder or in memory, until interrupted."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.types import StringParamType

from .output import count, warn
from .scan_report import ScanReport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Generator, Sequence

    from anyio import CancelScope, Event

    from aiodicomweb.server import (
        Access,
        DirectoryArchive,
        MemoryArchive,
        Rescan,
        ScanProgress,
        Server,
    )

__all__ = ["DEFAULT_PORT", "serve"]

DEFAULT_PORT = 8080

_USERS = "AIODICOMWEB_SERVE_USER"
_TOKENS = "AIODICOMWEB_SERVE_TOKEN"

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Lines(StringParamType):
    """Texts, of which an environment variable holds one in each line."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The lines that are not empty."""
        return [line for line in rv.split("\n") if line]


@dataclass(kw_only=True, repr=False, eq=False)
class Serving:
    """What the options say. Holds passwords, and so has no ``repr``.

    Attributes:
        folder: Where the files are; ``None`` keeps everything in memory.
        index: The file of the folder's index; by default in the folder.
        rescan: Seconds between scans of the folder; 0 for none.
        read_only: Whether nothing is written.
        allow_delete: Whether clients may delete.
        host: Where to listen.
        port: Where to listen.
        path: Path of the base URL.
        users: As ``NAME:PASSWORD``.
        tokens: For bearer authentication.
        origins: Of pages that may use the server.
        allowed_hosts: Names by which gateways ask for it.
        tls_cert: File of the certificate.
        tls_key: File of its key; by default the same.
    """

    folder: Path | None
    index: Path | None
    rescan: int
    read_only: bool
    allow_delete: bool
    host: str
    port: int
    path: str
    users: tuple[str, ...]
    tokens: tuple[str, ...]
    origins: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None

    def __post_init__(self) -> None:
        """Take the host as URLs have it, too, and refuse what cannot go together."""
        if self.host.startswith("[") and self.host.endswith("]"):
            self.host = self.host[1:-1]
        if self.folder is None and (self.read_only or self.index):
            raise click.UsageError("--read-only and --index are for a folder: name one")
        if not all(name and password for name, _, password in self._users()):
            # Without the text: it may be a password.
            raise click.UsageError("--user has the form NAME:PASSWORD")
        if self.users and self.tokens:
            raise click.UsageError("--user and --token exclude each other")
        if self.tls_key is not None and self.tls_cert is None:
            raise click.UsageError("--tls-key needs --tls-cert")

    @property
    def place(self) -> str:
        """Where instances are kept, in words."""
        return "memory, until the end" if self.folder is None else str(self.folder)

    def archive(self, note: Callable[[ScanProgress], None]) -> DirectoryArchive | MemoryArchive:
        """The archive, not yet open, and who is told how the scan of a folder goes."""
        from aiodicomweb.server import DirectoryArchive, MemoryArchive

        if self.folder is None:
            return MemoryArchive()
        return DirectoryArchive(
            self.folder, index=self.index, read_only=self.read_only, on_progress=note
        )

    def rescans(
        self, archive: DirectoryArchive | MemoryArchive, note: Callable[[ScanProgress], None]
    ) -> Rescan | None:
        """What looks for changes of the folder, if there is one, and who is told of each scan."""
        from aiodicomweb.server import DirectoryArchive, Rescan

        if not isinstance(archive, DirectoryArchive):
            return None
        return Rescan(archive, self.rescan, note)

    def server(
        self, archive: DirectoryArchive | MemoryArchive, tls: ssl.SSLContext | None
    ) -> Server:
        """The server, not yet listening."""
        from aiodicomweb.server import Server

        return Server(
            archive,
            self.host,
            self.port,
            path=self.path,
            tls=tls,
            read_only=self.read_only,
            allow_delete=self.allow_delete,
            access=self._access(),
            cors="*" in self.origins or self.origins or False,
            allowed_hosts=self.allowed_hosts,
        )

    @property
    def is_everywhere(self) -> bool:
        """Whether all addresses of this machine are listened on."""
        address = _address(self.host)
        return address is not None and address.is_unspecified

    def dangers(self) -> Generator[str]:
        """What people should know who serve more than their own machine."""
        if _is_own_machine(self.host):
            return
        if not (self.users or self.tokens):
            yield "whoever can reach this machine gets what is served: there is --user, and --token"
        elif self.tls_cert is None:
            yield "passwords and tokens can be read on their way: there is --tls-cert"

    def tls(self) -> ssl.SSLContext | None:
        """The context for https, if there is a certificate."""
        if self.tls_cert is None:
            return None
        import ssl

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except ssl.SSLError as error:
            text = "no certificate in PEM format, or not the key for it"
            raise click.UsageError(f"--tls-cert {self.tls_cert}: {text}") from error
        return context

    def _access(self) -> Access | None:
        from aiodicomweb.server import BasicAccess, BearerAccess

        if self.users:
            return BasicAccess({name: password for name, _, password in self._users()})
        return BearerAccess(self.tokens) if self.tokens else None

    def _users(self) -> list[tuple[str, str, str]]:
        return [user.partition(":") for user in self.users]


def _is_own_machine(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, if it is one and not a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True,
    help="Listen on this port; 0 is any that is free.",
)  # fmt: skip
@click.option("--path", default="", help="Path of the service's URL, such as /dicom-web.")
@click.option("--read-only", is_flag=True, help="Write nothing into DIR.")
@click.option("--allow-delete", is_flag=True, help="Let clients delete.")
@click.option(
    "--index", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Keep the index in this file, instead of in DIR.",
)  # fmt: skip
@click.option(
    "--rescan", type=click.IntRange(0), metavar="SECONDS", default=60, show_default=True,
    help="Look for files that were copied into DIR or removed; 0 is never, but for SIGHUP.",
)  # fmt: skip
@click.option(
    "--user", "users", type=Lines(), multiple=True, metavar="NAME:PASSWORD",
    envvar=_USERS, show_envvar=True,
    help="Serve this user only (Basic authentication); repeatable. Better in the environment.",
)  # fmt: skip
@click.option(
    "--token", "tokens", type=Lines(), multiple=True, metavar="TOKEN",
    envvar=_TOKENS, show_envvar=True,
    help="Serve who has this token only (Bearer); repeatable. Better in the environment.",
)  # fmt: skip
@click.option(
    "--cors", "origins", multiple=True, metavar="ORIGIN",
    help="Let web pages of this origin use the server; '*' is any; repeatable.",
)  # fmt: skip
@click.option(
    "--allow-host", "allowed_hosts", multiple=True, metavar="NAME",
    help="Be asked for by this name, such as that of a gateway; repeatable.",
)  # fmt: skip
@click.option("--tls-cert", type=_FILE, help="Serve https with this certificate (PEM).")
@click.option("--tls-key", type=_FILE, help="Its key, if it is in another file.")
@click.option("-v", "--verbose", is_flag=True, help="Write each request to standard error.")
@click.pass_context
def serve(context: click.Context, /, *, verbose: bool, **options: Any) -> int:
    """Serve the DICOM files of a folder, and keep there what is stored.

    Prints the URL when the folder has been looked through, and serves until interrupted. The first
    interruption lets running requests finish; a second one cuts them. Without DIR there is an empty
    archive in memory, which is gone at the end.

    Files that are copied into DIR meanwhile are found within a minute, or at once with SIGHUP. If
    there is no DIR it is made, with a warning, unless --read-only is given.
    """
    _refuse_options_of_clients(context)
    _refuse_empty_variables()
    serving = Serving(**options)
    import anyio

    _import_server()

    with _access_log() if verbose else contextlib.nullcontext():
        finished = anyio.run(_serve, serving, serving.tls())
    if not finished:
        raise KeyboardInterrupt
    return 0


def _import_server() -> None:
    """Import all that requests need: in the event loop it would hold them up."""
    import aiodicomweb.server  # pyright: ignore[reportUnusedImport]

    with contextlib.suppress(ImportError):  # an extra
        import aiodicomweb.server.pictures  # noqa: F401  # pyright: ignore[reportUnusedImport]


def _refuse_options_of_clients(context: click.Context) -> None:
    """Who writes ``--user`` in the wrong place must not serve everybody unawares."""
    group = context.parent
    if group is None:
        return
    for option in group.command.params:
        if group.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE:
            text = f"--{option.name} before the command is for clients; behind it, for the server"
            raise click.UsageError(text)


def _refuse_empty_variables() -> None:
    """Nor who has a variable that was meant to hold a secret, and holds nothing."""
    for variable in (_USERS, _TOKENS):
        if not os.environ.get(variable, "something").strip():
            raise click.UsageError(f"{variable} is empty: set it, or unset it to serve everybody")


@contextlib.contextmanager
def _access_log() -> Generator[None]:
    """Write the server's log to standard error."""
    import logging

    log = logging.getLogger("aiodicomweb.access")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(logging.NOTSET)
        log.removeHandler(handler)


class _Signals:
    """What signals do: the first that interrupts ends the service, the next one cuts.

    SIGHUP asks for a scan, unless it comes because the terminal was closed.

    Args:
        came: Set by the first interruption.
        cut: What is cut. Before the service has begun there is nothing to be finished.

    Attributes:
        serving: Whether it has begun.
        rescan: What scans; ``None`` as long as there is nothing to scan.
    """

    def __init__(self, came: Event, cut: CancelScope) -> None:
        self.came = came
        self.cut = cut
        self.serving = False
        self.rescan: Rescan | None = None
        self._has_terminal = _has_terminal()

    async def watch(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Obey the signals of this process."""
        async for number in signals:
            if number == signal.SIGHUP and self._has_terminal == _has_terminal():
                if self.rescan is not None:
                    self.rescan.ask()
                continue
            if self.came.is_set() or not self.serving:
                self.cut.cancel()
            self.came.set()


def _has_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


async def _serve(serving: Serving, tls: ssl.SSLContext | None) -> bool:
    """Serve until a signal comes; whether nothing was cut."""
    import anyio

    obeyed = [signal.SIGINT, signal.SIGTERM]
    if serving.folder is not None:
        obeyed.append(signal.SIGHUP)
    signals = _Signals(anyio.Event(), anyio.CancelScope())
    with anyio.open_signal_receiver(*obeyed) as received:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(signals.watch, received)
            with signals.cut:
                await _serve_until(signals, serving, tls)
            tasks.cancel_scope.cancel()
    return not signals.cut.cancelled_caught


@contextlib.contextmanager
def _told_if_made(folder: Path | None) -> Generator[None]:
    """Say that the folder is a new one: who mistyped its name sees no study, and no error."""
    was_there = folder is None or folder.exists()
    try:
        yield
    finally:
        if folder is not None and not was_there and folder.exists():
            warn([f"there was no such folder; a new, empty one was made: {folder}"])


async def _serve_until(signals: _Signals, serving: Serving, tls: ssl.SSLContext | None) -> None:
    report = ScanReport()
    archive = serving.archive(report.note)
    async with contextlib.AsyncExitStack() as stack:
        with _told_if_made(serving.folder), report.shown():
            server = await stack.enter_async_context(serving.server(archive, tls))
        signals.serving = True
        report.first()
        warn(serving.dangers())
        click.echo(server.url)
        counts = await archive.counts()
        studies, instances = count(counts.studies, "study"), count(counts.instances, "instance")
        click.echo(f"{studies}, {instances} in {serving.place}")
        if serving.is_everywhere:
            click.echo("listening on all addresses of this machine")
        signals.rescan = serving.rescans(archive, report.later)
        await _rescan_until(signals)
        click.echo("stopping; once more cuts what still runs", err=True)


async def _rescan_until(signals: _Signals) -> None:
    """Look for changes of the folder until an interruption comes."""
    import anyio

    async with anyio.create_task_group() as tasks:
        if signals.rescan is not None:
            tasks.start_soon(signals.rescan.run)
        await signals.came.wait()
        tasks.cancel_scope.cancel()
