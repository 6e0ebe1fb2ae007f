"""What a resource can be given as, and which of that a client takes (PS3.18 §8.7.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...http import MediaType
from ...services.media_types import related

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...services.wado import RetrieveRequest

__all__ = ["Offer", "asked_for", "choose", "in_syntax", "offers_of", "refusal_of"]

OCTETS: Final = MediaType("application", "octet-stream")
DICOM: Final = MediaType("application", "dicom")
_LONGEST: Final = 256
"""Characters of a client's own words in an answer."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A representation.

    Attributes:
        asked: The media type that clients ask for it by, multipart or not.
        given: The media type of each part, or of the whole where it is not multipart.
    """

    asked: MediaType
    given: MediaType

    @property
    def is_single(self) -> bool:
        """Whether it stands alone, without multipart around it."""
        return not self.asked.is_multipart


def in_syntax(media_type: MediaType, transfer_syntax: str) -> MediaType:
    """A media type with its transfer syntax (PS3.18 §8.7.3.5.2)."""
    return media_type.with_parameters({"transfer-syntax": transfer_syntax})


def offers_of(given: MediaType, *, is_one: bool, asked: MediaType | None = None) -> list[Offer]:
    """Offer something in multipart and, if it is one item only, by itself.

    Args:
        given: Its media type.
        is_one: Whether it is one item: otherwise single parts don't count (PS3.18 §10.4.4).
        asked: What it is asked for by, if not by its media type.
    """
    asked = asked or given
    own = {name: value for name, value in asked.parameters if name == "transfer-syntax"}
    offers = [Offer(related(asked.essence).with_parameters(own), given)]
    return [*offers, Offer(asked, given)] if is_one else offers


def choose(
    request: RetrieveRequest, offers: Sequence[Offer], default: Offer | None = None
) -> Offer | None:
    """The offer that the client likes best, the first of equals; ``None`` if it takes none.

    Args:
        request: What was asked.
        offers: What there is, by preference.
        default: What ``*/*`` stands for; ``None`` for any.
    """
    found = request.choose(_asked(offers), None if default is None else default.asked)
    return next((offer for offer in offers if offer.asked == found), None)


def asked_for(request: RetrieveRequest) -> str:
    """What a client accepts, in words that begin the text of a 406."""
    names = [str(one) for one in request.media_types]
    names += [value for name, values in request.parameters if name == "accept" for value in values]
    told = ", ".join(names)
    told = "".join(one if " " <= one <= "~" else "?" for one in told)
    return f"asked for: {told if len(told) <= _LONGEST else f'{told[:_LONGEST]}...'}"


def refusal_of(request: RetrieveRequest, what: str, offers: Iterable[Offer]) -> str:
    """The text of a 406: what was asked for, and what can be had.

    Args:
        request: What was asked.
        what: What the offers are of, such as ``the frames are``.
        offers: What there is.
    """
    there = dict.fromkeys(str(one) for one in _asked(offers))
    return f"{asked_for(request)}; {what} {' or '.join(there)}"


def _asked(offers: Iterable[Offer]) -> list[MediaType]:
    return [offer.asked for offer in offers]
