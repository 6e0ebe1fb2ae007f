"""What a data set says, whatever its private blocks: for tests of Native DICOM Model documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.valuerep import PersonName

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

Content = dict[tuple[str, str, int], tuple[str, Any]]


def document(*attributes: str, head: str = "", root: str = f' xmlns="{NAMESPACE}"') -> bytes:
    """A document of these attributes, in UTF-8."""
    return f"{head}<NativeDicomModel{root}>{''.join(attributes)}</NativeDicomModel>".encode()


def attribute(tag: str, vr: str, content: str = "", more: str = "") -> str:
    """One attribute."""
    return f'<DicomAttribute tag="{tag}" vr="{vr}"{more}>{content}</DicomAttribute>'


def content(dataset: Dataset) -> Content:
    """VR and values by tag, private creator and a count for a tag that a creator has twice.

    Private blocks are zero and creators no elements of their own (XML-12); group lengths and
    group 0002 are left out (XML-13); names have no delimiters at their end (XML-24). Decimal and
    Integer Strings are their text.
    """
    found: Content = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or tag.group in {0x0002, 0xFFFE}:
            continue
        if tag.is_private_creator and dataset[tag].value:
            continue
        creator = _creator(dataset, tag)
        number = tag & 0xFFFF00FF if creator else tag
        count = sum((f"{number:08X}", creator) == key[:2] for key in found)
        found[f"{number:08X}", creator, count] = (str(dataset[tag].VR), values(dataset[tag]))
    return found


def _creator(dataset: Dataset, tag: BaseTag) -> str:
    block = tag.group << 16 | tag.element >> 8
    is_in_block = tag.is_private and tag.element >= 0x1000 and block in dataset
    return str(dataset[block].value) if is_in_block else ""


def values(element: DataElement) -> Any:
    """The values of an element; none for an empty one, NaN like any other."""
    if element.VR == "SQ":
        return [content(item) for item in element.value]
    if element.is_empty:
        return []
    found = [_plain(member) for member in (element.value if element.VM > 1 else [element.value])]
    return [] if len(found) == 1 and not found[0] else found


def _plain(value: Any) -> Any:
    if isinstance(value, PersonName):
        groups = [group.rstrip("^") for group in str(value).split("=")]
        return "=".join(groups).rstrip("=")
    return value if isinstance(value, bytes) else str(value)
