"""DICOM files (PS3.10 §7): a look at the head without pydicom, and whole files through it."""

from __future__ import annotations

import copy
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydicom import dcmread, dcmwrite  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ..errors import Part10Error
from .uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    is_uid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

__all__ = [
    "PEEK_OCTETS",
    "Buffer",
    "FileMeta",
    "decode",
    "encode",
    "is_part10",
    "peek",
    "peek_instance_uid",
]

Buffer = bytes | bytearray | memoryview

PEEK_OCTETS: Final = 4096
"""How much of a file's start is worth a look. The UIDs of group 0002 are within its first 400
octets, the data set's own in the few hundred that follow; odd files have more in between."""

_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_LONG_LENGTH_VRS: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x00020002
_MEDIA_STORAGE_SOP_INSTANCE_UID: Final = 0x00020003
_TRANSFER_SYNTAX_UID: Final = 0x00020010
_SOP_INSTANCE_UID: Final = 0x00080018

# By pydicom's (implicit VR, little endian) of how a data set was read.
_TRANSFER_SYNTAXES: Final[dict[tuple[bool | None, bool | None], str]] = {
    (True, True): IMPLICIT_VR_LITTLE_ENDIAN,
    (False, True): EXPLICIT_VR_LITTLE_ENDIAN,
    (False, False): EXPLICIT_VR_BIG_ENDIAN,
}


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information says about the data set behind it (PS3.10 §7.1).

    Attributes:
        sop_class_uid: Media Storage SOP Class UID (0002,0002).
        sop_instance_uid: Media Storage SOP Instance UID (0002,0003).
        transfer_syntax_uid: Transfer Syntax UID (0002,0010).

    Each is ``None`` where the file lacks it, and not checked: any text may stand there.
    """

    sop_class_uid: str | None
    sop_instance_uid: str | None
    transfer_syntax_uid: str | None


def is_part10(head: Buffer) -> bool:
    """Whether octets start like a DICOM file: 128 of any kind, then ``DICM`` (PS3.10 §7.1)."""
    return bytes(head[_PREAMBLE : _PREAMBLE + len(_PREFIX)]) == _PREFIX


def peek(head: Buffer, name: str = "") -> FileMeta:
    """Read the UIDs of a file's head.

    Args:
        head: The start of the file; :data:`PEEK_OCTETS` are enough. Where it ends early, or
            group 0002 is broken, what stands before is returned.
        name: The file's name, for the error.

    Raises:
        Part10Error: It is not a DICOM file.
    """
    if not is_part10(head):
        raise Part10Error("not a DICOM file", name=name)
    found, _ = _read_group_2(bytes(head))
    return FileMeta(
        sop_class_uid=found.get(_MEDIA_STORAGE_SOP_CLASS_UID),
        sop_instance_uid=found.get(_MEDIA_STORAGE_SOP_INSTANCE_UID),
        transfer_syntax_uid=found.get(_TRANSFER_SYNTAX_UID),
    )


def peek_instance_uid(head: Buffer) -> str | None:
    """The SOP Instance UID by which a server will know a file.

    That is the one of the data set, which servers go by where the file meta information says
    otherwise. Where it cannot be seen (big endian, deflated, beyond the head) the latter counts.

    Args:
        head: The start of a DICOM file, as for :func:`peek`.
    """
    octets = bytes(head)
    found, end = _read_group_2(octets)
    syntax = found.get(_TRANSFER_SYNTAX_UID)
    if syntax not in (EXPLICIT_VR_BIG_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN):
        for tag, value, _ in _elements(octets, end, explicit=syntax != IMPLICIT_VR_LITTLE_ENDIAN):
            if tag == _SOP_INSTANCE_UID and is_uid(_uid(value)):
                return _uid(value)
            if tag >= _SOP_INSTANCE_UID:
                break
    return found.get(_MEDIA_STORAGE_SOP_INSTANCE_UID)


def _read_group_2(octets: bytes) -> tuple[dict[int, str], int]:
    """Values of group 0002 by tag, as UIDs, and where the group ends.

    The end is seen by the next group. The group's length is not used: it is often wrong.
    """
    found: dict[int, str] = {}
    position = _PREAMBLE + len(_PREFIX)
    for tag, value, end in _elements(octets, position, explicit=True):
        if tag >> 16 != 0x0002:
            break
        position = end
        if text := _uid(value):
            found[tag] = text
    return found, position


def _elements(octets: bytes, position: int, *, explicit: bool) -> Iterator[tuple[int, bytes, int]]:
    """Tag, value field and end of each element that is there whole (PS3.5 §7.1); little endian."""
    while position + 8 <= len(octets):
        group, element, vr, short = struct.unpack_from("<HH2sH", octets, position)
        start, length = position + 8, short
        if not explicit:
            (length,) = struct.unpack_from("<I", octets, position + 4)
        elif vr in _LONG_LENGTH_VRS:
            # Cut short within the length, the element ends behind the octets in any case.
            start, length = start + 4, int.from_bytes(octets[start : start + 4], "little")
        position = start + length
        if position > len(octets):
            return
        yield group << 16 | element, octets[start:position], position


def _uid(value: bytes) -> str:
    """A value without padding."""
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def encode(dataset: Dataset) -> bytes:
    """Write a data set as a DICOM file.

    The file meta information is completed from the data set; that of the data set is not changed.

    Args:
        dataset: A data set with SOP Class UID and SOP Instance UID, whose transfer syntax is in
            ``file_meta``, or known from how it was read.

    Raises:
        Part10Error: The UIDs or the transfer syntax are missing, or a value cannot be written.
    """
    whole = copy.copy(dataset)
    whole.file_meta = copy.deepcopy(getattr(dataset, "file_meta", None) or FileMetaDataset())
    if "TransferSyntaxUID" not in whole.file_meta:
        syntax = _TRANSFER_SYNTAXES.get(dataset.original_encoding)
        if syntax is None:
            raise Part10Error(
                "the data set has no transfer syntax",
                hint="set dataset.file_meta.TransferSyntaxUID",
            )
        whole.file_meta.TransferSyntaxUID = UID(syntax)
    buffer = io.BytesIO()
    try:
        dcmwrite(buffer, whole, enforce_file_format=True)
    except Exception as error:  # noqa: BLE001
        # pydicom's own text may quote the value: it is neither shown nor chained.
        raise Part10Error(f"the data set cannot be written ({type(error).__name__})") from None
    return buffer.getvalue()


def decode(octets: Buffer) -> Dataset:
    """Read a DICOM file.

    Args:
        octets: The whole file. They are copied where they are not ``bytes``.

    Raises:
        Part10Error: It is not a DICOM file, or broken.
    """
    if not is_part10(octets):
        raise Part10Error("not a DICOM file")
    try:
        return dcmread(io.BytesIO(octets))
    except Exception as error:  # noqa: BLE001
        raise Part10Error(f"the file cannot be read ({type(error).__name__})") from None
