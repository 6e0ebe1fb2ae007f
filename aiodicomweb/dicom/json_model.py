"""DICOM JSON (PS3.18 Annex F) to and from pydicom data sets.

Elements are made by pydicom, one at a time and without its validation. ``Dataset.from_json`` is
not used: it validates by a global setting, warns, prints values in its errors, gives up at a
lower-case tag or a missing ``vr``, and takes any of ``Value``, ``InlineBinary`` and
``BulkDataURI`` where a server sends two.

Reading is lenient: what a server relays from a broken object must not hide the rest of the
object. Text that is no value of its VR (a Decimal String of letters) is kept as octets of VR UN.
Only what has no meaning at all is an error, and names its path.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from pydicom import DataElement, Dataset, Sequence, config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import empty_value_for_VR
from pydicom.tag import BaseTag

from ..errors import JsonModelError
from .json_values import (
    BINARY_VRS,
    STANDARD_VRS,
    decode_binary,
    from_octets,
    from_values,
    is_list,
    is_object,
    to_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BulkDataResolver",
    "JsonObject",
    "dataset_from_json",
    "dataset_to_json",
    "datasets_from_json",
    "parse_objects",
]

JsonObject = dict[str, Any]
"""A data set as a JSON object: eight hexadecimal digits of a tag to an attribute object."""

BulkDataResolver = Callable[[str, str, str], object]
"""Gets the value of a ``BulkDataURI``: see :func:`dataset_from_json`."""

MAX_DEPTH: Final = 64
"""Nested sequences that are followed. Structured reports nest about ten deep; each level costs
five frames of Python's stack, whose limit is 1000."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_JSON_BLANK: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


