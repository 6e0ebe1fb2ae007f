"""Pixel data in frames: what a file encapsulates is sent bare (PS3.18 §8.7.3.3.2, PS3.5 §A.4).

Items, their delimiters and offset tables stay in the file; on the web a frame is one compressed
stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from ..errors import Part10Error
from .part10 import native_transfer_syntax
from .uids import is_encapsulated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

__all__ = ["join_frames", "set_transfer_syntax", "split_frames", "transfer_syntax_of"]

_PIXEL_DATA = 0x7FE00010


def transfer_syntax_of(dataset: Dataset) -> str | None:
    """The transfer syntax of a data set, where its file meta or its reading tell."""
    meta = getattr(dataset, "file_meta", None)
    told = meta.get("TransferSyntaxUID") if meta is not None else None
    return str(told) if told else native_transfer_syntax(dataset)


def set_transfer_syntax(dataset: Dataset, transfer_syntax: str) -> None:
    """Say in a data set's file meta how its pixel data are, so that it can be written to a file."""
    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    if _PIXEL_DATA in dataset:
        dataset[_PIXEL_DATA].is_undefined_length = is_encapsulated(transfer_syntax)


def split_frames(value: bytes, number_of_frames: int = 1) -> list[bytes]:
    """The frames of encapsulated pixel data, each in one piece.

    Args:
        value: The value of Pixel Data (7FE0,0010).
        number_of_frames: As the data set says. A video is one frame to this function: its frames
            are not separate.

    Raises:
        Part10Error: The value is not encapsulated, or its frames cannot be told apart.
    """
    try:
        return list(generate_frames(value, number_of_frames=number_of_frames))
    except Exception:  # noqa: BLE001
        # pydicom raises what its struct and its checks raise, for octets that nobody checked.
        raise Part10Error("the frames of the pixel data cannot be told apart") from None


def join_frames(frames: Sequence[bytes]) -> bytes:
    """Encapsulate frames: one fragment each, behind a Basic Offset Table.

    A frame of odd length is padded with NUL. The table is left empty where there is one frame,
    and where its numbers of 32 bits don't reach.

    Raises:
        Part10Error: A frame is empty.
    """
    if not all(frames):
        raise Part10Error("a frame has no octets")
    reach = sum(len(frame) + 9 for frame in frames) < 1 << 32
    return encapsulate(list(frames), has_bot=reach and len(frames) > 1)
