"""DICOM JSON (PS3.18 Annex F) to and from pydicom data sets, for bodies that are there whole.

:mod:`~aiodicomweb.dicom.json_stream` reads one while it arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydicom import Dataset

from ..errors import JsonModelError
from .json_reader import BulkDataResolver, JsonReader
from .json_text import format_json, iterate_json, parse_json
from .json_values import is_list, is_object
from .json_writer import BulkDataChooser, JsonWriter
from .vrs import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "BulkDataChooser",
    "BulkDataResolver",
    "JsonObject",
    "dataset_from_json",
    "dataset_to_json",
    "datasets_from_json",
    "format_objects",
    "iterate_objects",
    "parse_objects",
]

JsonObject = dict[str, Any]
"""A data set as a JSON object: eight hexadecimal digits of a tag to an attribute object."""

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
    if _is_blank(text):
        return []
    parsed = parse_json(text)
    return list(_objects(parsed if is_list(parsed) else [parsed]))


def iterate_objects(text: bytes) -> Iterator[JsonObject]:
    """Read the data sets of a JSON body, as JSON, one after the other.

    As :func:`parse_objects` does, but each when it is asked for: with
    ``datasets_from_json(iterate_objects(text))`` there is never the JSON of all data sets, which
    takes less memory and less time. The text is UTF-8.

    Args:
        text: The body.

    Returns:
        The objects, yours.

    Raises:
        JsonModelError: While iterating: the text is not JSON, or not objects.
    """
    return iter(()) if _is_blank(text) else _objects(iterate_json(text))


def _is_blank(text: bytes) -> bool:
    return not text.removeprefix(_BOM).strip(_JSON_BLANK)


def _objects(items: Iterable[Any]) -> Iterator[JsonObject]:
    for index, item in enumerate(items):
        if not is_object(item):
            raise JsonModelError("not an object", path=f"[{index}]")
        yield item


def format_objects(objects: Iterable[JsonObject | Dataset]) -> bytes:
    """Write a JSON body: an array of data sets (PS3.18 §F.2.1), in UTF-8 and without spaces.

    Args:
        objects: Data sets, as JSON or of pydicom; of these :func:`dataset_to_json` is written.

    Raises:
        JsonModelError: An object has what JSON has not, or an element's value is not one of its
            VR. The path starts with the object's index.
    """
    writer = JsonWriter()
    texts: list[bytes] = []
    for index, item in enumerate(objects):
        try:
            obj = writer.write(item) if isinstance(item, Dataset) else item
            texts.append(format_json(obj))
        except JsonModelError as error:
            error.path = f"[{index}]" + (f".{error.path}" if error.path else "")
            raise
    return b"[" + b",".join(texts) + b"]"


def datasets_from_json(
    objects: Iterable[JsonObject], bulk_data: BulkDataResolver | None = None
) -> list[Dataset]:
    """Make a data set of each object; see :func:`dataset_from_json`.

    Raises:
        JsonModelError: The path starts with the object's index.
        LimitExceeded: Sequences are nested too deep.
    """
    reader = JsonReader(bulk_data)
    return [reader.read(item, f"[{index}]") for index, item in enumerate(objects)]


def dataset_from_json(
    obj: JsonObject,
    bulk_data: BulkDataResolver | None = None,
    *,
    misfits: list[str] | None = None,
    max_depth: int = MAX_DEPTH,
) -> Dataset:
    """Make a pydicom data set of a DICOM JSON object (PS3.18 §F.2.2).

    Group lengths, group 0002 and item delimiters are left out: they are no part of a data set.

    JSON is Unicode whatever Specific Character Set (0008,0005) says. That attribute is kept if it
    names a repertoire which holds all the text, as it does where it came from; otherwise it
    becomes ``ISO_IR 192``, so that nothing is lost when the data set is written to a file.

    JSON has one form of no value, pydicom has several (``None``, empty text, ``b""``): an element
    without a value has the one that pydicom reads from a file, empty text or ``None`` by its VR.

    Args:
        obj: The object; it is not changed.
        bulk_data: Called with tag (eight upper-case digits), VR and URI of each ``BulkDataURI``;
            returns the value, or the octets of the value field, or ``None`` for none. Without
            it such elements are present and empty.
        misfits: Gets the tag (eight upper-case digits) of each element, also in items, whose
            value is none of its VR: its text is kept as octets of VR UN, what is no text is left
            out, and a number that is too large is infinite. Who writes the data set to a file
            would write other data than were sent.
        max_depth: Sequences within sequences that are followed.

    Raises:
        JsonModelError: An attribute is malformed; ``path`` names it.
        LimitExceeded: Sequences are nested too deep.
    """
    try:
        return JsonReader(bulk_data, misfits, max_depth).read(obj)
    except JsonModelError as error:
        error.path = error.path.removeprefix(".")
        raise


def dataset_to_json(dataset: Dataset, bulk_data: BulkDataChooser | None = None) -> JsonObject:
    """Make a DICOM JSON object of a pydicom data set (PS3.18 §F.2.2).

    Group lengths and group 0002 are left out, tags are in ascending order. IS and DS are numbers
    where a number says the same, else text. Integers beyond ±(2⁵³-1) are text. NaN and the
    infinities become the strings ``NaN``, ``Infinity`` and ``-Infinity``.

    Args:
        dataset: The data set. Elements that pydicom has not converted yet are converted.
        bulk_data: Called with each element that has a value and may travel as bulk data (PS3.18
            §F.2.2), also within sequences; returns the ``BulkDataURI``, or ``None`` for a value
            in line. Without it all are in line, octets as base64.

    Raises:
        JsonModelError: An element's value is not one of its VR; ``path`` names it.
    """
    return JsonWriter(bulk_data).write(dataset)
