"""Whether a value of JSON or XML is kept as it was sent (PS3.18 §F.2, PS3.19 §A.1).

Readers are lenient, so that one broken attribute does not hide the rest of what a server relays.
Who stores a data set must not be: what is not what was sent would be on the disk for good. Most
of what is no value of its VR is noticed by an error, after which readers keep octets, or nothing;
here is what they alter without one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from .json_values import is_object
from .vrs import NAME_GROUPS, TEXT_VRS, single

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_kept"]

_SINGLE_VRS: Final = frozenset({"FL", "OF"})
_FLOATING_VRS: Final = _SINGLE_VRS | {"FD", "OD"}


def is_kept(vr: str, source: bytes | Iterable[Any]) -> bool:
    """Whether a reader that found no error has kept all of a value.

    Args:
        vr: The VR that the reader chose, other than ``SQ``.
        source: The value field, or the members of the value as JSON or text.
    """
    if isinstance(source, bytes):
        return vr not in TEXT_VRS or _is_unicode(source)
    if vr == "UN":
        return False  # UN has octets, and nobody knows which ones these are
    if vr in TEXT_VRS:
        return all(map(_is_text, source))
    return vr not in _FLOATING_VRS or all(_has_room(vr, member) for member in source)


def _is_unicode(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(member: Any) -> bool:
    """Whether a member is text that a file can hold, or stands for such."""
    if is_object(member):
        return member.keys() <= {*NAME_GROUPS} and all(map(_is_text, member.values()))
    if isinstance(member, str):
        return member.isascii() or _is_unicode(member.encode("utf-8", "surrogatepass"))
    return not (isinstance(member, float) and math.isinf(member))


def _has_room(vr: str, member: Any) -> bool:
    """Whether a number is not infinite only since it is too large, as 1e400 is for a double.

    JSON has no infinity but the text.
    """
    if member is None or (isinstance(member, str) and (not member.strip() or _is_infinity(member))):
        return True
    number = float(member)
    return not math.isinf(single(number) if vr in _SINGLE_VRS else number)


def _is_infinity(text: str) -> bool:
    return "inf" in text.lower()
