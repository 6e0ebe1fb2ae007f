"""Instances as DICOM files (PS3.18 §10.4.3.3.1)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...dicom.layout import Span
from ...dicom.part10 import is_part10
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from ...errors import Part10Error
from ...http import Produced, segment_length
from ..problems import problem
from .answers import Part, entity_tag, multipart, not_acceptable, single_part
from .content import open_content, piece_of
from .offers import DICOM, Offer, choose, in_syntax, offers_of
from .threads import in_threads
from .transcode import can_convert, to_explicit_little_endian, to_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...http import URL, OutgoingResponse, Request
    from ...services.wado import RetrieveRequest
    from ..archive import Holding

__all__ = ["offer_instances", "retrieve_instances"]

_HEAD = 132


async def retrieve_instances(
    holdings: Sequence[Holding],
    request: RetrieveRequest,
    http: Request,
    base: URL,
    *,
    is_one: bool,
) -> OutgoingResponse:
    """Give instances as files.

    Those whose file is there in the transfer syntax that is wanted go out as they are. Others
    are made when their turn comes, one at a time.

    Args:
        holdings: The instances.
        request: What was asked.
        http: The message that asked it.
        base: URL of the service.
        is_one: Whether the resource is an instance, which may stand alone.
    """
    syntaxes = {holding.transfer_syntax for holding in holdings}
    offers = {one: _choose(request, one, is_one=is_one) for one in syntaxes}
    offered = [(one, offer) for one in holdings if (offer := offers[one.transfer_syntax])]
    if not offered:
        return not_acceptable(
            'instances are multipart/related; type="application/dicom" in their stored transfer'
            " syntax, and in Explicit VR Little Endian if they can be decompressed here"
        )
    made = await in_threads(lambda pair: _part(*pair, base), offered)
    parts = [part for part in made if part is not None]
    if not parts:
        return problem(404, "the instances are not there any more")
    if is_one and parts:
        try:
            parts = await in_threads(_made, parts)
        except Part10Error as error:
            return not_acceptable(f"the instance is given as it is stored only: {error.message}")
    holding, offer = offered[0]
    if offer.is_single:
        tag = entity_tag("instance", holding.version, str(offer.given))
        return single_part(parts[0], http, tag)
    return multipart(parts, DICOM.essence, is_partial=len(parts) < len(holdings))


def offer_instances(transfer_syntax: str, *, is_one: bool) -> list[Offer]:
    """What an instance can be given as: the transfer syntax that it has first.

    Args:
        transfer_syntax: As it is stored.
        is_one: Whether it may stand alone.
    """
    syntaxes = [transfer_syntax]
    if transfer_syntax != EXPLICIT_VR_LITTLE_ENDIAN and can_convert(transfer_syntax):
        syntaxes.append(EXPLICIT_VR_LITTLE_ENDIAN)
    offers = [
        offer for syntax in syntaxes for offer in offers_of(in_syntax(DICOM, syntax), is_one=is_one)
    ]
    # Files in parts are the default, and files alone an option.
    return sorted(offers, key=lambda offer: offer.is_single)


def _choose(request: RetrieveRequest, transfer_syntax: str, *, is_one: bool) -> Offer | None:
    offers = offer_instances(transfer_syntax, is_one=is_one)
    # The last but not single: Explicit VR Little Endian, unless it cannot be had.
    default = [offer for offer in offers if not offer.is_single][-1]
    return choose(request, offers, default)


def _part(holding: Holding, offer: Offer, base: URL) -> Part | None:
    """A file, or how it is made; ``None`` where there is none any more."""
    path = ("studies", holding.study, "series", holding.series, "instances", holding.instance)
    location = str(base.child(*path))
    if offer.given.transfer_syntax != holding.transfer_syntax:
        body = Produced(partial(to_explicit_little_endian, holding))
        return Part(offer.given, (body,), location)
    try:
        with open_content(holding.content) as file:
            is_file = is_part10(file.read(_HEAD))
    except OSError:
        return None
    if not is_file:
        return Part(offer.given, (Produced(partial(to_file, holding)),), location)
    whole = piece_of(holding.content, Span(0, segment_length(holding.content)))
    return Part(offer.given, (whole,), location)


def _made(part: Part) -> Part:
    """A part whose octets are there: of one instance it can be told at once if it fails."""
    body = tuple(one.produce() if isinstance(one, Produced) else one for one in part.body)
    return replace(part, body=body)
