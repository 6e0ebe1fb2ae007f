"""Bodies as lists of segments, so that files are sent without being read into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Body",
    "Deferred",
    "FileSpan",
    "Segment",
    "body_length",
    "body_octets",
    "segment_length",
]


@dataclass(frozen=True, slots=True)
class FileSpan:
    """A piece of a file, read when its turn comes to be sent.

    Attributes:
        path: Path of the file.
        offset: Where the piece starts, in octets.
        length: Octets in the piece. A file that has become shorter is an error when it is sent.
        modified: When the file was last changed, in nanoseconds (``st_mtime_ns``), if that
            matters: one that was changed since is an error too.
    """

    path: str
    offset: int
    length: int
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class Deferred:
    """Octets that are made when their turn comes to be sent, and forgotten afterwards.

    Attributes:
        length: Octets that ``produce`` will return; checked when they are sent.
        produce: Makes the octets; called again if the request is repeated.
    """

    length: int
    produce: Callable[[], bytes]


Segment: TypeAlias = bytes | bytearray | memoryview | FileSpan | Deferred
"""One piece of a body."""

Body: TypeAlias = tuple[Segment, ...]
"""A whole body, in order."""


def segment_length(segment: Segment) -> int:
    """Octets in a segment."""
    if isinstance(segment, FileSpan | Deferred):
        return segment.length
    return segment.nbytes if isinstance(segment, memoryview) else len(segment)


def body_length(body: Body) -> int:
    """Octets in a body, known without reading files or making deferred octets."""
    return sum(map(segment_length, body))


def body_octets(body: Body) -> bytes:
    """A whole body in one piece; deferred octets are made now.

    Raises:
        LocalProtocolError: A piece is in a file, which is not read here; or a producer made
            another number of octets than it promised.
    """
    return b"".join(map(_segment_octets, body))


def _segment_octets(segment: Segment) -> bytes | bytearray | memoryview:
    match segment:
        case FileSpan():
            raise LocalProtocolError(
                "a body that is in a file has no octets without I/O", hint="read the file first"
            )
        case Deferred():
            octets = segment.produce()
            if len(octets) != segment.length:
                raise LocalProtocolError("a deferred piece of a body has another length than told")
            return octets
        case _:
            return segment
