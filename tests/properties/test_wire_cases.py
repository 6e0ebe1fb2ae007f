"""The wire cases that concern reading multipart: what real servers send, by number.

Each is a whole response, framed in each way, and its outcome is the same however it is cut.
"""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodicomweb.http import Headers
from aiodicomweb.wire import BLOCK, Arena, OutgoingPart, render_multipart

from ..wire.driver import (
    MODES,
    Framing,
    Mode,
    Part,
    every_octet,
    framed,
    read_parts,
)
from .wire_cases import CASES, Case, part

DAMAGE = st.sampled_from(
    [
        b"",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"--b",
        b"--",
        b"\r\n--b\r\n",
        b"--b--",
        b"1",
        b"\r\n\r\n",
        b":",
    ]
) | st.binary(max_size=5)

RUNS = [(case, framing) for case in CASES for framing in case.only]


def name_of(value: object) -> str:
    """Name of a parameter of a test."""
    return value.name if isinstance(value, Case | Framing | Mode) else repr(value)


@pytest.mark.parametrize("mode", MODES, ids=name_of)
@pytest.mark.parametrize(("case", "framing"), RUNS, ids=name_of)
def test_whole(case: Case, framing: Framing, mode: Mode) -> None:
    """A response that arrives at once has the expected outcome."""
    assert case.outcome == read_parts(case.response(framing), (), mode)


@pytest.mark.parametrize("mode", MODES, ids=name_of)
@pytest.mark.parametrize(("case", "framing"), RUNS, ids=name_of)
def test_byte_by_byte(case: Case, framing: Framing, mode: Mode) -> None:
    """A response that arrives octet by octet has the same outcome (MUL-50)."""
    response = case.response(framing)

    assert case.outcome == read_parts(response, every_octet(response), mode)


@pytest.mark.parametrize("mode", MODES, ids=name_of)
@pytest.mark.parametrize(("case", "framing"), RUNS, ids=name_of)
def test_cut_in_two(case: Case, framing: Framing, mode: Mode) -> None:
    """A response that is cut in two, at any octet, has the same outcome (MUL-50)."""
    response = case.response(framing)

    body = response.index(b"\r\n\r\n")
    for cut in every_octet(response):
        # How the parts are read makes no difference to the head: every second one will do.
        if cut > body or mode is MODES[cut % 2]:
            assert case.outcome == read_parts(response, (cut,), mode), cut


@settings(max_examples=200)
@given(run=st.sampled_from(RUNS), mode=st.sampled_from(MODES), data=st.data())
def test_cut_anywhere(run: tuple[Case, Framing], mode: Mode, data: st.DataObject) -> None:
    """A response that is cut in many pieces has the same outcome."""
    case, framing = run
    response = case.response(framing)
    offsets = st.integers(1, len(response) - 1)
    cuts = data.draw(st.lists(offsets, max_size=30, unique=True).map(sorted))

    assert case.outcome == read_parts(response, cuts, mode)


