"""The one tree of errors that this library raises.

Every error carries its data as attributes, can be pickled, and builds its text in ``__str__``.
Nothing that ``str`` or ``repr`` shows holds a query value, a credential or payload octets: these
carry patient data (PHI). What a server sent is kept on attributes (``body``, ``dataset``), for
the caller who decides to look.

A stream that breaks off says what had arrived whole: see :attr:`DicomWebError.complete`.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from .client.results import StoreReport
    from .http import Headers

__all__ = [
    "AuthenticationRequired",
    "ConfigurationError",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "ContentError",
    "CredentialsUnavailable",
    "DeadlineExceeded",
    "DicomWebError",
    "Forbidden",
    "FrameMismatch",
    "FramingError",
    "JsonModelError",
    "LimitExceeded",
    "LocalProtocolError",
    "MultipartError",
    "NativeXmlError",
    "NotAcceptable",
    "NotFound",
    "Part10Error",
    "PoolExhausted",
    "ProtocolError",
    "ProxyError",
    "RemoteProtocolError",
    "ServerError",
    "StatusError",
    "StoreFailed",
    "Throttled",
    "TlsError",
    "TooLarge",
    "TransportError",
    "UnexpectedMediaType",
    "UnsupportedMediaType",
]

EXCERPT_OCTETS = 64
"""The longest piece of a peer's octets that an error keeps for diagnosis."""

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}(?=\s*(?:;|$))", re.ASCII)


def _restore(cls: type[DicomWebError], state: dict[str, Any]) -> DicomWebError:
    """Rebuild a pickled error without running constructors, which take keywords only."""
    error = cls.__new__(cls)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


