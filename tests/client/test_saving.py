"""Parts that are written while they arrive: the right octets, in few turns of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.client.draft import Draft
from aiodicomweb.client.saving import Saving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

WRITE = 256 * 1024


class Arriving:
    """A part in pieces, all in the same memory; ``None`` says that it begins anew."""

    def __init__(self, pieces: Sequence[bytes | None]) -> None:
        self.pieces = list(pieces)
        self._memory = bytearray(max((len(piece) for piece in pieces if piece), default=0))

    async def read_chunk(self, rewind: Callable[[], Awaitable[None]]) -> memoryview | None:
        """The next piece; the last one is overwritten."""
        await anyio.lowlevel.checkpoint()
        self._memory[:] = b"!" * len(self._memory)
        while self.pieces:
            piece = self.pieces.pop(0)
            if piece is not None:
                self._memory[: len(piece)] = piece
                return memoryview(self._memory)[: len(piece)].toreadonly()
            await rewind()
        return None


class Watched(Draft):
    """A draft that notes what was written at once, until a disk is full."""

    __slots__ = ("lengths", "room")

    def __init__(self, path: Path, room: int = 1 << 40) -> None:
        super().__init__(path)
        self.lengths: list[int] = []
        self.room = room

    def write(self, octets: bytes | bytearray | memoryview) -> int:
        """Write, and note how much."""
        self.room -= len(octets)
        if self.room < 0:
            raise OSError("full")
        self.lengths.append(len(octets))
        return super().write(octets)


def listed(folder: Path) -> list[str]:
    """What is in a folder."""
    return [path.name for path in folder.iterdir()]


def saving(draft: Draft, pieces: Sequence[bytes | None], start: bytes = b"") -> Saving:
    """Of a part in these pieces."""
    return Saving(draft, Arriving(pieces), bytearray(start))  # type: ignore[arg-type]


async def test_large_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of any length are gathered to 1 MiB for a thread; a small part needs one turn."""
    turns = 0
    run = anyio.to_thread.run_sync

    async def count(work: Callable[[], object]) -> object:
        nonlocal turns
        turns += 1
        return await run(work)

    monkeypatch.setattr("anyio.to_thread.run_sync", count)
    pieces = [bytes([number]) * 200_000 for number in range(20)]
    draft = Watched(tmp_path / "large")
    path = await saving(draft, pieces, b"start").run()
    assert 4 == turns
    small = Watched(tmp_path / "small")
    await saving(small, pieces[:2]).run()
    assert 5 == turns

    assert b"start" + b"".join(pieces) == path.read_bytes()
    assert [*[WRITE] * 15, 4_000_005 - 15 * WRITE] == draft.lengths
    assert [WRITE, 400_000 - WRITE] == small.lengths


@given(
    start=st.binary(max_size=40),
    pieces=st.lists(st.none() | st.binary(min_size=1, max_size=40), max_size=12),
)
async def test_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, pieces: list[bytes | None]
) -> None:
    """The file is what came since the last beginning, whatever the blocks are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiodicomweb.client.saving._BLOCK", 16)
        draft = Draft(tmp_path_factory.getbasetemp() / "file")
        path = await saving(draft, pieces, start).run()

    begin = max((at + 1 for at, piece in enumerate(pieces) if piece is None), default=0)
    expected = b"".join(piece for piece in pieces[begin:] if piece is not None)
    assert (expected if begin else start + expected) == path.read_bytes()


async def test_a_disk_that_fails(tmp_path: Path) -> None:
    """Its error comes as it is, and no more of the part is taken."""
    draft = Watched(tmp_path / "file", room=3 * WRITE)
    arriving = Arriving([bytes(4 * WRITE)] * 9)
    with pytest.raises(OSError, match="full"):
        await Saving(draft, arriving, bytearray()).run()  # type: ignore[arg-type]

    draft.discard()
    assert 8 == len(arriving.pieces)
    assert [] == listed(tmp_path)
