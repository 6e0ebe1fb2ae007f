"""What to ask for when a retrieval broke off, by what is retrieved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from ..http import URL
from ..services import RetrieveRequest
from .ladder import with_accept
from .resume import Remaining, instance_uid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..errors import StatusError
    from ..http import Request
    from ..services import Selector
    from ..wire import PartHead
    from .resume import Frames

__all__ = [
    "FrameResumption",
    "NotResumable",
    "OneResumption",
    "Resumption",
    "StudyResumption",
    "of_selector",
]

_GONE = frozenset({404, 410})

_NO_FILTERS = frozenset({"accept", "charset"})
"""Parameters of a retrieval that leave no instance out. Of others nobody knows."""


_MOST_MISSES = 100
"""Listed instances in a row that the archive doesn't have, after which its list is not believed."""


class NotResumable(Exception):
    """Nothing tells what is missing."""


class Resumption(ABC):
    """Decides what to ask for.

    Attributes:
        looks: Whether it needs to see the first octets of each part.
        restarts: Whether a part that broke off can be fetched anew.
    """

    looks: bool = True
    restarts: bool = True

    @property
    @abstractmethod
    def progress(self) -> int:
        """A number that grows with each thing that came, and never for the same thing again."""

    @abstractmethod
    def take(self, head: PartHead, start: bytes) -> None:
        """A part is about to be handed out."""

    def knows(self, start: bytes) -> bool:
        """Whether a part was handed out already."""
        return False

    @abstractmethod
    async def rest(self, *, ended: bool) -> Request | None:
        """The next request for parts that were not handed out; ``None`` if there are none.

        Args:
            ended: Whether the response before was read to its end, and did not break off.

        Raises:
            NotResumable: Nothing tells which they are.
        """

    async def again(self) -> Request:
        """The request for the part that was handed out last. Raises like :meth:`rest`."""
        raise NotResumable

    def is_again(self, head: PartHead, start: bytes) -> bool:
        """Whether a part is the one that was handed out last."""
        return False

    def passes_over(self, refusal: StatusError) -> bool:
        """Whether the refusal of such a request is no loss."""
        return False


class OneResumption(Resumption):
    """Of a retrieval of one thing: it is asked for again.

    Args:
        request: What was asked.
        single: Whether there is but one part, so that nothing is behind it.
        is_instance: Whether it is an instance, and known by its UID.
    """

    def __init__(self, request: Request, *, single: bool, is_instance: bool = False) -> None:
        self._request = request
        self._single = single
        self.looks = is_instance
        self._parts = 0
        self._latest: tuple[PartHead, bytes] | None = None

    @property
    def progress(self) -> int:
        """Number of parts."""
        return self._parts

    def take(self, head: PartHead, start: bytes) -> None:
        """Remember it."""
        self._parts += 1
        self._latest = head, start

    async def rest(self, *, ended: bool) -> Request | None:
        """The same, if nothing came of it."""
        if not self._parts:
            return self._request
        if ended or self._single:
            return None
        raise NotResumable

    async def again(self) -> Request:
        """The same."""
        if self._parts > 1:
            raise NotResumable
        return self._request

    def is_again(self, head: PartHead, start: bytes) -> bool:
        """Whether it is the same instance, or of the same media type."""
        return self._latest is not None and (
            self._identify(*self._latest) == self._identify(head, start)
        )

    def _identify(self, head: PartHead, start: bytes) -> str | None:
        return instance_uid(start) if self.looks else head.headers.get("Content-Type")


