"""DICOM files (PS3.10 §7): a look at the head without pydicom, and whole files through it."""

from __future__ import annotations

import copy
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pydicom import dcmread, dcmwrite  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ..errors import Part10Error
from .character_set import with_fitting_character_set
from .padding import with_even_lengths
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
    "is_dicom",
    "is_instance",
    "is_part10",
    "native_transfer_syntax",
    "peek",
    "peek_instance_uid",
    "read_file_meta",
]

_MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
"""SOP Class UID of a DICOMDIR (PS3.10 §8.6)."""

Buffer = bytes | bytearray | memoryview
_ByteOrder: TypeAlias = Literal["little", "big"]

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
_META_UIDS: Final = frozenset(
    {_MEDIA_STORAGE_SOP_CLASS_UID, _MEDIA_STORAGE_SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID}
)
_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018

# How a data set without anything before it begins: an element of group 0008 with a text or UID
# that fits in. With an implicit VR, four octets of length follow the tag.
_BARE_VRS: Final = frozenset({b"CS", b"DA", b"LO", b"PN", b"SH", b"TM", b"UI", b"UL"})
_BARE_LENGTH: Final = 1024

_HEADERS: Final = {"little": struct.Struct("<HH2sH"), "big": struct.Struct(">HH2sH")}
"""Group, element, VR and short length of an element."""

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


def is_dicom(head: Buffer) -> bool:
    """Whether octets start like a DICOM file, or like a bare data set.

    Older archives keep data sets without preamble and file meta information, and hand them out
    so. They are no files of PS3.10, but what they are is beyond doubt, and many servers take them.
    """
    return is_part10(head) or _bare_syntax(bytes(head[:12])) is not None


def is_instance(head: Buffer) -> bool:
    """Whether octets start like an instance, not like the directory of a medium (PS3.10 §8.6)."""
    return is_dicom(head) and peek(head).sop_class_uid != _MEDIA_STORAGE_DIRECTORY


def peek(head: Buffer, name: str = "") -> FileMeta:
    """Read the UIDs of a file's head; of a bare data set, those of the data set.

    Args:
        head: The start of the file; :data:`PEEK_OCTETS` are enough. Where it ends early, or
            group 0002 is broken, what stands before is returned.
        name: The file's name, for the error.

    Raises:
        Part10Error: It is not DICOM.
    """
    octets = bytes(head)
    if is_part10(octets):
        return read_file_meta(octets)[0]
    syntax = _bare_syntax(octets[:12])
    if syntax is None:
        raise Part10Error("not a DICOM file", name=name)
    own = _read_instance(octets, 0, syntax)
    return FileMeta(own.get(_SOP_CLASS_UID), own.get(_SOP_INSTANCE_UID), syntax)


def read_file_meta(octets: bytes) -> tuple[FileMeta, int]:
    """The UIDs of a file's head, and where its data set starts.

    Args:
        octets: As for :func:`peek`, of a DICOM file with a preamble.
    """
    found, end = _read_group_2(octets)
    meta = FileMeta(
        sop_class_uid=found.get(_MEDIA_STORAGE_SOP_CLASS_UID),
        sop_instance_uid=found.get(_MEDIA_STORAGE_SOP_INSTANCE_UID),
        transfer_syntax_uid=found.get(_TRANSFER_SYNTAX_UID),
    )
    return meta, end


def peek_instance_uid(head: Buffer) -> str | None:
    """The SOP Instance UID by which a server will know a file.

    That is the one of the data set, which servers go by where the file meta information says
    otherwise. Where it cannot be seen (deflated, beyond the head) the latter counts.

    Args:
        head: The start of a DICOM file or bare data set, as for :func:`peek`.
    """
    octets = bytes(head)
    if not is_part10(octets):
        return peek(octets).sop_instance_uid
    found, end = _read_group_2(octets)
    own = _read_instance(octets, end, found.get(_TRANSFER_SYNTAX_UID))
    return own.get(_SOP_INSTANCE_UID) or found.get(_MEDIA_STORAGE_SOP_INSTANCE_UID)


def _bare_syntax(start: bytes) -> str | None:
    """The transfer syntax of a bare data set, of its first 12 octets; ``None`` if it is none."""
    if len(start) < 12:
        return None
    if start[4:6] in _BARE_VRS and start[:2] == b"\x08\x00":
        return EXPLICIT_VR_LITTLE_ENDIAN
    if start[4:6] in _BARE_VRS and start[:2] == b"\x00\x08":
        return EXPLICIT_VR_BIG_ENDIAN
    length = int.from_bytes(start[4:8], "little")
    if start[:2] == b"\x08\x00" and length <= _BARE_LENGTH and length % 2 == 0:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return None


