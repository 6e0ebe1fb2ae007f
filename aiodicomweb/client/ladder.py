"""What ``Accept`` is asked for with when a server refuses the usual one: pure decisions.

Servers differ in what they understand (PS3.18 §8.7.1 says so itself of the quotation marks around
``type``). Where the caller left the media types to us, an answer that says "not so" is no answer
yet: the next simpler form is tried, and the one that worked is asked for first for a while.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..http import Request
from ..services import Resource

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..errors import StatusError
    from ..http import Origin

__all__ = ["Forms", "Kind", "Memory", "forms_of", "is_refusal", "is_verdict", "with_accept"]

_REFUSALS = frozenset({400, 406, 415})
"""What servers answer to an ``Accept`` that they don't understand. Only 406 is meant for it."""

_MOST_REMEMBERED = 256
"""Origins and kinds of resource of one client: a client has one or two origins, and nine kinds."""

_KEPT = 600.0
"""Seconds for which a form is remembered. Servers are mended, and an hour of theirs may be bad."""

_INSTANCE = re.compile(r".*/instances/[^/]+")

Forms = tuple[str, ...]
"""Values of ``Accept``, from the one that says all to the simplest."""


class Kind(StrEnum):
    """What is asked for, beside the resources of a retrieval."""

    SEARCH = "search results"
    STORE = "a store's answer"


_JSON: Forms = ("application/dicom+json", "application/json", "*/*")
_PARTS = (
    'multipart/related; type="{0}"; transfer-syntax=*',
    # The grammar needs the quotation marks, and some servers fail with them.
    "multipart/related; type={0}; transfer-syntax=*",
    # Older servers don't know "*", and give what they have or Explicit VR Little Endian.
    'multipart/related; type="{0}"',
    "*/*",
)
_OCTETS: Forms = tuple(form.format("application/octet-stream") for form in _PARTS)
_IMAGES: Forms = ("image/jpeg", "image/*")

_FORMS: dict[Resource | Kind, Forms] = {
    Resource.INSTANCES: tuple(form.format("application/dicom") for form in _PARTS),
    Resource.METADATA: _JSON,
    Resource.FRAMES: _OCTETS,
    Resource.BULKDATA: (f"{_OCTETS[0]}, */*; q=0.5", *_OCTETS[1:]),
    Resource.PIXELDATA: _OCTETS,
    # "*/*" would bring documents and videos to who asked for images.
    Resource.RENDERED: _IMAGES,
    Resource.THUMBNAIL: _IMAGES,
    Kind.SEARCH: _JSON,
    Kind.STORE: _JSON,
}


def forms_of(kind: Resource | Kind) -> Forms:
    """The forms of a kind of resource; the first is what is usually asked with."""
    return _FORMS[kind]


def is_refusal(kind: Resource | Kind, error: StatusError) -> bool:
    """Whether a simpler form may do better.

    Of a store only 406 says that it is about the answer's form: 400 and 415 are about what was
    sent, and some servers say 400 where they stored nothing.
    """
    return error.status == 406 if kind is Kind.STORE else error.status in _REFUSALS


def is_verdict(error: StatusError) -> bool:
    """Whether an error to a later form says more than the refusal of the first.

    A server that understands the form may have nothing there, or let nobody in. One that falls
    over did not understand it.
    """
    return error.status not in _REFUSALS and error.status < 500


def with_accept(request: Request, accept: str) -> Request:
    """The request with this ``Accept``."""
    if request.headers.get("Accept") == accept:
        return request
    headers = request.headers.without("Accept").add("Accept", accept)
    return Request(request.method, request.url, headers, request.body)


@dataclass(frozen=True, slots=True, repr=False)
class _Found:
    """A form that worked where those before it were refused.

    Attributes:
        form: The value of ``Accept``.
        expires: When it is forgotten.
        subject: What it was found for, by :func:`_subject`; ``None`` where it is for all.
        sure: Whether it is asked for first, or has to be found once more.
    """

    form: str
    expires: float
    subject: str | None
    sure: bool

    def serves(self, path: str, now: float) -> bool:
        """Whether to begin with it."""
        if not self.sure or now >= self.expires:
            return False
        return self.subject is None or self.subject == _subject(path)


class Memory:
    """Which forms worked, by origin and kind; those that were used last are kept.

    A refusal may be about the moment, or about one instance that the server can't give so. Simpler
    forms of DICOM JSON bring the same, and are believed in when they worked once; after a 400,
    which may be about anything, twice. The others may bring something else, such as Explicit VR
    Little Endian in place of what is stored, for which nobody asked: they have to work twice for
    one instance, and for a second one before they are used for all.

    All times are seconds of one clock that only goes forward.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[Origin, Resource | Kind], _Found] = {}

    def forms(self, origin: Origin, kind: Resource | Kind, path: str, now: float) -> Forms:
        """The forms to ask an origin with: the one that worked, then the others from the top."""
        usual = _FORMS[kind]
        found = self._found.get((origin, kind))
        if found is None or not found.serves(path, now):
            return usual
        return (found.form, *(form for form in usual if form != found.form))

    def note(
        self,
        origin: Origin,
        kind: Resource | Kind,
        path: str,
        form: str,
        refusals: Collection[int],
        now: float,
    ) -> None:
        """This form worked; what was remembered and refused before it is forgotten.

        Args:
            origin: Of whom was asked.
            kind: What was asked for.
            path: Of the URL that was asked for.
            form: The form.
            refusals: Statuses with which the forms before it were refused.
            now: The moment.
        """
        found = self._found.pop((origin, kind), None)
        if form == _FORMS[kind][0]:
            return
        if refusals:
            again = found if found and found.form == form and now < found.expires else None
            if again is None or not again.serves(path, now):
                found = _learned(kind, path, form, again, refusals, now)
        if found is not None:
            self._found[origin, kind] = found
        if len(self._found) > _MOST_REMEMBERED:
            del self._found[next(iter(self._found))]


def _learned(
    kind: Resource | Kind,
    path: str,
    form: str,
    before: _Found | None,
    refusals: Collection[int],
    now: float,
) -> _Found:
    """What a form that worked behind refusals teaches, with what it taught before."""
    is_json = _FORMS[kind] is _JSON
    subject = None if is_json else _subject(path)
    if before is not None and before.subject != subject:
        subject = None
    sure = before is not None or (is_json and 400 not in refusals)
    return _Found(form, now + _KEPT, subject, sure)


def _subject(path: str) -> str:
    """The instance that something is of, be it frames or bulk data; else the whole path."""
    instance = _INSTANCE.match(path)
    return path if instance is None else instance[0]
