"""The octets of a holding: opened for reading, and in pieces that are sent without being read."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from ...dicom.layout import Span, read_layout, read_span
from ...http import Deferred, FileSpan

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...dicom.layout import Layout
    from ...http import Segment
    from ..archive import Holding

__all__ = ["Content", "Stored", "open_content", "piece_of"]

Content: TypeAlias = FileSpan | bytes | Deferred
"""What a holding's octets are, or where."""


@contextmanager
def open_content(content: Content) -> Generator[BinaryIO]:
    """Open a holding's octets as a file of their own. Blocks.

    Raises:
        OSError: The file is not there any more, or cannot be read.
    """
    if isinstance(content, FileSpan):
        with Path(content.path).open("rb", buffering=0) as raw:
            is_whole = (0, raw.seek(0, io.SEEK_END)) == (content.offset, content.length)
            raw.seek(0)
            window = raw if is_whole else _Window(raw, content.offset, content.length)
            yield io.BufferedReader(window)
    else:
        yield io.BytesIO(content if isinstance(content, bytes) else content.produce())


def piece_of(content: Content, span: Span) -> Segment:
    """A piece of a holding's octets, not read."""
    offset, length = span
    if isinstance(content, FileSpan):
        return FileSpan(content.path, content.offset + offset, length)
    if isinstance(content, bytes):
        return memoryview(content)[offset : offset + length]
    produce = content.produce
    return Deferred(length, lambda: produce()[offset : offset + length])


class _Window(io.RawIOBase):
    """A piece of a file, as if it were one itself."""

    def __init__(self, raw: io.FileIO, offset: int, length: int) -> None:
        self._raw = raw
        self._offset = offset
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}
        self._position = starts[whence] + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        left = max(0, self._length - self._position)
        self._raw.seek(self._offset + self._position)
        read = self._raw.readinto(view[:left])
        self._position += read
        return read


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance of an archive, and where everything is in it.

    Attributes:
        holding: The instance.
        layout: Where its elements are.
        is_alone: Whether no others are answered with beside it. Then pieces of what had to be
            inflated are held; else they are inflated again when their turn comes.
    """

    holding: Holding
    layout: Layout
    is_alone: bool = True

    @classmethod
    def read(cls, holding: Holding, *, is_alone: bool = True) -> Stored:
        """Look where everything is. Blocks.

        Raises:
            Part10Error: It is not DICOM.
            OSError: It cannot be read.
        """
        with open_content(holding.content) as file:
            return cls(holding, read_layout(file), is_alone)

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """The file that the layout's places are in. Blocks.

        Raises:
            OSError: It cannot be read.
        """
        if self.layout.inflated is not None:
            yield io.BytesIO(self.layout.inflated)
        else:
            with open_content(self.holding.content) as file:
                yield file

    def segment(self, span: Span) -> Segment:
        """A piece, not read where it can be sent from the file."""
        if self.layout.inflated is None:
            return piece_of(self.holding.content, span)
        if self.is_alone:
            return memoryview(self.layout.inflated)[span.offset : span.offset + span.length]
        holding = self.holding
        return Deferred(span.length, lambda: Stored.read(holding).octets(span))

    def octets(self, *spans: Span) -> bytes:
        """Pieces, read and joined. Blocks.

        Raises:
            Part10Error: The file has become shorter.
            OSError: It cannot be read.
        """
        with self.open() as file:
            return b"".join(read_span(file, span) for span in spans)
