"""How a retrieval that broke off goes on: pure decisions.

Of many instances, those that are missing are asked for: the archive is asked what there is, and
what was handed out is taken off. Of one representation, the octets that are missing are asked for,
if its validator proves that they are of the same (RFC 9110 §13.1.5, §15.3.7.3).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ..dicom.part10 import peek_instance_uid
from ..errors import (
    ConnectionLost,
    DeadlineExceeded,
    FramingError,
    MultipartError,
    Part10Error,
    TlsError,
)
from ..http import ContentRange, Request, UnsatisfiedRange
from ..services import Selector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..errors import DicomWebError, StatusError
    from ..http import Headers, Response
    from .results import Frame

__all__ = ["Frames", "Remaining", "Stretch", "instance_uid", "is_cut", "part_headers"]

_HELD_FRAMES = 16
"""Frames that are held at a time: native ones of a mammogram have 30 MB."""

_CLOCKS_APART = 60.0
"""Seconds by which ``Date`` must be behind ``Last-Modified`` to make that a strong validator."""


def is_cut(error: DicomWebError, *, closed: bool) -> bool:
    """Whether an error that ended a body says that it broke off, and not that it is malformed.

    Args:
        error: The error.
        closed: Whether the server had closed the connection.
    """
    if isinstance(error, FramingError | MultipartError):
        return closed
    return isinstance(error, ConnectionLost | TlsError | DeadlineExceeded) and (
        error.phase == "read"
    )


def instance_uid(start: bytes) -> str | None:
    """The SOP Instance UID of an instance, of its first octets; ``None`` if it can't be told."""
    try:
        return peek_instance_uid(start)
    except Part10Error:
        return None


class Remaining:
    """Which instances of a study or series are still to come, and how to ask for them.

    A series of which nothing was handed out is asked for whole, once; any other instance by
    itself.

    Args:
        target: The study, series or instance that is retrieved.
        instances: SOP to Series Instance UIDs of all its instances.
    """

    __slots__ = ("_missing", "_series", "_split", "_study")

    def __init__(self, target: Selector, instances: Mapping[str, str]) -> None:
        self._study = target.study
        self._series = dict(instances)
        self._missing: dict[str, dict[str, None]] = {}
        for uid, series in instances.items():
            self._missing.setdefault(series, {})[uid] = None
        # Series that are asked for instance by instance.
        self._split = set(self._missing if target.series else ())

    def __contains__(self, uid: str) -> bool:
        """Whether an instance is one of the study or series, here or still to come."""
        return uid in self._series

    def take(self, uid: str) -> None:
        """An instance was handed out, or isn't there."""
        series = self._series.get(uid)
        if series is not None:
            self._missing.get(series, {}).pop(uid, None)
            self._split.add(series)

    def instance(self, uid: str) -> Selector:
        """What to ask for to get one instance."""
        return Selector(self._study, self._series[uid], uid)

    def next(self) -> Selector | None:
        """What to ask for next; ``None`` if nothing is missing."""
        for series in list(self._missing):
            missing = self._missing[series]
            if not missing:
                del self._missing[series]
            elif series in self._split:
                return Selector(self._study, series, next(iter(missing)))
            else:
                self._split.add(series)
                return Selector(self._study, series)
        return None


