"""The objects of an answer in DICOM JSON, one by one while it arrives; again if it breaks off."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio

from ..dicom.json_stream import END, NEED_DATA, JsonStream
from ..errors import DicomWebError, FramingError, JsonModelError, LimitExceeded
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

_AHEAD = 1024 * 1024
"""Octets that are read ahead of the objects, if they are there."""

_SOON = 0.05
"""Seconds that the first objects wait for what follows them at once."""


class ObjectStream:
    """Reads the objects of one answer: search results, or metadata.

    One object is held, and the octets behind it that are there already, up to 1 MiB: who uses one
    object to ask for more needs a connection, so that a short answer gives back its own before.
    Of those that were handed out the UIDs are remembered: if the answer breaks off it is asked for
    again, and they are left out.

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
        "_failure",
        "_given",
        "_incoming",
        "_limits",
        "_octets",
        "_opener",
        "_patience",
        "_resumed",
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
        self._failure: DicomWebError | None = None  # met while reading ahead, and not told yet
        self._resumed: DicomWebError | None = None  # what broke off; nothing new came since
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
        self._failure = None

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
                await self._go_on(error)
                continue
            if obj is None:
                return None
            key = result_key(obj)
            if self._again[key]:
                self._again[key] -= 1
                continue
            self._given.append(key)
            self._resumed = None
            self._patience.renew()
            return obj

    async def read(self) -> JsonObject | None:
        """As :meth:`next`, but what breaks off raises its error, and nothing is remembered."""
        try:
            while (obj := self._stream.next()) is NEED_DATA:
                await self._feed()
        except JsonModelError as error:
            incoming = self._incoming
            if not self._stream.cut or incoming is None or incoming.delimited:
                raise
            raise FramingError("the connection ended before the JSON did") from error
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

    async def _go_on(self, error: DicomWebError) -> None:
        """Ask for the answer again, less what was handed out.

        What goes no further raises what broke it off, with the reason as its cause. Where nothing
        was handed out it is the reason that matters.
        """
        reason = error
        try:
            repeated = await self.repeat(error)
        except DicomWebError as failure:
            if not self._given:
                raise
            repeated, reason = False, failure
        if repeated:
            self._again = Counter(self._given)
            self._resumed = error if self._given else None
            return
        told = self._resumed or error
        told.complete = len(self._given)
        if told is not reason:
            raise told from reason
        raise told

    async def _feed(self) -> None:
        """Bring the stream the octets that come next, and those behind them that are there."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        incoming = self._incoming
        assert incoming is not None  # noqa: S101 - it was opened
        is_first = not self._begun
        if not self._begun:
            self._begun = True
            media_type = incoming.response.media_type
            if media_type is None or not media_type.is_json:
                await self._feed_all(incoming)
                return
            incoming.join_parts()
            await incoming.next_part()
        await self._read(incoming)
        if self.most is None:
            await self._read_on(incoming, _SOON if is_first else 0)

    async def _read_on(self, incoming: Incoming, within: float) -> None:
        """Read what is there, and what comes within so many seconds."""
        most, end = self._octets + _AHEAD, anyio.current_time() + _SOON
        try:
            while self._octets < most and (left := end - anyio.current_time()) > 0:
                if not await incoming.arrives(min(left, within)):
                    break
                await self._read(incoming)
        except DicomWebError as error:
            self._failure = error.with_traceback(None)  # what came before it goes first

    async def _read(self, incoming: Incoming) -> None:
        """Bring the stream one piece."""
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
