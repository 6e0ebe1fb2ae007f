"""The call that deletes, which is beyond the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never

from ...errors import UnexpectedMediaType
from .call import Call

if TYPE_CHECKING:
    from ...http import Request
    from ..session import Session

__all__ = ["DeleteCall"]


class DeleteCall(Call[Never, None]):
    """A deletion; awaited, ``None`` once the server says that it is done, or will be (202).

    Iterated, it does the same and gives nothing.
    """

    __slots__ = ("_request",)

    def __init__(self, session: Session, request: Request) -> None:
        super().__init__(session)
        self._request = request

    async def _start(self) -> None:
        incoming = await self._open(self._request)
        body = await incoming.read_start(self._session.limits.error_body)
        media_type = self.response.media_type
        # A log-in page must not be taken for a deletion; some servers call an empty body HTML.
        if body.strip() and media_type is not None and media_type.essence == "text/html":
            raise UnexpectedMediaType(
                "the answer is a page, and no word on the deletion",
                media_type=str(media_type),
                body=body,
            )

    async def _next(self) -> Never:
        raise StopAsyncIteration

    async def _whole(self) -> None:
        """All is said with the head."""
