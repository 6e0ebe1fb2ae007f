"""The objects of an answer in DICOM JSON, one by one while it arrives; again if it breaks off."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..dicom.json_stream import END, NEED_DATA, JsonStream
from ..errors import DicomWebError, LimitExceeded
from ..http import Response
from ..services.paging import result_key
from ..services.transaction import json_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..dicom.json_model import JsonObject
    from ..net import Incoming
    from ..wire import Limits
    from .patience import Patience

__all__ = ["ObjectStream"]


class ObjectStream:
    """Reads the objects of one answer: search results, or metadata.

    One object is held, and the octets that came with its end. Of those that were handed out the
    UIDs are remembered: if the answer breaks off it is asked for again, and they are left out.

    Args:
        opener: Sends the request; its response is a success.
        patience: How often it is sent again.
        limits: Bounds.

    Attributes:
        count: Number of objects that the answer had so far; of one that broke off, those of the
            answer that followed it.
        most: Octets that the answer may have, ``Limits.body`` if all of it is kept; ``None`` for
            any number.
    """

    __slots__ = (
        "_again",
        "_begun",
        "_given",
        "_incoming",
        "_limits",
        "_octets",
        "_opener",
        "_patience",
        "_stream",
        "most",
    )

    most: int | None

    def __init__(
        self, opener: Callable[[], Awaitable[Incoming]], patience: Patience, limits: Limits
    ) -> None:
        self._opener = opener
        self._patience = patience
        self._limits = limits
        self._incoming: Incoming | None = None
        self._stream = JsonStream()
        self._begun = False
        self._octets = 0
        self._given: list[str] = []
        self._again: Counter[str] = Counter()
        self.most = None

    @property
    def count(self) -> int:
        """See the class."""
        return self._stream.count

    async def open(self) -> None:
        """Send the request and wait for the head of its response. Raises what the opener does."""
        self._incoming = await self._opener()
        limits = self._limits
        self._stream = JsonStream(max_object=limits.json_object, max_depth=limits.json_depth)
        self._begun = False
        self._octets = 0

    async def next(self) -> JsonObject | None:
        """The next object, which is the caller's; ``None`` once the answer was read to its end.

        Waits only where octets have to come first.

        Raises:
            UnexpectedMediaType: The body is not DICOM JSON.
            JsonModelError: It claims to be, and is not.
            LimitExceeded: An object is longer or deeper than a bound, or the answer than ``most``.
            FramingError: The body is cut short, and not to be had again.
            TransportError: The connection broke, and so did the attempts after it.
        """
        while True:
            try:
                obj = await self.read()
            except DicomWebError as error:
                if not await self._goes_on(error):
                    error.complete = len(self._given)
                    raise
                continue
            if obj is None:
                return None
            key = result_key(obj)
            if self._again[key]:
                self._again[key] -= 1
                continue
            self._given.append(key)
            self._patience.renew()
            return obj

    async def read(self) -> JsonObject | None:
        """As :meth:`next`, but what breaks off raises its error, and nothing is remembered."""
        while (obj := self._stream.next()) is NEED_DATA:
            await self._feed()
        if obj is not END:
            return obj
        self._patience.renew()
        return None

    async def repeat(self, error: DicomWebError) -> bool:
        """After such an error: ask for the answer again; false if it may not be.

        Raises what :meth:`open` does.
        """
        if self._incoming is None or not await self._patience.outlasts(error, self._incoming):
            return False
        await self.open()
        return True

    async def _goes_on(self, error: DicomWebError) -> bool:
        """Ask for the answer again, less what was handed out."""
        try:
            repeated = await self.repeat(error)
        except DicomWebError as reason:
            if not self._given:
                raise
            error.complete = len(self._given)
            raise error from reason
        self._again = Counter(self._given)
        return repeated

    async def _feed(self) -> None:
        """Bring the stream the octets that come next."""
        incoming = self._incoming
        assert incoming is not None  # noqa: S101 - it was opened
        if not self._begun:
            self._begun = True
            media_type = incoming.response.media_type
            if media_type is None or not media_type.is_json:
                await self._feed_all(incoming)
                return
            incoming.join_parts()
            await incoming.next_part()
        chunk = await incoming.read_chunk()
        if chunk is None:
            await incoming.next_part()  # confirms the end
            self._stream.feed_eof()
            return
        self._octets += len(chunk)
        if self.most is not None and self._octets > self.most:
            raise LimitExceeded("the body is too long for memory", limit="body", value=self.most)
        self._stream.feed(chunk)

    async def _feed_all(self, incoming: Incoming) -> None:
        """The same for an answer that does not say that it is JSON: it may be none."""
        body = bytes(await incoming.read_all())
        head = incoming.response
        self._stream.feed(json_body(Response(head.status, head.headers, body, head.reason)))
        self._stream.feed_eof()
