"""DICOM JSON objects to pydicom data sets (PS3.18 §F.2).

``Dataset.from_json`` is not used: it validates by a global setting, warns, prints values in its
errors, gives up at a lower-case tag or a missing ``vr``, takes any of ``Value``, ``InlineBinary``
and ``BulkDataURI`` where a server sends two, and is several times slower.

Reading is lenient: what a server relays from a broken object must not hide the rest of the
object. What is no value of its VR (a Decimal String of letters, a number beyond the range of US)
is kept as octets of VR UN, or is empty where it is no text either; who is not content with that
asks for the tags of such elements. Only what has no meaning at all is an error, and names its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, cast

from pydicom import DataElement, Dataset, Sequence, config
from pydicom.dataelem import empty_value_for_VR
from pydicom.tag import BaseTag

from ..errors import JsonModelError, LimitExceeded
from .character_set import ENCODED_VRS, fit_character_set
from .elements import new_dataset, new_element
from .fidelity import is_kept
from .json_values import (
    SIMPLE_VALUES,
    decode_binary,
    from_octets,
    from_values,
    is_list,
    is_object,
)
from .vrs import MAX_DEPTH, SINGLE_TEXT_VRS, STANDARD_VRS, TEXT_VRS, find_vr, is_data

__all__ = ["BulkDataResolver", "JsonReader"]

BulkDataResolver = Callable[[str, str, str], object]
"""Gets the value of a ``BulkDataURI`` from its tag (eight upper-case digits), VR and URI."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NOTHING: Final[tuple[Any, ...]] = (None, "", {})
_NO_VALUE_OF_ITS_VR: Final = (ValueError, TypeError, ArithmeticError)
"""What pydicom's value classes and ours raise at what they cannot convert."""
_NOT_SIMPLE: Final = (LookupError, *_NO_VALUE_OF_ITS_VR)
"""What is raised where an attribute, or its value, is not as the tables have it."""


@lru_cache(maxsize=8192)
def _place(name: str) -> tuple[BaseTag, BaseTag | None] | None:
    """The tag of a property name, and that of its private creator (PS3.5 §7.8.1).

    ``None`` if it is no part of a data set (PS3.18 §F.2.2). Objects repeat the tags of those before
    them, so that most are neither checked nor made anew.
    """
    if _TAG.fullmatch(name) is None:
        raise JsonModelError("a property name is not a tag of eight hexadecimal digits")
    tag = BaseTag(int(name, 16))
    if not is_data(tag):
        return None
    if not tag.is_private or tag.element < 0x1000:
        return tag, None
    # Made from its own name, it is the very key under which the creator is found.
    creator = _place(f"{tag.group:04X}{tag.element >> 8:04X}")
    return (tag, creator[0]) if creator is not None else None


