"""Specific Character Set (0008,0005) of text that came as Unicode (PS3.3 §C.12.1.1.2).

JSON and XML are Unicode; there (0008,0005) only tells how the data set was encoded where it came
from (PS3.18 §F.2.2). It tells how to encode it, too, as soon as the data set is written to a file.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydicom import DataElement
from pydicom.charset import python_encoding
from pydicom.tag import BaseTag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset

__all__ = ["ENCODED_VRS", "fit_character_set", "with_fitting_character_set"]

ENCODED_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""VRs whose text is encoded as (0008,0005) says (PS3.5 §6.1.2.3)."""

_SPECIFIC_CHARACTER_SET: Final = BaseTag(0x00080005)
_UNICODE: Final = "ISO_IR 192"
_RESETTING: Final = frozenset("\t\n\f\r\x1b")
"""Characters that end the use of a code extension (PS3.5 §6.1.2.5.3), which pydicom's encoder does
not know; ESC would begin one."""
_ASCII_ONLY: Final = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})


def fit_character_set(dataset: Dataset, texts: Iterable[str]) -> None:
    """Make (0008,0005) name a repertoire that holds all texts of a data set.

    One that does is kept, with any code extensions; else it becomes ``ISO_IR 192``, which is
    Unicode, also in items that name their own.

    Args:
        dataset: The data set; its (0008,0005) is changed or added.
        texts: Its texts that have characters beyond ASCII, those of items too.
    """
    if not _holds_all(_terms(dataset), texts):
        _use_unicode(dataset, required=True)


def with_fitting_character_set(dataset: Dataset) -> Dataset:
    """A data set whose (0008,0005) names a repertoire that holds all of its text.

    Text that pydicom has not decoded yet is as its (0008,0005) says.

    Args:
        dataset: A data set; it is not changed.

    Returns:
        The data set itself, or a copy in Unicode where its repertoire lacks something.
    """
    if _holds_all(_terms(dataset), list(_foreign_texts(dataset))):
        return dataset
    whole = copy.deepcopy(dataset)
    for _ in whole.iterall():
        pass  # pydicom decodes at the first access, by what (0008,0005) says then
    _use_unicode(whole, required=True)
    return whole


def _foreign_texts(dataset: Dataset) -> Iterator[str]:
    """The texts beyond ASCII that pydicom has decoded or a caller has set, those of items too."""
    for element in dataset.values():
        if not isinstance(element, DataElement) or element.is_empty:
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from _foreign_texts(item)
        elif element.VR in ENCODED_VRS:
            members = element.value if element.VM > 1 else [element.value]
            yield from (text for text in map(str, members) if not text.isascii())


def _holds_all(terms: list[str], texts: Iterable[str]) -> bool:
    """Whether the repertoires of defined terms hold all texts."""
    characters = {character for text in texts for character in text}
    foreign = [character for character in characters if not character.isascii()]
    kept = all(any(_holds(term, character) for term in terms) for character in foreign)
    return kept and (len(terms) < 2 or characters.isdisjoint(_RESETTING))


def _terms(dataset: Dataset) -> list[str]:
    if _SPECIFIC_CHARACTER_SET not in dataset:
        return []
    element = dataset[_SPECIFIC_CHARACTER_SET]
    terms = element.value if element.VM > 1 else [element.value]
    return [str(term).strip() for term in terms]


@lru_cache(maxsize=8192)
def _holds(term: str, character: str) -> bool:
    """Whether a character is in the repertoire of a defined term (PS3.3 §C.12.1.1.2)."""
    if term in _ASCII_ONLY or term not in python_encoding:
        return False
    codec = python_encoding[term]
    try:
        octets = character.encode(codec)
    except UnicodeEncodeError:
        return False
    # Python's codec has more than ISO_IR 13, which is of single octets.
    return codec != "shift_jis" or len(octets) == 1


def _use_unicode(dataset: Dataset, *, required: bool = False) -> None:
    if required or _SPECIFIC_CHARACTER_SET in dataset:
        dataset.add(DataElement(_SPECIFIC_CHARACTER_SET, "CS", _UNICODE))
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _use_unicode(item)
