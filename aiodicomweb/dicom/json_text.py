"""JSON syntax (RFC 8259), with the errors of this library around that of Python."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from ..errors import JsonModelError
from .json_values import is_list, is_object

__all__ = ["format_json", "parse_json"]

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def parse_json(text: bytes | str) -> Any:
    """Read a JSON text. Bare ``NaN`` and infinities are taken, as some products write them.

    Raises:
        JsonModelError: It is not JSON, not Unicode, or nested too deep; without ``path``.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonModelError(f"not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        # Text that is not Unicode, a number of thousands of digits, brackets without end.
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
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