class StudyResumption(Resumption):
    """Of a study or series: the archive lists its instances, and the missing ones are asked for.

    Args:
        request: What was asked for.
        sent: The request as it was sent, whose ``Accept`` further ones have too.
        partial: Whether the server said that it leaves instances out.
        listing: Gives SOP to Series Instance UIDs of all instances, those given among them.
    """

    def __init__(
        self,
        request: RetrieveRequest,
        sent: Request,
        *,
        partial: bool,
        listing: Callable[[set[str]], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._asked = request
        self._sent = sent
        self._partial = partial
        self._listing = listing
        self._taken: set[str] = set()
        self._unknown = False
        self._current: str | None = None
        self._remaining: Remaining | None = None
        self._asking: Selector | None = None
        self._misses = 0  # in a row

    @property
    def progress(self) -> int:
        """Number of instances."""
        return len(self._taken)

    def take(self, head: PartHead, start: bytes) -> None:
        """Remember which instance it is."""
        self._current = uid = instance_uid(start)
        if uid is None:
            self._unknown = True
            return
        self._taken.add(uid)
        self._misses = 0
        if self._remaining is not None:
            self._remaining.take(uid)

    def knows(self, start: bytes) -> bool:
        """Whether the instance was handed out already."""
        return instance_uid(start) in self._taken

    async def rest(self, *, ended: bool) -> Request | None:
        """What is missing; all, where nothing was handed out."""
        if ended and self._remaining is None:
            return None  # that was the answer to the whole request
        if not self._taken and not self._unknown:
            return self._sent
        selector = (await self._missing()).next()
        if selector is None:
            return None
        if ended and selector == self._asking:
            self._skip(selector)  # the answer to it was something else
            return await self.rest(ended=True)
        self._asking = selector
        return self._request(selector)

    async def again(self) -> Request:
        """The instance by itself."""
        remaining = await self._missing()
        if self._current is None:
            raise NotResumable
        self._asking = None
        return self._request(remaining.instance(self._current))

    def is_again(self, head: PartHead, start: bytes) -> bool:
        """Whether it is the same instance."""
        return instance_uid(start) == self._current

    def passes_over(self, refusal: StatusError) -> bool:
        """Whether it is one of those that the server left out before."""
        asking = self._asking
        if refusal.status not in _GONE or asking is None or not self._may_skip:
            return False
        if asking.instance:
            self._skip(asking)
        return True

    @property
    def _may_skip(self) -> bool:
        return self._partial and self._misses < _MOST_MISSES

    def _skip(self, selector: Selector) -> None:
        """Do without an instance."""
        if not self._may_skip or not selector.instance or self._remaining is None:
            raise NotResumable
        self._misses += 1
        self._remaining.take(selector.instance)

    async def _missing(self) -> Remaining:
        filters = {name for name, _ in self._asked.parameters} - _NO_FILTERS
        if self._unknown or filters:
            raise NotResumable
        if self._remaining is None:
            instances = await self._listing(self._taken)
            target = self._asked.target
            assert not isinstance(target, URL)  # noqa: S101 - only bulk data have URLs
            self._remaining = Remaining(target, instances)
            for uid in self._taken:
                self._remaining.take(uid)
        return self._remaining

    def _request(self, selector: Selector) -> Request:
        return narrowed(self._asked, self._sent, selector)


class FrameResumption(Resumption):
    """Of frames, which are read whole by their call: the missing ones are asked for.

    Args:
        request: What was asked for.
        sent: The request as it was sent.
        frames: Which arrived.
    """

    looks = False
    restarts = False

    def __init__(self, request: RetrieveRequest, sent: Request, frames: Frames) -> None:
        self._asked = request
        self._sent = sent
        self._frames = frames

    @property
    def progress(self) -> int:
        """Number of frames that were read."""
        return len(self._frames.arrived)

    def take(self, head: PartHead, start: bytes) -> None:
        """The call says which it is, once it was read."""

    async def rest(self, *, ended: bool) -> Request | None:
        """The missing ones; what an answer leaves out, the server doesn't have."""
        numbers = self._frames.ask(ended=ended)
        target = self._asked.target
        if not numbers or isinstance(target, URL):
            return None
        return narrowed(self._asked, self._sent, replace(target, frames=numbers))


def narrowed(request: RetrieveRequest, sent: Request, selector: Selector) -> Request:
    """A request for a part of what was asked for, in the same media types.

    Args:
        request: What was asked for.
        sent: The request as it was sent.
        selector: What to ask for now.
    """
    own = of_selector(request, selector)
    return with_accept(own.to_http(), sent.headers.get("Accept", "*/*"))


def of_selector(request: RetrieveRequest, selector: Selector) -> RetrieveRequest:
    """The same retrieval of something else."""
    return RetrieveRequest(
        request.base_url,
        selector,
        request.resource,
        request.media_types or None,
        parameters=request.parameters,
        headers=request.headers,
    )
