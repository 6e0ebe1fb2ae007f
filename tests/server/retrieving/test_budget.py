"""Memory that all answers share."""

from __future__ import annotations

import threading

import pytest

from aiodicomweb.server.retrieving.budget import (
    SENDING_LARGE,
    Budget,
    Claimed,
    OverloadedError,
    sending,
)


def test_room_is_taken_and_given_back() -> None:
    """By hand, at the end of a block, and when nobody has the claim any more."""
    budget = Budget(100)
    first, second = budget.claim(30), budget.claim(40)

    assert 70 == budget.taken
    first.release()
    first.release()
    assert 40 == budget.taken
    del second
    assert 0 == budget.taken
    with budget.claim(10):
        assert 10 == budget.taken
    assert 0 == budget.taken


def test_what_fails_keeps_no_room() -> None:
    """What succeeds does, as long as somebody has it."""
    budget = Budget(100)

    with budget.claim_for(10) as kept:
        pass
    assert 10 == budget.taken
    with pytest.raises(ZeroDivisionError), budget.claim_for(10):
        raise ZeroDivisionError
    assert 10 == budget.taken
    del kept
    assert 0 == budget.taken


def test_what_is_larger_than_all_of_it_passes_alone() -> None:
    """It would never be made otherwise."""
    budget = Budget(100, patience=0)

    with budget.claim(1000):
        assert 100 == budget.taken
        with pytest.raises(OverloadedError):
            budget.claim(1)
    with budget.claim(1), pytest.raises(OverloadedError):
        budget.claim(1000)


def test_who_waits_is_served_in_turn() -> None:
    """A large one is not overtaken by the small ones behind it."""
    budget = Budget(100)
    held = budget.claim(60)
    order: list[int] = []

    def take(octets: int) -> None:
        with budget.claim(octets):
            order.append(octets)

    threads = [threading.Thread(target=take, args=(octets,)) for octets in (90, 20)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while len(budget._waiting) < number:
            pass
    held.release()
    for thread in threads:
        thread.join(10)

    assert [90, 20] == order
    assert 0 == budget.taken


def test_only_so_many_wait() -> None:
    """Each has a thread, of which there are few."""
    budget = Budget(100, patience=10, most_waiting=1)
    held = budget.claim(100)
    waiting = threading.Thread(target=lambda: budget.claim(1).release())
    waiting.start()
    while not budget._waiting:
        pass

    with pytest.raises(OverloadedError):
        budget.claim(1)
    held.release()
    waiting.join(10)
    assert 0 == budget.taken


def test_large_frames_leave_room_for_small_ones() -> None:
    """Slices and tiles are given, whoever does not read a mammogram."""
    assert sending(4 << 20) is not sending((4 << 20) + 1)
    with sending(1 << 30).claim(1 << 30), sending(512 << 10).claim(512 << 10):
        assert SENDING_LARGE.octets == SENDING_LARGE.taken


def test_octets_have_room_as_long_as_anybody_has_them() -> None:
    """Also a piece of them, and who looks at them."""
    budget = Budget(100)
    octets = Claimed.of(bytearray(b"abcdef"), budget.claim(6))
    piece = Claimed.cut(octets, 1, 3)
    view = memoryview(octets)[2:]

    assert (b"abcdef", b"bc", b"cdef") == (octets, piece, view)
    del octets
    assert 6 == budget.taken
    del piece
    assert 6 == budget.taken
    del view
    assert 0 == budget.taken
    assert b"bc" == Claimed.cut(b"abcdef", 1, 3)
