"""Ranges of octets: ``Range`` and ``Content-Range`` (RFC 9110 §14).

What cannot be read is ``None`` and never raises: a server that does not understand a range gives
the whole, and a client that does not understand one does not put pieces together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import LocalProtocolError
from ._grammar import split_list

__all__ = ["ByteRange", "ContentRange", "UnsatisfiedRange", "format_range", "parse_range"]

_MOST_RANGES = 64
"""Ranges of one field. More of them are an attack, or a mistake (RFC 9110 §17.15)."""

_UNIT = re.compile(r"[ \t]*bytes[ \t]*=", re.IGNORECASE)
_RANGE = re.compile(r"(?P<first>[0-9]{0,19})[ \t]*-[ \t]*(?P<last>[0-9]{0,19})")
_CONTENT_RANGE = re.compile(
    r"bytes[ \t]+(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})/(?P<length>[0-9]{1,19}|\*)",
    re.IGNORECASE,
)
_UNSATISFIED = re.compile(r"bytes[ \t]+\*/(?P<length>[0-9]{1,19})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Octets that are asked for (RFC 9110 §14.1.2).

    Attributes:
        first: Position of the first octet, from 0; ``None`` for the last octets of the whole.
        last: Position of the last octet, inclusive, or ``None`` for the last there is; without
            ``first`` the number of octets.

    Raises:
        LocalProtocolError: There is no such range.
    """

    first: int | None
    last: int | None = None

    def __post_init__(self) -> None:
        """Check that it can be written."""
        first, last = self.first or 0, self.last
        if (
            first < 0
            or (last is not None and last < first)
            or (self.first is None and last is None)
        ):
            raise LocalProtocolError("a range of octets that is none")

    def resolve(self, length: int) -> ContentRange | None:
        """The octets of a whole of ``length`` octets; ``None`` if there is none among them."""
        if self.first is None:
            first, last = max(0, length - (self.last or 0)), length - 1
        else:
            first = self.first
            last = length - 1 if self.last is None else min(self.last, length - 1)
        return ContentRange(first, last, length) if first <= last else None

    def __str__(self) -> str:
        """As in ``Range``, without the unit."""
        return (
            f"{'' if self.first is None else self.first}-{'' if self.last is None else self.last}"
        )


def parse_range(value: str) -> tuple[ByteRange, ...] | None:
    """Read a ``Range`` field.

    Returns:
        The ranges, at least one; ``None`` where the field is to be ignored: malformed, of another
        unit, or too long (RFC 9110 §14.2).
    """
    unit = _UNIT.match(value)
    members = split_list(value[unit.end() :]) if unit else []
    matches = [match for member in members if (match := _RANGE.fullmatch(member))]
    if not matches or len(matches) != len(members) or len(matches) > _MOST_RANGES:
        return None
    try:
        return tuple(
            ByteRange(*(int(digits) if digits else None for digits in match.group("first", "last")))
            for match in matches
        )
    except LocalProtocolError:
        return None


def format_range(*ranges: ByteRange) -> str:
    """Write a ``Range`` field.

    Raises:
        LocalProtocolError: There is no range.
    """
    if not ranges:
        raise LocalProtocolError("a Range field needs at least one range")
    return f"bytes={','.join(map(str, ranges))}"


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which octets of a representation a 206 carries (RFC 9110 §14.4).

    Attributes:
        first: Position of the first octet, from 0.
        last: Position of the last octet, inclusive.
        complete_length: Octets of the whole; ``None`` if unknown.

    Raises:
        LocalProtocolError: It names no octets, or some behind the end.
    """

    first: int
    last: int
    complete_length: int | None

    def __post_init__(self) -> None:
        """Check that such octets can be."""
        length = self.complete_length
        if not 0 <= self.first <= self.last or (length is not None and length <= self.last):
            raise LocalProtocolError("a Content-Range that names no octets")

    @classmethod
    def parse(cls, value: str) -> ContentRange | None:
        """Read a ``Content-Range`` field; ``None`` if it is malformed or names no octets."""
        match = _CONTENT_RANGE.fullmatch(value.strip())
        if match is None:
            return None
        length = None if match["length"] == "*" else int(match["length"])
        try:
            return cls(int(match["first"]), int(match["last"]), length)
        except LocalProtocolError:
            return None

    @property
    def length(self) -> int:
        """Number of octets."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        """As in ``Content-Range``."""
        complete = "*" if self.complete_length is None else self.complete_length
        return f"bytes {self.first}-{self.last}/{complete}"


@dataclass(frozen=True, slots=True)
class UnsatisfiedRange:
    """What a 416 says in ``Content-Range``: how long the whole is (RFC 9110 §15.5.17).

    Attributes:
        complete_length: Octets of the whole.
    """

    complete_length: int

    @classmethod
    def parse(cls, value: str) -> UnsatisfiedRange | None:
        """Read a ``Content-Range`` field of a 416; ``None`` if it is something else."""
        match = _UNSATISFIED.fullmatch(value.strip())
        return None if match is None else cls(int(match["length"]))

    def __str__(self) -> str:
        """As in ``Content-Range``."""
        return f"bytes */{self.complete_length}"