class DicomWebError(Exception):
    """Base of everything that this library raises on purpose.

    Attributes:
        message: What went wrong, without data of patients.
        hint: What a human can do about it; empty where there is nothing to advise.
        complete: Number of parts (instances, frames, bulk data; search results or metadata that
            were iterated) that had been delivered whole when the error ended a stream; ``None``
            where no stream was being read, as where results are awaited.
    """

    default_hint: ClassVar[str] = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.message: str = message
        self.hint: str = hint or self.default_hint
        self.complete: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by attributes: constructors differ, what the caller reads does not."""
        return _restore, (type(self), self.__dict__)

    def describe(self) -> str:
        """Say what went wrong; subclasses add what they know."""
        return self.message or type(self).__name__

    def __str__(self) -> str:
        """The description, what was complete, and the hint."""
        text = self.describe()
        if self.complete is not None:
            parts = "1 part" if self.complete == 1 else f"{self.complete} parts"
            text += f"; complete before that: {parts}"
        return f"{text} (hint: {self.hint})" if self.hint else text


class ConfigurationError(DicomWebError, ValueError):
    """An argument or a setting cannot work; nothing was sent."""


class CredentialsUnavailable(DicomWebError):
    """There were no credentials to send a request with: what provides them failed or refused.

    Attributes:
        provider: What should have given them: the URL of a token endpoint without query values,
            or the name of a package; empty if it is a function of the caller's.
        status: The status that a token endpoint answered with; 0 where there is none.
        description: What the provider says of it. Not shown by ``str``: it may hold what it was
            asked with.
    """

    def __init__(
        self,
        message: str = "",
        *,
        provider: str = "",
        status: int = 0,
        description: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.provider: str = provider
        self.status: int = status
        self.description: str = description

    def describe(self) -> str:
        """Add the provider and the status."""
        text = super().describe()
        if self.provider:
            text += f" [{self.provider}]"
        return text + (f", status {self.status}" if self.status else "")


# --- transport: the way to the peer -------------------------------------------------------------


class TransportError(DicomWebError):
    """The way to the peer failed.

    Attributes:
        phase: What was being done: ``connect``, ``tls``, ``pool``, ``write``, ``head`` or
            ``read``.
        origin: ``scheme://host:port`` of the peer.
        sent: Octets of the request handed to the operating system.
        received: Octets of the response received.
    """

    def __init__(
        self,
        message: str = "",
        *,
        phase: str = "",
        origin: str = "",
        sent: int = 0,
        received: int = 0,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.phase: str = phase
        self.origin: str = origin
        self.sent: int = sent
        self.received: int = received

    def describe(self) -> str:
        """Add the origin and the phase."""
        text = super().describe()
        if self.origin:
            text += f" [{self.origin}]"
        if self.phase:
            text += f" while in phase {self.phase!r}"
        if self.sent or self.received:
            text += f" after {self.sent} bytes sent and {self.received} received"
        return text


class ConnectFailed(TransportError, ConnectionError):
    """No connection could be made.

    Attributes:
        attempts: One ``(address, reason)`` for each address that was tried.
    """

    default_hint = "is the server running, and is the URL's host and port right?"

    def __init__(
        self, message: str = "", *, attempts: Sequence[tuple[str, str]] = (), **kwargs: Any
    ) -> None:
        super().__init__(message, **kwargs)
        self.attempts: tuple[tuple[str, str], ...] = tuple(attempts)

    def describe(self) -> str:
        """Add each address and its reason."""
        tried = "; ".join(f"{address}: {reason}" for address, reason in self.attempts)
        return super().describe() + (f" ({tried})" if tried else "")


class ConnectionLost(TransportError, ConnectionError):
    """The peer went away in the middle of a message; or the client was closed meanwhile.

    Attributes:
        expected: Octets that were still to come, where the framing tells; else ``None``.
        stale: Whether the connection was kept from an earlier request, and nothing of an answer
            came: the peer may have closed it before it saw this one.
    """

    def __init__(
        self,
        message: str = "",
        *,
        expected: int | None = None,
        stale: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(message, **kwargs)
        self.expected: int | None = expected
        self.stale: bool = stale

    def describe(self) -> str:
        """Add how much was missing."""
        missing = f"; {self.expected} bytes missing" if self.expected else ""
        return super().describe() + missing


class TlsError(TransportError, ConnectionError):
    """TLS could not be established, or broke."""


class ProxyError(TransportError, ConnectionError):
    """The proxy was reached, and did not lead on to the server.

    Attributes:
        status: The status that the proxy answered with; 0 if it answered with none.
    """

    default_hint = 'proxy="http://host:port" is another proxy, proxy="direct" goes without one'

    def __init__(self, message: str = "", *, status: int = 0, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.status: int = status


class DeadlineExceeded(TransportError, TimeoutError):
    """A phase took longer than the ``Timeout`` allows.

    Attributes:
        bound: Whose seconds are over: the phase, or ``total``, which ends any phase.
    """

    default_hint = "Timeout(...) sets the seconds for each phase"

    def __init__(self, message: str = "", *, bound: str = "", **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.bound: str = bound


class PoolExhausted(TransportError, TimeoutError):
    """No connection became free in ``Timeout.pool`` seconds."""

    default_hint = "leave or finish open streams, or raise Limits.connections"


# --- protocol: octets that break the rules ------------------------------------------------------


class ProtocolError(DicomWebError):
    """Octets, ours or the peer's, break HTTP, MIME or URI syntax.

    Attributes:
        offset: Position in the message body where it was seen, in octets; ``None`` if unknown.
        excerpt: At most 64 octets around it. Not shown by ``str``: it may be payload.
        status_hint: The status that a server would answer with.
    """

    def __init__(
        self,
        message: str = "",
        *,
        offset: int | None = None,
        excerpt: bytes = b"",
        status_hint: int = 400,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.offset: int | None = offset
        self.excerpt: bytes = bytes(excerpt[:EXCERPT_OCTETS])
        self.status_hint: int = status_hint

    def describe(self) -> str:
        """Add where in the body it was."""
        where = "" if self.offset is None else f" at offset {self.offset}"
        return super().describe() + where


class LocalProtocolError(ProtocolError, ValueError):
    """We were asked to send something that is not legal."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that is not legal."""


