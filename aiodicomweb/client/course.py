"""How one call goes, however many requests it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..net import Deadlines

if TYPE_CHECKING:
    from ..net import Timeout
    from ..net.closing import Closing
    from .observe import Watch

__all__ = ["Course"]


class Course(Deadlines):
    """The deadlines of a call, and what tells of it.

    Args:
        timeout: Seconds for each phase.
        origin: The peer of its first request, for errors.
        call: Its number.
        closing: Of the client.

    Attributes:
        watch: Tells of its latest request; ``None`` if nobody wants to know, or none was made.
    """

    __slots__ = ("watch",)

    watch: Watch | None

    def __init__(self, timeout: Timeout, origin: str, call: int, closing: Closing) -> None:
        super().__init__(timeout, origin, call, closing)
        self.watch = None
