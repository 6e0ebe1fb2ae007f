"""Instances as DICOM files (PS3.18 §10.4.3.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dicom.layout import Span
from ...dicom.part10 import is_part10
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from ...errors import Part10Error
from ...http import segment_length
from ..problems import problem
from .answers import Part, entity_tag, multipart, not_acceptable, single_part
from .content import open_content, piece_of
from .conversion import Conversion, to_file
from .offers import DICOM, Offer, choose, in_syntax, offers_of, refusal_of
from .threads import in_threads
from .transcode import can_convert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...http import URL, OutgoingBody, OutgoingResponse, Request
    from ...services.wado import RetrieveRequest
    from ..archive import Holding

__all__ = ["offer_instances", "retrieve_instances"]

_HEAD: Final = 132
_CHECKED: Final = 256
"""Instances that are found convertible before an answer begins; the client waits meanwhile."""


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
    are made when their turn comes, one at a time. What turns out before the answer begins to
    have none is given as stored to who takes that, or left out (PS3.18 Table 10.4.3-1).

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
        every = [offer for one in sorted(syntaxes) for offer in offer_instances(one, is_one=is_one)]
        what = "the instance is" if is_one else "instances are"
        return not_acceptable(refusal_of(request, what, every))
    maker = _Maker(request, base, is_one=is_one)
    made = await in_threads(lambda pair: maker.part(*pair), offered)
    parts = [part for part in made if part is not None]
    if not parts:
        return maker.refuse()
    holding, offer = offered[0]
    if offer.is_single:
        tag = entity_tag("instance", holding.version, str(parts[0].media_type))
        return single_part(parts[0], http, tag)
    return multipart(parts, DICOM.essence, left_out_by=base if len(parts) < len(holdings) else None)


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


class _Maker:
    """Makes the parts of one answer, in a thread."""

    def __init__(self, request: RetrieveRequest, base: URL, *, is_one: bool) -> None:
        self._request = request
        self._base = base
        self._is_one = is_one
        self._unchecked = _CHECKED
        self._failure = ""

    def part(self, holding: Holding, offer: Offer) -> Part | None:
        """A file, or how it is made; ``None`` where there is none. Blocks."""
        path = ("studies", holding.study, "series", holding.series, "instances", holding.instance)
        try:
            body = self._body(holding, offer)
        except Part10Error as error:
            self._failure = error.message
            stored = self._stored_offer(holding, offer)
            return None if stored is None else self.part(holding, stored)
        except OSError:
            return None
        return Part(offer.given, body, str(self._base.child(*path)))

    def refuse(self) -> OutgoingResponse:
        """The answer if there are no parts."""
        if not self._failure:
            return problem(404, "the instances are not there any more")
        what = "the instance is" if self._is_one else "the instances are"
        return not_acceptable(f"{what} given only as stored: {self._failure}")

    def _body(self, holding: Holding, offer: Offer) -> OutgoingBody:
        if offer.given.transfer_syntax == holding.transfer_syntax:
            return _stored(holding)
        conversion = Conversion(holding, is_alone=self._is_one)
        # Of one instance it can be told at once if it fails, and how long it is.
        if self._is_one:
            return conversion.pieces()
        if self._unchecked:
            self._unchecked -= 1
            conversion.check()
        return conversion.promises()

    def _stored_offer(self, holding: Holding, failed: Offer) -> Offer | None:
        """What is stored, for who takes it instead of what cannot be made."""
        syntax = holding.transfer_syntax
        if failed.given.transfer_syntax == syntax:
            return None
        offers = offers_of(in_syntax(DICOM, syntax), is_one=failed.is_single)
        return choose(self._request, [one for one in offers if one.is_single == failed.is_single])


def _stored(holding: Holding) -> OutgoingBody:
    """The file as it is, or a bare data set made one."""
    with open_content(holding.content) as file:
        is_file = is_part10(file.read(_HEAD))
    if not is_file:
        return to_file(holding)
    return (piece_of(holding.content, Span(0, segment_length(holding.content))),)
