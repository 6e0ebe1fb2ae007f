"""Instances that are to be stored: files and data sets, and the transfer syntax they are in."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..dicom.frames import set_transfer_syntax, transfer_syntax_of
from ..dicom.part10 import PEEK_OCTETS, decode, encode, is_dicom, peek
from ..dicom.uids import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    check_uid,
    is_encapsulated,
    is_uid,
)
from ..errors import ConfigurationError
from ..http import Deferred, FileSpan, Segment, body_octets
from .representation import Representation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydicom import Dataset

    from ..http import MediaType

__all__ = ["as_dataset", "common_transfer_syntax", "prepare_instances"]


def as_dataset(item: Segment | Dataset) -> Dataset:
    """An instance as a data set.

    Raises:
        Part10Error: A file is not DICOM.
        LocalProtocolError: It is in a file that would have to be read first.
    """
    return decode(body_octets((item,))) if isinstance(item, Segment) else item


def prepare_instances(
    datasets: Iterable[Segment | Dataset],
    representation: Representation,
    transfer_syntax: str | None,
) -> Iterator[Segment | Dataset]:
    """Instances as they are sent: files in the representation DICOM, else data sets.

    Args:
        datasets: Data sets or files.
        representation: How they are sent.
        transfer_syntax: What all of them are in, and what a data set that doesn't tell its own is
            encoded in; ``None`` for whatever each is in.

    Raises:
        ConfigurationError: It is no UID, or an instance is in another.
        Part10Error: A data set cannot be made a file of, or the reverse.
    """
    if transfer_syntax is not None:
        _check(transfer_syntax, representation)
    for item in datasets:
        instance = item if representation is Representation.DICOM else as_dataset(item)
        if transfer_syntax is not None:
            instance = _in_syntax(instance, transfer_syntax, representation)
        if representation is Representation.DICOM and not isinstance(instance, Segment):
            instance = encode(instance)
        yield instance


def common_transfer_syntax(
    media_types: Iterable[MediaType], instances: Sequence[Segment | Dataset]
) -> str | None:
    """The transfer syntax that all media types tell, and that no instance contradicts.

    Args:
        media_types: Those of the parts that are instances.
        instances: What was in them.
    """
    told = {media_type.transfer_syntax for media_type in media_types}
    syntax = told.pop() if len(told) == 1 else None
    if syntax is None or not is_uid(syntax):
        return None
    own = map(_transfer_syntax, instances)
    return syntax if all(each in (None, syntax) for each in own) else None


def _transfer_syntax(item: Segment | Dataset) -> str | None:
    """The transfer syntax that an instance tells of itself, as far as can be seen."""
    if isinstance(item, FileSpan | Deferred):
        return None
    if not isinstance(item, Segment):
        return transfer_syntax_of(item)
    head = item[:PEEK_OCTETS]
    return peek(head).transfer_syntax_uid if is_dicom(head) else None


def _check(transfer_syntax: str, representation: Representation) -> None:
    """Check that instances can be said to be in a transfer syntax."""
    check_uid(transfer_syntax, "transfer_syntax")
    is_bare = representation is not Representation.DICOM and not is_encapsulated(transfer_syntax)
    if is_bare and transfer_syntax != EXPLICIT_VR_LITTLE_ENDIAN:
        raise ConfigurationError(
            "what is not compressed is in Explicit VR Little Endian in JSON and XML"
        )


def _in_syntax(
    item: Segment | Dataset, transfer_syntax: str, representation: Representation
) -> Segment | Dataset:
    """The same instance; of a data set a copy, whose file meta information says its syntax."""
    own = _transfer_syntax(item)
    if own == transfer_syntax or (own is None and isinstance(item, Segment)):
        return item
    if isinstance(item, Segment) or not _can_become(own, transfer_syntax, representation):
        raise ConfigurationError(
            "an instance is in another transfer syntax than is said",
            hint="nothing is transcoded; leave out transfer_syntax",
        )
    whole = copy.copy(item)
    if getattr(item, "file_meta", None) is not None:
        whole.file_meta = copy.deepcopy(item.file_meta)  # a shallow copy shares its elements
    set_transfer_syntax(whole, transfer_syntax)
    return whole


def _can_become(own: str | None, said: str, representation: Representation) -> bool:
    """Whether nothing of a data set changes: JSON and XML know no VRs that are implicit."""
    if own is None:
        return True
    is_little = not is_encapsulated(own) and own != EXPLICIT_VR_BIG_ENDIAN
    is_written = representation is not Representation.DICOM
    return is_written and is_little and said == EXPLICIT_VR_LITTLE_ENDIAN