class JsonReader:
    """Makes data sets of objects; one reader serves any number of them.

    Args:
        bulk_data: Called for each ``BulkDataURI``, or ``None`` to leave such elements empty.
        misfits: Gets the tag (eight upper-case digits) of each element whose value is none of its
            VR, so that something else was kept in its place.
        max_depth: Sequences within sequences that are followed.
    """

    __slots__ = (
        "_bulk_data",
        "_empty",
        "_foreign",
        "_max_depth",
        "_misfits",
        "_mode",
        "_pydicom_s",
        "_simple",
    )

    def __init__(
        self,
        bulk_data: BulkDataResolver | None = None,
        misfits: list[str] | None = None,
        max_depth: int = MAX_DEPTH,
    ) -> None:
        self._max_depth = max_depth
        self._bulk_data = bulk_data
        self._misfits = misfits
        self._mode = config.settings.reading_validation_mode
        # VRs that a user's settings let pydicom convert to classes of other kinds.
        self._pydicom_s = frozenset(
            (("DS",) if config.use_DS_decimal else ())
            + (("DA", "DT", "TM") if config.datetime_conversion else ())
        )
        self._simple, self._empty = _tables(self._pydicom_s, config.use_none_as_empty_text_VR_value)
        if misfits is not None:
            # Of all that is simple, only these are altered without an error: some are too large.
            self._simple = {**self._simple, float: {}}
        self._foreign: list[str] = []

    def read(self, obj: dict[str, Any], where: str = "") -> Dataset:
        """Make a data set of an object, which is not changed.

        Args:
            obj: The object.
            where: What the path of an error starts with.

        Raises:
            JsonModelError: An attribute is malformed; ``path`` names it.
            LimitExceeded: Sequences are nested too deep.
        """
        self._foreign = []
        try:
            dataset = self._item(where, obj, 0)
        except RecursionError:
            # The bound was raised, or the caller had used up much of the stack.
            raise JsonModelError("sequences are nested deeper than Python's stack") from None
        if self._foreign:
            fit_character_set(dataset, self._foreign)
        return dataset

    def _item(self, where: str, item: Any, depth: int) -> Dataset:
        try:
            return self._dataset(_as_object(item), depth)
        except JsonModelError as error:
            error.path = f"{where}{error.path}"
            raise

    def _dataset(self, obj: dict[str, Any], depth: int) -> Dataset:
        if depth > self._max_depth:
            raise LimitExceeded(
                "sequences are nested too deep", limit="json_depth", value=self._max_depth
            )
        elements: dict[BaseTag, DataElement] = {}
        orphans: list[tuple[DataElement, BaseTag]] = []
        name, block, owner = "", None, None
        try:
            for name, attribute in obj.items():
                place = _place(name)
                if place is not None:
                    tag, creator = place
                    element = elements[tag] = self._element(tag, attribute, depth)
                    if creator is not None:
                        if creator is not block:
                            block, owner = creator, elements.get(creator)
                        if owner is not None:
                            element.private_creator = owner.value
                        else:
                            orphans.append((element, creator))
        except JsonModelError as error:
            if _TAG.fullmatch(name):
                error.path = f".{name.upper()}{error.path}"
            raise
        # Servers send any order, so that creators may come behind their elements.
        for element, creator in orphans:
            if creator in elements:
                element.private_creator = elements[creator].value
        names = list(obj)
        if names != sorted(names):
            elements = dict(sorted(elements.items(), key=_by_tag))
        return new_dataset(elements)

    def _element(self, tag: BaseTag, attribute: Any, depth: int) -> DataElement:
        """An element; most have plain values, numbers or text without surprises, or none."""
        try:
            vr = attribute["vr"]
            values = attribute.get("Value")
            # Types are compared, since isinstance takes True for a number and is slower.
            if values.__class__ is list:
                value = values[0]
                kind = value.__class__
                vr, convert = self._simple[kind][vr]
                if len(values) > 1:
                    if _are_plain(vr, kind, values):
                        members: list[Any] = [*(map(convert, values) if convert else values)]
                        return new_element(tag, vr, members, self._mode)
                elif kind is not str or (value and value.isascii() and "\\" not in value):
                    return new_element(tag, vr, convert(value) if convert else value, self._mode)
            elif len(attribute) == 1:
                vr, empty = self._empty[vr]
                return new_element(tag, vr, empty, self._mode)
        except _NOT_SIMPLE:
            pass
        return self._any_element(tag, attribute, depth)

    def _any_element(self, tag: BaseTag, attribute: Any, depth: int) -> DataElement:
        members = _as_object(attribute)
        values = _as_list(members.get("Value"))
        present = [value for value in values if value not in _NOTHING]
        sent = members.get("vr")
        has_items = any(map(is_object, values))
        vr = find_vr(tag, sent if isinstance(sent, str) else "", present, has_items=has_items)
        if vr == "SQ":
            return new_element(tag, vr, self._items(values, depth), self._mode)
        if present:
            return self._convert(tag, vr, from_values, values)
        if binary := members.get("InlineBinary"):
            return self._convert(tag, vr, from_octets, decode_binary(binary))
        if (uri := members.get("BulkDataURI")) and self._bulk_data is not None:
            return self._bulk_element(tag, vr, uri, self._bulk_data)
        return new_element(tag, vr, empty_value_for_VR(vr), self._mode)

    def _items(self, values: list[Any], depth: int) -> Sequence:
        if all(value in (None, "") for value in values):
            return Sequence()
        return Sequence(
            [self._item(f"[{index}]", item, depth + 1) for index, item in enumerate(values)]
        )

    def _convert(
        self, tag: BaseTag, vr: str, convert: Callable[[str, Any], Any], source: Any
    ) -> DataElement:
        try:
            if vr in self._pydicom_s:
                value = self._checked_element(tag, vr, convert("LO", source)).value
            else:
                value = convert(vr, source)
            fits = self._misfits is None or is_kept(vr, source)
        except _NO_VALUE_OF_ITS_VR:
            vr, value = _kept(vr, source)
            fits = False
        if not fits and self._misfits is not None:
            self._misfits.append(f"{tag:08X}")
        if vr in ENCODED_VRS:
            self._foreign += _foreign_texts(value)
        return new_element(tag, vr, value, self._mode)

    def _bulk_element(
        self, tag: BaseTag, vr: str, uri: Any, bulk_data: BulkDataResolver
    ) -> DataElement:
        (uri, *_) = _as_list(uri)
        if not isinstance(uri, str):
            raise JsonModelError("BulkDataURI is not a string")
        value = bulk_data(f"{tag:08X}", vr, uri)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._convert(tag, vr, from_octets, bytes(cast("bytes", value)))
        try:
            return self._checked_element(
                tag, vr, empty_value_for_VR(vr) if value is None else value
            )
        except _NO_VALUE_OF_ITS_VR:
            raise JsonModelError("bulk data is not a value of its VR") from None

    def _checked_element(self, tag: BaseTag, vr: str, value: Any) -> DataElement:
        """An element of a value that pydicom converts, without its validation."""
        element = DataElement(tag, "OB" if vr == "UN" else vr, value, validation_mode=config.IGNORE)
        element.VR = vr
        element.validation_mode = self._mode
        return element


