"""Attribute paths: how QIDO names an attribute, also one inside sequences (PS3.18 §8.3.4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag

from ..errors import ConfigurationError

__all__ = ["AttributeName", "AttributePath", "parse_attribute_path"]

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class AttributePath:
    """One attribute, and the sequences that lead to it.

    Attributes:
        tags: Tags from the outermost sequence to the attribute itself, at least one.
    """

    tags: tuple[BaseTag, ...]

    def __post_init__(self) -> None:
        """Check that only sequences are entered (PS3.18 §8.3.4.1).

        Raises:
            ConfigurationError: There is no tag, or one but the last is known not to be a
                sequence.
        """
        if not self.tags:
            raise ConfigurationError("an attribute path names no attribute")
        for tag in self.tags[:-1]:
            if _dictionary_vr(tag) not in ("SQ", None):
                raise ConfigurationError(f"{_keyword(tag)} is not a sequence")

    @property
    def tag(self) -> BaseTag:
        """The attribute itself."""
        return self.tags[-1]

    @property
    def vr(self) -> str | None:
        """The attribute's VR in the data dictionary; ``None`` for one that is not there."""
        return _dictionary_vr(self.tag)

    @property
    def private_creator(self) -> AttributePath | None:
        """The element that names the creator of a private attribute, beside it (PS3.5 §7.8).

        ``None`` for standard attributes and for private creators themselves.
        """
        tag = self.tag
        if not tag.is_private or tag.element < 0x1000:
            return None
        return AttributePath((*self.tags[:-1], BaseTag(tag.group << 16 | tag.element >> 8)))

    def format(self, *, numerical: bool = False) -> str:
        """The path as a query parameter names it.

        Args:
            numerical: Eight upper-case hexadecimal digits for every tag, in place of keywords.
        """
        return ".".join(f"{tag:08X}" if numerical else _keyword(tag) for tag in self.tags)

    def __str__(self) -> str:
        """Keywords, digits where there is none."""
        return self.format()


AttributeName = str | int | tuple[int, int] | AttributePath
"""An attribute by keyword, tag or path: see :func:`parse_attribute_path`."""


def parse_attribute_path(attribute: AttributeName) -> AttributePath:
    """Read an attribute path.

    Args:
        attribute: Keywords and tags of eight hexadecimal digits, separated by dots, such as
            ``OtherPatientIDsSequence.00100020``; or one tag as a number (pydicom's too) or as
            a pair of group and element.

    Raises:
        ConfigurationError: It is none of these; a keyword is not in the data dictionary; or the
            path leads through an attribute that is no sequence.
    """
    match attribute:
        case AttributePath():
            return attribute
        case str():
            return AttributePath(tuple(_parse_tag(part) for part in attribute.split(".")))
        case bool():
            raise ConfigurationError("an attribute is named by keyword or tag, not by a boolean")
        case int():
            number = int(attribute)
        case (int(group), int(element)) if 0 <= group <= 0xFFFF and 0 <= element <= 0xFFFF:
            number = group << 16 | element
        case _:
            raise ConfigurationError("an attribute is named by keyword or tag")
    if not 0 <= number <= 0xFFFFFFFF:
        raise ConfigurationError("a tag has 32 bits")
    return AttributePath((BaseTag(number),))


def _parse_tag(text: str) -> BaseTag:
    if _TAG.fullmatch(text):
        return BaseTag(int(text, 16))
    tag = tag_for_keyword(text)
    # The dictionary has an entry without keyword, which the empty text finds.
    if tag is None or not text:
        # A mistaken call may have a value in place of the keyword: show only what can be one.
        shown = repr(text) if text.isascii() and text.isalnum() and len(text) <= 64 else "a name"
        raise ConfigurationError(
            f"{shown} is not the keyword of an attribute",
            hint="keywords are case-sensitive; a tag has eight hexadecimal digits",
        )
    return BaseTag(tag)


def _keyword(tag: BaseTag) -> str:
    """The keyword that stands for just this tag; not so for repeating groups, such as overlays."""
    keyword = keyword_for_tag(tag)
    return keyword if keyword and tag_for_keyword(keyword) == tag else f"{tag:08X}"


def _dictionary_vr(tag: BaseTag) -> str | None:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return None
