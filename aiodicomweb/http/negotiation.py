"""Content negotiation (RFC 9110 §12, PS3.18 §8.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .media_type import MediaType

__all__ = ["format_accept"]


def format_accept(media_types: Iterable[MediaType]) -> str:
    """Write an ``Accept`` field, the alternatives in the given order.

    Raises:
        LocalProtocolError: There is none; DICOMweb asks for at least one (PS3.18 §8.7.5).
    """
    value = ", ".join(map(str, media_types))
    if not value:
        raise LocalProtocolError("an Accept field needs at least one media type")
    return value
