"""What can happen to octets on their way: faults, plans of them, and what they do, without I/O."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Direction", "Fault", "FaultKind", "Flow", "Plan", "RandomFaults", "Turn"]

_HEAD_END = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"(\r\ncontent-length:[ \t]*)([0-9]+)", re.IGNORECASE)


class Direction(Enum):
    """Where octets go."""

    REQUEST = "to the server"
    RESPONSE = "to the client"


class FaultKind(Enum):
    """What happens to the octets of one direction."""

    STALL = "nothing more passes, and the connection stays open"
    CUT = "it ends with FIN, and nothing more passes"
    RESET = "both sides get RST"
    DRIBBLE = "a few octets pass at a time"
    CORRUPT = "one octet becomes another"
    LENGTH = "Content-Length becomes another"
    HOLD_END = "FIN does not pass, and the connection stays open"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one turn; a frozen value, made by the functions that are named like kinds.

    Attributes:
        kind: What happens.
        direction: To the octets that go there.
        at: How many of them pass before.
        in_body: Whether they are counted from the end of the head, and not from its start.
        amount: How many octets pass at a time, or are added to the length.
    """

    kind: FaultKind
    direction: Direction = Direction.RESPONSE
    at: int = 0
    in_body: bool = False
    amount: int = 1

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        if self.at < 0:
            raise ConfigurationError("a fault can't come before the first octet")
        if self.kind is FaultKind.DRIBBLE and self.amount < 1:
            raise ConfigurationError("at least one octet passes at a time")

    @classmethod
    def stall(
        cls, at: int = 0, direction: Direction = Direction.RESPONSE, *, in_body: bool = False
    ) -> Fault:
        """Nothing more passes before ``FaultProxy.release``; the connection stays open."""
        return cls(FaultKind.STALL, direction, at, in_body)

    @classmethod
    def cut(
        cls, at: int = 0, direction: Direction = Direction.RESPONSE, *, in_body: bool = False
    ) -> Fault:
        """The direction ends in an orderly way, with FIN; what follows is thrown away."""
        return cls(FaultKind.CUT, direction, at, in_body)

    @classmethod
    def reset(
        cls, at: int = 0, direction: Direction = Direction.RESPONSE, *, in_body: bool = False
    ) -> Fault:
        """Both sides get RST; what their systems haven't taken by then is lost."""
        return cls(FaultKind.RESET, direction, at, in_body)

    @classmethod
    def dribble(cls, amount: int = 1, direction: Direction = Direction.RESPONSE) -> Fault:
        """So many octets pass at a time; other tasks have their turn in between."""
        return cls(FaultKind.DRIBBLE, direction, amount=amount)

    @classmethod
    def corrupt(
        cls, at: int = 0, direction: Direction = Direction.RESPONSE, *, in_body: bool = False
    ) -> Fault:
        """The octet behind so many has its highest bit inverted."""
        return cls(FaultKind.CORRUPT, direction, at, in_body)

    @classmethod
    def length(cls, amount: int, direction: Direction = Direction.RESPONSE) -> Fault:
        """``Content-Length`` says so many octets more than there are; fewer, if negative."""
        return cls(FaultKind.LENGTH, direction, amount=amount)

    @classmethod
    def hold_end(cls, direction: Direction = Direction.RESPONSE) -> Fault:
        """FIN does not pass before ``FaultProxy.release``."""
        return cls(FaultKind.HOLD_END, direction)


@dataclass(frozen=True, slots=True)
class Turn:
    """A request with its response, as far as a proxy knows that doesn't read HTTP.

    A turn begins with the first octets on a connection, and then with the client's behind the
    server's. A handshake of TLS is one, and ``100 (Continue)`` makes two of one exchange.

    Attributes:
        number: Number of the turn, from 1, whatever its connection.
        connection: Number of the connection, from 1.
        start: The octets that it begins with, such as ``GET /studies…``.
    """

    number: int
    connection: int
    start: bytes


