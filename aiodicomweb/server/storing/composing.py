"""One data set, and the parts that its values are in (PS3.18 §8.6.1.2, §10.5.1.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...dicom import FailureReason, dataset_from_json, dataset_from_xml
from ...dicom.codestream import CODESTREAM_SYNTAXES, complete_image_pixel
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, is_encapsulated, is_uid
from ...dicom.vrs import BINARY_VRS
from ...errors import ContentError, LimitExceeded, RemoteProtocolError
from ...services import FailedInstance
from ...services.pixel_syntax import pixel_syntax, told_syntax
from .splicing import SplicedValue, items_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydicom import Dataset

    from ...dicom import JsonObject
    from ...http import MediaType
    from ...wire import Limits
    from .spool import SpooledPart

__all__ = ["Composition", "compose"]

_PIXEL_DATA: Final = 0x7FE00010
_SOP_CLASS_UID: Final = "00080016"
_SOP_INSTANCE_UID: Final = "00080018"
_UNKNOWN: Final = ""
_MOST_HELD: Final = 16 * 1024 * 1024
"""Octets of one data set's text and numbers that come as bulk data: they become objects."""


@dataclass(slots=True)
class Composition:
    """A data set that has been put together, or why it has not.

    Attributes:
        sop_class_uid: Empty where nobody can tell, as the next.
        sop_instance_uid: SOP Instance UID.
        reason: Why it cannot be stored; ``None`` where it can, as far as has been seen.
        dataset: The data set, whose bulk data are still in their parts.
        syntax: Its transfer syntax.
        uris: The bulk data that it refers to.
        misfits: Tags of the elements whose values are none of their VRs; with any it fails.
    """

    sop_class_uid: str
    sop_instance_uid: str
    reason: FailureReason | None
    dataset: Dataset | None = field(default=None, repr=False)
    syntax: str = EXPLICIT_VR_LITTLE_ENDIAN
    uris: set[str] = field(default_factory=set[str], repr=False)
    misfits: list[str] = field(default_factory=list[str], repr=False)

    def failed(self, reason: FailureReason) -> FailedInstance:
        """The same as a failure."""
        return FailedInstance(self.sop_class_uid, self.sop_instance_uid, reason)


def compose(
    source: JsonObject | bytes,
    media_type: MediaType,
    bulk: Mapping[str, Sequence[SpooledPart]],
    limits: Limits,
) -> Composition:
    """Put a data set together; its bulk data stay where they are. Blocks.

    A value that is none of its VR is a failure: a client that reads may like to see the rest of the
    data set, but an archive must not keep other data than it was given.

    Args:
        source: An object of JSON, or a document of XML.
        media_type: That of the part it stood in.
        bulk: Bulk data by their locations.
        limits: Bounds. All its bulk data may have ``Limits.part`` octets; what is referred to
            twice counts twice.

    Raises:
        OSError: A part cannot be read.
    """
    composer = _Composer(bulk, limits.part)
    misfits: list[str] = []
    try:
        if isinstance(source, bytes):
            dataset = dataset_from_xml(source, composer.resolve, misfits=misfits)
        else:
            dataset = dataset_from_json(
                source, composer.resolve, misfits=misfits, max_depth=limits.json_depth
            )
    except (ContentError, LimitExceeded):
        return Composition(*_uids_of(source), FailureReason.CANNOT_UNDERSTAND)
    syntax = composer.finish(dataset, media_type)
    uids = _uid_text(dataset.get("SOPClassUID")), _uid_text(dataset.get("SOPInstanceUID"))
    reason = composer.reason or (FailureReason.CANNOT_UNDERSTAND if misfits else None)
    return Composition(*uids, reason, dataset, syntax, composer.uris, misfits)


