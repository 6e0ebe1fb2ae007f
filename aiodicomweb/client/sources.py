"""What users want stored, as segments of a request's body: files, octets and data sets.

Files are looked at but not read: their octets go from the disk to the socket when their turn
comes. Everything is checked before anything is sent.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydicom import Dataset

from ..dicom.part10 import PEEK_OCTETS, encode, is_dicom, is_instance, peek_instance_uid
from ..errors import ConfigurationError, Part10Error
from ..http import Deferred, FileSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..http import Segment

__all__ = ["Source", "StoreItem", "prepare"]

StoreItem = str | os.PathLike[str] | bytes | bytearray | memoryview | Dataset
"""A file or directory by its path, a DICOM file's octets, or a data set."""


@dataclass(frozen=True, slots=True)
class Source:
    """An instance to be sent.

    Attributes:
        segment: Its octets, or a promise of them.
        sop_instance_uid: Its UID as far as its head tells.
    """

    segment: Segment
    sop_instance_uid: str | None


def prepare(items: StoreItem | Iterable[StoreItem]) -> tuple[list[Source], list[str]]:
    """Look at everything that is to be stored. Blocking: runs in a thread.

    Returns:
        The instances in order, and the files of directories that are none.

    Raises:
        Part10Error: A file or octets are not DICOM; ``name`` tells which.
        ConfigurationError: There is nothing to store, or something that can't be.
        OSError: A file can't be read.
    """
    sources: list[Source] = []
    skipped: list[str] = []
    for item in _each(items):
        match item:
            case Dataset():
                sources.append(_from_dataset(item))
            case bytes() | bytearray() | memoryview():
                sources.append(_from_octets(item, f"item {len(sources) + 1}"))
            case str() | os.PathLike():
                _from_path(Path(item), sources, skipped)
            case _:
                raise ConfigurationError(f"a {type(item).__name__} can't be stored")
    if not sources:
        raise ConfigurationError("there is nothing to store")
    return sources, skipped


def _each(items: StoreItem | Iterable[StoreItem]) -> Iterable[StoreItem]:
    """The items; one that stands alone is taken for a list of one."""
    single = isinstance(items, str | os.PathLike | bytes | bytearray | memoryview | Dataset)
    return cast("Iterable[StoreItem]", [items] if single else items)


def _from_path(path: Path, sources: list[Source], skipped: list[str]) -> None:
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        _from_directory(path, sources, skipped)
    elif not stat.S_ISREG(kind):
        raise Part10Error("not a regular file", name=str(path))  # to open a pipe may take for ever
    else:
        sources.append(_from_file(path))


def _from_dataset(dataset: Dataset) -> Source:
    """Written once to learn the length, and again when its turn comes: never two in memory."""
    length = len(encode(dataset))
    uid = dataset.get("SOPInstanceUID") or dataset.file_meta.get("MediaStorageSOPInstanceUID")
    return Source(Deferred(length, lambda: encode(dataset)), str(uid))


def _from_octets(octets: bytes | bytearray | memoryview, name: str) -> Source:
    if isinstance(octets, memoryview) and not octets.c_contiguous:
        octets = bytes(octets)  # every other octet of something, say, can't be sent in place
    return Source(octets, _instance_uid(octets[:PEEK_OCTETS], name))


def _from_file(path: Path) -> Source:
    name = str(path)
    with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - of many files, each step counts
        uid = _instance_uid(file.read(PEEK_OCTETS), name)
        status = os.fstat(file.fileno())
    return Source(FileSpan(name, 0, status.st_size, status.st_mtime_ns), uid)


def _from_directory(directory: Path, sources: list[Source], skipped: list[str]) -> None:
    """DICOM instances of a directory and those below it; a medium holds other files too."""
    for path in _walk(directory):
        with path.open("rb") as file:
            head = file.read(PEEK_OCTETS)
        if is_instance(head):
            sources.append(_from_file(path))
        else:
            skipped.append(str(path))


def _walk(directory: Path) -> Iterator[Path]:
    """Regular files, in the order of their names, without following links to directories.

    A directory that can't be listed is an error: its instances would be missing, unnoticed.
    """
    for base, folders, files in os.walk(directory, onerror=_fail):
        folders.sort()
        for name in sorted(files):
            path = Path(base, name)
            if path.is_file():
                yield path


def _fail(error: OSError) -> None:
    raise error


def _instance_uid(head: bytes | bytearray | memoryview, name: str) -> str | None:
    if not is_dicom(head):
        raise Part10Error("not a DICOM file", name=name)
    return peek_instance_uid(head)
