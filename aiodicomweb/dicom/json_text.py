"""JSON syntax (RFC 8259), with the errors of this library around that of Python."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from ..errors import JsonModelError
from .json_values import is_list, is_object
from .vrs import not_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["format_json", "iterate_json", "parse_json"]

P = ParamSpec("P")
T = TypeVar("T")

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def parse_json(text: bytes | str) -> Any:
    """Read a JSON text. Bare ``NaN`` and infinities are taken, as some products write them.

    Octets are UTF-8, with or without a byte order mark (RFC 8259 §8.1).

    Raises:
        JsonModelError: It is not JSON, not UTF-8, or nested too deep; without ``path``.
    """
    return _told(json.loads, text if isinstance(text, str) else _decode(text))


def iterate_json(text: bytes) -> Iterator[Any]:
    """Read the members of an array one by one, or a value that is no array.

    As :func:`parse_json` does, but each is parsed when it is asked for.

    Raises:
        JsonModelError: As soon as it turns out that the text is not JSON.
    """
    characters = _decode(text)
    start = _skip_blank(characters, 0)
    if not characters.startswith("[", start):
        yield parse_json(characters)
        return
    end = start = _skip_blank(characters, start + 1)
    closed = characters.startswith("]", start)
    while not closed:
        member, end = _told(_DECODER.raw_decode, characters, start)
        yield member
        end = _skip_blank(characters, end)
        closed = characters.startswith("]", end)
        if not closed and not characters.startswith(",", end):
            raise JsonModelError(f"not JSON: Expecting ',' delimiter at character {end}")
        start = _skip_blank(characters, end + 1)
    if _skip_blank(characters, end + 1) != len(characters):
        raise JsonModelError(f"not JSON: Extra data at character {end + 1}")


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise JsonModelError("not JSON: the text is not UTF-8") from None


def _skip_blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    return match.end() if match is not None else place


def _told(parse: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
    """What a parser of Python makes of a text; its error is one of ours."""
    try:
        return parse(*values, **named)
    except json.JSONDecodeError as error:
        raise JsonModelError(f"not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, brackets without end.
        raise JsonModelError("not JSON that can be read") from None


def format_json(obj: Any) -> bytes:
    """Write a JSON text in UTF-8, without spaces; NaN and the infinities become strings.

    Raises:
        JsonModelError: There is something in it that JSON has not; without ``path``.
    """
    try:
        try:
            text = _ENCODER.encode(obj)
        except ValueError:
            # It was read from one who writes bare NaN, which is not JSON.
            text = _ENCODER.encode(_without_nan(obj))
    except (TypeError, ValueError, RecursionError):
        raise JsonModelError("not an object of JSON") from None
    return text.encode("utf-8", "replace")  # a lone surrogate becomes a question mark


def _without_nan(value: Any) -> Any:
    if is_object(value):
        return {name: _without_nan(member) for name, member in value.items()}
    if is_list(value):
        return [_without_nan(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return not_finite(value)
    return value
