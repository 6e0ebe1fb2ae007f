"""What all layers may use: what a number is, and what a lower layer needs of a higher one.

``bytes(request)`` is a promise of ``http``, and h11, who has to keep it, lives in ``wire``. So
``http`` asks here, and the front door, which knows all rooms and is passed on the way to any of
them, says where the answer is. Nothing is imported before a message is written or read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http import Request, Response

__all__ = ["Injected", "MessageCodec", "is_number", "is_whole_number", "message_codec"]

T = TypeVar("T")


def is_number(value: object) -> bool:
    """Whether a setting is a number. ``nan`` is none: it would pass every comparison unseen."""
    return is_whole_number(value) or (isinstance(value, float) and not math.isnan(value))


def is_whole_number(value: object) -> bool:
    """Whether a setting is a whole number; ``True`` is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Whether a setting is text."""
    return isinstance(value, str)


class MessageCodec(Protocol):
    """Writes and reads whole HTTP/1.1 messages: see :mod:`aiodicomweb.wire.messages`."""

    def render_request(self, request: Request) -> bytes:
        """A request's octets."""
        ...

    def parse_request(self, octets: bytes | bytearray | memoryview, *, scheme: str) -> Request:
        """The request that these octets are."""
        ...

    def render_response(self, response: Response) -> bytes:
        """A response's octets."""
        ...

    def parse_response(self, octets: bytes | bytearray | memoryview, *, method: str) -> Response:
        """The response that these octets are."""
        ...


class Injected(Generic[T]):
    """Something that is handed in from above, and looked up when it is first needed."""

    __slots__ = ("_load",)

    _load: Callable[[], T]

    def provide(self, load: Callable[[], T]) -> None:
        """Say how to get it."""
        self._load = load

    def get(self) -> T:
        """Get it."""
        return self._load()


message_codec: Injected[MessageCodec] = Injected()
