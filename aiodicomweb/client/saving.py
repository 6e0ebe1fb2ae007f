"""Parts that become files while they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread

if TYPE_CHECKING:
    from pathlib import Path

    from .draft import Draft
    from .part_stream import PartStream

__all__ = ["Saving"]

_BLOCK = 1024 * 1024
"""Octets that a thread writes in its turn, which costs as much as to write an eighth of them."""

_WRITE = 256 * 1024
"""Octets of one write. Linux looks for memory in one piece for larger ones, which can take long."""


class Saving:
    """Writes the current part of a retrieval to a file, block by block, each in a thread.

    Args:
        draft: The file; not open yet. Who made it discards it if this fails.
        stream: Where the part arrives.
        start: Octets of it that were read already.
    """

    __slots__ = ("_block", "_draft", "_filled", "_open", "_stream")

    def __init__(self, draft: Draft, stream: PartStream, start: bytearray) -> None:
        self._draft = draft
        self._stream = stream
        self._block = memoryview(bytearray(max(_BLOCK, len(start))))
        self._block[: len(start)] = start
        self._filled = len(start)
        self._open = False

    async def run(self) -> Path:
        """Write all of it; the file's path.

        Raises:
            DicomWebError: As from :meth:`PartStream.read_chunk`.
            OSError: The file can't be written.
        """
        while (chunk := await self._stream.read_chunk(self._rewind)) is not None:
            while chunk:
                count = min(len(chunk), len(self._block) - self._filled)
                self._block[self._filled : self._filled + count] = chunk[:count]
                self._filled += count
                chunk = chunk[count:]
                if self._filled == len(self._block):
                    await anyio.to_thread.run_sync(self._write)
                    self._filled = 0
        return await anyio.to_thread.run_sync(self._finish)

    async def _rewind(self) -> None:
        """The part begins anew."""
        self._filled = 0
        if self._open:
            await anyio.to_thread.run_sync(self._draft.rewind)

    def _write(self) -> None:
        if not self._open:
            self._draft.open()
            self._open = True
        for begin in range(0, self._filled, _WRITE):
            self._draft.write(self._block[begin : min(begin + _WRITE, self._filled)])

    def _finish(self) -> Path:
        self._write()
        return self._draft.publish()
