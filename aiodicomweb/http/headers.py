"""Header fields of a message or of a body part (RFC 9110 §5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast, overload

from ..errors import LocalProtocolError, ProtocolError
from ._grammar import FIELD_VALUE, OWS, is_token, split_list
from .media_type import MediaType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

__all__ = ["Headers"]


def _checked(name: str, value: str) -> tuple[str, str]:
    if not is_token(name):
        raise LocalProtocolError(f"not the name of a header field: {name[:64]!r}")
    value = value.strip(OWS)
    if not FIELD_VALUE.fullmatch(value):
        # What breaks a line would let a caller's data write fields of its own (RFC 9112 §11.1).
        raise LocalProtocolError(
            f"the value of header field {name} holds a control or non-ISO-8859-1 character"
        )
    return name, value


class Headers:
    """Header fields: immutable, ordered, repeatable, with case-insensitive names.

    Two objects are equal if they hold the same lines in the same order.

    Args:
        fields: A mapping, or pairs of name and value.

    Raises:
        LocalProtocolError: A name is not a token, or a value holds a control character or one
            outside ISO-8859-1 (RFC 9110 §5.5).
    """

    __slots__ = ("_keys", "_lines")

    _keys: tuple[str, ...]
    _lines: tuple[tuple[str, str], ...]

    def __init__(
        self, fields: Mapping[str, str] | Iterable[tuple[str, str]] | Headers = ()
    ) -> None:
        if isinstance(fields, Headers):
            self._fill(fields.items())
        else:
            lines = cast(
                "Iterable[tuple[str, str]]",
                fields.items() if isinstance(fields, Mapping) else fields,
            )
            self._fill([_checked(name, value) for name, value in lines])

    def _fill(self, lines: Iterable[tuple[str, str]]) -> Self:
        self._lines = tuple(lines)
        self._keys = tuple([name.lower() for name, _ in self._lines])
        return self

    @classmethod
    def _trusted(cls, lines: Iterable[tuple[str, str]]) -> Headers:
        return cls.__new__(cls)._fill(lines)  # noqa: SLF001 - one of ours

    @classmethod
    def from_wire(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Take fields as a message parser that has checked them gives them.

        Octets outside ASCII are opaque and shown as ISO-8859-1 (RFC 9110 §5.5).
        """
        return cls._trusted(
            [(str(name, "iso-8859-1"), str(value, "iso-8859-1")) for name, value in fields]
        )

    def to_wire(self) -> list[tuple[bytes, bytes]]:
        """The field lines in octets, ISO-8859-1, in order."""
        return [
            (name.encode("iso-8859-1"), value.encode("iso-8859-1")) for name, value in self._lines
        ]

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field; repeated lines are joined by ``", "`` (RFC 9110 §5.3)."""
        key, keys = name.lower(), self._keys
        if key not in keys:
            return default  # as most of what is looked for
        if keys.count(key) == 1:
            return self._lines[keys.index(key)][1]
        return ", ".join(self.get_all(name))

    def get_all(self, name: str) -> list[str]:
        """The values of all lines of a field, in order."""
        key = name.lower()
        if key not in self._keys:
            return []
        return [line[1] for line, own in zip(self._lines, self._keys, strict=True) if own == key]

    def tokens(self, name: str) -> list[str]:
        """Members of a comma list over all lines, in lower case, without empty ones.

        A comma inside a quoted string does not separate (RFC 9110 §5.6.1, §5.6.4).
        """
        return [member.lower() for value in self.get_all(name) for member in split_list(value)]

    @property
    def media_type(self) -> MediaType | None:
        """``Content-Type``; ``None`` if it is not told or cannot be read."""
        value = self.get("Content-Type")
        if value is None:
            return None
        try:
            return MediaType.parse(value)
        except ProtocolError:
            return None

    def items(self) -> Iterator[tuple[str, str]]:
        """Name and value of each line, in order; names as they were given."""
        return iter(self._lines)

    def add(self, name: str, value: str) -> Headers:
        """A copy with one more line at the end."""
        return self._trusted((*self._lines, _checked(name, value)))

    def replace(self, name: str, value: str) -> Headers:
        """A copy where one line, at the end, stands for all lines of that name."""
        return self.without(name).add(name, value)

    def without(self, *names: str) -> Headers:
        """A copy without the lines of these names."""
        dropped = {name.lower() for name in names}
        if dropped.isdisjoint(self._keys):
            return self
        return self._trusted(
            [line for line, key in zip(self._lines, self._keys, strict=True) if key not in dropped]
        )

    def merged(self, other: Headers) -> Headers:
        """A copy with all lines of ``other``, which take the place of ours of the same names."""
        if not (self and other):
            return other or self
        return self._trusted((*self.without(*other).items(), *other.items()))

    def __getitem__(self, name: str) -> str:
        """Like :meth:`get`.

        Raises:
            KeyError: There is no such field.
        """
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        """Whether there is a line of that name."""
        return isinstance(name, str) and name.lower() in self._keys

    def __iter__(self) -> Iterator[str]:
        """The name of each line, as it was given."""
        return (name for name, _ in self._lines)

    def __len__(self) -> int:
        """Number of lines."""
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        """Compare lines; names without regard to case."""
        if not isinstance(other, Headers):
            return NotImplemented
        return self._comparable() == other._comparable()

    def __hash__(self) -> int:
        """Hash in accord with equality."""
        return hash(self._comparable())

    def __repr__(self) -> str:
        """Names only: values may be credentials."""
        return f"Headers({', '.join(self)})"

    def _comparable(self) -> tuple[tuple[str, str], ...]:
        values = (value for _, value in self._lines)
        return tuple(zip(self._keys, values, strict=True))