class _Composer:
    """Finds the values of one data set.

    Attributes:
        uris: What was referred to.
        reason: The first reason why the data set cannot be put together.
    """

    def __init__(self, bulk: Mapping[str, Sequence[SpooledPart]], most: int) -> None:
        self._bulk = bulk
        self._left = most
        self._held = 0
        self.uris: set[str] = set()
        self.reason: FailureReason | None = None

    def resolve(self, tag: str, vr: str, uri: str) -> object:
        """The value of an element: what readers of data sets take as ``bulk_data``.

        Frames are several parts of one location, or one for each below ``{uri}/frames/``: the
        standard does not say which.
        """
        self.uris.add(uri)
        parts = self._bulk.get(uri) or tuple(self._frames_below(uri))
        try:
            return self._value(int(tag, 16), vr, parts)
        except _UnfitError as error:
            self.reason = self.reason or error.reason
            return None

    def finish(self, dataset: Dataset, media_type: MediaType) -> str:
        """See to what the pixel data ask for; the transfer syntax of the whole."""
        # Those of icons come first, and the last counts.
        syntaxes = [syntax for value in _pixels_in(dataset) if (syntax := value.syntax)]
        try:
            told = told_syntax(media_type) or EXPLICIT_VR_LITTLE_ENDIAN
        except RemoteProtocolError:
            told = _UNKNOWN
        syntax = [told, *syntaxes][-1]
        if told == _UNKNOWN or any(is_encapsulated(each) and each != syntax for each in syntaxes):
            self.reason = self.reason or FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED
        return syntax

    def _value(self, tag: int, vr: str, parts: Sequence[SpooledPart]) -> object:
        if not parts:
            raise _UnfitError(FailureReason.MISSING_BULK_DATA)
        length = sum(part.length for part in parts)
        self._left -= length
        if vr in BINARY_VRS and self._left >= 0:
            return _pixel_data(parts) if tag == _PIXEL_DATA else SplicedValue(parts)
        self._held += length
        if self._left < 0 or self._held > _MOST_HELD or tag == _PIXEL_DATA:
            raise _UnfitError(FailureReason.PROCESSING_FAILURE)
        return b"".join(part.octets for part in parts)

    def _frames_below(self, uri: str) -> Iterator[SpooledPart]:
        number = 1
        while found := self._bulk.get(f"{uri}/frames/{number}"):
            yield found[0]
            number += 1


class _UnfitError(Exception):
    """A value cannot be put in."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


def _pixel_data(parts: Sequence[SpooledPart]) -> SplicedValue:
    """Pixel data that are what their parts say, and all frames alike."""
    try:
        told = [pixel_syntax(part.media_type, part.read) for part in parts]
    except RemoteProtocolError:
        raise _UnfitError(FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED) from None
    (syntax, codestream), *_ = told
    if any(each != syntax for each, _ in told):
        raise _UnfitError(FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED)
    if syntax not in CODESTREAM_SYNTAXES:
        return SplicedValue(parts, syntax)
    frames: list[SpooledPart] = []
    for part, (_, head) in zip(parts, told, strict=True):
        if head is None or syntax not in head.transfer_syntaxes:
            raise _UnfitError(FailureReason.CANNOT_UNDERSTAND)
        frames.append(part.within(head.offset, head.length))
    return SplicedValue(frames, syntax, codestream)


def _pixels_in(dataset: Dataset) -> Iterator[SplicedValue]:
    """The pixel data of items and of the data set itself, once it says what they are like."""
    for element in list(dataset):
        for item in items_of(element):
            yield from _pixels_in(item)
        if element.tag == _PIXEL_DATA and isinstance(element.value, SplicedValue):
            if element.value.codestream is not None:
                complete_image_pixel(dataset, element.value.codestream)
            yield element.value


def _uids_of(source: JsonObject | bytes) -> tuple[str, str]:
    """The UIDs of an object that is no data set, as far as they can be seen."""
    if isinstance(source, bytes):
        return "", ""
    return _uid(source, _SOP_CLASS_UID), _uid(source, _SOP_INSTANCE_UID)


def _uid(obj: JsonObject, tag: str) -> str:
    match obj.get(tag):
        case {"Value": [uid, *_]}:
            return _uid_text(uid)
        case _:
            return ""


def _uid_text(value: object) -> str:
    """A UID; empty for what is none."""
    return value if isinstance(value, str) and is_uid(value) else ""
