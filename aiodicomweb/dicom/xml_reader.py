"""The events of a Native DICOM Model document (PS3.19 §A.1), made into a pydicom data set."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from pydicom import DataElement, Dataset, Sequence, config
from pydicom.dataelem import empty_value_for_VR
from pydicom.tag import BaseTag

from ..errors import NativeXmlError
from .character_set import ENCODED_VRS, fit_character_set
from .fidelity import is_kept
from .vrs import MAX_DEPTH, TEXT_VRS, find_vr, is_data
from .xml_values import (
    NAMESPACE,
    creator_name,
    decode_base64,
    from_octets,
    from_texts,
    unfolded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Document"]

MAX_GAPS: Final = 65536
"""Values and items of a document that only a higher number implies: ten octets of text could
ask for a list of any length."""
_ITEM_COST: Final = 16
"""As many values are left out for one item, which is a data set where a value is a reference."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBER: Final = re.compile(r"0*[1-9][0-9]{0,9}")
_ROOT: Final = "nativedicommodel"
_GROUPS: Final = {"alphabetic": 0, "singlebyte": 0, "ideographic": 1, "phonetic": 2}
"""The groups of a name; the schema of 2011 called the first one SingleByte."""
_COMPONENTS: Final = {
    "familyname": 0,
    "givenname": 1,
    "middlename": 2,
    "nameprefix": 3,
    "namesuffix": 4,
}
_CHILDREN: Final[dict[str, frozenset[str]]] = {
    "": frozenset({_ROOT}),
    _ROOT: frozenset({"dicomattribute"}),
    "item": frozenset({"dicomattribute"}),
    "dicomattribute": frozenset({"value", "item", "personname", "inlinebinary", "bulkdata"}),
    "personname": frozenset(_GROUPS),
    **dict.fromkeys(_GROUPS, frozenset(_COMPONENTS)),
}
_WITH_TEXT: Final = frozenset({"value", "inlinebinary", "personname", *_GROUPS, *_COMPONENTS})
_NO_VALUE_OF_ITS_VR: Final = (ValueError, TypeError, ArithmeticError)
"""What pydicom's value classes and ours raise at what they cannot convert."""


@dataclass(slots=True)
class _Attribute:
    """A ``DicomAttribute`` that is open, with what has been read of it."""

    tag: int
    vr: str
    creator: str
    values: list[str | None] = field(default_factory=list[str | None])
    items: list[Dataset | None] = field(default_factory=list[Dataset | None])
    place: int = 0
    """Index of the value or item that is open."""
    binary: str = ""
    uri: str = ""

    @property
    def has_values(self) -> bool:
        """Whether there are values: one that is empty is none, of several each is one."""
        return len(self.values) > 1 or any(self.values)

    def value_representation(self) -> str:
        """The VR sent, else that of the data dictionary, else by content (PS3.5 §6.2.2)."""
        # With a creator it is no creator itself, whatever stands for its block.
        tag = BaseTag(self.tag | 0x1000 if self.creator else self.tag)
        present = [value for value in self.values if value]
        return find_vr(tag, self.vr, present, has_items=bool(self.items))


