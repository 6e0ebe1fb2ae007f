"""Requests and responses as values (RFC 9110 §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._util import message_codec
from ..errors import LocalProtocolError
from ._grammar import FIELD_VALUE, is_token
from .body import Body, body_length
from .fields import parse_warnings
from .headers import Headers

if TYPE_CHECKING:
    from .media_type import MediaType
    from .url import URL

__all__ = ["Request", "Response"]

_NO_FIELDS = Headers()
_BYTE_RANGES = frozenset({"multipart/byteranges", "multipart/x-byteranges"})


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Request:
    """A request, whole.

    Args:
        method: Case-sensitive, such as ``GET``.
        url: Where it goes; its user information and fragment are not sent.
        headers: Without ``Host`` and framing, which are added when the request is sent.
        body: Segments, or octets.

    Raises:
        LocalProtocolError: The method is not a token.
    """

    method: str
    url: URL
    headers: Headers
    body: Body

    def __init__(
        self, method: str, url: URL, headers: Headers = _NO_FIELDS, body: Body | bytes = ()
    ) -> None:
        if not is_token(method):
            raise LocalProtocolError(f"not a request method: {method[:64]!r}")
        if isinstance(body, bytes):
            body = (body,) if body else ()
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "body", body)

    @property
    def media_type(self) -> MediaType | None:
        """Media type of the body; ``None`` if it is not told or cannot be read."""
        return self.headers.media_type

    @classmethod
    def from_bytes(cls, octets: bytes | bytearray | memoryview, *, scheme: str = "http") -> Request:
        """Read a whole HTTP/1.1 request, whatever its framing (RFC 9112).

        ``Host`` and the fields of the framing become part of ``url`` and ``body``, a gzip or
        deflate coded body is decoded, and trailers are dropped.

        Args:
            octets: The message and nothing behind it.
            scheme: That of the connection it came by, for the URL.

        Raises:
            RemoteProtocolError: It is not a legal request, or not whole; ``status_hint`` is the
                status to answer with.
            UnexpectedMediaType: The body has a content coding that cannot be undone.
        """
        return message_codec.get().parse_request(octets, scheme=scheme)

    def __bytes__(self) -> bytes:
        """The whole HTTP/1.1 message, with ``Host`` and ``Content-Length``.

        Raises:
            LocalProtocolError: The request is not legal HTTP, or its body is in a file.
        """
        return message_codec.get().render_request(self)

    def __repr__(self) -> str:
        """Method, redacted URL, names of the headers, size of the body."""
        size = body_length(self.body)
        return f"Request({self.method} {self.url.redacted()}, {self.headers!r}, {size} bytes)"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """A response, whole, or its head where the body is streamed.

    Attributes:
        status: Status code.
        headers: Header fields.
        body: The whole body; empty where it is streamed.
        reason: Reason phrase; says nothing that the status does not (RFC 9112 §4).

    Raises:
        LocalProtocolError: The reason holds a control character, such as a line break.
    """

    status: int
    headers: Headers = _NO_FIELDS
    body: bytes = b""
    reason: str = ""

    def __post_init__(self) -> None:
        """Check the reason, which h11 writes as it is."""
        if self.reason and not FIELD_VALUE.fullmatch(self.reason):
            raise LocalProtocolError("a reason phrase holds a control or non-ISO-8859-1 character")

    @classmethod
    def from_bytes(cls, octets: bytes | bytearray | memoryview, *, method: str = "GET") -> Response:
        """Read a whole HTTP/1.1 response, whatever its framing (RFC 9112).

        Informational responses before it are passed over. The fields of the framing are taken
        off where there is a body, a gzip or deflate coded body is decoded, and trailers are
        dropped.

        Args:
            octets: All that the server sent.
            method: Of the request that this answers: the answer to ``HEAD`` has no body.

        Raises:
            RemoteProtocolError: It is not a legal response, or not whole.
            UnexpectedMediaType: The body has a content coding that cannot be undone.
        """
        return message_codec.get().parse_response(octets, method=method)

    def __bytes__(self) -> bytes:
        """The whole HTTP/1.1 message, with ``Content-Length``.

        Raises:
            LocalProtocolError: The response is not legal HTTP, is informational, or has a body
                where its status allows none.
        """
        return message_codec.get().render_response(self)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> MediaType | None:
        """Media type of the body; ``None`` if it is not told or cannot be read."""
        return self.headers.media_type

    @property
    def warnings(self) -> tuple[str, ...]:
        """Texts of the ``Warning`` fields (PS3.18 §8.3.4.2)."""
        return tuple(warning.text for warning in parse_warnings(self.headers))

    @property
    def partial(self) -> bool:
        """Whether some of the instances asked for are missing (PS3.18 §10.4.3.1).

        That is a 206 that does not answer a range request: no ``Content-Range`` and no
        ``multipart/byteranges``, whose parts carry it (RFC 9110 §15.3.7.2).
        """
        if self.status != 206 or "Content-Range" in self.headers:
            return False
        media_type = self.media_type
        return media_type is None or media_type.essence not in _BYTE_RANGES

    def __repr__(self) -> str:
        """Status, names of the headers, size of the body."""
        return f"Response({self.status}, {self.headers!r}, {len(self.body)} bytes)"
