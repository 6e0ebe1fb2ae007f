"""Frames that several tasks ask for at the same moment, in one request: ``frames/1,2,…``.

Theory of operation. A viewer asks for many small tiles at once, each by itself, and HTTP/1.1 takes
one request after the other on a connection. So the first task that asks for frames of an instance
waits one turn of the event loop for others that want frames of the same instance. Then it asks for
all of them, in batches over a few connections, and each task is given its own. Who asks for one
frame after the other waits for nobody: that is known of whoever waited in vain for a while.

Nobody gets other frames, or another error, than by asking alone: a batch is handed out once it is
known to be what was asked for, and what may be wrong only with asking together makes each task ask
for its own.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel

from ..errors import (
    AuthenticationRequired,
    DicomWebError,
    Forbidden,
    NotFound,
    ServerError,
    Throttled,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Sequence

    from .results import Frame

__all__ = ["Gathering"]

_MOST_FRAMES = 128
"""Frames in one request: some 600 characters of its URL."""

_MOST_OCTETS = 4 * 1024 * 1024
"""Octets of a batch, of which nothing is handed out before all is there."""

_FEW = 8
"""Frames in one request while nobody knows how large they are."""

_CONNECTIONS = 4
"""Batches that are under way at a time."""

_PATIENCE = 8
"""Turns in a row in which nobody came; the next who is alone waits for nobody."""

_MOST_REFUSALS = 2
"""Lists of frames that a server refuses before it is asked for no more of them."""

_MEETS_EACH = (AuthenticationRequired, Forbidden, Throttled, ServerError, TransportError)
"""Errors that each task would meet alone as well."""


class FrameCall(Protocol):
    """A call for frames that was made but not begun."""

    def __await__(self) -> Generator[Any, Any, list[Frame]]:
        """The frames."""
        ...


Call = TypeVar("Call", bound=FrameCall)


class Gathering:
    """The frames that tasks of one turn of the event loop want.

    Attributes:
        alone: Calls under way that ask for their own frames.
    """

    __slots__ = ("_groups", "_in_vain", "_octets", "_refusals", "alone")

    alone: int

    def __init__(self) -> None:
        self.alone = 0
        self._in_vain = 0  # turns in a row in which nobody else came
        self._groups: dict[Hashable, _Group[Any]] = {}
        self._octets = 0  # of the largest frame of late
        self._refusals = 0

    async def frames(
        self, key: Hashable, numbers: Sequence[int], ask: Callable[[Sequence[int]], Call]
    ) -> tuple[list[Frame], Call] | None:
        """Get frames by a request for those of other tasks as well.

        Args:
            key: What is the same for frames that can be asked for together.
            numbers: The frames wanted.
            ask: Makes a call for some frames.

        Returns:
            The frames in order, and a call that gave them; ``None`` if they are to be asked for
            alone.

        Raises:
            DicomWebError: They can't be had, and couldn't be by asking alone.
        """
        if self._in_vain >= _PATIENCE and not (self.alone or self._groups):
            return None
        while len(numbers) <= self._most and self._most > 1:
            group: _Group[Call] | None = self._groups.get(key)
            if group is not None:
                seat = group.take_seat(numbers)
                await seat.wait()
            else:
                group = self._groups[key] = _Group()
                seat = group.take_seat(numbers)
                await self._lead(key, group, ask)
            if not seat.left:
                return seat.outcome()
        return None

    def note(self, frames: Sequence[Frame]) -> None:
        """Learn how large frames are: large ones gain nothing by travelling together."""
        self._octets = max(map(len, frames), default=self._octets)

    @property
    def _most(self) -> int:
        """Frames in one request."""
        if self._refusals >= _MOST_REFUSALS:
            return 1
        if not self._octets:
            return _FEW
        return max(1, min(_MOST_FRAMES, _MOST_OCTETS // self._octets))

    async def _lead(
        self, key: Hashable, group: _Group[Call], ask: Callable[[Sequence[int]], Call]
    ) -> None:
        """Ask for the frames of all who come within this turn of the loop."""
        try:
            try:
                await anyio.lowlevel.checkpoint()
            finally:
                del self._groups[key]
            self._in_vain = self._in_vain + 1 if group.is_alone else 0
            if not group.is_alone:
                await self._ask(group, ask)
            group.end(left=False)
        finally:
            group.end(left=True)  # who was cancelled leaves the others to themselves

    async def _ask(self, group: _Group[Call], ask: Callable[[Sequence[int]], Call]) -> None:
        """Ask in batches, which grow once the first one tells how large frames are."""
        numbers = deque(group.numbers)

        async def work() -> None:
            while numbers:
                batch = [numbers.popleft() for _ in range(min(self._most, len(numbers)))]
                try:
                    call = ask(batch)
                    frames = await call
                except _MEETS_EACH as error:
                    numbers.clear()
                    group.fail(error)
                except DicomWebError as error:
                    # A frame that isn't there says nothing of lists.
                    self._refusals += not isinstance(error, NotFound)
                    group.release(batch)
                else:
                    self.note(frames)
                    group.hand_out(frames, call)
                if self._most == 1:
                    group.release(numbers)
                    numbers.clear()

        async with anyio.create_task_group() as tasks:
            for _ in range(min(_CONNECTIONS, math.ceil(len(numbers) / self._most)) - 1):
                tasks.start_soon(work)
            await work()


class _Seat(Generic[Call]):
    """A task that waits for its frames.

    Args:
        numbers: Those that it wants.

    Attributes:
        released: Whether it need not wait any longer.
        left: Whether the task that asked for all was cancelled, so that others may ask together.
        error: What became of the request, if that concerns this task as well.
    """

    __slots__ = ("_call", "_frames", "_numbers", "_over", "error", "left", "released")

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._frames: dict[int, Frame] = {}
        self._call: Call | None = None
        self._over: anyio.Event | None = None
        self.released = False
        self.left = False
        self.error: DicomWebError | None = None

    def take(self, frame: Frame, call: Call) -> None:
        """A frame arrived."""
        self._frames[frame.number] = frame
        self._call = call
        if len(self._frames) == len(set(self._numbers)):
            self.release()

    async def wait(self) -> None:
        """Wait until that is over."""
        if not self.released:
            self._over = anyio.Event()  # not before: who asks for all never waits for it
            await self._over.wait()

    def release(self) -> None:
        """It need not wait any longer."""
        self.released = True
        if self._over is not None:
            self._over.set()

    def outcome(self) -> tuple[list[Frame], Call] | None:
        """What there is once it need not wait."""
        if self.error is not None:
            raise copy.copy(self.error) from self.error.__cause__
        if self._call is None or not all(number in self._frames for number in self._numbers):
            return None
        return [self._frames[number] for number in self._numbers], self._call


class _Group(Generic[Call]):
    """Tasks that want frames of the same instance."""

    __slots__ = ("_seats", "_wanted")

    def __init__(self) -> None:
        self._seats: list[_Seat[Call]] = []
        self._wanted: dict[int, list[_Seat[Call]]] = {}

    @property
    def is_alone(self) -> bool:
        """Whether there is but one task."""
        return len(self._seats) == 1

    @property
    def numbers(self) -> list[int]:
        """The frames that are wanted, each once."""
        return list(self._wanted)

    def take_seat(self, numbers: Sequence[int]) -> _Seat[Call]:
        """One more task."""
        seat: _Seat[Call] = _Seat(numbers)
        self._seats.append(seat)
        for number in set(numbers):
            self._wanted.setdefault(number, []).append(seat)
        return seat

    def hand_out(self, frames: Sequence[Frame], call: Call) -> None:
        """Give each task its own."""
        for frame in frames:
            for seat in self._wanted[frame.number]:
                seat.take(frame, call)

    def release(self, numbers: Iterable[int]) -> None:
        """Let those who want one of these frames ask alone."""
        for number in numbers:
            for seat in self._wanted[number]:
                seat.release()

    def fail(self, error: DicomWebError) -> None:
        """Let those who still wait have this error."""
        for seat in self._seats:
            if not seat.released:
                seat.error = error
                seat.release()

    def end(self, *, left: bool) -> None:
        """Let nobody wait any longer."""
        for seat in self._seats:
            if not seat.released:
                seat.left = left
                seat.release()