class Document:
    """Handlers of expat's events; names of elements are ``namespace name``.

    Args:
        bulk_data: Called for each ``BulkData``, or ``None`` to leave such elements empty.
        misfits: Gets the tag of each element whose value is none of its VR, so that something else
            was kept in its place.

    Attributes:
        result: The data set, when the document has ended.
    """

    def __init__(
        self,
        bulk_data: Callable[[str, str, str], object] | None,
        misfits: list[str] | None = None,
    ) -> None:
        self.result: Dataset = Dataset()
        self._bulk_data = bulk_data
        self._misfits = misfits
        self._open = [""]
        self._ignored = 0
        self._gaps = 0
        self._attributes: list[_Attribute] = []
        self._data_sets: list[list[tuple[str, DataElement]]] = []
        self._groups = [""] * 3
        self._components = [""] * 5
        self._text: list[str] = []
        self._foreign: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins.

        Raises:
            NativeXmlError: It is a root of another kind, or has no meaning where it stands.
        """
        namespace, _, local = name.rpartition(" ")
        local = local.lower() if namespace in ("", NAMESPACE) else ""
        if self._ignored or local not in _CHILDREN.get(self._open[-1], ()):
            if not self._data_sets:
                raise NativeXmlError("the root is not NativeDicomModel")
            self._ignored += 1
            return
        self._open.append(local)
        self._text = []
        self._begin(local, {key.lower(): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        """An element ends.

        Raises:
            NativeXmlError: What it holds has no meaning.
        """
        del name
        if self._ignored:
            self._ignored -= 1
        else:
            self._finish(self._open.pop())

    def text(self, data: str) -> None:
        """A piece of text; only some elements have any."""
        if self._open[-1] in _WITH_TEXT and not self._ignored:
            self._text.append(data)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        number = attributes.get("number")
        if name == "dicomattribute":
            self._begin_attribute(attributes)
        elif name in {"value", "personname"}:
            self._reserve(self._attributes[-1].values, number, 1)
            self._groups = [""] * 3
        elif name in _GROUPS:
            self._components = [""] * 5
        elif name == "item":
            self._reserve(self._attributes[-1].items, number, _ITEM_COST)
            if len(self._data_sets) > MAX_DEPTH:
                raise self._error(f"sequences are nested deeper than {MAX_DEPTH}")
            self._data_sets.append([])
        elif name == "bulkdata":
            uuid = attributes.get("uuid")
            uri = attributes.get("uri") or (f"urn:uuid:{uuid}" if uuid else "")
            self._attributes[-1].uri = uri
        elif name == _ROOT:
            self._data_sets.append([])

    def _finish(self, name: str) -> None:
        if name == "dicomattribute":
            self._finish_attribute()
        elif name == "value":
            self._set_value("".join(self._text))
        elif name == "personname":
            self._set_value("=".join(self._groups).rstrip("=") or "".join(self._text).strip())
        elif name in _GROUPS:
            # Some products write the components in one text, as they are in a file.
            components = "^".join(self._components).rstrip("^")
            self._groups[_GROUPS[name]] = components or "".join(self._text).strip()
        elif name in _COMPONENTS:
            self._components[_COMPONENTS[name]] = unfolded("".join(self._text))
        elif name == "item":
            attribute = self._attributes[-1]
            attribute.items[attribute.place] = self._assemble()
        elif name == "inlinebinary":
            self._attributes[-1].binary = "".join(self._text)
            self._text = []
        elif name == _ROOT:
            self.result = self._assemble()
            if self._foreign:
                fit_character_set(self.result, self._foreign)

    def _begin_attribute(self, attributes: dict[str, str]) -> None:
        digits = attributes.get("tag", "")
        if _TAG.fullmatch(digits) is None:
            raise self._error("an attribute has no tag of eight hexadecimal digits")
        tag = int(digits, 16)
        # Only private attributes have a creator.
        creator = creator_name(attributes.get("privatecreator")) if tag >> 16 & 1 else ""
        self._note_text(creator)
        self._attributes.append(_Attribute(tag, attributes.get("vr", "").upper(), creator))

    def _finish_attribute(self) -> None:
        attribute = self._attributes[-1]
        # Without its block, a private (gggg,xx00) has the tag of a group length.
        if attribute.creator or is_data(attribute.tag):
            element = self._element(attribute)
            self._data_sets[-1].append((attribute.creator, element))
        self._attributes.pop()

    def _reserve(self, values: list[Any], number: str | None, cost: int) -> None:
        """Find the place of a value by its number, which counts from one; else the next."""
        place = len(values)
        if number is not None:
            if _NUMBER.fullmatch(number) is None:
                raise self._error("the number of a value is not a positive number")
            place = int(number) - 1
        if place < len(values) and values[place] is not None:
            raise self._error("two values have the same number")
        self._gaps += max(0, place - len(values)) * cost
        if self._gaps > MAX_GAPS:
            raise self._error(f"more than {MAX_GAPS} values are left out")
        values.extend([None] * (place + 1 - len(values)))
        self._attributes[-1].place = place

    def _set_value(self, text: str) -> None:
        attribute = self._attributes[-1]
        attribute.values[attribute.place] = text

    def _note_text(self, text: str) -> None:
        """Keep text that a character set has to hold."""
        if not text.isascii():
            self._foreign.append(text)

    def _element(self, attribute: _Attribute) -> DataElement:
        tag, vr = BaseTag(attribute.tag), attribute.value_representation()
        if vr == "SQ":
            if any(attribute.values):
                raise self._error("a sequence has values")
            items = [Dataset() if item is None else item for item in attribute.items]
            return _make(tag, vr, Sequence(items))
        if attribute.items:
            raise self._error("an attribute that is no sequence has items")
        in_line = attribute.has_values or attribute.binary
        fetched: object = None
        if attribute.uri and not in_line and self._bulk_data is not None:
            fetched = self._bulk_data(f"{tag:08X}", vr, attribute.uri)
        try:
            element = self._read_element(tag, vr, attribute, fetched)
        except NativeXmlError as error:
            raise self._error(error.message) from None
        if vr in ENCODED_VRS:
            members = element.value if element.VM > 1 else [element.value]
            self._note_text("".join(map(str, members)))
        return element

    def _read_element(
        self, tag: BaseTag, vr: str, attribute: _Attribute, fetched: object
    ) -> DataElement:
        source: bytes | list[str]
        if attribute.has_values:
            source = [value or "" for value in attribute.values]
        elif attribute.binary:
            source = decode_base64(attribute.binary)
        elif isinstance(fetched, bytes | bytearray | memoryview):
            source = bytes(cast("bytes", fetched))
        else:
            try:
                return _make(tag, vr, fetched)
            except _NO_VALUE_OF_ITS_VR:
                raise NativeXmlError("bulk data is not a value of its VR") from None
        element = _convert(tag, vr, source)
        if self._misfits is not None and (vr != element.VR or not is_kept(vr, source)):
            self._misfits.append(f"{tag:08X}")
        return element

    def _assemble(self) -> Dataset:
        """The data set of the elements that it has, the private ones in blocks."""
        dataset = Dataset()
        elements = self._data_sets[-1]
        # A private creator has to be there before pydicom gets the elements of its block.
        for creator, element in sorted(elements, key=_by_tag):
            if not creator:
                dataset.add(element)
        blocks = _Blocks(dataset)
        for creator, element in elements:
            if creator:
                try:
                    element.tag = blocks.place(element.tag, creator)
                except NativeXmlError as error:
                    raise self._error(error.message) from None
                dataset.add(element)
        self._data_sets.pop()
        return dataset

    def _error(self, message: str) -> NativeXmlError:
        levels = enumerate(self._attributes, 1)
        path = ".".join(
            # Each data set but the first is the open item of one of the attributes.
            f"{attribute.tag:08X}[{attribute.place}]"
            if level < len(self._data_sets)
            else f"{attribute.tag:08X}"
            for level, attribute in levels
        )
        return NativeXmlError(message, path=path)


class _Blocks:
    """The private blocks of a data set that is being read (PS3.5 §7.8.1).

    A document names the creator of a private element in place of its block, and may have the
    same tag for several creators. Each creator gets the first block that is free in its group,
    in the document's order. Blocks are taken by creators that the document has as attributes,
    which DCMTK and Orthanc write, and by elements that have a block but no creator. A creator
    that has one tag twice has two blocks.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._taken: set[int] = set()
        self._of_creator: dict[tuple[int, str], list[int]] = {}
        for tag in dataset.keys():  # noqa: SIM118  # a data set iterates over its elements
            if tag.is_private_creator:
                self._take(tag, creator_name(dataset[tag].value))
            elif tag.is_private and tag.element >= 0x1000:
                self._taken.add(tag.group << 16 | tag.element >> 8)

    def _take(self, block: int, creator: str) -> None:
        self._taken.add(block)
        self._of_creator.setdefault((block >> 16, creator), []).append(block)

    def place(self, tag: BaseTag, creator: str) -> BaseTag:
        """The tag of an element in a block of its creator, which is reserved where needed.

        Raises:
            NativeXmlError: The group has no block left.
        """
        for block in self._of_creator.get((tag.group, creator), ()):
            if (found := _in_block(tag, block)) not in self._dataset:
                return found
        for block in range(tag.group << 16 | 0x10, tag.group << 16 | 0x100):
            if block not in self._taken:
                self._take(block, creator)
                self._dataset.add(_make(BaseTag(block), "LO", creator))
                return _in_block(tag, block)
        raise NativeXmlError(f"no block is left for private elements in group {tag.group:04X}")


def _in_block(tag: BaseTag, block: int) -> BaseTag:
    return BaseTag(tag.group << 16 | (block & 0xFF) << 8 | tag & 0xFF)


def _by_tag(item: tuple[str, DataElement]) -> int:
    return item[1].tag


def _convert(tag: BaseTag, vr: str, source: bytes | list[str]) -> DataElement:
    try:
        return _make(tag, vr, _from(vr, source))
    except _NO_VALUE_OF_ITS_VR:
        # What cannot be converted, such as letters in DS: as octets it is harmless.
        octets = _from("UN", source)
        return _make(tag, "UN", octets.rstrip(b" \0") if vr in TEXT_VRS else octets)


def _from(vr: str, source: bytes | list[str]) -> Any:
    return from_octets(vr, source) if isinstance(source, bytes) else from_texts(vr, source)


def _make(tag: BaseTag, vr: str, value: Any) -> DataElement:
    value = empty_value_for_VR(vr) if value is None else value
    # pydicom would give a known tag of VR UN the VR of its dictionary, and leave octets in it.
    element = DataElement(tag, "OB" if vr == "UN" else vr, value, validation_mode=config.IGNORE)
    element.VR = vr
    element.validation_mode = config.settings.reading_validation_mode
    return element
