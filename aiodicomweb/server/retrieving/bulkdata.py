"""Bulk data: values by their URLs, and all those of a resource (PS3.18 §10.4.3.3.5 to .6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ...dicom.excerpt import read_excerpt
from ...dicom.frame_layout import PIXELS, FrameLayout, read_frame_layout
from ...dicom.uids import bulk_data_media_type
from ...errors import Part10Error, ProtocolError
from ...http import Deferred, MediaType
from ..problems import problem
from .answers import Part, entity_tag, multipart, not_acceptable, single_part
from .bulk_values import bulk_data_uri, bulk_paths
from .content import Stored
from .frames import NATIVE, decoded_frames, is_decoded, offer_pixels, stored_frame
from .offers import OCTETS, Offer, asked_for, choose, in_syntax, offers_of
from .threads import in_threads
from .transcode import swap_words, word_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...dicom.layout import Element
    from ...http import URL, OutgoingResponse, Request, Segment
    from ...services.wado import RetrieveRequest
    from ..archive import Holding

__all__ = ["retrieve_bulkdata", "retrieve_value"]

_AS_STORED: Final = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_ENCAPSULATED_DOCUMENT: Final = 0x00420011
_DOCUMENT_MEDIA_TYPE: Final = 0x00420012


@dataclass(frozen=True, slots=True)
class _Value:
    """A value, its URL, and what it can be given as."""

    stored: Stored
    element: Element
    location: str
    offers: Sequence[Offer]
    frames: FrameLayout | None


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as it is given."""

    offer: Offer
    parts: Sequence[Part]


