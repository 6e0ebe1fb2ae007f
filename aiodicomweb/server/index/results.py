"""What a search returns of what it found (PS3.18 §10.6.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..archive import Written
from .attributes import RETURNED, Level, empty_attribute
from .matching import locate
from .notation import format_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydicom.tag import BaseTag

    from ...dicom import AttributePath, JsonObject
    from ...services import Selector

__all__ = ["CHARACTER_SET", "Results", "level_of_search"]

CHARACTER_SET: Final = "00080005"

_UNIQUE_KEYS: Final = {
    Level.STUDY: "0020000D",
    Level.SERIES: "0020000E",
    Level.INSTANCE: "00080018",
}


def level_of_search(selector: Selector) -> Level:
    """What a search finds: studies, series or instances."""
    if selector.instance == "":
        return Level.INSTANCE
    return Level.SERIES if selector.series == "" else Level.STUDY


def _returned_levels(selector: Selector) -> list[Level]:
    """Levels whose attributes are returned: those that the path doesn't name (PS3.18 §10.6.3.3)."""
    level = level_of_search(selector)
    named = [bool(selector.study), bool(selector.series), bool(selector.instance)]
    return [other for other in Level if other <= level and not named[other]]


class Results:
    """Makes results of attributes.

    Args:
        selector: The resource that is searched.
        matched: Attributes that were matched; they are returned.
        fields: Attributes that were asked for.
        creators: Private creators that the query names, by their tags in it.
        all_fields: Whether all attributes are asked for.
    """

    def __init__(
        self,
        selector: Selector,
        matched: Iterable[AttributePath],
        fields: Iterable[AttributePath],
        creators: Mapping[BaseTag, str],
        *,
        all_fields: bool,
    ) -> None:
        self._all_fields = all_fields
        self._creators = creators
        asked = dict.fromkeys(path.tags[0] for path in (*matched, *fields))
        self._private = [tag for tag in asked if tag.is_private]
        level = level_of_search(selector)
        levels = _returned_levels(selector)
        always = {
            *(_UNIQUE_KEYS[other] for other in Level if other <= level),
            *(name for other in levels for name in RETURNED[other].always),
            *(f"{tag:08X}" for tag in asked if not tag.is_private),
        }
        known = {CHARACTER_SET, *(name for other in levels for name in RETURNED[other].known)}
        self._returned = [
            (name, format_attribute(empty_attribute(name)) if name in always else None)
            for name in sorted(always | known)
        ]

    def make(self, attributes: Mapping[str, str], read: JsonObject) -> Written:
        """A result.

        Args:
            attributes: All that is known of what was found, and of the levels above, as texts.
            read: Those of them that are not noted; all private ones are among them.
        """
        result = {
            name: attribute
            for name, empty in self._returned
            if (attribute := attributes.get(name) or empty) is not None
        }
        if self._all_fields:
            result = {**attributes, **result}
        for tag in self._private:
            for name in self._names_of_private(read, tag):
                result[name] = attributes[name]
        return Written(result)

    def _names_of_private(self, read: JsonObject, tag: BaseTag) -> Sequence[str]:
        """A private attribute and its private creator, where they are in this data set."""
        creator = self._creators.get(tag)
        if creator is None:
            return ()
        name = locate(read, tag, creator)
        if name is None:
            return ()
        names = (f"{name[:4]}00{name[4:6]}", name)
        return [name for name in names if name in read]
