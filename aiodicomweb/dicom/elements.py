"""pydicom's objects, made at a fraction of what their constructors cost.

A metadata object has some 250 elements. What pydicom's constructors spend on them (settings are
looked up, values are checked and converted, attributes are set one by one) is several times what
it costs to parse their text. This is the one place that knows how these objects look inside;
its tests compare each of them with the one that pydicom makes.

Nothing is validated here. Text that is no number raises ``ValueError`` or ``OverflowError``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from pydicom import DataElement, Dataset, config
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pydicom.valuerep import IS, DSfloat, ISfloat, PersonName

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

__all__ = [
    "decimal_string",
    "integer_string",
    "new_dataset",
    "new_element",
    "person_name",
    "uid",
]

_NEW_DATASET: Final = vars(Dataset())
_ITS_CONTAINERS: Final[list[tuple[str, Any]]] = [
    (name, value) for name, value in _NEW_DATASET.items() if isinstance(value, dict | list | set)
]
"""What no two data sets may share."""
_MORE_OF_AN_ELEMENT: Final = {
    name: value
    for name, value in vars(DataElement(0x00080005, "CS", "")).items()
    if name
    not in {
        "VR",
        "_value",
        "file_tell",
        "is_undefined_length",
        "private_creator",
        "tag",
        "validation_mode",
    }
}
"""What versions of pydicom keep that were not known here."""
_UID_PADDING: Final = " \0\t\r\n\v\f"


def new_dataset(elements: dict[BaseTag, DataElement]) -> Dataset:
    """A data set of these elements, which it keeps."""
    dataset = object.__new__(Dataset)
    state = vars(dataset)
    state.update(_NEW_DATASET)
    for name, value in _ITS_CONTAINERS:
        state[name] = value.copy()
    state["_dict"] = elements
    return dataset


def new_element(tag: BaseTag, vr: str, value: Any, mode: int) -> DataElement:
    """An element of a value that is already what pydicom keeps for the VR.

    Args:
        tag: The tag.
        vr: A standard VR.
        value: One value, or a list of several, which the element keeps.
        mode: ``config.settings.reading_validation_mode``, for what is assigned to it later.
    """
    element = object.__new__(DataElement)
    if value.__class__ is list and vr != "SQ":
        value = _several(vr, value, mode)
    element.tag = tag
    element.VR = vr
    element.validation_mode = mode
    element._value = value  # pyright: ignore[reportPrivateUsage]
    element.file_tell = None
    element.is_undefined_length = False
    element.private_creator = None
    if _MORE_OF_AN_ELEMENT:
        vars(element).update(_MORE_OF_AN_ELEMENT)
    return element


def _several(vr: str, members: list[Any], mode: int) -> Any:
    """The members as a list of pydicom, which converts and validates what is put into it later."""
    several = cast("Any", object.__new__(MultiValue))
    several._constructor = _converter(vr, mode)  # noqa: SLF001
    several._list = members  # noqa: SLF001
    return several


@lru_cache(maxsize=256)
def _converter(vr: str, mode: int) -> Any:
    # That of the element itself would tie both into a cycle, which only the collector of garbage
    # undoes; whoever streams data sets would hold the last ones, too.
    shared: Any = DataElement(0x00080005, vr, None, None, False, True, mode)
    return shared._convert  # noqa: SLF001


def integer_string(value: str | float) -> IS | float | str:
    """A value of VR IS: of text, which is kept for writing, or of a number."""
    if type(value) is str:
        try:
            number = int.__new__(IS, value)
        except ValueError:
            # Blank text stays text, and one with a fraction becomes a float.
            return IS(value, config.IGNORE)  # pyright: ignore[reportReturnType]
        number.original_string = value.strip()
        return number
    if int(value) != value:
        return ISfloat(str(value), config.IGNORE)
    return int.__new__(IS, value)


def decimal_string(value: str | float) -> DSfloat | str:
    """A value of VR DS: of text, which is kept for writing, or of a number."""
    if type(value) is str and not value.strip():
        return value
    number = float.__new__(DSfloat, value)
    number.auto_format = False
    if type(value) is not float:
        number.original_string = str(value).strip()
    return number


def uid(text: str) -> UID:
    """A value of VR UI, without padding."""
    return str.__new__(UID, text.strip(_UID_PADDING))


def person_name(text: str) -> PersonName:
    """A value of VR PN, of its groups joined by equals signs."""
    return PersonName(text, validation_mode=config.IGNORE)  # pyright: ignore[reportReturnType]