Plan: TypeAlias = "Iterable[Fault | None] | Callable[[Turn], Fault | None]"
"""The faults of the turns in order, ``None`` for a turn without; or a function that says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomFaults:
    """A plan by chance: with the same seed, the same turns have the same faults.

    Attributes:
        seed: Any number.
        rate: The part of the turns that has a fault, from 0 to 1.
        kinds: Of which kinds; all are equally probable.
        most: It comes behind fewer octets than so many; few are as probable as many, as messages
            are short and long.
    """

    seed: int
    rate: float = 0.01
    kinds: Sequence[FaultKind] = (FaultKind.STALL, FaultKind.CUT, FaultKind.RESET)
    most: int = 65536

    def __call__(self, turn: Turn) -> Fault | None:
        """The fault of a turn, if it has one."""
        chance = random.Random(f"{self.seed} {turn.number}")  # noqa: S311 - to be repeated
        if chance.random() >= self.rate:
            return None
        return Fault(
            chance.choice(self.kinds),
            chance.choice(list(Direction)),
            at=int(self.most ** chance.random()) - 1,
            amount=chance.randint(1, 64),
        )


class Flow:
    """The octets of one direction in one turn, and what the fault makes of them.

    Args:
        fault: Of this direction; ``None`` for none.
    """

    __slots__ = ("_fault", "_held", "_passed", "_target")

    def __init__(self, fault: Fault | None = None) -> None:
        self._fault = fault
        self._held = b""
        self._passed = 0
        self._target = fault.at if fault is not None and not fault.in_body else None

    def steps(self, octets: bytes) -> Iterator[bytes | Fault]:
        """What to do about the next octets: send some, each piece by itself.

        The fault among them says that it happens here, once. One that ends or stalls the flow is
        for the caller to carry out; what follows it passes when a stall is over.
        """
        fault = self._fault
        match fault.kind if fault is not None else None:
            case FaultKind.DRIBBLE:
                yield from self._dribbled(octets)
            case FaultKind.LENGTH:
                yield from self._with_other_length(octets)
            case None | FaultKind.HOLD_END:
                yield octets
            case _:
                yield from self._struck(octets)

    def end(self) -> Iterator[bytes | Fault]:
        """The same for the end of the direction."""
        if self._held:
            yield self._held
        if self._fault is not None and self._fault.kind is FaultKind.HOLD_END:
            yield self._fault

    def _dribbled(self, octets: bytes) -> Iterator[bytes | Fault]:
        assert self._fault is not None  # noqa: S101 - it is what dribbles
        if self._passed == 0:
            yield self._fault
        self._passed += len(octets)
        for begin in range(0, len(octets), self._fault.amount):
            yield octets[begin : begin + self._fault.amount]

    def _with_other_length(self, octets: bytes) -> Iterator[bytes | Fault]:
        """Hold the head back until it is whole."""
        fault = self._fault
        assert fault is not None  # noqa: S101 - it is what changes the length
        head, end, body = (self._held + octets).partition(_HEAD_END)
        if not end:
            self._held = head
            return
        self._fault, self._held = None, b""
        match = _CONTENT_LENGTH.search(head)
        if match is not None:
            length = max(0, int(match[2]) + fault.amount)
            head = head[: match.start(2)] + b"%d" % length + head[match.end(2) :]
            yield fault
        yield head + end + body

    def _struck(self, octets: bytes) -> Iterator[bytes | Fault]:
        fault = self._fault
        assert fault is not None  # noqa: S101 - it is what strikes
        begin, self._passed = self._passed, self._passed + len(octets)
        if self._target is None:
            self._find_body(octets, begin)
        is_corrupt = fault.kind is FaultKind.CORRUPT
        # An octet is corrupted when it is there; the rest happens as soon as enough have passed.
        if self._target is None or self._target + is_corrupt > self._passed:
            yield octets
            return
        self._fault = None
        index = self._target - begin
        if is_corrupt:
            yield fault
            yield octets[:index] + bytes([octets[index] ^ 0x80]) + octets[index + 1 :]
            return
        if index:
            yield octets[:index]
        yield fault
        if octets[index:]:
            yield octets[index:]

    def _find_body(self, octets: bytes, begin: int) -> None:
        """Look where the body begins, and the fault comes."""
        seen = self._held + octets
        found = seen.find(_HEAD_END)
        if found < 0:
            self._held = seen[-len(_HEAD_END) + 1 :]
            return
        assert self._fault is not None  # noqa: S101 - it is what comes
        self._target = begin - len(self._held) + found + len(_HEAD_END) + self._fault.at
        self._held = b""