class Frames:
    """Which frames were asked for, and which arrived.

    A frame that doesn't say its number is known by its place. A server that gives all frames to
    whoever asks for the missing ones would have them taken for others: so the frames of such a
    request that aren't named are held until it is clear that they are as many as were asked for.
    That they are not too many to hold, only some are asked for at a time.

    Args:
        asked: Their numbers, in order.

    Attributes:
        asked: As given.
        arrived: The numbers of those that arrived, in order.
        by_place: Those of them that nothing but their place told, of an answer that wasn't held
            until it was clear that it fits.
        ready: Frames that may be handed out.
    """

    __slots__ = ("_asking", "_before", "_held", "_named", "arrived", "asked", "by_place", "ready")

    asked: tuple[int, ...]
    arrived: list[int]
    by_place: list[int]
    ready: deque[Frame]

    def __init__(self, asked: Sequence[int]) -> None:
        self.asked = self._asking = tuple(asked)
        self._before = 0  # frames of earlier responses
        self._held: list[Frame] = []
        self._named = True  # whether all frames were, so far
        self.arrived = []
        self.by_place = []
        self.ready = deque()

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of those that did not arrive, in the order asked for."""
        left = Counter(self.asked)
        left.subtract(self.arrived)
        missing: list[int] = []
        for number in self.asked:
            if left[number] > 0:
                left[number] -= 1
                missing.append(number)
        return tuple(missing)

    @property
    def received(self) -> int:
        """How many came, of this response and those before."""
        return len(self.arrived) + len(self._held)

    def expected(self) -> int | None:
        """The number that the next part of the response has by its place."""
        place = self.received - self._before
        if place >= len(self._asking) or len(self._held) >= _HELD_FRAMES:
            return None
        return self._asking[place]

    def take(self, frame: Frame, *, named: bool) -> None:
        """A frame arrived.

        Args:
            frame: With the number that it says, else that of its place.
            named: Whether it says one.
        """
        self._named &= named
        if self._before and (self._held or not named):
            self._held.append(frame)
        else:
            self.arrived.append(frame.number)
            self.ready.append(frame)
            if not named:
                self.by_place.append(frame.number)

    def ask(self, *, ended: bool = False) -> tuple[int, ...]:
        """Those to ask for now, in a request of their own.

        Args:
            ended: Whether the response before was read to its end. What it leaves out the server
                doesn't have, and isn't asked for again.
        """
        if ended:
            held = [frame.number for frame in self._held]
            if Counter([*self.arrived[self._before :], *held]) != Counter(self._asking):
                return ()
            self.arrived += held
            self.ready += self._held
        self._held = []
        missing = self.missing
        if self.arrived and not self._named:
            missing = missing[:_HELD_FRAMES]
        self._asking, self._before = missing, len(self.arrived)
        return missing


@dataclass(frozen=True, slots=True)
class Stretch:
    """The octets of one representation that a response brings, and how to get the rest of them.

    Attributes:
        validator: For ``If-Range``: a strong entity tag, or a date that is one.
        content_type: The representation's ``Content-Type``.
        first: Position of the first octet.
        last: Position of the last; ``None`` if it is not known.
        complete_length: Octets of the whole; ``None`` if it is not known.
    """

    validator: str
    content_type: str
    first: int
    last: int | None
    complete_length: int | None

    @classmethod
    def of(cls, response: Response) -> Stretch | None:
        """What a response brings; ``None`` if nothing could prove that the rest belongs to it."""
        validator = _strong_validator(response.headers)
        if validator is None or not _is_plain(response):
            return None
        content_type = response.headers.get("Content-Type", "")
        if response.status == 200:
            length = _length(response.headers)
            return cls(validator, content_type, 0, None if length is None else length - 1, length)
        given = _content_range(response)
        if given is None:
            return None
        return cls(validator, content_type, given.first, given.last, given.complete_length)

    @property
    def length(self) -> int | None:
        """Number of octets; ``None`` if it is not known."""
        return None if self.last is None else self.last - self.first + 1

    def request(self, request: Request, given: int) -> Request:
        """The request for what is missing, where so many octets were handed out."""
        last = "" if self.last is None else self.last
        headers = (
            request.headers.without("Range", "If-Range", "Accept-Encoding")
            .add("Range", f"bytes={self.first + given}-{last}")
            .add("If-Range", self.validator)
            # A range counts octets of the content coding, if there is one (RFC 9110 §14.1.2).
            .add("Accept-Encoding", "identity")
        )
        return Request(request.method, request.url, headers, request.body)

    def skipped(self, response: Response, given: int) -> int | None:
        """How many octets of an answer to such a request were handed out already.

        Returns:
            0 for a 206 that begins where the octets ended, even if it has but some of the rest
            (RFC 9110 §15.3.7); all of them for a 200 of a server that ignores ranges, if it is
            the same representation; ``None`` if the octets can't be put together.
        """
        rest = Stretch.of(response)
        if response.status == 206:
            return 0 if self._goes_on(response, given) else None
        is_whole = self.length == self.complete_length
        if rest is None or not is_whole or not self._is_same(rest):
            return None
        return given if rest.length is None or rest.length >= given else None

    def completed(self, response: Response) -> Stretch:
        """The same, with its end, if it was not known and an answer to such a request tells."""
        if self.last is not None:
            return self
        rest = _content_range(response)
        whole = _length(response.headers) if rest is None else rest.complete_length
        last = None if whole is None else whole - 1
        return replace(self, last=last, complete_length=whole)

    def until(self, response: Response) -> int | None:
        """How many octets have come once such an answer is over; ``None`` if it is not known."""
        rest = _content_range(response)
        return self.length if rest is None else rest.last - self.first + 1

    def ends_at(self, given: int, refusal: StatusError) -> bool:
        """Whether the answer to such a request says that nothing is missing (416)."""
        if self.last is not None:
            return False  # something is: this was to be longer
        value = refusal.headers.get("Content-Range") if refusal.headers else None
        whole = UnsatisfiedRange.parse(value) if value and refusal.status == 416 else None
        return whole is not None and whole.complete_length == self.first + given

    def _goes_on(self, response: Response, given: int) -> bool:
        rest = _content_range(response)
        if rest is None or not _is_plain(response):
            return False
        # A validator that is left out proves nothing: some servers don't know If-Range.
        field = "ETag" if self.validator.startswith('"') else "Last-Modified"
        same = response.headers.get(field) == self.validator
        # A type may be left out (RFC 9110 §15.3.7).
        same &= response.headers.get("Content-Type", self.content_type) == self.content_type
        lengths = {self.complete_length, rest.complete_length} - {None}
        last = self.completed(response).last
        # Where nobody tells the end, what comes might be taken for all.
        within = last is not None and rest.last <= last
        return same and rest.first == self.first + given and len(lengths) <= 1 and within

    def _is_same(self, other: Stretch) -> bool:
        same = self.validator == other.validator and self.content_type == other.content_type
        return same and len({self.complete_length, other.complete_length} - {None}) <= 1


def part_headers(headers: Headers, response: Response) -> Headers:
    """What a part says; only in a 206 ``Content-Range`` says anything (RFC 9110 §14.4)."""
    return headers if response.status == 206 else headers.without("Content-Range")


def _is_plain(response: Response) -> bool:
    """Whether a body is the representation's octets, neither coded nor in parts."""
    media_type = response.media_type
    coded = response.headers.tokens("Content-Encoding") not in ([], ["identity"])
    return not coded and (media_type is None or not media_type.is_multipart)


def _content_range(response: Response) -> ContentRange | None:
    value = response.headers.get("Content-Range")
    return ContentRange.parse(value) if value and response.status == 206 else None


def _length(headers: Headers) -> int | None:
    value = headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def _strong_validator(headers: Headers) -> str | None:
    """A strong entity tag, or without any tag a date that is a strong one (RFC 9110 §8.8.2.2)."""
    tag = headers.get("ETag")
    if tag is not None:
        return tag if len(tag) >= 2 and tag[0] == tag[-1] == '"' else None
    modified, date = headers.get("Last-Modified"), headers.get("Date")
    if modified is None or date is None:
        return None
    try:
        apart = parsedate_to_datetime(date) - parsedate_to_datetime(modified)
    except (ValueError, TypeError, OverflowError):
        return None
    return modified if apart.total_seconds() >= _CLOCKS_APART else None
