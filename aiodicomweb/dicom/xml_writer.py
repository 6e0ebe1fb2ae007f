"""A pydicom data set as the text of a Native DICOM Model document (PS3.19 §A.1)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydicom import Sequence
from pydicom.datadict import keyword_for_tag

from ..errors import NativeXmlError
from .vrs import (
    BINARY_VRS,
    BULK_VRS,
    MAX_DEPTH,
    NAME_GROUPS,
    STANDARD_VRS,
    is_data,
    little_endian,
    octets_of,
    resolve,
    sample_bits,
)
from .xml_values import NAMESPACE, creator_name, to_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

__all__ = ["Writer"]

_ILLEGAL: Final = re.compile(r"[^\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
# A reader takes a bare carriage return for a line feed, and white space in attributes for spaces.
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE: Final = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


class _Level(NamedTuple):
    """What holds for one data set and what is nested in it."""

    depth: int
    big_endian: bool


class Writer:
    """Writes one document."""

    def __init__(self, bulk_data: Callable[[DataElement], str | None] | None) -> None:
        self._bulk_data = bulk_data
        self._path: list[str] = []

    def pieces(self, dataset: Dataset) -> Iterator[str]:
        """The pieces of the document.

        Raises:
            NativeXmlError: An element's value is not one of its VR, or sequences are nested too
                deep.
        """
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
        yield from self._data_set(dataset, _Level(depth=0, big_endian=False))
        yield "</NativeDicomModel>"

    def _data_set(self, dataset: Dataset, level: _Level) -> Iterator[str]:
        if level.depth > MAX_DEPTH:
            raise self._error(f"sequences are nested deeper than {MAX_DEPTH}")
        _, is_little_endian = dataset.original_encoding
        if is_little_endian is not None:
            level = level._replace(big_endian=not is_little_endian)
        # A data set has elements for items; a plain loop would read them all from their octets.
        for tag in sorted(dataset.keys()):
            if is_data(tag) and not (tag.is_private_creator and _creator(dataset, tag)):
                self._path.append(f"{tag:08X}")
                yield from self._attribute(dataset, tag, level)
                self._path.pop()

    def _attribute(self, dataset: Dataset, tag: BaseTag, level: _Level) -> Iterator[str]:
        try:
            element = dataset[tag]
            vr = _value_representation(element)
            is_empty = element.is_empty
        except Exception:  # noqa: BLE001
            # pydicom converts on access; what it raises for a broken value is not defined.
            raise self._error("the value is not one of its VR") from None
        yield f'<DicomAttribute{_identity(dataset, tag)} vr="{vr}">'
        if is_empty:
            pass
        elif vr == "SQ":
            yield from self._items(element.value, level)
        elif self._bulk_data and vr in BULK_VRS and (uri := self._bulk_data(element)) is not None:
            yield f'<BulkData uri="{_escape(uri, _IN_ATTRIBUTE)}"/>'
        else:
            try:
                content = _content(vr, element, dataset if level.big_endian else None)
            except Exception:  # noqa: BLE001
                raise self._error("the value is not one of its VR") from None
            yield content
        yield "</DicomAttribute>"

    def _items(self, items: Iterable[Dataset], level: _Level) -> Iterator[str]:
        # pydicom leaves text in a sequence that it could not read, and only once says so.
        if not isinstance(items, Sequence):
            raise self._error("the value is not one of its VR")
        sequence = self._path[-1]
        for index, item in enumerate(items):
            self._path[-1] = f"{sequence}[{index}]"
            yield f'<Item number="{index + 1}">'
            yield from self._data_set(item, level._replace(depth=level.depth + 1))
            yield "</Item>"

    def _error(self, message: str) -> NativeXmlError:
        return NativeXmlError(message, path=".".join(self._path))


def _creator(dataset: Dataset, tag: int) -> str:
    """What a private creator element names; nothing where there is none, or none of use."""
    if tag not in dataset:
        return ""
    try:
        return creator_name(dataset[tag].value)
    except Exception:  # noqa: BLE001
        return ""  # told when the element itself is written


def _identity(dataset: Dataset, tag: BaseTag) -> str:
    """The XML attributes that say which attribute it is."""
    if not tag.is_private:
        keyword = keyword_for_tag(tag)
        return f' tag="{tag:08X}"' + (f' keyword="{keyword}"' if keyword else "")
    creator = _creator(dataset, tag.group << 16 | tag.element >> 8)
    if tag.element < 0x1000 or not creator:
        return f' tag="{tag:08X}"'
    name = _escape(creator, _IN_ATTRIBUTE)
    return f' tag="{tag & 0xFFFF00FF:08X}" privateCreator="{name}"'


def _value_representation(element: DataElement) -> str:
    vr = str(element.VR)
    if vr in STANDARD_VRS:
        return vr
    return resolve(vr, _values(element))


def _values(element: DataElement) -> list[Any]:
    return list(element.value) if element.VM > 1 else [element.value]


def _content(vr: str, element: DataElement, swapped_in: Dataset | None) -> str:
    """The value of an element; of a big-endian data set, with that data set."""
    if vr in BINARY_VRS:
        octets = octets_of(element.value)
        if swapped_in is not None:
            octets = little_endian(vr, octets, sample_bits(swapped_in, element.tag))
        return f"<InlineBinary>{base64.b64encode(octets).decode('ascii')}</InlineBinary>"
    texts = enumerate(to_texts(vr, _values(element)), 1)
    if vr == "PN":
        return "".join(
            f'<PersonName number="{number}">{_name(text)}</PersonName>' for number, text in texts
        )
    return "".join(
        f'<Value number="{number}">{_escape(text, _IN_TEXT)}</Value>' for number, text in texts
    )


def _name(text: str) -> str:
    groups = zip(NAME_GROUPS, text.split("="), strict=False)
    return "".join(
        f"<{name}>{_components(group)}</{name}>" for name, group in groups if group.strip("^")
    )


def _components(group: str) -> str:
    # A sixth component, which is not legal, stays with the fifth.
    components = zip(_COMPONENTS, group.split("^", 4), strict=False)
    return "".join(
        f"<{name}>{_escape(text, _IN_TEXT)}</{name}>" for name, text in components if text
    )


def _escape(text: str, table: dict[int, str]) -> str:
    return _ILLEGAL.sub("?", text).translate(table)