def _read_instance(octets: bytes, position: int, syntax: str | None) -> dict[int, str]:
    """SOP Class and SOP Instance UID of a data set, where they can be seen and are UIDs."""
    found: dict[int, str] = {}
    if syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        return found
    explicit = syntax != IMPLICIT_VR_LITTLE_ENDIAN
    byte_order: _ByteOrder = "big" if syntax == EXPLICIT_VR_BIG_ENDIAN else "little"
    for tag, value, _ in _elements(octets, position, explicit=explicit, byte_order=byte_order):
        if tag in (_SOP_CLASS_UID, _SOP_INSTANCE_UID) and is_uid(_uid(value)):
            found[tag] = _uid(value)
        if tag >= _SOP_INSTANCE_UID:
            break
    return found


def _read_group_2(octets: bytes) -> tuple[dict[int, str], int]:
    """The UIDs of group 0002 that say what the file is, by tag, and where the group ends.

    The end is seen by the next group. The group's length is not used: it is often wrong.
    """
    found: dict[int, str] = {}
    position = _PREAMBLE + len(_PREFIX)
    for tag, value, end in _elements(octets, position, explicit=True):
        if tag >> 16 != 0x0002:
            break
        position = end
        if tag in _META_UIDS and (text := _uid(value)):
            found[tag] = text
    return found, position


def _elements(
    octets: bytes, position: int, *, explicit: bool, byte_order: _ByteOrder = "little"
) -> Iterator[tuple[int, bytes, int]]:
    """Tag, value field and end of each element that is there whole (PS3.5 §7.1)."""
    header = _HEADERS[byte_order]
    while position + header.size <= len(octets):
        group, element, vr, length = header.unpack_from(octets, position)
        start = position + header.size
        if not explicit:
            length = int.from_bytes(octets[position + 4 : start], byte_order)
        elif vr in _LONG_LENGTH_VRS:
            # Cut short within the length, the element ends behind the octets in any case.
            length = int.from_bytes(octets[start : start + 4], byte_order)
            start += 4
        position = start + length
        if position > len(octets):
            return
        yield group << 16 | element, octets[start:position], position


def _uid(value: bytes) -> str:
    """A value without padding."""
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def native_transfer_syntax(dataset: Dataset) -> str | None:
    """The transfer syntax that says no more than how pydicom read the elements of a data set."""
    return _TRANSFER_SYNTAXES.get(dataset.original_encoding)


def encode(dataset: Dataset) -> bytes:
    """Write a data set as a DICOM file.

    The file meta information is completed from the data set; that of the data set is not changed.
    Where text is beyond the Specific Character Set (0008,0005), the file is in ``ISO_IR 192``.
    Octets of an odd length are padded, as all values are (PS3.5 §7.1).

    Args:
        dataset: A data set with SOP Class UID and SOP Instance UID, whose transfer syntax is in
            ``file_meta``, or known from how it was read.

    Raises:
        Part10Error: The UIDs or the transfer syntax are missing, or a value cannot be written.
    """
    try:
        whole = copy.copy(with_even_lengths(with_fitting_character_set(dataset)))
    except Exception:  # noqa: BLE001
        raise _unwritable() from None
    whole.file_meta = copy.deepcopy(getattr(dataset, "file_meta", None) or FileMetaDataset())
    if "TransferSyntaxUID" not in whole.file_meta:
        syntax = native_transfer_syntax(dataset)
        if syntax is None:
            raise Part10Error(
                "the data set has no transfer syntax",
                hint="set dataset.file_meta.TransferSyntaxUID",
            )
        whole.file_meta.TransferSyntaxUID = UID(syntax)
    buffer = io.BytesIO()
    try:
        dcmwrite(buffer, whole, enforce_file_format=True)
    except Exception:  # noqa: BLE001
        raise _unwritable() from None
    return buffer.getvalue()


def _unwritable() -> Part10Error:
    # pydicom's own text may quote the value: it is neither shown nor chained.
    return Part10Error(
        "the data set cannot be written: a UID of the instance is missing, or a value is not one of"
        " its VR"
    )


def decode(octets: Buffer) -> Dataset:
    """Read a DICOM file, or a bare data set.

    Args:
        octets: The whole file. They are copied where they are not ``bytes``.

    Raises:
        Part10Error: It is not DICOM, or broken.
    """
    if not is_dicom(octets):
        raise Part10Error("not a DICOM file")
    try:
        return dcmread(io.BytesIO(octets), force=True)
    except Exception:  # noqa: BLE001
        raise Part10Error("the file cannot be read: an element in it is broken") from None
