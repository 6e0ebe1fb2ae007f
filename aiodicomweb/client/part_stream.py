"""The parts of a retrieval: of one response, and of those that take up where it broke off."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from ..dicom.part10 import PEEK_OCTETS
from ..errors import DicomWebError, FramingError, LimitExceeded, ProtocolError, StatusError
from ..http import MediaType
from ..wire import PartHead, land
from .patience import Patience
from .resume import Stretch, part_headers
from .resumption import NotResumable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..http import Headers, Request, Response
    from ..net import Incoming
    from ..wire import Allocator, WholePart
    from .course import Course
    from .resumption import Resumption
    from .retry import Retry

__all__ = ["PartStream"]

_OCTETS = MediaType("application", "octet-stream")

_HANDED_OUT = (
    "octets of this part were handed out, and nothing tells that others belong to them; "
    "read(), dataset() and save() fetch it anew"
)


class PartStream:
    """The parts of a retrieval, in the order in which they come.

    When a response breaks off, what is missing is asked for and its parts follow, as often as
    :class:`~aiodicomweb.Retry` lets it; what was handed out is not handed out again. A part
    that broke off goes on where it ended, if the server can. Else one that was read whole is
    fetched anew, and the reader of one that was read in pieces gets the error. What can't go on
    raises the error that broke it off.

    Args:
        request: What was asked.
        incoming: The response, of which nothing was read.
        opener: Sends further requests; their responses are successes.
        resumption: What to ask for then; ``None`` for nothing.
        retry: How often, and when.
        deadlines: Of the call.
        most: The most octets of a part that is read whole.

    Attributes:
        part_number: Number of the current part, over all responses; 0 before the first.
        ended: Whether all parts were handed out.
        renewed: What the current part says, if it was fetched anew; else ``None``.
    """

    __slots__ = (
        "_complete",
        "_failure",
        "_farthest",
        "_given",
        "_headers",
        "_incoming",
        "_media_type",
        "_most",
        "_octets",
        "_opener",
        "_over",
        "_patience",
        "_progress",
        "_ready",
        "_request",
        "_resumed",
        "_resumption",
        "_skip",
        "_start",
        "_stretch",
        "_until",
        "ended",
        "part_number",
        "renewed",
    )

    part_number: int
    ended: bool
    renewed: Headers | None

    def __init__(
        self,
        request: Request,
        incoming: Incoming,
        opener: Callable[[Request], Awaitable[Incoming]],
        resumption: Resumption | None,
        retry: Retry,
        deadlines: Course,
        most: int,
    ) -> None:
        self._request = request
        self._incoming = incoming
        self._opener = opener
        self._resumption = resumption if retry.attempts > 1 else None
        self._patience = Patience(retry, deadlines)
        self._most = most
        self._failure: DicomWebError | None = None
        self._resumed: DicomWebError | None = None  # what broke off last
        self._progress = 0  # at the last failure
        self._complete = 0  # whole parts of earlier responses
        self._start = b""
        self._ready: deque[WholePart] = deque()
        self._headers: Headers | None = None
        self._media_type = _OCTETS
        self._octets: memoryview | None = None  # of the current part, if it came from there
        self._begin_part()
        self.part_number = 0
        self.ended = False

    @property
    def response(self) -> Response:
        """The head of the current response."""
        return self._incoming.response

    def media_type_of(self, headers: Headers) -> MediaType:
        """What a part says of itself, completed by what the message says of its parts.

        Args:
            headers: Of the part. Parts with the same head share them.
        """
        if headers is not self._headers:
            self._headers, self._media_type = headers, _part_media_type(headers, self.response)
        return self._media_type

    @property
    def open(self) -> bool:
        """Whether the current part may still be read."""
        return self._incoming.open and self._failure is None

    def close(self) -> None:
        """Give up the rest. Never fails."""
        self._incoming.close()

    def abandon(self) -> None:
        """The same for a finaliser: see :meth:`Incoming.abandon`."""
        self._incoming.abandon()

    # --- parts -----------------------------------------------------------------------------------

    async def next_part(self) -> PartHead | None:
        """The next part's head; ``None`` once all were handed out.

        Raises:
            DicomWebError: As :meth:`Incoming.next_part`, where it can't go on.
        """
        if self._failure is not None:
            raise self._failure
        self._octets = None
        while not self.ended:
            try:
                head = await self._advance()
            except DicomWebError as error:
                await self.resume(error)
                continue
            if head is None:
                await self._follow()
            elif not (self._resumed and self._resumption and self._resumption.knows(self._start)):
                self._begin_part()
                self.part_number += 1
                if self._resumption is not None:
                    self._resumption.take(head, self._start)
                return PartHead(head.headers, self.part_number)
        return None

    def next_ready(self) -> PartHead | None:
        """The next part's head, if the part is here whole; else :meth:`next_part` waits for it.

        Its octets are read as those of any other.
        """
        if not self._ready and not self._take_ready():
            return None
        head, self._octets = self._ready.popleft()
        self.part_number = head.number
        if self._resumption is not None:
            self._resumption.take(head, b"")
        return head

    def _take_ready(self) -> bool:
        """Take the parts that are here whole, unless they must be looked at one by one."""
        if self._resumed is not None or (self._resumption is not None and self._resumption.looks):
            return False
        parts = self._incoming.take_ready()
        if parts:
            self._begin_part()
            self._ready.extend(parts)
        return bool(parts)

    async def read_part(self, allocator: Allocator | None = None) -> memoryview:
        """The current part whole, read-only, the caller's own. Raises like :meth:`next_part`."""
        if self._octets is not None:
            octets, self._octets = self._octets, None
            return octets if allocator is None else land(octets, allocator)
        while True:
            try:
                return await self._incoming.read_part(allocator)
            except DicomWebError as error:
                if self._resumption is not None and not self._resumption.restarts:
                    raise
                if self._stretch is not None:
                    octets = await self._complete_part(error)
                    return octets if allocator is None else land(octets, allocator)
                await self._restart(error)

    async def read_chunk(
        self, rewind: Callable[[], Awaitable[None]] | None = None
    ) -> memoryview | None:
        """A piece of the current part, valid until the next call; ``None`` at its end.

        Args:
            rewind: Forgets the pieces so far: those of the part from its start follow. Without
                it, what was handed out stands.

        Raises:
            DicomWebError: As :meth:`next_part`.
        """
        if self._octets is not None:
            octets, self._octets = self._octets, memoryview(b"")
            return octets or None
        while not self._over:
            try:
                chunk = await self._read_on()
            except DicomWebError as error:
                await self._take_up(error, rewind)
                continue
            if chunk is None:
                break
            if chunk:
                self._hand_out(len(chunk))
                return chunk
        return None

    async def resume(self, error: DicomWebError) -> None:
        """Go on behind an error: what comes next is what is missing, if anything is.

        Raises:
            DicomWebError: It can't go on.
        """
        if error is self._failure:
            raise error
        resumption = await self._pause(error)
        if not await self._ask(partial(resumption.rest, ended=False), error):
            self.ended = True

    # --- the current part ------------------------------------------------------------------------

    async def _complete_part(self, error: DicomWebError) -> memoryview:
        """The current part whole, of which some octets came before it broke off."""
        arrived = self._incoming.take_arrived()
        octets = bytearray()

        async def rewind() -> None:
            octets.clear()

        self._hand_out(len(arrived))
        await self._take_up(error, rewind)
        if self._given:  # else it begins anew
            octets += arrived
        del arrived  # it may be as large as all that follows
        while (chunk := await self.read_chunk(rewind)) is not None:
            if len(octets) + len(chunk) > self._most:
                raise self._fail(
                    LimitExceeded("the body is too long for memory", limit="part", value=self._most)
                )
            octets += chunk
        return memoryview(octets).toreadonly()

    def _begin_part(self) -> None:
        self._stretch = Stretch.of(self._incoming.response)
        self._given = 0  # octets that were handed out in pieces
        self._farthest = 0  # the most that ever were, before a new beginning
        self._skip = 0  # octets to come that were handed out already
        self._until: int | None = None  # how far a response leads that goes on within it
        self._over = False  # nothing is missing, though no response says that it ended
        self.renewed = None

    async def _read_on(self) -> memoryview | None:
        """The next piece without what was handed out before, perhaps empty; ``None`` at the end.

        Raises:
            FramingError: A response that goes on within the part brings more than it says, or
                all came that it brings, and it is not the rest.
        """
        chunk = await self._incoming.read_chunk()
        if chunk is None:
            await self._check_end()
            return None
        if self._skip:
            chunk = self._behind(chunk)
        if self._until is not None and self._given + len(chunk) > self._until:
            raise _framing_error("the rest of a body is longer than its Content-Range")
        return chunk

    async def _check_end(self) -> None:
        """Complain where the rest of a part was less than what was missing."""
        length = None if self._until is None or self._stretch is None else self._stretch.length
        if self._skip or (length is not None and self._given < length):
            await self._incoming.next_part()  # there is none; the connection is free then
            came = f"{self._given} of {length} octets" if length else "less than before"
            raise _framing_error(f"the rest of a body is cut short: {came} came")

    def _hand_out(self, octets: int) -> None:
        self._given += octets
        if self._given > self._farthest:
            self._farthest = self._given
            self._patience.renew()

    def _behind(self, chunk: memoryview) -> memoryview:
        """What of a piece was not handed out yet."""
        skipped = min(self._skip, len(chunk))
        self._skip -= skipped
        return memoryview(bytes(chunk[skipped:]))  # a copy: a view would outlive the piece

    async def _take_up(
        self, error: DicomWebError, rewind: Callable[[], Awaitable[None]] | None
    ) -> None:
        """Go on within the current part, or from its start where that does no harm."""
        if self._given and self._stretch is not None:
            await self._continue(error, self._stretch, rewind)
        elif not self._given or rewind is not None:
            await self._begin_anew(await self._pause(error), error, rewind)
        else:
            self._count(error)
            raise self._fail(error, _HANDED_OUT)

    async def _begin_anew(
        self,
        resumption: Resumption,
        error: DicomWebError,
        rewind: Callable[[], Awaitable[None]] | None,
    ) -> None:
        """Fetch the current part anew, and forget what came of it."""
        await self._fetch_anew(resumption, error)
        if self._given and rewind is not None:
            await rewind()
        self._given = 0

    async def _restart(self, error: DicomWebError) -> None:
        """Fetch the current part anew."""
        await self._fetch_anew(await self._pause(error), error)

    async def _fetch_anew(self, resumption: Resumption, error: DicomWebError) -> None:
        while True:
            await self._ask(resumption.again, error)
            try:
                is_again = await self._is_again(resumption)
            except DicomWebError as latest:
                error = latest
                await self._pause(error)
                continue
            if not is_again:
                raise self._fail(error)
            self._stretch = Stretch.of(self._incoming.response)
            self._skip, self._until = 0, None
            return

    async def _continue(
        self,
        error: DicomWebError,
        stretch: Stretch,
        rewind: Callable[[], Awaitable[None]] | None,
    ) -> None:
        """Ask for the octets of the current part that are missing."""
        resumption = await self._pause(error)
        if self._given == stretch.length:
            self._over = True
            return
        try:
            incoming = await self._opener(stretch.request(self._request, self._given))
        except DicomWebError as reason:
            if not isinstance(reason, StatusError):
                raise self._fail(error) from reason
            if stretch.ends_at(self._given, reason):
                self._over = True
                return
            if rewind is None:
                raise self._fail(error) from reason
            await self._begin_anew(resumption, error, rewind)
            return
        skipped = stretch.skipped(incoming.response, self._given)
        # All octets are no range that the caller asked for: that is asked for again.
        is_all = incoming.response.status == 200 and "Range" not in self._request.headers
        anew = skipped is None and is_all and rewind is not None
        if skipped is None and not anew:
            incoming.close()
            if rewind is None:
                raise self._fail(error, _HANDED_OUT)
            await self._begin_anew(resumption, error, rewind)
            return
        self._incoming = incoming
        try:
            is_there = await self._is_again(resumption) if anew else await self._advance(look=False)
        except DicomWebError as reason:
            raise self._fail(error) from reason
        if not is_there:
            raise self._fail(error)
        self._skip = skipped or 0
        self._stretch = Stretch.of(self.response) if anew else stretch.completed(self.response)
        self._until = None if anew else stretch.until(self.response)
        if anew and rewind is not None:
            await rewind()
            self._given = 0

    async def _is_again(self, resumption: Resumption) -> bool:
        """Whether the response's first part is the current part again."""
        head = await self._advance()
        if head is None or not resumption.is_again(head, self._start):
            return False
        self.renewed = part_headers(head.headers, self.response)
        return True

    # --- responses -------------------------------------------------------------------------------

    async def _advance(self, *, look: bool = True) -> PartHead | None:
        incoming = self._incoming
        if self._over or incoming.ended:
            return None
        if incoming.response.status == 204:
            await incoming.read_all()
            return None
        head = await incoming.next_part()
        if look and head is not None and self._resumption is not None and self._resumption.looks:
            self._start = await incoming.peek(PEEK_OCTETS)
        return head

    async def _follow(self) -> None:
        """A response was read to its end: go on with the next, if one is needed."""
        if self.response.status != 204:  # which has no part
            self._complete += self._incoming.part_number
        resumption, error = self._resumption, self._resumed
        self.ended = (
            resumption is None
            or error is None
            or not await self._ask(partial(resumption.rest, ended=True), error)
        )

    async def _ask(
        self, next_request: Callable[[], Awaitable[Request | None]], error: DicomWebError
    ) -> bool:
        """Ask for what is missing; false if nothing is."""
        while True:
            if self._resumption is not None:
                self._note_progress(self._resumption)
            try:
                request = await next_request()
                if request is None:
                    return False
                self._incoming = await self._opener(request)
            except StatusError as refusal:
                if self._resumption is None or not self._resumption.passes_over(refusal):
                    raise self._fail(error) from refusal
            except (DicomWebError, NotResumable) as reason:
                raise self._fail(error) from reason
            else:
                self._request = request
                self._over = False
                return True

    async def _pause(self, error: DicomWebError) -> Resumption:
        """Wait before another attempt, if one may be made."""
        self._count(error)
        resumption = self._resumption
        if resumption is None:
            raise self._fail(error)
        self._note_progress(resumption)
        if not await self._patience.outlasts(error, self._incoming):
            raise self._fail(error)
        self._resumed = error
        return resumption

    def _note_progress(self, resumption: Resumption) -> None:
        if resumption.progress > self._progress:
            self._progress = resumption.progress
            self._patience.renew()

    def _count(self, error: DicomWebError) -> None:
        """Count the parts that the response had brought whole."""
        self._complete += error.complete or 0

    def _fail(self, error: DicomWebError, hint: str = "") -> DicomWebError:
        """The error that ends this, with what it doesn't know."""
        if error.complete is not None:
            error.complete = self._complete
        if hint and self._resumption is not None:
            error.hint = hint
        self._failure = error
        self.close()
        return error


def _framing_error(message: str) -> FramingError:
    error = FramingError(message)
    error.complete = 0  # of the parts of a response that brings the rest of one
    return error


def _part_media_type(headers: Headers, response: Response) -> MediaType:
    message = response.media_type
    root = message.root if message is not None else None
    try:
        own = MediaType.parse(headers.get("Content-Type", ""))
    except ProtocolError:
        return root or _OCTETS
    if own.transfer_syntax is None and message is not None and root is not None:
        syntax = message.transfer_syntax
        if syntax is not None and own.essence == root.essence:
            return own.with_parameters({"transfer-syntax": syntax})
    return own