class FramingError(RemoteProtocolError):
    """The body's framing (Content-Length, chunked, content coding) is broken or cut short."""


class MultipartError(RemoteProtocolError):
    """The multipart body is malformed, or ends without its close delimiter.

    Attributes:
        part: 1-based number of the part where it happened; 0 before the first.
    """

    def __init__(self, message: str = "", *, part: int = 0, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.part: int = part

    def describe(self) -> str:
        """Add the part's number."""
        return super().describe() + (f" in part {self.part}" if self.part else "")


class LimitExceeded(RemoteProtocolError):
    """The peer sent more than a bound of ``Limits`` allows.

    Attributes:
        limit: Name of the bound, a field of ``Limits``.
        value: The bound.
    """

    default_hint = "Limits(...) sets the bounds; raise this one only for a peer that you trust"

    def __init__(
        self, message: str = "", *, limit: str = "", value: int = 0, **kwargs: Any
    ) -> None:
        kwargs.setdefault("status_hint", 413)
        super().__init__(message, **kwargs)
        self.limit: str = limit
        self.value: int = value

    def describe(self) -> str:
        """Name the bound."""
        return f"{super().describe()} (Limits.{self.limit} is {self.value})"


# --- status: the peer said no -------------------------------------------------------------------


class StatusError(DicomWebError):
    """The server answered with a status that is not success (RFC 9110 §15, PS3.18 §8.5).

    Attributes:
        status: The status code.
        headers: The response's header fields.
        body: The response's body, at most ``Limits.error_body`` octets.
        dataset: The body as a data set, where it was DICOM JSON; else ``None``.
        warnings: Texts of the ``Warning`` fields.
        url: The URL of the request, without user information and query values.
        retry_after: Seconds that the server asks to wait, or ``None``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        headers: Headers | None = None,
        body: bytes = b"",
        dataset: Dataset | None = None,
        warnings: Sequence[str] = (),
        url: str = "",
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status: int = status
        self.headers: Headers | None = headers
        self.body: bytes = body
        self.dataset: Dataset | None = dataset
        self.warnings: tuple[str, ...] = tuple(warnings)
        self.url: str = url
        self.retry_after: float | None = retry_after

    @staticmethod
    def for_status(status: int) -> type[StatusError]:
        """The class of the tree that stands for a status code."""
        return _STATUS_CLASSES.get(status) or (ServerError if status >= 500 else StatusError)

    @property
    def response(self) -> Any:
        """What code written for ``requests`` reads: ``status_code``, ``headers``, ``content``."""
        return SimpleNamespace(
            status_code=self.status,
            headers=dict(self.headers.items()) if self.headers is not None else {},
            content=self.body,
            text=self.body.decode("utf-8", "replace"),
        )

    def describe(self) -> str:
        """Status, redacted URL and the server's warnings."""
        text = f"status {self.status}"
        if self.message:
            text += f" {self.message}"
        if self.url:
            text += f" from {self.url}"
        return text + "".join(f"; warning: {warning}" for warning in self.warnings)


class AuthenticationRequired(StatusError):
    """401: credentials are missing or were refused."""

    default_hint = "Client(auth=BasicAuth(...)) or Client(auth=BearerAuth(...))"


class Forbidden(StatusError):
    """403: these credentials may not do that."""


class NotFound(StatusError):
    """404 or 410: the resource is not there, or is hidden."""


class NotAcceptable(StatusError):
    """406: the server cannot give any of the asked media types (PS3.18 §8.7.8)."""

    default_hint = "media_types=... asks for other representations"


class Conflict(StatusError):
    """409: the request contradicts the state of the resource."""


class TooLarge(StatusError):
    """413: the request, or the answer that it asks for, is too large."""

    default_hint = "a gateway in front of the server may limit bodies; store fewer at a time"


class UnsupportedMediaType(StatusError):
    """415: the server does not take this kind of body."""


class Throttled(StatusError):
    """429 or 503: the server is busy; ``retry_after`` says how long, where it told."""


class ServerError(StatusError):
    """5xx: the server failed."""


_STATUS_CLASSES: dict[int, type[StatusError]] = {
    401: AuthenticationRequired,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    415: UnsupportedMediaType,
    429: Throttled,
    503: Throttled,
}


# --- content: valid HTTP, wrong DICOM -----------------------------------------------------------


class ContentError(DicomWebError):
    """The message was whole, but its content is not what DICOM says."""


class UnexpectedMediaType(ContentError):
    """The answer has a media type that the transaction cannot use, such as a log-in page.

    Attributes:
        media_type: The ``Content-Type`` received; empty where there was none.
        body: The start of the body.
    """

    default_hint = "is the URL that of the DICOMweb service, and are you logged in?"

    def __init__(
        self, message: str = "", *, media_type: str = "", body: bytes = b"", hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.media_type: str = media_type
        self.body: bytes = body

    def describe(self) -> str:
        """Name the media type, if it is one."""
        if not self.media_type:
            return super().describe()
        match = _MEDIA_TYPE.match(self.media_type)
        return f"{super().describe()}: {match[0] if match else 'an unreadable Content-Type'}"


class FrameMismatch(ContentError):
    """The answer holds other frames than were asked for.

    Attributes:
        asked: The 1-based frame numbers asked for.
        missing: Those of them that did not arrive.
        received: Number of parts received.
        by_place: Numbers of frames that arrived without saying which they are, so that nothing
            but their place in the answer told it. With other frames in the answer than were asked
            for they may be others than these, those that were iterated over among them; and
            ``missing`` may name one of them.
    """

    def __init__(
        self,
        message: str = "",
        *,
        asked: Sequence[int] = (),
        missing: Sequence[int] = (),
        received: int = 0,
        by_place: Sequence[int] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.asked: tuple[int, ...] = tuple(asked)
        self.missing: tuple[int, ...] = tuple(missing)
        self.received: int = received
        self.by_place: tuple[int, ...] = tuple(by_place)

    def describe(self) -> str:
        """Count, and name the missing ones and those in doubt."""
        text = f"{super().describe()}: asked for {len(self.asked)} frames, got {self.received}"
        if self.missing:
            text += f"; missing {_first_ten(self.missing)}"
        if self.by_place:
            shown = _first_ten(self.by_place)
            text += f"; told by place alone, and perhaps other frames: {shown}"
        return text


def _first_ten(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")


class JsonModelError(ContentError):
    """The text is not DICOM JSON (PS3.18 Annex F).

    Attributes:
        path: Where: a JSON path of tags and indices, such as ``[3].00101002[0].00100020``.
    """

    def __init__(self, message: str = "", *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path: str = path

    def describe(self) -> str:
        """Add the path."""
        return super().describe() + (f" at {self.path}" if self.path else "")


class NativeXmlError(ContentError):
    """The text is not a Native DICOM Model document (PS3.19 §A.1).

    Attributes:
        path: Where: a path of tags and indices of items, such as ``00101002[0].00100020``; empty
            if it is no attribute.
    """

    def __init__(self, message: str = "", *, path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path: str = path

    def describe(self) -> str:
        """Add the path."""
        return super().describe() + (f" at {self.path}" if self.path else "")


class Part10Error(ContentError):
    """The octets are not a DICOM file (PS3.10 §7).

    Attributes:
        name: The file's path as the caller gave it; empty for octets in memory.
    """

    def __init__(self, message: str = "", *, name: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name: str = name

    def describe(self) -> str:
        """Start with the file's name."""
        return f"{self.name}: {super().describe()}" if self.name else super().describe()


class StoreFailed(DicomWebError):
    """Not every instance was stored; raised by ``StoreReport.raise_for_failures``.

    Attributes:
        report: The whole report.
    """

    def __init__(self, message: str = "", *, report: StoreReport | None = None) -> None:
        super().__init__(message)
        self.report: StoreReport | None = report
