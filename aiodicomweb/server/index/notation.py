"""How attributes stand in the index: as a JSON object with a line for each.

As a whole it is DICOM JSON (PS3.18 §F.2). The line feeds are the only ones in it, since within JSON
texts they are escaped. So one attribute is found, and all are taken apart, without parsing the
rest: most of what is noted goes into answers as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ...dicom import JsonObject

__all__ = ["find_attribute", "format_attribute", "format_attributes", "split_attributes"]

_NAME: Final = slice(1, 9)
_ATTRIBUTE: Final = slice(11, None)
"""Where they are in ``"00100010":{…}``."""

format_attribute: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True
).encode
"""Writes an attribute, always in the same way."""
_parse: Final = json.JSONDecoder().decode


def format_attributes(attributes: JsonObject) -> str:
    """Write attributes, in ascending order of tags."""
    lines = (f'"{name}":{format_attribute(attributes[name])}' for name in sorted(attributes))
    return "{\n" + ",\n".join(lines) + "\n}"


def split_attributes(text: str) -> dict[str, str]:
    """The text of each attribute, by its name."""
    return {line[_NAME]: line[_ATTRIBUTE] for line in text[2:-2].split(",\n") if line}


def find_attribute(text: str, name: str) -> Any:
    """An attribute as an object; ``None`` if it is not there."""
    start = text.find(f'\n"{name}":')
    if start < 0:
        return None
    end = text.find("\n", start + 1)
    return _parse(text[start + 12 : end].removesuffix(","))
