"""Targets of ``dicom``: JSON, XML, files, frames, and names of attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiodicomweb.dicom import (
    JsonStream,
    dataset_from_json,
    dataset_from_xml,
    dataset_to_json,
    dataset_to_xml,
    datasets_from_json,
    decode,
    encode,
    format_objects,
    is_dicom,
    is_part10,
    is_uid,
    parse_attribute_path,
    parse_objects,
    peek,
    peek_instance_uid,
)
from aiodicomweb.dicom.frames import (
    join_frames,
    set_transfer_syntax,
    split_frames,
    transfer_syntax_of,
)
from aiodicomweb.dicom.json_stream import END, NEED_DATA
from aiodicomweb.errors import JsonModelError, LimitExceeded

from .http_targets import texts
from .judging import same
from .wire_targets import cuts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom import Dataset

    from aiodicomweb.dicom import JsonObject

    from .judging import Attempt

__all__ = ["TARGETS", "rewrite"]

MAX_OBJECT = 8192


def rewrite(dataset: Dataset, attempt: Attempt) -> None:
    """Write what was read, in each representation."""
    attempt(dataset_to_json, dataset)
    attempt(dataset_to_xml, dataset)
    attempt(format_objects, [dataset])
    if transfer_syntax_of(dataset) is None:
        set_transfer_syntax(dataset, "1.2.840.10008.1.2.1")
    attempt(encode, dataset)


def _resolve(tag: str, vr: str, uri: str) -> bytes | None:
    """Bulk data of a length that the URI tells."""
    return None if vr == "SQ" else bytes(len(uri))


def json_model(octets: bytes, attempt: Attempt) -> None:
    """A JSON body to data sets, and back."""
    objects = attempt(parse_objects, octets)
    if objects is None:
        return
    attempt(format_objects, objects)
    for resolver in (None, _resolve):
        attempt(datasets_from_json, objects, resolver)
        for obj in objects:
            dataset = attempt(dataset_from_json, obj, resolver)
            if dataset is not None:
                rewrite(dataset, attempt)
                _read_same_again(dataset, attempt)


def _read_same_again(dataset: Dataset, attempt: Attempt) -> None:
    """What was written of a data set that was read says the same (but for NaN, by its text)."""
    written = attempt(dataset_to_json, dataset)
    if written is not None:
        again = dataset_to_json(dataset_from_json(written))
        same("the data set", repr(written), repr(again))


def json_stream(octets: bytes, attempt: Attempt) -> None:
    """A JSON body as it arrives: objects and end are the same however it is cut."""
    whole, *others = [_stream(octets, cuts, attempt) for cuts in cuts_of(octets)]
    for other in others:
        same("the objects, cut", whole, other)
    objects, error = whole
    if not error:
        same("the objects", objects, repr(parse_objects(octets)))


def _stream(octets: bytes, cuts: Iterable[int], attempt: Attempt) -> tuple[str, str]:
    stream = JsonStream(max_object=MAX_OBJECT)
    offsets = iter([*cuts, len(octets)])
    position = 0
    objects: list[JsonObject] = []
    try:
        while (found := stream.next()) is not END:
            if found is not NEED_DATA:
                objects.append(found)
            elif position < len(octets):
                end = next(offsets)
                stream.feed(octets[position:end])
                position = max(position, end)
            else:
                stream.feed_eof()
    except (JsonModelError, LimitExceeded) as error:
        attempt.refused(error)
        return repr(objects), type(error).__name__
    attempt.outcomes.append(f"{len(objects)} objects")
    return repr(objects), ""


def native_xml(octets: bytes, attempt: Attempt) -> None:
    """A Native DICOM Model document to a data set, and back."""
    for resolver in (None, _resolve):
        dataset = attempt(dataset_from_xml, octets, resolver)
        if dataset is not None:
            rewrite(dataset, attempt)


def part10(octets: bytes, attempt: Attempt) -> None:
    """A file: its head, then all of it."""
    _ = is_part10(octets), is_dicom(octets)
    attempt(peek, octets)
    attempt(peek_instance_uid, octets)
    dataset = attempt(decode, octets)
    if dataset is not None:
        rewrite(dataset, attempt)


def frames(octets: bytes, attempt: Attempt) -> None:
    """Encapsulated pixel data, of any number of frames."""
    for count in (0, 1, 2, octets[0] if octets else 0, 1 << 40, -1):
        found = attempt(split_frames, octets, count)
        if found:
            attempt(join_frames, found)


def names(octets: bytes, attempt: Attempt) -> None:
    """UIDs and paths of attributes."""
    for text in texts(octets):
        is_uid(text)
        path = attempt(parse_attribute_path, text)
        if path is not None:
            same("the path", path, parse_attribute_path(str(path)))
            same("the path", path, parse_attribute_path(path.format(numerical=True)))
            _ = path.vr, path.private_creator


TARGETS: dict[str, Callable[[bytes, Attempt], None]] = {
    "json-model": json_model,
    "json-stream": json_stream,
    "native-xml": native_xml,
    "part10": part10,
    "frames": frames,
    "names": names,
}
