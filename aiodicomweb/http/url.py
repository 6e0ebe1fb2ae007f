"""URLs as values, and the query grammar of DICOMweb (RFC 3986, PS3.18 §8.2-8.3).

A URL comes from a caller or from a server (``Location``, ``BulkDataURI``). It is checked when it
is made, so that nothing in it can end a request line or leave room for two readings of its host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote as percent_encode
from urllib.parse import unquote

from ..errors import LocalProtocolError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["URL", "Origin", "build_query", "quote", "quote_segment"]

_DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986 appendix B, with the grammar of a scheme (§3.1) so that "1.2:3" is a path.
_REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):)?"
    r"(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?"
)
_AUTHORITY = re.compile(
    r"(?:(?P<userinfo>[A-Za-z0-9\-._~!$&'()*+,;=:%]*)@)?"
    r"(?P<host>\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
    r"|[A-Za-z0-9\-._~!$&'()*+,;=%]*)"
    r"(?::(?P<port>[0-9]{0,5}))?"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*")
_SCHEME_LIKE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_VISIBLE = re.compile(r"[\x21-\x7e]*")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]+")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9._\-]+")

# PS3.18 §8.3.1 leaves these bare in a value; "+" is left out because many servers read it as a
# space, and "," separates the members of a list.
_QUERY_SAFE = "!$'()*;:@/?"
_SEGMENT_SAFE = "!$&'()*+,;=:@"


def quote(text: str, safe: str) -> str:
    """Percent-encode a text as UTF-8 octets (RFC 3986 §2.1).

    Args:
        text: What to encode.
        safe: Characters, besides the unreserved ones, that stay as they are.

    Raises:
        LocalProtocolError: The text holds NUL, which no value in DICOM may, or is not Unicode.
    """
    if _UNRESERVED.fullmatch(text):
        return text  # as UIDs, frame numbers and keywords are
    if "\0" in text:
        raise LocalProtocolError("a URL cannot carry NUL")
    try:
        return percent_encode(text, safe=safe)
    except UnicodeEncodeError:
        # Not chained: the original carries the text, which may be a patient's name.
        raise LocalProtocolError("a URL cannot carry a lone surrogate") from None


def quote_segment(text: str) -> str:
    """Percent-encode one path segment (RFC 3986 §3.3).

    Raises:
        LocalProtocolError: It is ``.`` or ``..``, which would climb the path even if encoded.
    """
    if text in {".", ".."}:
        raise LocalProtocolError("a path segment cannot be '.' or '..'")
    return quote(text, _SEGMENT_SAFE)


def build_query(parameters: Iterable[tuple[str, str | Iterable[str]]]) -> str | None:
    """Write a query string (PS3.18 §8.3.1).

    A space becomes ``%20``, a plus ``%2B``, and a comma inside a value ``%2C``; the members of a
    list are separated by bare commas. An empty list gives the bare name.

    Args:
        parameters: Names, each with one value or with a list of values, not yet encoded.

    Returns:
        The query without ``?``; ``None`` if there are no parameters, since an empty query must
        not be sent.

    Raises:
        LocalProtocolError: See :func:`quote`.
    """
    pieces: list[str] = []
    for name, value in parameters:
        values = [value] if isinstance(value, str) else list(value)
        encoded = ",".join(quote(member, _QUERY_SAFE) for member in values)
        pieces.append(quote(name, _QUERY_SAFE) + (f"={encoded}" if values else ""))
    return "&".join(pieces) or None


def _normalize_encoding(text: str) -> str:
    """Decode what needs no encoding, and write the rest in upper case (RFC 3986 §6.2.2.1-2)."""
    return _ENCODED.sub(_encode_again, text)


def _encode_again(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _remove_dot_segments(path: str) -> str:
    """Resolve ``.`` and ``..`` (RFC 3986 §5.2.4), without climbing above the root."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            # The empty segment before a leading "/" stands for the root.
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/".join(kept)


