"""Content negotiation (RFC 9110 §12, PS3.18 §8.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import LocalProtocolError, ProtocolError
from ._grammar import split_list
from .media_type import MediaType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MediaRange", "choose_media_type", "format_accept", "parse_accept", "quality_of"]

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_UTF_8 = frozenset({"utf-8", "iso_ir 192"})
"""The default of all DICOM media types, under both of its names (PS3.18 §8.7.3)."""
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_MOST_MEMBERS = 256
"""Members of one ``Accept`` that count; what browsers send has about ten."""


def format_accept(media_types: Iterable[MediaType]) -> str:
    """Write an ``Accept`` field, the alternatives in the given order.

    Raises:
        LocalProtocolError: There is none; DICOMweb asks for at least one (PS3.18 §8.7.5).
    """
    value = ", ".join(map(str, media_types))
    if not value:
        raise LocalProtocolError("an Accept field needs at least one media type")
    return value


@dataclass(frozen=True, slots=True)
class MediaRange:
    """A member of an ``Accept`` field (RFC 9110 §12.5.1, PS3.18 §8.7.7).

    Attributes:
        media_type: A media type, or a wildcard such as ``image/*``; without weight and boundary.
        quality: The weight, from 0 (not acceptable) to 1.
    """

    media_type: MediaType
    quality: float = 1.0

    @classmethod
    def parse(cls, text: str) -> MediaRange:
        """Read one member.

        A ``q`` may stand anywhere (RFC 9110 §12.4.2). A ``boundary`` has no meaning (PS3.18
        §8.7.3.5.1), and is dropped.

        Raises:
            ProtocolError: It is no media type, or its weight is no weight.
        """
        media_type = MediaType.parse(text)
        weight = media_type.parameter("q")
        if weight is not None and not _QUALITY.fullmatch(weight):
            raise ProtocolError("the weight of a media type is malformed")
        kept = tuple(pair for pair in media_type.parameters if pair[0] not in ("q", "boundary"))
        return cls(
            MediaType(media_type.type, media_type.subtype, kept),
            1.0 if weight is None else float(weight),
        )

    @property
    def is_wildcard(self) -> bool:
        """Whether it is ``*/*`` or ``type/*``."""
        return self.media_type.subtype == "*"

    @property
    def specificity(self) -> tuple[int, int]:
        """The larger, the more the range says: type, subtype, root type, then parameters."""
        root = self.media_type.root
        levels = [self.media_type.type, self.media_type.subtype]
        levels += [root.type, root.subtype] if root else []
        return sum(level != "*" for level in levels), len(self.media_type.parameters)

    def matches(self, offer: MediaType) -> bool:
        """Whether a media type lies in this range.

        All parameters of the range must be those of the type. ``*`` as transfer syntax is any,
        and the ``type`` of a multipart may have wildcards itself (PS3.18 §8.7.3.5). A type that
        names no character set is in UTF-8; JSON and XML that name no transfer syntax are in
        Explicit VR Little Endian.
        """
        mine = self.media_type
        if not _covers(mine, offer):
            return False
        for name, value in mine.parameters:
            if name == "type" and mine.root is not None:
                if offer.root is None or not _covers(mine.root, offer.root):
                    return False
            elif name == "transfer-syntax":
                if value not in ("*", _transfer_syntax(offer)):
                    return False
            elif name == "charset" and offer.parameter(name) is None:
                if value.lower() not in _UTF_8:
                    return False
            elif (offer.parameter(name) or "").lower() != value.lower():
                return False
        return True

    def __str__(self) -> str:
        """As in ``Accept``, the weight last."""
        weight = f"; q={self.quality:.3g}" if self.quality != 1 else ""
        return f"{self.media_type}{weight}"


def _covers(wide: MediaType, narrow: MediaType) -> bool:
    return wide.type in ("*", narrow.type) and wide.subtype in ("*", narrow.subtype)


def _transfer_syntax(offer: MediaType) -> str | None:
    """Told, or that of octets which stand in line in JSON and XML (PS3.18 §8.7.3.5)."""
    is_text = (offer.root or offer).subtype in ("dicom+json", "dicom+xml")
    return offer.transfer_syntax or (_EXPLICIT_VR_LITTLE_ENDIAN if is_text else None)


def parse_accept(value: str | Iterable[str]) -> tuple[MediaRange, ...]:
    """Read an ``Accept`` field, or the values of an ``accept`` query parameter.

    Members that are malformed are left out (PS3.18 §8.7.7).

    Args:
        value: The field, lines joined by commas; or its members.
    """
    members = split_list(value) if isinstance(value, str) else value
    ranges: list[MediaRange] = []
    for member, _ in zip(members, range(_MOST_MEMBERS), strict=False):
        try:
            ranges.append(MediaRange.parse(member))
        except ProtocolError:
            continue
    return tuple(ranges)


def quality_of(
    offer: MediaType, ranges: Iterable[MediaRange], default: MediaType | None = None
) -> float:
    """The weight that a media type has: that of the most specific range in which it lies.

    Args:
        offer: The media type.
        ranges: What the client accepts.
        default: The resource's default media type, if it has one. Then ``*/*`` stands for that
            alone (PS3.18 §8.7.7).

    Returns:
        From 0 to 1; 0 for what is not acceptable.
    """
    anything_fits = default is None or offer == default
    fitting = [
        media_range
        for media_range in ranges
        if media_range.matches(offer) and (anything_fits or media_range.media_type.type != "*")
    ]
    if not fitting:
        return 0.0
    # Of equals the first counts; a client that contradicts itself gets what it said first.
    return max(fitting, key=lambda media_range: media_range.specificity).quality


def choose_media_type(
    offers: Sequence[MediaType],
    accept: Sequence[MediaRange] | None,
    *,
    parameter: Sequence[MediaRange] = (),
    default: MediaType | None = None,
) -> MediaType | None:
    """Choose the representation to answer with (PS3.18 §8.7.8).

    Args:
        offers: What the resource can be given as; of those that are liked equally the first is
            taken.
        accept: The ``Accept`` field, parsed; ``None`` where there is none, which HTTP takes for
            anything.
        parameter: The ``accept`` query parameter, parsed. Its members count if the ``Accept``
            field covers them too, and go before it; wildcards don't count in it. Where the field
            covers nothing that there is, they count alone: a wish that can be fulfilled is better
            than a 406, which HTTP doesn't ask for (RFC 9110 §12.4.1).
        default: The default media type of the resource's category, one of ``offers``.

    Returns:
        One of ``offers``; ``None`` if none is acceptable, which is a 406.
    """
    ranges = (MediaRange(MediaType("*", "*")),) if accept is None else accept
    named = [member for member in parameter if not member.is_wildcard]
    covered = [member for member in named if quality_of(member.media_type, ranges) > 0]
    return (
        _best(offers, covered, None) or _best(offers, ranges, default) or _best(offers, named, None)
    )


def _best(
    offers: Sequence[MediaType], ranges: Sequence[MediaRange], default: MediaType | None
) -> MediaType | None:
    weights = [quality_of(offer, ranges, default) for offer in offers]
    best = max(weights, default=0.0)
    return offers[weights.index(best)] if best > 0 else None
