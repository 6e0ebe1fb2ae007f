"""How metadata are compared with the file that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.uid import UID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

    from ..support.dicom_files import Sample

PIXEL_DATA = "7FE00010"


def elements(
    found: dict[str, Any], source: Dataset, above: str = ""
) -> Iterator[tuple[str, dict[str, Any], Dataset]]:
    """Path, JSON attribute and the file's data set around it, of all elements at all depths."""
    for tag, attribute in found.items():
        yield above + tag, attribute, source
        if attribute["vr"] == "SQ":
            for index, item in enumerate(attribute.get("Value", [])):
                inner = source[int(tag, 16)].value[index]
                yield from elements(item, inner, f"{above}{tag}[{index}].")


def remove(dataset: Dataset, *, tags: set[str], above: str = "") -> Dataset:
    """Leave out elements by their paths, and all group lengths."""
    for element in list(dataset):
        path = f"{above}{int(element.tag):08X}"
        if path in tags or element.tag.element == 0:
            del dataset[element.tag]
        elif element.VR == "SQ":
            for index, item in enumerate(element.value):
                remove(item, tags=tags, above=f"{path}[{index}].")
    return dataset


def is_compressed(file: Sample) -> bool:
    """Whether its pixel data are in fragments."""
    return UID(file.transfer_syntax).is_encapsulated
