"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

__all__ = ["Draft"]


class Draft:
    """A file that is written beside its place, and moved there once it is whole. Blocks.

    A context manager: what is written in a block that ends well is published, else discarded.
    :meth:`discard` may be called while another thread is in any of the other methods, and holds
    for those that are called afterwards too: a task that asyncio cancels does not wait for its
    thread.

    Args:
        path: The file's place; what is there stays until the new file is whole. Its directory
            must exist.
    """

    __slots__ = ("_discarded", "_draft", "_file", "_lock", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._discarded = False

    def open(self) -> None:
        """Create the draft, unless it was discarded already."""
        with self._lock:
            if not self._discarded:
                self._file = self._draft.open("xb")

    def write(self, octets: bytes | bytearray | memoryview) -> int:
        """Append octets; their number comes back."""
        with self._lock:
            return self._opened().write(octets)

    def rewind(self) -> None:
        """Forget all that was written."""
        with self._lock:
            file = self._opened()
            file.seek(0)
            file.truncate()

    def publish(self) -> Path:
        """Close the file and move it to its place, which comes back."""
        with self._lock:
            self._opened().close()
            self._draft.replace(self._path)
        return self._path

    def discard(self) -> None:
        """Close the file and delete it; short enough to be done while a task is cancelled."""
        with self._lock:
            self._discarded = True
            if self._file is None:
                return
            with contextlib.suppress(OSError):  # a full disk doesn't take what is buffered
                self._file.close()
            self._draft.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the draft is not open")
        return self._file

    def __enter__(self) -> Self:
        """The draft, to be written to."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Publish, or discard if the block failed."""
        try:
            if kind is None:
                self.publish()
        finally:
            self.discard()