def parse_objects(text: bytes) -> list[JsonObject]:
    """Read the data sets of a JSON body, as JSON.

    Args:
        text: The body: an array of objects, or one object alone (PS3.18 §F.2.1). A byte order
            mark is tolerated; where an object names a tag twice the last one counts.

    Returns:
        The objects, yours; none for an empty or blank body.

    Raises:
        JsonModelError: The text is not JSON, or not objects.
    """
    if not text.removeprefix(_BOM).strip(_JSON_BLANK):
        return []
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonModelError(f"not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        # Text that is not Unicode, a number of thousands of digits, brackets without end.
        raise JsonModelError("not JSON that can be read") from None
    objects = parsed if is_list(parsed) else [parsed]
    for index, item in enumerate(objects):
        if not is_object(item):
            raise JsonModelError("not an object", path=f"[{index}]")
    return objects


def datasets_from_json(objects: Iterable[JsonObject]) -> list[Dataset]:
    """Make a data set of each object; see :func:`dataset_from_json`.

    Raises:
        JsonModelError: The path starts with the object's index.
    """
    return [_nested(f"[{index}]", item, None, 0) for index, item in enumerate(objects)]


def dataset_from_json(obj: JsonObject, bulk_data: BulkDataResolver | None = None) -> Dataset:
    """Make a pydicom data set of a DICOM JSON object (PS3.18 §F.2.2).

    Group lengths, group 0002 and item delimiters are left out: they are no part of a data set.

    Args:
        obj: The object; it is not changed.
        bulk_data: Called with tag (eight upper-case digits), VR and URI of each ``BulkDataURI``;
            returns the value, or the octets of the value field, or ``None`` for none. Without
            it such elements are present and empty.

    Raises:
        JsonModelError: An attribute is malformed; ``path`` names it.
    """
    try:
        return _read_dataset(obj, bulk_data, 0)
    except JsonModelError as error:
        error.path = error.path.removeprefix(".")
        raise


def dataset_to_json(dataset: Dataset) -> JsonObject:
    """Make a DICOM JSON object of a pydicom data set (PS3.18 §F.2.2).

    Octets are put in line. Group lengths and group 0002 are left out, tags are in ascending
    order. NaN and the infinities become the strings ``NaN``, ``Infinity`` and ``-Infinity``.

    Raises:
        JsonModelError: An element's value is not one of its VR; ``path`` names it.
    """
    result: JsonObject = {}
    for tag in sorted(dataset.keys()):
        if _is_data(tag):
            name = f"{tag:08X}"
            try:
                result[name] = _write_element(dataset[tag])
            except JsonModelError as error:
                error.path = f"{name}{error.path}"
                raise
            except Exception:  # noqa: BLE001
                # pydicom converts on access; what it raises for a broken value is not defined.
                raise JsonModelError("the value is not one of its VR", path=name) from None
    return result


def _is_data(tag: int) -> bool:
    """Whether a tag is one of a data set's own (PS3.18 §F.2.2)."""
    return bool(tag & 0xFFFF) and tag >> 16 not in (0x0002, 0xFFFE)


# --- reading ------------------------------------------------------------------------------------


def _read_dataset(obj: JsonObject, bulk_data: BulkDataResolver | None, depth: int) -> Dataset:
    if depth > MAX_DEPTH:
        raise JsonModelError(f"sequences are nested deeper than {MAX_DEPTH}")
    attributes: list[tuple[int, Any]] = []
    for name, attribute in obj.items():
        if _TAG.fullmatch(name) is None:
            raise JsonModelError("a property name is not a tag of eight hexadecimal digits")
        attributes.append((int(name, 16), attribute))
    # Private creators have to be there before their elements; servers may send any order.
    attributes.sort(key=_by_tag)
    dataset = Dataset()
    for tag, attribute in attributes:
        if _is_data(tag):
            try:
                dataset.add(_read_element(BaseTag(tag), attribute, bulk_data, depth))
            except JsonModelError as error:
                error.path = f".{tag:08X}{error.path}"
                raise
    return dataset


def _by_tag(item: tuple[int, Any]) -> int:
    return item[0]


def _read_element(
    tag: BaseTag, attribute: Any, bulk_data: BulkDataResolver | None, depth: int
) -> DataElement:
    members = _as_object(attribute)
    values = _as_list(members.get("Value"))
    vr = _value_representation(tag, members.get("vr"), values)
    if vr == "SQ":
        return _make(tag, vr, _read_items(values, bulk_data, depth))
    if any(value not in (None, "", {}) for value in values):
        return _convert(tag, vr, from_values(vr, values))
    if binary := members.get("InlineBinary"):
        return _convert(tag, vr, from_octets(vr, decode_binary(binary)))
    if (uri := members.get("BulkDataURI")) and bulk_data is not None:
        return _read_bulk_data(tag, vr, uri, bulk_data)
    return _make(tag, vr, empty_value_for_VR(vr))


def _as_list(values: Any) -> list[Any]:
    """The members of ``Value``; a lone one is not always in an array."""
    if is_list(values):
        return values
    return [] if values is None else [values]


def _as_object(value: Any) -> JsonObject:
    """An attribute or an item; ``null`` stands for an empty one."""
    if is_object(value):
        return value
    if value is None:
        return {}
    raise JsonModelError("not an object")


def _value_representation(tag: BaseTag, vr: Any, values: list[Any]) -> str:
    """The VR sent, else that of the data dictionary, else UN (PS3.5 §6.2.2)."""
    sent = vr.upper() if isinstance(vr, str) else ""
    if sent in STANDARD_VRS and (sent != "UN" or not values):
        return sent
    if tag.is_private_creator:
        return "LO"
    try:
        known = dictionary_VR(tag)
    except KeyError:
        known = "UN"
    if known == "UN" and any(is_object(value) and value for value in values):
        return "SQ"
    return known if known in STANDARD_VRS else _resolve(known, values)


def _resolve(vr: str, values: Iterable[Any]) -> str:
    """One VR for the dictionary's ambiguous ones, such as ``US or SS``."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if numbers and "US" in vr:
        return "SS" if min(numbers) < 0 else "US"
    return "OW" if "OW" in vr else "US" if "US" in vr else "UN"


def _read_items(values: list[Any], bulk_data: BulkDataResolver | None, depth: int) -> Sequence:
    if all(value is None for value in values):
        return Sequence()
    return Sequence(
        [_nested(f"[{index}]", item, bulk_data, depth + 1) for index, item in enumerate(values)]
    )


def _nested(where: str, item: Any, bulk_data: BulkDataResolver | None, depth: int) -> Dataset:
    try:
        return _read_dataset(_as_object(item), bulk_data, depth)
    except JsonModelError as error:
        error.path = f"{where}{error.path}"
        raise


def _convert(tag: BaseTag, vr: str, value: Any) -> DataElement:
    try:
        return _make(tag, vr, value)
    except (ValueError, TypeError, ArithmeticError):
        # Text which pydicom cannot convert, such as letters in DS. It is kept, and harmless.
        return _make(tag, "UN", from_values("UN", _as_list(value)))


def _read_bulk_data(tag: BaseTag, vr: str, uri: Any, bulk_data: BulkDataResolver) -> DataElement:
    (uri, *_) = _as_list(uri)
    if not isinstance(uri, str):
        raise JsonModelError("BulkDataURI is not a string")
    value = bulk_data(f"{tag:08X}", vr, uri)
    if isinstance(value, bytes | bytearray | memoryview):
        return _convert(tag, vr, from_octets(vr, bytes(cast("bytes", value))))
    try:
        return _make(tag, vr, empty_value_for_VR(vr) if value is None else value)
    except (ValueError, TypeError, ArithmeticError):
        raise JsonModelError("bulk data is not a value of its VR") from None


def _make(tag: BaseTag, vr: str, value: Any) -> DataElement:
    # pydicom would give a known tag of VR UN the VR of its dictionary, and leave octets in it.
    element = DataElement(tag, "OB" if vr == "UN" else vr, value, validation_mode=config.IGNORE)
    element.VR = vr
    element.validation_mode = config.settings.reading_validation_mode
    return element


# --- writing ------------------------------------------------------------------------------------


def _write_element(element: DataElement) -> JsonObject:
    vr = str(element.VR)
    if vr not in STANDARD_VRS:
        vr = _resolve(vr, element.value if element.VM > 1 else [element.value])
    result: JsonObject = {"vr": vr}
    if element.is_empty:
        return result
    if vr == "SQ":
        result["Value"] = [_write_item(index, item) for index, item in enumerate(element.value)]
    elif vr in BINARY_VRS:
        result["InlineBinary"] = base64.b64encode(element.value).decode("ascii")
    elif (values := to_values(vr, element)) != [None] * len(values):
        result["Value"] = values
    return result


def _write_item(index: int, item: Dataset) -> JsonObject:
    try:
        return dataset_to_json(item)
    except JsonModelError as error:
        error.path = f"[{index}].{error.path}"
        raise
