"""Frames that would have to wait for a connection, in one request: ``frames/1,2,…``.

Theory of operation. A viewer asks for many small tiles at once, each by itself, and HTTP/1.1 takes
one request after the other on a connection. As long as there is room, each goes alone. The others
queue, and when a request has ended, the one that takes its place asks for several of those that
wait, as many as are small enough together. So nothing waits that need not, and the longer the
queue, the fewer requests it takes.

Nobody gets other frames, or another error, than by asking alone. The numbers are asked for in
ascending order, as later editions of PS3.18 §10.4.1.1.6 want it; a batch is handed out once it is
known to be what was asked for; and whatever goes wrong with it makes each task ask for its own.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import anyio

from ..errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Sequence

    from .results import Frame

__all__ = ["Gathering"]

_MOST_FRAMES = 128
"""Frames in one request: some 600 characters of its URL."""

_MOST_OCTETS = 4 * 1024 * 1024
"""Octets of a batch, of which nothing is handed out before all is there."""

_AT_LEAST = 16
"""Frames that one request takes of the queue, though others could share them."""

_MOST_FAILURES = 2
"""Batches in a row that fail before no more of them are tried for an instance."""

_MOST_KINDS = 64
"""Instances of which it is remembered how large and how quick their frames are."""


class FrameCall(Protocol):
    """A call for frames that was made but not begun."""

    def __await__(self) -> Generator[Any, Any, list[Frame]]:
        """The frames."""
        ...


Call = TypeVar("Call", bound=FrameCall)


class Gathering(Generic[Call]):
    """The frames that tasks want, by instance.

    Args:
        connections: The most requests at a time.
        patience: Seconds that a task waits for its turn, as it would for a connection; ``None``
            for no bound.
    """

    __slots__ = ("_connections", "_patience", "_queues")

    def __init__(self, connections: int, patience: float | None) -> None:
        self._connections = connections
        self._patience = patience
        self._queues: dict[Hashable, _Queue[Call]] = {}

    async def frames(
        self,
        kind: Hashable,
        numbers: Sequence[int],
        alone: Callable[[], Awaitable[list[Frame]]],
        together: Callable[[Sequence[int]], Call],
    ) -> tuple[list[Frame], Call | None]:
        """Get frames, together with those of other tasks where they would have to wait.

        Args:
            kind: What is the same for frames that can be asked for together.
            numbers: The frames wanted.
            alone: Asks for them.
            together: Makes a call for some frames of any task.

        Returns:
            The frames in order; and the call that gave them, if it was not ``alone``.

        Raises:
            Exception: What ``alone`` raises.
        """
        queue = self._queues.get(kind) or self._new_queue(kind)
        if queue.has_room:
            return await queue.go_alone(alone), None
        seat = queue.take_seat(numbers)
        try:
            with anyio.move_on_after(self._patience):
                await seat.wait()
        except BaseException:
            queue.leave(seat)
            raise
        if seat.waits:
            queue.leave(seat)  # the pool of connections tells what there is to tell
        if seat.frames is not None:
            return seat.frames, seat.call
        if seat.batch:
            return await queue.lead(seat, alone, together)
        return await alone(), None

    def _new_queue(self, kind: Hashable) -> _Queue[Call]:
        if len(self._queues) >= _MOST_KINDS:
            idle = [known for known, queue in self._queues.items() if queue.is_idle]
            for known in idle[: len(idle) // 2 + 1]:
                del self._queues[known]
        queue: _Queue[Call] = _Queue(self._connections)
        self._queues[kind] = queue
        return queue


class _Seat(Generic[Call]):
    """A task that waits for its frames.

    Args:
        numbers: Those that it wants.

    Attributes:
        numbers: As given.
        batch: The tasks that it asks for now, itself the first; none if it need not ask.
        frames: What it wanted, if a batch brought it.
        call: How that got it.
    """

    __slots__ = ("_event", "_left", "batch", "call", "frames", "numbers")

    def __init__(self, numbers: Sequence[int]) -> None:
        self._event = anyio.Event()
        self._left = False
        self.numbers = numbers
        self.batch: list[_Seat[Call]] = []
        self.frames: list[Frame] | None = None
        self.call: Call | None = None

    @property
    def waits(self) -> bool:
        """Whether its task still waits."""
        return not (self._left or self._event.is_set())

    def leave(self) -> None:
        """Its task waits no longer."""
        self._left = True

    async def wait(self) -> None:
        """Wait until it has its frames, or is to ask: for a batch, or alone."""
        await self._event.wait()

    def call_up(self) -> None:
        """End its wait."""
        self._event.set()

    def give(self, frames: dict[int, Frame], call: Call) -> None:
        """Give it its own of the frames that were got: views of its own, that it may release."""
        self.frames = [
            replace(frames[number], data=memoryview(frames[number].data)) for number in self.numbers
        ]
        self.call = call
        self.call_up()


class _Queue(Generic[Call]):
    """The tasks that want frames of one instance, and what is known of these.

    Args:
        connections: The most requests at a time.
    """

    __slots__ = ("_connections", "_failures", "_octets", "_seats", "_under_way")

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._seats: deque[_Seat[Call]] = deque()
        self._under_way = 0
        self._failures = 0  # batches that failed since one did not
        self._octets = 0  # of the largest frame so far

    @property
    def has_room(self) -> bool:
        """Whether a request may go now."""
        return self._under_way < self._connections and not self._seats

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses it."""
        return not self._under_way and not self._seats

    @property
    def _most(self) -> int:
        """Frames in one request."""
        if not self._octets or self._failures >= _MOST_FAILURES:
            return 1
        fair = max(_AT_LEAST, math.ceil(len(self._seats) / self._connections))
        return min(_MOST_FRAMES, _MOST_OCTETS // self._octets, fair)

    # --- those who ask ---------------------------------------------------------------------------

    async def go_alone(self, alone: Callable[[], Awaitable[list[Frame]]]) -> list[Frame]:
        """Ask for the frames of one task."""
        self._under_way += 1
        try:
            return await self._noted(alone())
        finally:
            self._end()

    async def lead(
        self,
        seat: _Seat[Call],
        alone: Callable[[], Awaitable[list[Frame]]],
        together: Callable[[Sequence[int]], Call],
    ) -> tuple[list[Frame], Call | None]:
        """Ask for the frames of a batch, whose place among the requests is kept already."""
        followers = seat.batch[1:]
        try:
            if followers and await self._get(seat.batch, together):
                assert seat.frames is not None  # noqa: S101 - it is one of the batch
                return seat.frames, seat.call
            _dismiss(followers)
            return await self._noted(alone()), None
        except BaseException:
            self._put_back(followers)
            raise
        finally:
            self._end()

    async def _get(
        self, batch: Sequence[_Seat[Call]], together: Callable[[Sequence[int]], Call]
    ) -> bool:
        """Get the frames of a batch; false if that fails, which says little of any one of them."""
        numbers = sorted({number for seat in batch for number in seat.numbers})
        try:
            call = together(numbers)
            frames = {frame.number: frame for frame in await self._noted(call)}
        except Exception as error:  # noqa: BLE001 - each asks alone, and meets what is its own
            self._failures += not isinstance(error, TransportError)  # which says nothing of lists
            return False
        if len(frames) < len(numbers):  # a film, which stands for all of them
            self._failures += 1
            return False
        for seat in batch:
            seat.give(frames, call)
        self._failures = 0
        return True

    async def _noted(self, asked: Awaitable[list[Frame]]) -> list[Frame]:
        """Wait for frames, and learn how large they are."""
        frames = await asked
        self._octets = max(self._octets, 1, *map(len, frames))
        return frames

    def _end(self) -> None:
        """A request has ended; those who wait take its place."""
        self._under_way -= 1
        while self._seats and self._under_way < self._connections:
            most = self._most
            leader = self._seats.popleft()
            leader.batch = [leader, *self._followers(most - len(leader.numbers))]
            self._under_way += 1
            leader.call_up()

    def _followers(self, room: int) -> Iterable[_Seat[Call]]:
        """Those next in the queue who want no more frames than there is room for."""
        while self._seats and len(self._seats[0].numbers) <= room:
            room -= len(self._seats[0].numbers)
            yield self._seats.popleft()

    # --- those who wait --------------------------------------------------------------------------

    def take_seat(self, numbers: Sequence[int]) -> _Seat[Call]:
        """One more task waits."""
        seat: _Seat[Call] = _Seat(numbers)
        self._seats.append(seat)
        return seat

    def leave(self, seat: _Seat[Call]) -> None:
        """A task waits no longer: it was cancelled, or its time is up."""
        seat.leave()
        if seat.batch:  # at the very moment when it was its turn
            self._put_back(seat.batch[1:])
            self._end()
        elif seat in self._seats:
            self._seats.remove(seat)

    def _put_back(self, seats: Sequence[_Seat[Call]]) -> None:
        """Let those who have nothing yet be the next again."""
        self._seats.extendleft(seat for seat in reversed(seats) if seat.waits)


def _dismiss(seats: Iterable[_Seat[Any]]) -> None:
    """Let tasks ask alone."""
    for seat in seats:
        seat.call_up()