@pytest.mark.parametrize(("case", "framing"), RUNS, ids=name_of)
def test_cut_off(case: Case, framing: Framing) -> None:
    """A response that breaks off is never told to be whole, and one sees in which part (MUL-58).

    With a length or chunks that is so for every octet. Without, the close delimiter counts; and
    a body of one part has nothing to tell its end (HTP-27).
    """
    response = case.response(framing)
    body = response.index(b"\r\n\r\n") + 4
    single = not case.content_type.lower().startswith("multipart")

    for length in range(len(response)):
        mode = MODES[length % 2]
        outcome = read_parts(response[:length], (length // 2,), mode)

        if framing is Framing.CLOSE and outcome.error is None:
            assert length >= body
            assert single or (case.error is None and case.expected == outcome.parts), length
        else:
            assert outcome.error is not None, length
            assert case.expected[: len(outcome.parts)] == outcome.parts
            assert len(outcome.parts) <= outcome.part <= len(outcome.parts) + 1


@settings(max_examples=200)
@given(run=st.sampled_from(RUNS), data=st.data())
def test_damage(run: tuple[Case, Framing], data: st.DataObject) -> None:
    """Whatever happens to the octets, the outcome does not depend on how they are cut.

    Of a coded body it is the fact that it is broken: what comes before that is seen depends on
    zlib's blocks. Without a length its end may not even be waited for.
    """
    case, framing = run
    response = case.response(framing)
    offsets = st.integers(0, len(response))
    begin, end = sorted((data.draw(offsets), data.draw(offsets)))
    if data.draw(st.booleans()):
        end = begin
    damaged = response[:begin] + data.draw(DAMAGE) + response[end:]
    cuts = data.draw(st.lists(offsets, max_size=10, unique=True).map(sorted))

    outcomes = [
        read_parts(damaged, cut, mode) for cut in ((), cuts, every_octet(damaged)) for mode in MODES
    ]

    if b"gzip" in damaged:
        broken = [outcome.error is not None for outcome in outcomes]
        assert framing is Framing.CLOSE or all(broken) or not any(broken)
    else:
        assert outcomes[1:] == outcomes[:-1]


# --- the long ones --------------------------------------------------------------------------------


class CountingArena(Arena):
    """Counts the octets that it searches and moves.

    Attributes:
        searched: Octets that were looked at for a delimiter.
        moved: Octets that were copied.
    """

    __slots__ = ("moved", "searched")

    def __init__(self) -> None:
        super().__init__()
        self.searched = self.moved = 0

    def find(self, needle: bytes, offset: int = 0) -> int:
        """Count what is searched."""
        found = super().find(needle, offset)
        self.searched += (self.available if found < 0 else found) - offset
        return found

    def octets(self, begin: int, end: int) -> bytes:
        """Count what is copied out."""
        copy = super().octets(begin, end)
        self.moved += len(copy)
        return copy

    def deliver(self, count: int) -> None:
        """Count what is moved over a gap."""
        if self._end != self._raw:
            self.moved += count
        super().deliver(count)

    def _move_to(self, buffer: bytearray) -> None:
        self.moved += self._live()
        super()._move_to(buffer)


LONG = 64 * 1024 * 1024


@cache
def long_payload() -> bytes:
    """64 MB full of what nearly is a delimiter."""
    return (b"\r\n--boundar" + random.Random(23).randbytes(4085)) * (LONG // 4096)


def reads(size: int, most: int) -> list[int]:
    """Cuts as a socket makes them: reads of up to ``most`` octets."""
    seed = random.Random(most)
    cuts = [0]
    while cuts[-1] < size:
        cuts.append(cuts[-1] + seed.randint(1, most))
    return cuts[1:-1]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=name_of)
@pytest.mark.parametrize(
    ("framing", "declared"),
    [
        (Framing.LENGTH, True),
        (Framing.CHUNKED, False),
        (Framing.CHUNKED, True),
        (Framing.CLOSE, False),
    ],
    ids=name_of,
)
def test_one_long_part(framing: Framing, mode: Mode, *, declared: bool) -> None:
    """Case 23: each octet of a part of 64 MB is searched once, and moved a few times at most."""
    payload = long_payload()
    fields = Headers({"Content-Length": str(LONG)} if declared else {})
    body = b"".join(render_multipart([OutgoingPart(fields, (payload,))], "boundary"))
    content_type = [("Content-Type", "multipart/related; boundary=boundary")]
    response = framed(body, framing, content_type, sizes=(8192, 1_000_000, 7))
    arena = CountingArena()

    outcome = read_parts(response, reads(len(response), 128 * 1024), mode, arena=arena)

    assert ((fields, payload),) == outcome.parts
    assert outcome.error is None
    assert arena.searched <= 1.1 * LONG
    assert arena.moved <= (5 if mode is Mode.PART else 2) * LONG
    if mode is Mode.CHUNK:
        assert arena.capacity <= 2 * BLOCK


def many_parts() -> tuple[bytes, tuple[Part, ...]]:
    """A body of 10 000 small parts; and the parts."""
    parts = [part(b"\r\n--" * (number % 7), Content_ID=f"{number}") for number in range(10_000)]
    outgoing = [OutgoingPart(headers, (octets,)) for headers, octets in parts]
    return b"".join(bytes(piece) for piece in render_multipart(outgoing, "b")), tuple(parts)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=name_of)
@pytest.mark.parametrize(
    ("framing", "most"),
    [
        (Framing.LENGTH, None),
        (Framing.CHUNKED, 700),
        (Framing.CLOSE, 64 * 1024),
    ],
    ids=name_of,
)
def test_many_small_parts(framing: Framing, most: int | None, mode: Mode) -> None:
    """Case 24: 10 000 small parts come in order, with work that their number bounds."""
    body, parts = many_parts()
    content_type = [("Content-Type", "multipart/related; boundary=b")]
    response = framed(body, framing, content_type, sizes=(64, 64, 1000))
    cuts = reads(len(response), most) if most else []
    arena = CountingArena()

    outcome = read_parts(response, cuts, mode, arena=arena)

    assert parts == outcome.parts
    assert outcome.error is None
    assert arena.searched <= 1.2 * len(body)
