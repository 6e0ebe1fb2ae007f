"""The memory that the socket reads into, against plain bytes as its model."""

from __future__ import annotations

import mmap
from array import array
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aiodicomweb.wire import BLOCK, Arena
from aiodicomweb.wire import arena as module

SHARE = st.floats(0, 1)
NEEDLES = st.sampled_from([b"\r\n", b"\r\n--b", b"b", b"\n\r\n-"])
OCTETS = st.text("\r\n-b", max_size=60).map(str.encode)


class ArenaMachine(RuleBasedStateMachine):
    """Every operation does to the arena what its words say of two byte strings."""

    @initialize(capacity=st.integers(0, 40))
    def begin(self, capacity: int) -> None:
        self.arena = Arena(capacity)
        self.ready = b""
        self.undecoded = b""
        self.position = 0
        self.detached: list[tuple[memoryview, bytes]] = []

    @rule(octets=OCTETS)
    def write(self, octets: bytes) -> None:
        self.arena.write(octets)
        self.undecoded += octets

    @rule(octets=OCTETS, want=st.integers(1, 100))
    def read_socket(self, octets: bytes, want: int) -> None:
        room = self.arena.writable(want)
        assert want / 2 <= len(room) <= want
        octets = octets[: len(room)]
        room[: len(octets)] = octets
        self.arena.commit(len(octets))
        self.undecoded += octets

    @rule(share=SHARE)
    def deliver(self, share: float) -> None:
        count = round(share * len(self.undecoded))
        self.arena.deliver(count)
        self.ready += self.undecoded[:count]
        self.undecoded = self.undecoded[count:]

    @rule(share=SHARE)
    def skip(self, share: float) -> None:
        count = round(share * len(self.undecoded))
        self.arena.skip(count)
        self.undecoded = self.undecoded[count:]

    @rule(share=SHARE)
    def consume(self, share: float) -> None:
        count = round(share * len(self.ready))
        self.arena.consume(count)
        self.position += count
        self.ready = self.ready[count:]

    @rule(share=SHARE, small=st.integers(0, 30))
    def detach(self, share: float, small: int) -> None:
        count = round(share * len(self.ready))
        with mock.patch.object(module, "SMALL_PART", small):
            part = self.arena.detach(count)
        self.detached.append((part, self.ready[:count]))
        self.position += count
        self.ready = self.ready[count:]

    @rule(needle=NEEDLES, share=SHARE)
    def find(self, needle: bytes, share: float) -> None:
        offset = round(share * len(self.ready))
        assert self.ready.find(needle, offset) == self.arena.find(needle, offset)
        assert self.ready.startswith(needle, offset) == self.arena.startswith(needle, offset)

    @rule(needle=NEEDLES, share=SHARE)
    def find_undecoded(self, needle: bytes, share: float) -> None:
        offset = round(share * len(self.undecoded))
        assert self.undecoded.find(needle, offset) == self.arena.find_undecoded(needle, offset)

    @rule(begin=st.integers(0, 100), end=st.integers(0, 100))
    def octets(self, begin: int, end: int) -> None:
        assert self.ready[begin:end] == self.arena.octets(begin, end)

    @precondition(lambda self: self.ready)
    @rule(share=SHARE)
    def view(self, share: float) -> None:
        count = round(share * len(self.ready))
        with self.arena.view(count) as view:
            assert self.ready[:count] == view
            assert view.readonly

    @invariant()
    def same(self) -> None:
        assert len(self.ready) == self.arena.available
        assert len(self.undecoded) == self.arena.undecoded
        assert self.ready == self.arena.octets(0, len(self.ready))
        assert self.undecoded == self.arena.undecoded_view()
        assert self.position == self.arena.position

    @invariant()
    def detached_memory_is_untouched(self) -> None:
        for part, octets in self.detached:
            assert octets == part
            assert part.readonly


TestArena = ArenaMachine.TestCase
TestArena.settings = settings(max_examples=60, stateful_step_count=30)


def delivered(octets: bytes) -> Arena:
    """An arena with deliverable octets."""
    arena = Arena()
    arena.write(octets)
    arena.deliver(len(octets))
    return arena


def test_detach_gives_the_buffer_away() -> None:
    """A large part is not copied; what is behind it moves to a new buffer."""
    arena = delivered(bytes(module.SMALL_PART) + b"behind")
    with arena.view(1) as view:
        buffer = view.obj

    part = arena.detach(module.SMALL_PART)

    assert buffer is part.obj
    assert b"behind" == arena.octets(0, 10)


def test_detach_copies_a_small_part() -> None:
    """A small part does not keep the arena's memory alive."""
    part = delivered(b"part and more").detach(4)

    assert b"part" == part.obj


def test_detach_copies_where_more_is_behind() -> None:
    """Where more is behind a part than in it, the part is what is copied: that is less."""
    arena = delivered(bytes(4 * module.SMALL_PART))
    capacity = arena.capacity

    part = arena.detach(module.SMALL_PART)

    assert module.SMALL_PART == len(part)
    assert isinstance(part.obj, bytes)
    assert capacity == arena.capacity


def test_released_view() -> None:
    """What was handed out and released can't be read any more."""
    view = delivered(b"abc").view(2)
    view.release()

    with pytest.raises(ValueError, match="released"):
        bytes(view)


def test_write_takes_any_buffer() -> None:
    """Octets are written from bytes, bytearrays and views of other items (HTP-01)."""
    arena = Arena(1)
    for octets in (b"a", bytearray(b"b"), memoryview(b"cd"), memoryview(b"efgh").cast("I")):
        arena.write(octets)

    assert b"abcdefgh" == arena.undecoded_view()


class CountingArena(Arena):
    """Counts the octets that change their place."""

    __slots__ = ("moved",)

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def _move_to(self, buffer: bytearray) -> None:
        self.moved += self._live()
        super()._move_to(buffer)