class Origin(NamedTuple):
    """Scheme, host and port: what connections and credentials belong to (RFC 9110 §4.3.1)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Such as ``https://pacs.example:443``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class URL:
    """A URL or a relative reference, in the five components of RFC 3986 §3.

    Components are kept percent-encoded. An empty authority and none are the same, so that
    ``file:///x`` is written ``file:/x``. Two URLs are equal if their :meth:`normalized` forms are
    the same, component by component.

    Attributes:
        scheme: In lower case; empty in a relative reference.
        authority: ``[userinfo@]host[:port]``; may be empty.
        path: May be empty.
        query: Without ``?``; ``None`` if there is none.
        fragment: Without ``#``; ``None`` if there is none. Never sent.

    Raises:
        ProtocolError: A component holds white space, a control or a non-ASCII character, the
            host or port is malformed, or the components together would read otherwise.
    """

    scheme: str
    authority: str
    path: str
    query: str | None = None
    fragment: str | None = None
    # Kept once it is known: a request is asked for it at each step of its way.
    _origin: Origin | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Check what :meth:`parse` and direct construction have in common."""
        for component in _components(self):
            if component and not _VISIBLE.fullmatch(component):
                raise ProtocolError(
                    "a URL holds white space, a control or a non-ASCII character",
                    hint="percent-encode it",
                )
        if self.scheme and not _SCHEME.fullmatch(self.scheme):
            raise ProtocolError("malformed scheme of a URL")
        authority = _AUTHORITY.fullmatch(self.authority)
        if authority is None or int(authority["port"] or 0) > 65535:
            raise ProtocolError("malformed host or port of a URL")
        self._check_components_apart()

    def _check_components_apart(self) -> None:
        if (
            ("?" in self.path or "#" in self.path or "#" in (self.query or ""))
            or (self.authority and self.path and not self.path.startswith("/"))
            or (not self.scheme and not self.authority and _SCHEME_LIKE.match(self.path))
        ):
            raise ProtocolError("the components of a URL run into each other")

    @classmethod
    def parse(cls, text: str) -> URL:
        """Split a URL or a relative reference into components (RFC 3986 appendix B).

        Raises:
            ProtocolError: It is not one.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ProtocolError("a URL holds a line break")
        return cls(
            (match["scheme"] or "").lower(),
            match["authority"] or "",
            match["path"],
            match["query"],
            match["fragment"],
        )

    # --- authority --------------------------------------------------------------------------

    def _authority_group(self, name: str) -> str | None:
        match = _AUTHORITY.fullmatch(self.authority)
        return match[name] if match else None

    @property
    def userinfo(self) -> str | None:
        """What stands before ``@``; must not be sent (RFC 9110 §4.2.4)."""
        return self._authority_group("userinfo")

    @property
    def host(self) -> str:
        """Host in lower case, an IPv6 address without brackets; empty if there is none."""
        return (self._authority_group("host") or "").lower().strip("[]")

    @property
    def port(self) -> int | None:
        """The port as written, or ``None``."""
        digits = self._authority_group("port")
        return int(digits) if digits else None

    @property
    def origin(self) -> Origin:
        """Scheme, host and port, the scheme's default port filled in.

        Raises:
            ProtocolError: There is no host, or no port for this scheme.
        """
        if self._origin is None:
            object.__setattr__(self, "_origin", self._find_origin())
        return cast("Origin", self._origin)

    def _find_origin(self) -> Origin:
        port = _DEFAULT_PORTS.get(self.scheme) if self.port is None else self.port
        if not self.host or not self.scheme or port is None:
            raise ProtocolError(
                f"a URL without origin: {self.redacted()}", hint="use http://host or https://host"
            )
        return Origin(self.scheme, self.host, port)

    def without_userinfo(self) -> URL:
        """The same without ``userinfo@``."""
        _, mark, authority = self.authority.rpartition("@")
        return replace(self, authority=authority) if mark else self

    # --- path -------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        """The origin-form that a request line carries (RFC 9112 §3.2.1)."""
        return (self.path or "/") + (f"?{self.query}" if self.query else "")

    def child(self, *segments: str) -> URL:
        """A resource below this one, without query and fragment.

        Segments are percent-encoded; empty ones are left out, as is a ``/`` at the end of our
        path, so that base URLs work with and without it.

        Raises:
            LocalProtocolError: A segment is ``.`` or ``..``, or see :func:`quote`.
        """
        below = [quote_segment(segment) for segment in segments if segment]
        path = "/".join([self.path.rstrip("/"), *below])
        same = path == self.path and self.query is None and self.fragment is None
        return self if same else self._at(path)

    def _at(self, path: str) -> URL:
        """Another path at the same place, which needs no check: it is of ours, and of segments."""
        url = URL.__new__(URL)
        values = (self.scheme, self.authority, path, None, None, self._origin)
        for name, value in zip(URL.__slots__, values, strict=True):
            object.__setattr__(url, name, value)
        return url

    def join(self, reference: URL | str) -> URL:
        """Resolve a reference against this URL as base (RFC 3986 §5.2).

        Raises:
            ProtocolError: The reference is not a URL.
        """
        other = URL.parse(reference) if isinstance(reference, str) else reference
        if other.scheme or other.authority:
            return replace(
                other, scheme=other.scheme or self.scheme, path=_remove_dot_segments(other.path)
            )
        if not other.path:
            query = self.query if other.query is None else other.query
            return replace(self, query=query, fragment=other.fragment)
        path = other.path
        if not path.startswith("/"):
            root = "/" if self.authority and not self.path else ""
            path = root + self.path[: self.path.rfind("/") + 1] + path
        return replace(
            other, scheme=self.scheme, authority=self.authority, path=_remove_dot_segments(path)
        )

    # --- query ------------------------------------------------------------------------------

    def with_query(self, query: str | None) -> URL:
        """The same with another query, encoded already (see :func:`build_query`)."""
        return self if query == self.query else replace(self, query=query)

    def parse_query(self) -> list[tuple[str, list[str]]]:
        """Names and values of the query's parameters, decoded, in order (PS3.18 §8.3.1).

        Commas separate values before they are decoded, so that ``%2C`` stays inside a value. A
        plus is a plus. A bare name has no values; ``name=`` has one, empty.
        """
        parameters: list[tuple[str, list[str]]] = []
        for piece in (self.query or "").split("&"):
            name, equals, values = piece.partition("=")
            if piece:
                decoded = [unquote(value) for value in values.split(",")] if equals else []
                parameters.append((unquote(name), decoded))
        return parameters

    # --- equality ---------------------------------------------------------------------------

    def normalized(self) -> URL:
        """The form that equivalent URLs have in common (RFC 3986 §6.2.2, §6.2.3).

        The host is in lower case, the default port of the scheme and the dots of the path are
        gone, an empty path at a host is ``/``, and only what has to be is percent-encoded. The
        path of a relative reference stays: what it means, its base tells.
        """
        host = _normalize_encoding(self._authority_group("host") or "").lower()
        authority = _normalize_encoding(host)
        if self.userinfo is not None:
            authority = f"{_normalize_encoding(self.userinfo)}@{authority}"
        if self.port is not None and self.port != _DEFAULT_PORTS.get(self.scheme):
            authority += f":{self.port}"
        path = self.path
        if self.scheme or self.authority:
            path = _remove_dot_segments(_normalize_encoding(path))
        parts = (self.query, self.fragment)
        query, fragment = (None if part is None else _normalize_encoding(part) for part in parts)
        return URL(self.scheme, authority, path or ("/" if authority else ""), query, fragment)

    def __eq__(self, other: object) -> bool:
        """Whether the normalized forms are the same."""
        if not isinstance(other, URL):
            return NotImplemented
        return _components(self.normalized()) == _components(other.normalized())

    def __hash__(self) -> int:
        """Equal for equal URLs."""
        return hash(_components(self.normalized()))

    # --- text -------------------------------------------------------------------------------

    def __str__(self) -> str:
        """The whole URL, with what it may hold of patients and credentials."""
        text = f"{self.scheme}:" if self.scheme else ""
        # A path that begins with "//" would be read as an authority.
        if self.authority or self.path.startswith("//"):
            text += f"//{self.authority}"
        text += self.path
        if self.query is not None:
            text += f"?{self.query}"
        return text if self.fragment is None else f"{text}#{self.fragment}"

    def redacted(self) -> str:
        """The URL for logs and errors: no user information, no query values, no fragment."""
        pieces: list[str] = []
        for piece in (self.query or "").split("&"):
            name, equals, _ = piece.partition("=")
            shown = name if _PARAMETER_NAME.fullmatch(name) else "…"
            pieces.append(shown + ("=…" if equals else ""))
        query = "&".join(pieces) if self.query else None
        # Not through replace(): "…" is no character of a URL.
        bare = str(replace(self.without_userinfo(), query=None, fragment=None))
        return bare if query is None else f"{bare}?{query}"

    def __repr__(self) -> str:
        """Redacted."""
        return f"URL({self.redacted()!r})"


def _components(url: URL) -> tuple[str | None, ...]:
    return (url.scheme, url.authority, url.path, url.query, url.fragment)
