"""Multipart bodies outward: parts to segments of known length (RFC 2046 §5.1, PS3.18 §8.6.1.2)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..http import Body, Headers, Segment

__all__ = ["OutgoingPart", "make_boundary", "render_multipart"]

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """A part to be sent: its header fields (checked by ``Headers``) and its body."""

    headers: Headers
    body: Body


def make_boundary() -> str:
    """A boundary that nobody can guess or meet by chance in the data (MUL-05).

    128 random bits as hexadecimal digits: a token, so that it is sent without quotes, which some
    servers don't take off (PS3.18 §8.6.1.2, Orthanc before plugin 1.4).
    """
    return secrets.token_hex(16)


def render_multipart(parts: Iterable[OutgoingPart], boundary: str) -> Body:
    """Put delimiters and heads around parts.

    Args:
        parts: In the order in which they are sent. An empty iterable gives a body of no parts.
        boundary: As in the ``boundary`` parameter of the ``Content-Type``.

    Returns:
        Segments: heads as ``bytes``, the parts' bodies as they were given. Their lengths add up
        to the ``Content-Length``.

    Raises:
        LocalProtocolError: The boundary is not legal.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise LocalProtocolError("a boundary has 1 to 70 of the characters of RFC 2046 §5.1.1")
    delimiter = b"--" + boundary.encode("ascii")
    segments: list[Segment] = []
    line_end = b""  # the CRLF before a delimiter belongs to it, and the first one has none
    for part in parts:
        fields = b"".join(name + b": " + value + b"\r\n" for name, value in part.headers.to_wire())
        segments.append(line_end + delimiter + b"\r\n" + fields + b"\r\n")
        segments.extend(part.body)
        line_end = b"\r\n"
    segments.append(line_end + delimiter + b"--\r\n")
    return tuple(segments)
