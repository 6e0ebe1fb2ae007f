"""Files that appear whole or not at all."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Draft"]


class Draft:
    """A file that is written beside its place, and moved there once it is whole. Blocks.

    A context manager: what is written in a block that ends well is published, else discarded.

    Args:
        path: The file's place; what is there stays until the new file is whole. Its directory
            must exist.
    """

    __slots__ = ("_draft", "_file", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        self._file = self._draft.open("xb")

    def write(self, octets: bytes | bytearray | memoryview) -> int:
        """Append octets; their number comes back."""
        return self._file.write(octets)

    def publish(self) -> None:
        """Close the file and move it to its place."""
        self._file.close()
        self._draft.replace(self._path)

    def discard(self) -> None:
        """Close the file and delete it; short enough to be done while a task is cancelled."""
        self._file.close()
        self._draft.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """The draft, to be written to."""
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
