"""Responses that are sent piece by piece: what a server makes of a request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from .body import Segment, segment_length

if TYPE_CHECKING:
    from collections.abc import Callable

    from .messages import Response

__all__ = ["OutgoingBody", "OutgoingResponse", "Produced"]


@dataclass(frozen=True, slots=True)
class Produced:
    """Octets made when their turn comes to be sent, as many as it then turns out.

    A body with one of these has no length that could be told before. Where the length is known,
    :class:`~aiodicomweb.http.Deferred` tells it.

    Attributes:
        produce: Makes the octets, in a worker thread.
    """

    produce: Callable[[], bytes]


OutgoingBody: TypeAlias = tuple[Segment | Produced, ...]
"""A body in pieces, in order."""


@dataclass(frozen=True, slots=True)
class OutgoingResponse:
    """A response whose body is sent piece by piece.

    Attributes:
        head: Status and header fields; its own body is empty.
        body: The pieces.
    """

    head: Response
    body: OutgoingBody = ()

    @property
    def length(self) -> int | None:
        """Octets of the body; ``None`` if that is not known before they are made."""
        total = 0
        for segment in self.body:
            if isinstance(segment, Produced):
                return None
            total += segment_length(segment)
        return total

    @classmethod
    def of(cls, response: Response) -> OutgoingResponse:
        """One whose body is there already."""
        return cls(replace(response, body=b""), (response.body,) if response.body else ())