def _kept(vr: str, source: Any) -> tuple[str, Any]:
    """What cannot be converted, such as letters in DS: as octets it is harmless."""
    if isinstance(source, bytes):
        return "UN", source.rstrip(b" \0") if vr in TEXT_VRS else source
    try:
        return "UN", from_values("UN", source)
    except _NO_VALUE_OF_ITS_VR:
        return vr, empty_value_for_VR(vr)  # true, an array or an object


@lru_cache(maxsize=8)
def _tables(
    without: frozenset[str],
    none_for_text: bool,  # pydicom's setting, which the second table depends on
) -> tuple[dict[type, dict[str, Any]], dict[str, Any]]:
    """Tables of simple values, without those of some VRs, and of what stands for no value."""
    del none_for_text
    simple = {
        kind: {vr: how for vr, how in table.items() if vr not in without}
        for kind, table in SIMPLE_VALUES.items()
    }
    # The others' are made anew each time.
    shared = STANDARD_VRS - {"PN", "SQ"}
    return simple, {vr: (vr, empty_value_for_VR(vr)) for vr in shared}


def _are_plain(vr: str, kind: type, values: list[Any]) -> bool:
    """Whether several members are of one kind, and texts are plain as well."""
    if set(map(type, values)) != {kind}:
        return False
    if kind is not str:
        return True
    text = "".join(values)
    return vr not in SINGLE_TEXT_VRS and all(values) and text.isascii() and "\\" not in text


def _by_tag(item: tuple[BaseTag, DataElement]) -> int:
    return int(item[0])


def _foreign_texts(value: Any) -> list[str]:
    """Those texts of a value that have characters beyond ASCII."""
    if type(value) is str:
        return [] if value.isascii() else [value]
    texts = map(str, value if is_list(value) else [value])
    return [text for text in texts if not text.isascii()]


def _as_list(values: Any) -> list[Any]:
    """The members of ``Value``; a lone one is not always in an array."""
    if is_list(values):
        return values
    return [] if values is None else [values]


def _as_object(value: Any) -> dict[str, Any]:
    """An attribute or an item; ``null`` and empty text stand for an empty one."""
    if is_object(value):
        return value
    if value in (None, ""):
        return {}
    raise JsonModelError("not an object")
