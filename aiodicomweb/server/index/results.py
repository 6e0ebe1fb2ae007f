"""What a search returns of what it found (PS3.18 §10.6.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dicom import dataset_from_json
from ...errors import JsonModelError
from .attributes import RETURNED, Level, empty_attribute
from .matching import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydicom import Dataset
    from pydicom.tag import BaseTag

    from ...dicom import AttributePath, JsonObject
    from ...services import Selector

__all__ = ["Results", "level_of_search"]

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
        self._always = dict.fromkeys(
            [
                *(_UNIQUE_KEYS[other] for other in Level if other <= level),
                *(name for other in levels for name in RETURNED[other].always),
                *(f"{tag:08X}" for tag in asked if not tag.is_private),
            ]
        )
        self._known = dict.fromkeys(name for other in levels for name in RETURNED[other].known)

    def make(self, attributes: JsonObject) -> Dataset:
        """A result.

        Args:
            attributes: All that is known of what was found, and of the levels above.
        """
        if self._all_fields:
            result = dict(attributes)
        else:
            result = {name: attributes[name] for name in self._known if name in attributes}
        for name in self._always:
            result[name] = attributes.get(name) or empty_attribute(name)
        for tag in self._private:
            for name in self._names_of_private(attributes, tag):
                result[name] = attributes[name]
        return _dataset(result)

    def _names_of_private(self, attributes: JsonObject, tag: BaseTag) -> Sequence[str]:
        """A private attribute and its private creator, where they are in this data set."""
        creator = self._creators.get(tag)
        if creator is None:
            return ()
        name = locate(attributes, tag, creator)
        if name is None:
            return ()
        names = (f"{name[:4]}00{name[4:6]}", name)
        return [name for name in names if name in attributes]


def _dataset(result: JsonObject) -> Dataset:
    try:
        return dataset_from_json(result)
    except JsonModelError:
        # A file may hold what can be written, but not read again, such as a number that is none.
        return dataset_from_json(
            {name: value for name, value in result.items() if _is_readable(name, value)}
        )


def _is_readable(name: str, attribute: JsonObject) -> bool:
    try:
        dataset_from_json({name: attribute})
    except JsonModelError:
        return False
    return True
