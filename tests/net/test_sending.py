"""What is sent, in how many pieces, and what becomes of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import Deferred, FileSpan, Produced
from aiodicomweb.net import Deadlines, ServerTimeout
from aiodicomweb.net.sending import Sender
from aiodicomweb.wire import BLOCK, Arena, Limits
from aiodicomweb.wire.framing import ChunkedFraming

from ..support.http_server import open_files
from ..support.streams import receive, tcp_pair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Recorder:
    """A stream that remembers what was handed to it, call by call."""

    def __init__(self) -> None:
        self.calls: list[bytes | tuple[int, int]] = []
        self.descriptors: set[int] = set()

    async def send(self, segments: Sequence[bytes]) -> None:
        """Remember octets."""
        self.calls.append(b"".join(segments))

    def send_now(self, octets: bytes) -> int:
        """Leave it all to ``send``."""
        return 0

    def send_file_now(self, *_: object) -> int:
        """Nothing."""
        return 0

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        """Remember a piece of a file, and what goes before."""
        self.descriptors.add(descriptor)
        if head:
            self.calls.append(bytes(head))
        self.calls.append((offset, length))


def sender(stream: object) -> Sender:
    """A sender over this stream."""
    return Sender(stream, Deadlines(ServerTimeout(), ""))  # type: ignore[arg-type]


async def test_small_pieces_go_out_together(tmp_path: Path) -> None:
    """A head waits for what follows it, up to what is large or is a file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(BLOCK + 5))
    stream = Recorder()
    with sender(stream) as sending:
        sending.hold(b"head,")
        await sending.send([b"a", Deferred(1, lambda: b"b"), memoryview(b"c")])
        assert [] == stream.calls
        await sending.send([FileSpan(str(path), 3, BLOCK + 2), b"d", bytes(BLOCK), b"e"])
        await sending.flush()
        await sending.flush()

    assert [b"head,abc", (3, BLOCK + 2), b"d", bytes(BLOCK), b"e"] == stream.calls
    assert 8 + BLOCK + 2 + 1 + BLOCK + 1 == sending.sent


async def test_a_large_file_goes_in_blocks(tmp_path: Path) -> None:
    """Each has its time; a small rest goes with the last, and a large one alone."""
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * BLOCK))
    stream = Recorder()
    with sender(stream) as sending:
        await sending.send([FileSpan(str(path), 0, 2 * BLOCK + 5), b"-"])
        await sending.send([FileSpan(str(path), 0, BLOCK + BLOCK // 2)])

    small, large = [(0, BLOCK), (BLOCK, BLOCK + 5)], [b"-", (0, BLOCK), (BLOCK, BLOCK // 2)]
    assert [*small, *large] == stream.calls


class Hasty(Recorder):
    """Takes a piece of what it is offered, in turn, without waiting; 0 is nothing."""

    def __init__(self, takes: Sequence[int]) -> None:
        super().__init__()
        self.takes = list(takes)

    def send_file_now(self, *offered: Any) -> int:
        """Take some of it."""
        _, offset, length, head = offered
        count = min(self.takes.pop(0) if self.takes else 0, len(head) + length)
        if taken := bytes(head[:count]):
            self.calls.append(taken)
        if count > len(head):
            self.calls.append((offset, count - len(head)))
        return count


@given(takes=st.lists(st.integers(0, 20), max_size=12))
async def test_what_a_stream_takes_at_once(
    tmp_path_factory: pytest.TempPathFactory, takes: list[int]
) -> None:
    """However much of head and file that is, all octets go out once, in order, and are counted."""
    path = tmp_path_factory.getbasetemp() / "digits"
    path.write_bytes(b"0123456789")
    stream = Hasty(takes)
    with sender(stream) as sending:
        sending.hold(b"head,")
        await sending.send([FileSpan(str(path), 2, 7), b",", FileSpan(str(path), 0, 3), b"."])
        await sending.flush()

    sent = b"".join(
        call if isinstance(call, bytes) else path.read_bytes()[call[0] : sum(call)]
        for call in stream.calls
    )
    assert b"head,2345678,012." == sent
    assert len(sent) == sending.sent


async def test_one_file_is_opened_once(tmp_path: Path) -> None:
    """For pieces that follow each other, with heads between; and closed at the end."""
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(b"0123456789")
    before = open_files()
    stream = Recorder()
    with sender(stream) as sending:
        await sending.send(
            [piece for at in range(5) for piece in (b"-", FileSpan(str(one), at, 1))]
        )
        assert 1 == len(stream.descriptors)
        assert before + 1 == open_files()
        one.unlink()
        await sending.send([FileSpan(str(one), 9, 1), FileSpan(str(other), 0, 1)])
        assert before + 1 == open_files()
        with pytest.raises(FileNotFoundError):
            await sending.send([FileSpan(str(one), 9, 1)])

    assert before == open_files()


async def test_a_file_that_was_changed(tmp_path: Path) -> None:
    """What was looked at is sent, or nothing of it; who doesn't ask gets what there is."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    modified = path.stat().st_mtime_ns
    before = open_files()
    stream = Recorder()
    with sender(stream) as sending:
        await sending.send([FileSpan(str(path), 0, 5, modified)])
        await sending.send([FileSpan(str(path), 0, 5)])
        with pytest.raises(LocalProtocolError, match="a file was changed since"):
            await sending.send([FileSpan(str(path), 5, 5, modified + 1)])

    assert [(0, 5), (0, 5)] == stream.calls
    assert before == open_files()


@given(lengths=st.lists(st.integers(0, 40_000), max_size=8), data=st.data())
async def test_chunks(lengths: list[int], data: st.DataObject) -> None:
    """What is sent in chunks is the same octets to who reads chunks, and ends."""
    segments = [data.draw(st.sampled_from([0, 1, 255])).to_bytes() * length for length in lengths]
    stream = Recorder()
    with sender(stream) as sending:
        await sending.send_chunked(
            segment if at % 2 else Produced(lambda segment=segment: segment)  # type: ignore[misc]
            for at, segment in enumerate(segments)
        )
        await sending.flush()

    arena, framing = Arena(), ChunkedFraming(Limits(), strict=True)
    for call in stream.calls:
        assert isinstance(call, bytes)
        arena.write(call)
    framing.advance(arena)
    assert framing.complete
    assert 0 == arena.undecoded
    assert b"".join(segments) == arena.octets(0, arena.available)


async def test_a_promise_that_is_not_kept() -> None:
    """Octets of another length than told are not sent; without a promise any will do."""
    stream = Recorder()
    with sender(stream) as sending:
        await sending.send([Produced(lambda: b"any")])
        with pytest.raises(LocalProtocolError, match="6 octets now and had 5"):
            await sending.send([Deferred(5, lambda: b"123456")])
        sending.drop()
        await sending.flush()
    assert [] == stream.calls


async def test_a_file_over_a_socket(tmp_path: Path) -> None:
    """Pieces of files arrive between octets."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    async with tcp_pair() as (one, other):
        with sender(one) as sending:
            await sending.send([b"<", FileSpan(str(path), 2, 3), b">"])
            await sending.flush()
        assert b"<234>" == await receive(other, 5)