async def retrieve_value(
    holding: Holding, path: tuple[int, ...], request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    """Give one value, or the range of it that is asked for.

    Args:
        holding: The instance.
        path: Tags and item numbers in turn.
        request: What was asked.
        http: The message that asked it.
        base: URL of the service.

    Raises:
        Part10Error: The instance cannot be read.
        OSError: Its file cannot be read.
    """

    def answer() -> OutgoingResponse:
        stored = Stored.read(holding)
        element = stored.layout.find(*path)
        if element is None or (path, element) not in bulk_paths(stored.layout.elements):
            return problem(404, "there are no such bulk data")
        # Octets are counted of the value, so that with a range it had better stand alone.
        try:
            value = _value(stored, path, element, base)
        except Part10Error as error:
            return not_acceptable(f"the frames cannot be told apart: {error.message}")
        given = _give(value, request, alone=True) if "Range" in http.headers else None
        given = given or _give(value, request)
        if given is None:
            return _refuse(request, "the value is")
        if given.offer.is_single:
            tag = entity_tag("bulkdata", holding.version, str(path), str(given.offer.given))
            return single_part(given.parts[0], http, tag)
        return multipart(given.parts, given.offer.given.essence)

    return await anyio.to_thread.run_sync(answer)


async def retrieve_bulkdata(
    holdings: Sequence[Holding],
    request: RetrieveRequest,
    http: Request,
    base: URL,
    *,
    only_pixels: bool,
    is_one: bool,
) -> OutgoingResponse:
    """Give all bulk data of instances, each value in a part, each compressed frame in one.

    Args:
        holdings: The instances.
        request: What was asked.
        http: The message that asked it.
        base: URL of the service.
        only_pixels: Whether only Pixel Data and its float and double float kin count, and not
            those of icons.
        is_one: Whether the resource is an instance: its only value may stand alone.
    """
    work = partial(_give_all, request=request, base=base, only_pixels=only_pixels, is_one=is_one)
    given = list(chain.from_iterable(await in_threads(work, holdings)))
    able = [one for one in given if one is not None]
    parts = [part for one in able for part in one.parts]
    if not given:
        return problem(404, "there are no pixel data" if only_pixels else "there are no bulk data")
    if not parts:
        return _refuse(request, "the value is" if len(given) == 1 else "several values are")
    if len(given) == 1 and able[0].offer.is_single:
        tag = entity_tag("bulkdata", holdings[0].version, str(able[0].offer.given))
        return single_part(parts[0], http, tag)
    root = parts[0].media_type.essence
    return multipart(parts, root, left_out_by=base if len(able) < len(given) else None)


def _refuse(request: RetrieveRequest, what: str) -> OutgoingResponse:
    return not_acceptable(
        f"{asked_for(request)}; {what} there as stored, which {_AS_STORED} asks for"
    )


def _give_all(
    holding: Holding, request: RetrieveRequest, base: URL, *, only_pixels: bool, is_one: bool
) -> list[_Given | None]:
    """The values of an instance; ``None`` for what cannot be given. Blocks."""
    try:
        stored = Stored.read(holding, is_alone=is_one)
    except (Part10Error, OSError):
        return [None]
    found = [
        (path, element)
        for path, element in bulk_paths(stored.layout.elements)
        if not only_pixels or path[0] in PIXELS
    ]
    given: list[_Given | None] = []
    for path, element in found:
        try:
            value = _value(stored, path, element, base)
            given.append(_give(value, request, in_parts=not is_one or len(found) > 1))
        except (Part10Error, OSError):
            given.append(None)
    return given


def _give(
    value: _Value, request: RetrieveRequest, *, alone: bool = False, in_parts: bool = False
) -> _Given | None:
    """Choose how to give a value, with or without multipart around it; ``None`` if none goes."""
    refused = {True} if in_parts else {False} if alone else set[bool]()
    offer = choose(request, [one for one in value.offers if one.is_single not in refused])
    if offer is None:
        return None
    try:
        bodies = _bodies(value, offer)
    except Part10Error:  # a frame that no decoder takes
        return None
    return _Given(offer, [Part(offer.given, body, value.location) for body in bodies])


def _value(stored: Stored, path: tuple[int, ...], element: Element, base: URL) -> _Value:
    location = bulk_data_uri(base, stored.holding, path)
    frames = None
    if element.tag in PIXELS and len(path) == 1:
        frames = _frames(stored)
    offers = _offers(stored, element, frames)
    return _Value(stored, element, location, offers, frames)


def _frames(stored: Stored) -> FrameLayout | None:
    """Frames, where they matter: native pixels may be given without being described."""
    with stored.open() as file:
        try:
            return read_frame_layout(file, stored.layout)
        except Part10Error:
            if any(one.fragments for one in stored.layout.elements if one.tag in PIXELS):
                raise
            return None


def _offers(stored: Stored, element: Element, frames: FrameLayout | None) -> list[Offer]:
    syntax = stored.holding.transfer_syntax
    if frames is not None:
        return offer_pixels(syntax, frames, len(frames.compressed or "1") == 1, True)
    if element.fragments is not None:
        # An icon: as compressed as the image is, and one frame.
        given = in_syntax(MediaType.parse(bulk_data_media_type(syntax)), syntax)
        as_stored = offers_of(given, is_one=True, asked=in_syntax(OCTETS, "*"))
        return [*offers_of(given, is_one=True), *as_stored]
    offers = offers_of(NATIVE, is_one=True)
    if element.tag != _ENCAPSULATED_DOCUMENT:
        return offers
    document = _document_media_type(stored)
    as_stored = offers_of(document, is_one=True, asked=in_syntax(OCTETS, "*"))
    return [*offers_of(document, is_one=True), *as_stored, *offers]


def _document_media_type(stored: Stored) -> MediaType:
    with stored.open() as file:
        dataset = read_excerpt(file, stored.layout, lambda e: e.tag != _DOCUMENT_MEDIA_TYPE)
    try:
        return MediaType.parse(str(dataset.get("MIMETypeOfEncapsulatedDocument")))
    except ProtocolError:
        return OCTETS


def _bodies(value: _Value, offer: Offer) -> list[tuple[Segment, ...]]:
    stored, element, frames = value.stored, value.element, value.frames
    if frames is not None and frames.compressed is not None:
        indices = range(len(frames))
        if is_decoded(offer, frames):
            return [tuple(decoded_frames(stored, frames, indices))]
        return [stored_frame(stored, frames, index) for index in indices]
    if element.fragments is not None:
        return [tuple(chain.from_iterable(stored.segments(span) for span in element.fragments[1:]))]
    bits = frames.pixels.bits_allocated if frames is not None and frames.pixels else 0
    size = word_size(element.vr, element.tag, bits)
    if stored.layout.encoding.is_little_endian or size == 1:
        return [stored.segments(element.value)]

    def produce() -> bytes:
        return swap_words(stored.octets(element.value), size)

    return [(Deferred(element.value.length, produce),)]
