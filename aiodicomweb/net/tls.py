"""A byte stream inside TLS, over another byte stream.

The protocol runs in an ``ssl.SSLObject`` between two memory buffers, so that this side decides
when it reads and writes. Received records are decrypted straight into the caller's memory.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, TypeVar, cast

import anyio
from anyio import ResourceGuard

from ..errors import ConnectionLost, TlsError, TransportError
from .certificates import peer_names, untrusted
from .stream import SendsInBlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .stream import ByteStream

__all__ = ["TlsStream"]

T = TypeVar("T")

_BLOCK = 256 * 1024
_MOST_WRITTEN = 512 * 1024
"""Octets that are encrypted at once, and are in memory in both forms."""

_FAREWELL_SECONDS = 1.0


_HINTS = {
    "WRONG_VERSION_NUMBER": "does the server speak https on this port, or http?",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "the server wants to see a certificate: tls=Tls(certificate=..., key=...)"
    ),
}
"""What to do about some reasons of OpenSSL."""


def _broken(what: str, error: ssl.SSLError, phase: str = "") -> TlsError:
    reason = error.reason or "no reason given"
    return TlsError(f"{what}: {reason}", phase=phase, hint=_HINTS.get(reason, ""))


class TlsStream(SendsInBlocks):
    """See :class:`~aiodicomweb.net.stream.ByteStream`. Owns the stream below.

    Made by :meth:`client` or :meth:`server`, which do the handshake.
    """

    __slots__ = (
        "_buffer",
        "_decrypt",
        "_fed",
        "_feeding",
        "_flushing",
        "_incoming",
        "_object",
        "_outgoing",
        "_reading",
        "_sending",
        "_stream",
    )

    def __init__(
        self, stream: ByteStream, context: ssl.SSLContext, hostname: str | None, *, server: bool
    ) -> None:
        self._stream = stream
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=hostname
        )
        # Given memory, ``read`` returns a count and not octets.
        self._decrypt = cast("Callable[[int, memoryview], int]", self._object.read)
        self._buffer = memoryview(bytearray(_BLOCK))
        self._reading = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")
        self._flushing = anyio.Lock(fast_acquire=True)
        self._feeding = anyio.Lock(fast_acquire=True)
        self._fed = 0

    @classmethod
    async def client(cls, stream: ByteStream, context: ssl.SSLContext, hostname: str) -> TlsStream:
        """Shake hands with a server, whose certificate must be valid for ``hostname``.

        Raises:
            TlsError: No trust, or no common version or cipher. The stream is closed.
        """
        return await cls._begin(stream, context, hostname, server=False)

    @classmethod
    async def server(cls, stream: ByteStream, context: ssl.SSLContext) -> TlsStream:
        """Shake hands with a client.

        Raises:
            TlsError: No common version or cipher. The stream is closed.
        """
        return await cls._begin(stream, context, None, server=True)

    @classmethod
    async def _begin(
        cls, stream: ByteStream, context: ssl.SSLContext, hostname: str | None, *, server: bool
    ) -> TlsStream:
        try:
            try:
                tls = cls(stream, context, hostname, server=server)
            except (ssl.SSLError, ValueError) as error:
                # A context for the other side, a name that can't be asked for.
                raise TlsError(f"TLS can't be begun: {error}", phase="tls") from error
            await tls._shake_hands(hostname)
        except BaseException:
            stream.abort()
            raise
        return tls

    async def _shake_hands(self, hostname: str | None) -> None:
        try:
            await self._run(self._object.do_handshake)
            await self._flush()
        except ssl.SSLCertVerificationError as error:
            await self._flush_briefly()
            raise untrusted(error, hostname, peer_names(self._object)) from error
        except ssl.SSLError as error:
            await self._flush_briefly()
            raise _broken("the TLS handshake failed", error, "tls") from error
        except TransportError as error:
            raise TlsError(f"the TLS handshake failed: {error}", phase="tls") from error

    async def receive_into(self, view: memoryview) -> int:
        """Receive and decrypt; see the protocol.

        A peer that closes without a TLS farewell gives ``ConnectionLost``: somebody may have cut
        the connection (RFC 9112 §9.8).
        """
        with self._reading:
            try:
                count = await self._run(self._decrypt, len(view), view)
            except ssl.SSLZeroReturnError:
                return 0
            except ssl.SSLEOFError as error:
                raise ConnectionLost("TLS ended without its close_notify") from error
            except ssl.SSLError as error:
                raise _broken("TLS broke", error) from error
            return self._read_on(view, count)

    def _read_on(self, view: memoryview, count: int) -> int:
        """Decrypt further records that are here already; one read gives at most one."""
        while 0 < count < len(view):
            try:
                more = self._decrypt(len(view) - count, view[count:])
            except ssl.SSLError:
                break  # nothing more, or an error that the next call meets
            if more == 0:
                break
            count += more
        return count

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Encrypt and send; see the protocol."""
        with self._sending:
            for segment in segments:
                rest = memoryview(segment).cast("B")
                while rest:
                    rest = rest[await self._write(rest[:_MOST_WRITTEN]) :]
                    await self._flush()

    async def _write(self, octets: memoryview) -> int:
        try:
            return await self._run(self._object.write, octets)
        except ssl.SSLError as error:
            # What broke it, the reader was told.
            raise ConnectionLost("TLS ended") from error

    async def send_eof(self) -> None:
        """Say farewell, and end the stream below."""
        with self._sending:
            with contextlib.suppress(ssl.SSLError):  # it is not waited for the peer's
                self._object.unwrap()
            await self._flush()
            await self._stream.send_eof()

    async def _run(self, operation: Callable[..., T], *arguments: object) -> T:
        """Call into TLS until it has what it needs from the peer."""
        while True:
            try:
                return operation(*arguments)
            except ssl.SSLWantReadError:
                # A peer may keep the writer waiting until it was heard: who flushes already
                # sends what was added, and the reader goes on.
                if not self._flushing.locked():
                    await self._flush()
                await self._feed()

    async def _feed(self) -> None:
        """Receive for TLS. A writer may need it too; one receives for both then."""
        fed = self._fed
        async with self._feeding:
            if fed != self._fed:
                return
            count = await self._stream.receive_into(self._buffer)
            if count:
                self._incoming.write(self._buffer[:count])
            else:
                self._incoming.write_eof()
            self._fed += 1

    async def _flush(self) -> None:
        """Send what TLS wrote."""
        async with self._flushing:
            while octets := self._outgoing.read():
                await self._stream.send([octets])

    async def _flush_briefly(self) -> None:
        """Send what TLS has to say last, an alert or a farewell, if the peer takes it."""
        with (
            anyio.move_on_after(_FAREWELL_SECONDS, shield=True),
            contextlib.suppress(TransportError),
        ):
            await self._flush()

    def is_readable(self) -> bool:
        """Whether something arrived: on the stream below, or together with what was read."""
        arrived = self._object.pending() or self._incoming.pending
        return bool(arrived) or self._stream.is_readable()

    def abort(self) -> None:
        """Close the stream below."""
        self._stream.abort()

    def reset(self) -> None:
        """Reset the stream below."""
        self._stream.reset()

    async def aclose(self) -> None:
        """Say farewell, for a second at most, and close; does not wait for the peer's."""
        try:
            with contextlib.suppress(ssl.SSLError):
                self._object.unwrap()
            await self._flush_briefly()
        finally:
            self.abort()
