"""Answers with rendered images and thumbnails (PS3.18 §10.4.3.3.3 and .4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ...errors import Part10Error, RemoteProtocolError
from ...http import URL, Headers, OutgoingResponse, Produced
from ...services.media_types import related
from ...services.rendering import IccProfile
from ...services.routes import Resource
from ...services.transaction import warning_headers
from ...wire.render import OutgoingPart, render_multipart
from ..problems import problem
from ..retrieving.answers import (
    Part,
    entity_tag,
    is_known,
    multipart,
    not_acceptable,
    single_part,
    unreadable,
)
from ..retrieving.frames import refuse_repetition
from ..retrieving.offers import Offer, choose
from .drawing import Artist, Picture, can_be_animated
from .encoding import GIF, JPEG, PNG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...http import MediaType, Request
    from ...services import Selector
    from ...services.rendering import RenderingOptions
    from ...services.wado import RetrieveRequest
    from ..archive import Archive, Holding

__all__ = ["render"]

_PRESENTATION_STATES: Final = "1.2.840.10008.5.1.4.1.1.11."
"""What the UIDs of their SOP classes begin with (PS3.6 Annex A)."""
_ALONE: Final = {one: Offer(one, one) for one in (JPEG, PNG, GIF)}
_OFFERS: Final = [*_ALONE.values(), *(Offer(related(one.essence), one) for one in _ALONE)]


async def render(
    archive: Archive, request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    """Answer a retrieval of rendered images, or of a thumbnail.

    Args:
        archive: Where the instances are.
        request: What is asked for.
        http: The message that asks it.
        base: URL of the service, as the client sees it.

    Raises:
        RemoteProtocolError: It is asked for in a way that cannot be; the status hint says why.
    """
    selector = request.target
    if isinstance(selector, URL):
        return problem(404, "there is no such resource")
    holdings = await archive.holdings(replace(selector, frames=None, permissive=True))
    if not holdings:
        return problem(404, "there is no such study, series or instance")
    refused = refuse_repetition(selector.frames) if selector.frames else None
    if refused is not None:
        return refused
    if selector.instance:
        _check_presentation_state(holdings[0], request.rendering)
    task = _Task(holdings, selector, request, http, base)
    is_thumbnail = request.resource is Resource.THUMBNAIL
    try:
        answer = await (_give_thumbnail(task) if is_thumbnail else _give_rendered(task))
    except Part10Error as error:
        return not_acceptable(f"there is nothing that can be rendered: {error.message}")
    except OSError as error:
        return unreadable(error)
    return _warn(answer, request.rendering, base)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be answered, and from what."""

    holdings: Sequence[Holding]
    selector: Selector
    request: RetrieveRequest
    http: Request
    base: URL

    @property
    def is_instance(self) -> bool:
        """Whether the resource is an instance, or frames of it."""
        return bool(self.selector.instance)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What was seen of an instance: its frames that can be given."""

    holding: Holding
    numbers: tuple[int, ...]
    can_be_animated: bool
    is_burned_in: bool


class _NoSuchFrame(Exception):
    """A frame was asked for that the instance does not have."""


def _check_presentation_state(holding: Holding, options: RenderingOptions) -> None:
    """Refuse to change what a presentation state says itself (PS3.18 §8.3.5.1.3 and .4)."""
    if not holding.sop_class.startswith(_PRESENTATION_STATES):
        return
    if options.window is not None or (options.viewport and options.viewport.has_region):
        raise RemoteProtocolError("a presentation state has its own window and region")


def _warn(answer: OutgoingResponse, options: RenderingOptions, base: URL) -> OutgoingResponse:
    """Name what was asked for and is not done (PS3.18 §8.3.5.1.1)."""
    if not options.annotation or answer.head.status >= 300:
        return answer
    text = f"these annotations are not supported: {', '.join(options.annotation)}"
    headers = Headers([*answer.head.headers.items(), *warning_headers([text], str(base))])
    return replace(answer, head=replace(answer.head, headers=headers))


# --- what there is --------------------------------------------------------------------------------


def _see(artist: Artist, holding: Holding, task: _Task) -> _Sight | None:
    """Look at an instance. Blocks.

    Returns:
        ``None`` if it has no pixels.

    Raises:
        _NoSuchFrame: A frame was asked for that it does not have.
        Part10Error: It cannot be rendered.
        OSError: It cannot be read.
    """
    source = artist.look(holding)
    if source is None:
        return None
    count = len(source.frames)
    numbers = task.selector.frames or range(1, count + 1)
    if max(numbers) > count:
        raise _NoSuchFrame
    is_burned_in = str(source.attributes.get("BurnedInAnnotation") or "").strip() == "YES"
    return _Sight(holding, tuple(numbers), can_be_animated(source), is_burned_in)


def _picture(sight: _Sight, numbers: Sequence[int], base: URL) -> Picture:
    holding = sight.holding
    path = ["studies", holding.study, "series", holding.series, "instances", holding.instance]
    if len(numbers) == 1 and (len(sight.numbers) > 1 or numbers[0] > 1):
        path += ["frames", str(numbers[0])]
    return Picture(holding, tuple(numbers), str(base.child(*path)))


# --- rendered -------------------------------------------------------------------------------------


async def _give_rendered(task: _Task) -> OutgoingResponse:
    artist = Artist(task.request.rendering)
    sights: list[_Sight] = []
    failure: Part10Error | OSError | None = None
    for holding in task.holdings:
        try:
            sight = await anyio.to_thread.run_sync(partial(_see, artist, holding, task))
        except _NoSuchFrame:
            return problem(404, "the instance has no such frame")
        except (Part10Error, OSError) as error:
            failure = error
            continue
        if sight is not None:
            sights.append(sight)
    if not sights:
        raise failure or Part10Error("there are no pixels")
    offer = _choose(task, sights)
    if offer is None:
        return _refuse()
    pictures = _pictures(task, sights, offer.given)
    if task.is_instance and len(pictures) == 1 and offer.is_single:
        return await _give_one(task, artist, pictures[0], offer.given)
    is_partial = failure is not None
    work = partial(_give_all, task, artist, pictures, offer.given, is_partial=is_partial)
    return await anyio.to_thread.run_sync(work)


def _choose(task: _Task, sights: Sequence[_Sight]) -> Offer | None:
    """The media type to give images in (PS3.18 Table 8.7.4-1).

    Who names one, with or without multipart, gets images of it: whether there is multipart
    around them depends on how many they are. All frames of an instance in one image are a GIF,
    which also is what ``*/*`` means there.
    """
    wants_profile = task.request.rendering.icc_profile not in (None, IccProfile.NO)
    is_moving = (
        task.is_instance
        and task.selector.frames is None
        and len(sights[0].numbers) > 1
        and sights[0].can_be_animated
        and not wants_profile
    )
    default = _ALONE[GIF if is_moving else JPEG]
    offer = choose(task.request, _OFFERS, default)
    if offer is not None and offer.given == GIF and wants_profile:
        raise RemoteProtocolError("a GIF has no ICC profile")
    return offer


def _refuse() -> OutgoingResponse:
    return not_acceptable("images are image/jpeg, image/png or image/gif, several in multipart")


def _pictures(task: _Task, sights: Sequence[_Sight], media_type: MediaType) -> list[Picture]:
    if media_type == GIF and task.selector.frames is None:
        return [_picture(sight, sight.numbers, task.base) for sight in sights]
    return [
        _picture(sight, [number], task.base) for sight in sights for number in sight.numbers
    ]  # fmt: skip


async def _give_one(
    task: _Task, artist: Artist, picture: Picture, media_type: MediaType
) -> OutgoingResponse:
    """An image by itself, which is not made again for those who have it."""
    tag = entity_tag(
        task.request.resource,
        picture.holding.version,
        str(picture.numbers),
        repr(task.request.rendering),
        str(media_type),
    )
    octets = b""
    if not is_known(task.http, tag):
        octets = await anyio.to_thread.run_sync(partial(artist.draw, picture, media_type))
    return single_part(Part(media_type, (octets,), picture.location), task.http, tag)


def _give_all(
    task: _Task,
    artist: Artist,
    pictures: Sequence[Picture],
    media_type: MediaType,
    *,
    is_partial: bool,
) -> OutgoingResponse:
    """Images in parts; the first is made now, the others when their turn comes. Blocks.

    What turns out only then to be broken is left out of a study or series (PS3.18 §8.6.1.2),
    and ends the answer early where frames of one instance were asked for.
    """
    first, following, failure = _first_part(task, artist, pictures, media_type)
    is_partial = is_partial or failure
    answer = multipart([first], media_type.essence, left_out_by=task.base if is_partial else None)
    answered = answer.head.media_type
    boundary = (answered.parameter("boundary") if answered else None) or ""
    *start, end = answer.body
    produced = [
        Produced(partial(_further_part, task, artist, one, media_type, boundary))
        for one in following
    ]
    return replace(answer, body=(*start, *produced, end))


def _first_part(
    task: _Task, artist: Artist, pictures: Sequence[Picture], media_type: MediaType
) -> tuple[Part, Sequence[Picture], bool]:
    """The first that can be made, those behind it, and whether there were some before it."""
    failure: Part10Error | OSError | RemoteProtocolError | None = None
    for number, picture in enumerate(pictures):
        try:
            part = _part(artist, picture, media_type)
        except (Part10Error, OSError, RemoteProtocolError) as error:
            if task.is_instance:
                raise
            failure = failure or error
        else:
            return part, pictures[number + 1 :], failure is not None
    raise failure or Part10Error("there are no pixels")


def _part(artist: Artist, picture: Picture, media_type: MediaType) -> Part:
    return Part(media_type, (artist.draw(picture, media_type),), picture.location)


def _further_part(
    task: _Task, artist: Artist, picture: Picture, media_type: MediaType, boundary: str
) -> bytes:
    """A part with its delimiter; nothing where it is left out."""
    try:
        part = _part(artist, picture, media_type)
    except (Part10Error, OSError, RemoteProtocolError):
        if task.is_instance:
            raise
        return b""
    octets = b"".join(one for one in part.body if isinstance(one, bytes))
    *start, _ = render_multipart([OutgoingPart(part.headers, (octets,))], boundary)
    return b"".join([b"\r\n", *(one for one in start if isinstance(one, bytes))])


# --- thumbnails -----------------------------------------------------------------------------------


async def _give_thumbnail(task: _Task) -> OutgoingResponse:
    """One image: of the instance in the middle, or the nearest to it that can be shown."""
    offer = choose(task.request, _OFFERS, _ALONE[JPEG])
    if offer is None:
        return _refuse()
    artist = Artist(task.request.rendering, is_thumbnail=True)
    failure: Part10Error | OSError | None = None
    middle = len(task.holdings) // 2
    for place in sorted(range(len(task.holdings)), key=lambda place: abs(place - middle)):
        holding = task.holdings[place]
        try:
            sight = await anyio.to_thread.run_sync(partial(_see, artist, holding, task))
            # Nobody knows what is burned in: it may be the patient's name.
            if sight is None or sight.is_burned_in:
                continue
            number = sight.numbers[len(sight.numbers) // 2]
            picture = _picture(sight, [number], task.base)
            return await _give_alone(task, artist, picture, offer)
        except _NoSuchFrame:
            return problem(404, "the instance has no such frame")
        except (Part10Error, OSError) as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return problem(404, "there is nothing that a thumbnail could show")


async def _give_alone(
    task: _Task, artist: Artist, picture: Picture, offer: Offer
) -> OutgoingResponse:
    if offer.is_single:
        return await _give_one(task, artist, picture, offer.given)
    part = await anyio.to_thread.run_sync(partial(_part, artist, picture, offer.given))
    return multipart([part], offer.given.essence)
