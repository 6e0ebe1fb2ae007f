"""Media types with their parameters (RFC 9110 §8.3.1, PS3.18 §8.7.1, RFC 2387 §3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from ._grammar import FIELD_VALUE, OWS, is_token, quote_string, unescape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MediaType"]

# One parameter up to its ";". Besides the grammar of RFC 9110 §5.6.6 it takes what servers send:
# single quotes, values that should be quoted and are not (type=a/b), spaces around "=".
_PARAMETER = re.compile(
    r"""
    (?P<name>[^=;"]*)
    (?:=[ \t]*(?:
        "(?P<quoted>(?:[^"\\]|\\.)*)"[ \t]*(?=;|\Z)
      | '(?P<single>[^']*)'[ \t]*(?=;|\Z)
      | (?P<bare>[^;"]*)
    ))?
    (?:;|\Z)
    """,
    re.VERBOSE,
)

_MOST_REMEMBERED = 256
"""Characters of a text whose meaning is remembered, so that peers can't fill our memory."""

_JSON = frozenset({"application/dicom+json", "application/json"})


def _parse_parameters(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise _malformed("malformed parameter of a media type", text[position:])
        position = match.end()
        name = match["name"].strip(OWS).lower()
        quoted, single, bare = match.group("quoted", "single", "bare")
        if quoted is not None:
            value: str | None = unescape(quoted)
        else:
            value = bare.strip(OWS) if bare is not None else single
        # A name without value says nothing; a stray ";" is allowed (RFC 9110 §5.6.6).
        if value is not None and is_token(name):
            yield name, value


def _format_value(value: str) -> str:
    # A token in single quotes would lose them to readers as lenient as ours.
    bare = is_token(value) and not value.startswith("'")
    return value if bare else quote_string(value)


def _malformed(message: str, text: str) -> ProtocolError:
    return ProtocolError(message, excerpt=text.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type, or a media range such as ``*/*``.

    Attributes:
        type: In lower case.
        subtype: In lower case.
        parameters: Names in lower case, and values without quotes, in order.
    """

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read a ``Content-Type`` value or a member of ``Accept``, as servers write them.

        Raises:
            ProtocolError: There is no ``type/subtype``, a quoted string does not end, or a
                character cannot stand in a header field.
        """
        # One response may tell the same media type of twenty thousand parts.
        return _remembered(text) if len(text) <= _MOST_REMEMBERED else _parse(text)

    @property
    def essence(self) -> str:
        """``type/subtype``, without parameters."""
        return f"{self.type}/{self.subtype}"

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, the first where it is repeated; ``None`` if absent."""
        key = name.lower()
        for own, value in self.parameters:
            if own == key:
                return value
        return None

    def with_parameters(self, parameters: Mapping[str, str]) -> MediaType:
        """The same with these parameters at the end, in place of those of the same names."""
        added = {name.lower(): value for name, value in parameters.items()}
        kept = tuple(pair for pair in self.parameters if pair[0] not in added)
        return MediaType(self.type, self.subtype, kept + tuple(added.items()))

    @property
    def boundary(self) -> str | None:
        """Boundary of a multipart type, without the white space that cannot end one."""
        return (self.parameter("boundary") or "").rstrip(OWS) or None

    @property
    def transfer_syntax(self) -> str | None:
        """Transfer syntax UID, or ``*``; ``None`` if it is not told (PS3.18 §8.7.3.5.2)."""
        own = self.parameter("transfer-syntax")
        if own:
            return own
        # Orthanc writes it inside the quotes: type="image/jpeg; transfer-syntax=1.2…".
        root = self.root
        return root.transfer_syntax if root else None

    @property
    def root(self) -> MediaType | None:
        """Media type of the root part, from the ``type`` parameter of a multipart type.

        ``None`` if there is no such parameter, or none that can be read (RFC 2387 §3.1).
        """
        text = self.parameter("type")
        if not self.is_multipart or text is None:
            return None
        try:
            return MediaType.parse(text)
        except ProtocolError:
            return None

    @property
    def is_multipart(self) -> bool:
        """Whether this is ``multipart/…``."""
        return self.type == "multipart"

    @property
    def is_json(self) -> bool:
        """Whether this is DICOM JSON, under its own name or the general one."""
        return self.essence in _JSON

    def __str__(self) -> str:
        """As a header field carries it; a value that is not a token is quoted."""
        written = (f"; {name}={_format_value(value)}" for name, value in self.parameters)
        return self.essence + "".join(written)


def _parse(text: str) -> MediaType:
    essence, _, rest = text.partition(";")
    type_, _, subtype = essence.strip(OWS).partition("/")
    if not (is_token(type_) and is_token(subtype) and FIELD_VALUE.fullmatch(rest)):
        raise _malformed("not a media type", text)
    return MediaType(type_.lower(), subtype.lower(), tuple(_parse_parameters(rest)))


_remembered = lru_cache(64)(_parse)