@settings(max_examples=30)
@given(
    reads=st.lists(st.integers(1, 100_000), min_size=200, max_size=300),
    want=st.sampled_from([1, 1000, BLOCK]),
    overhead=st.integers(0, 200),
)
def test_moves_are_linear(reads: list[int], want: int, overhead: int) -> None:
    """However the octets come, with chunk sizes between or not, each moves a few times at most."""
    arena = CountingArena()
    written = 0
    for size in reads:
        room = arena.writable(want)
        count = min(size, len(room))
        arena.commit(count)
        written += count
        arena.skip(min(overhead, arena.undecoded))
        arena.deliver(max(0, arena.undecoded - 3))

    assert arena.moved <= 4 * written + 8 * len(reads)


def test_room_that_is_enough() -> None:
    """Half of the room that is wanted will do, and nothing moves; with less, it does."""
    arena = CountingArena()
    arena.write(bytes(40_000))
    free = arena.capacity - 40_000

    assert free == len(arena.writable(2 * free))
    assert 0 == arena.moved
    assert 2 * free + 1 == len(arena.writable(2 * free + 1))
    assert 40_000 == arena.moved


def test_empty_arena_starts_over() -> None:
    """Once all was taken, the next read lands at the front: nothing is moved to get there."""
    arena = CountingArena()
    for _ in range(10):
        arena.write(bytes(60_000))
        arena.deliver(60_000)
        arena.consume(60_000)

    assert 0 == arena.moved
    assert Arena().capacity == arena.capacity


@pytest.mark.parametrize("size", [1, 1000, 3 * module.SMALL_PART])
def test_memory_of_the_callers_choice(size: int) -> None:
    """A part of any size lands at the start of what the allocator gives, and nowhere else."""
    octets = bytes(range(251)) * (size // 251 + 1)
    arena = delivered(octets[:size] + b"behind")
    memory = bytearray(b"." * (size + 1))

    part = arena.detach(size, lambda asked: memory if asked == size else bytearray())

    assert memory is part.obj
    assert (True, size, octets[:size] + b".") == (part.readonly, len(part), memory)
    assert (b"behind", size) == (arena.octets(0, 10), arena.position)


def test_memory_that_is_mapped() -> None:
    """Parts land one behind the other in a map of memory, which other processes may share."""
    arena = delivered(b"onetwo")
    with mmap.mmap(-1, 6) as memory:
        whole = memoryview(memory)
        places = [whole[:3], whole[3:]]
        parts = [arena.detach(3, lambda _: places.pop(0)) for _ in range(2)]

        assert ([b"one", b"two"], b"onetwo") == ([bytes(part) for part in parts], memory[:])
        for view in (*parts, whole):
            view.release()
        del parts


def test_memory_of_other_items() -> None:
    """Octets land in an array of other items too."""
    part = delivered(b"octets..").detach(6, lambda _: array("I", [0, 0]))

    assert b"octets" == part


def test_no_memory_for_nothing() -> None:
    """A part without octets needs none."""
    assert b"" == delivered(b"x").detach(0, lambda _: pytest.fail("asked for"))


@pytest.mark.parametrize(
    "memory", [bytearray(2), b"123", memoryview(bytearray(6))[::2]], ids=["small", "fixed", "gaps"]
)
def test_memory_that_will_not_do(memory: bytearray | memoryview) -> None:
    """Memory too small, read-only or with gaps is refused, and the part stays where it is."""
    arena = delivered(b"abc")

    with pytest.raises(ValueError, match="of 3 octets"):
        arena.detach(3, lambda _: memory)
    assert b"abc" == arena.octets(0, 3)


def test_a_large_buffer_is_not_kept() -> None:
    """Where parts are copied out the arena keeps its buffer, unless that is very large."""
    for size, kept in ((module.SMALL_PART, True), (module.MOST_KEPT + 1, False)):
        arena = delivered(bytes(size))
        capacity = arena.capacity
        arena.detach(size, bytearray)

        assert kept is (capacity == arena.capacity)


# --- memory that comes back ----------------------------------------------------------------------


def filled(arena: Arena, size: int) -> memoryview:
    """A part of this size, taken away."""
    arena.writable(size)
    arena.write(bytes(size))
    arena.deliver(arena.undecoded)
    return arena.detach(size)


def memory_of(view: memoryview) -> int:
    """Which buffer a view is of."""
    return id(view.obj)


def test_a_buffer_that_nobody_looks_at_is_used_again() -> None:
    """Who takes one part after the other goes through as many buffers as are in use at a time."""
    arena, seen, latest = Arena(), set(), None
    for _ in range(10):
        latest = filled(arena, 300_000)
        seen.add(memory_of(latest))

    assert len(seen) <= 4


def test_a_buffer_that_somebody_looks_at_is_left_alone() -> None:
    """Parts that are kept, or pieces of them, are never written to again."""
    arena = Arena()
    kept = [filled(arena, 300_000)[-5:] for _ in range(10)]
    arena.write(b"x" * 900_000)

    assert 10 == len({memory_of(view) for view in kept})
    assert {bytes(5)} == {bytes(view) for view in kept}


def test_a_buffer_that_is_forgotten_is_not_used_again() -> None:
    """An idle connection holds none of them."""
    arena = Arena()
    filled(arena, 300_000)
    assert 1 == len(arena._given)
    arena.forget()

    assert () == arena._given


def test_a_small_part_leaves_a_large_buffer() -> None:
    """Who keeps a part keeps at most twice its size."""
    arena = Arena()
    filled(arena, 3_000_000)
    for _ in range(3):
        part = filled(arena, 200_000)

        assert len(part.obj) <= 2 * 200_000
