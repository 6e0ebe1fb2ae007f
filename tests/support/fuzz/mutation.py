"""Bad input made of good: small changes to valid octets, some of them aware of the grammar.

A change is a value, so that Hypothesis can draw it and make it smaller, and a program that runs
for hours can draw it from :class:`random.Random`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["EDITS", "MOST_OCTETS", "TOKENS", "Edit", "EditKind", "mutate", "random_edit"]

MOST_OCTETS = 1 << 16
"""Longer inputs are cut: enough for nesting, repetition and every small bound, and still quick."""

EDITS = 8
"""The most changes at once; more of them leave nothing of the grammar."""


class EditKind(Enum):
    """What a change does to octets."""

    FLIP = "turn one bit"
    INSERT = "put a token in"
    OVERWRITE = "put a token in place of as many octets"
    REPLACE = "put a token in place of a slice"
    DELETE = "leave a slice out"
    DOUBLE = "have a slice twice"
    REPEAT = "have a slice very often"
    TRUNCATE = "cut the end off"
    MOVE = "put a slice somewhere else"
    NUMBER = "put a token in place of a number"
    JSON = "put a value in place of a node of the JSON text"


TOKENS = (
    *(b"", b"\0", b"\t", b" ", b"\n", b"\r", b"\r\n", b"\r\n\r\n", b"\n\n", b"\xff", b"\x80"),
    *(b'"', b"'", b"\\", b'\\"', b"/", b"//", b"/../", b"%", b"%00", b"%2F", b"%ff", b"?", b"#"),
    *(b",", b";", b":", b"=", b"&", b"+", b"-", b"--", b"*", b"*/*", b".", b"..", b"|", b"^", b"@"),
    *(b"<", b">", b"{", b"}", b"[", b"]", b"(", b")", b"[[[[", b'{"a":', b"]}", b"}}"),
    *(b"0", b"-1", b"1", b"255", b"65536", b"4294967296", b"18446744073709551616", b"9" * 400),
    *(b"1e400", b"-1e400", b"NaN", b"Infinity", b"0x10", b"1_000", b"1.5", b"007", b"9" * 5000),
    *("\N{ARABIC-INDIC DIGIT ONE}\N{SUPERSCRIPT TWO}".encode(), "\N{KELVIN SIGN}".encode()),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", "\N{GRINNING FACE}".encode()),
    *(b"\\ud800", b"\\u0000", b"\\u005c", b"null", b"true", b'""', b"[]", b"{}"),
    *(b"\xff\xff\xff\xff", b"\xff\xff", b"\0\0\0\0", b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"),
)
"""What breaks parsers, whatever they parse."""

_NUMBER = re.compile(rb"[0-9]+")
_HEAD_END = b"\r\n\r\n"
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1 << 70, -(10**400), float("nan"), float("inf"), 1e308),
    *("", "a", "\0", "\\", "a\\b", "\ud800", "\N{GRINNING FACE}", "1_0", "9" * 400, "==", "A==="),
    *([], {}, [[]], [{}], [None], ["", None], {"Alphabetic": {}}, {"Alphabetic": ["a", 1]}),
    *("SQ", "UN", "PN", "DS", "IS", "AT", "OB", "OW", "UI", "US", "FL", "LO", "UT", "CS", "sq"),
    *({"vr": "SQ", "Value": [{"00100010": {}}]}, {"vr": "UN", "InlineBinary": "AA"}),
    *({"vr": "OB", "BulkDataURI": "a"}, {"vr": "PN", "Value": ["a=b=c=d", {"Ideographic": 3}]}),
    {"vr": "CS", "Value": ["ISO_IR 100", "nonsense", "ISO 2022 IR 87"]},
)
_NAMES = ("vr", "Value", "InlineBinary", "BulkDataURI", "00080005", "00091001", "7FE00010", "", "x")


@dataclass(frozen=True, slots=True)
class Edit:
    """One change.

    Attributes:
        kind: What it does.
        place: Where; counted round the octets, the numbers or the nodes.
        length: Octets of the slice, or how often it is repeated, or which value is taken.
        token: What is put in.
    """

    kind: EditKind
    place: int
    length: int
    token: bytes

    def apply(self, octets: bytes) -> bytes:
        """The octets, changed; those that the change finds nothing in stay as they are."""
        start = self.place % (len(octets) + 1)
        end = min(len(octets), start + self.length)
        before, piece, behind = octets[:start], octets[start:end], octets[end:]
        match self.kind:
            case EditKind.FLIP:
                flipped = bytes([octets[start] ^ 1 << self.length % 8]) if piece else b""
                return before + flipped + octets[start + 1 :]
            case EditKind.INSERT:
                return before + self.token + octets[start:]
            case EditKind.OVERWRITE:
                return before + self.token + octets[start + len(self.token) :]
            case EditKind.REPLACE:
                return before + self.token + behind
            case EditKind.DELETE:
                return before + behind
            case EditKind.DOUBLE:
                return before + piece + piece + behind
            case EditKind.REPEAT:
                return before + piece[:64] * (1 << self.length % 13) + behind
            case EditKind.TRUNCATE:
                return before
            case EditKind.MOVE:
                rest = before + behind
                to = len(self.token) * 37 % (len(rest) + 1)
                return rest[:to] + piece + rest[to:]
            case EditKind.NUMBER:
                return _change_number(octets, self.place, self.token)
            case EditKind.JSON:
                return _change_json(octets, self.place, self.length)


def mutate(octets: bytes, edits: Sequence[Edit]) -> bytes:
    """Make all of the changes, one after the other; what becomes too long is cut."""
    for edit in edits:
        octets = edit.apply(octets)[:MOST_OCTETS]
    return octets


def random_edit(random: Random, tokens: Sequence[bytes]) -> Edit:
    """Any change."""
    length = random.choice((1, 2, 4, 8, random.randrange(64), random.randrange(2048)))
    return Edit(
        random.choice(tuple(EditKind)), random.randrange(1 << 20), length, random.choice(tokens)
    )


def _change_number(octets: bytes, place: int, token: bytes) -> bytes:
    numbers = list(_NUMBER.finditer(octets))
    if not numbers:
        return octets
    number = numbers[place % len(numbers)]
    return octets[: number.start()] + token + octets[number.end() :]


def _change_json(octets: bytes, place: int, choice: int) -> bytes:
    """Change a node of a JSON text, which may stand behind the head of a message."""
    head, blank, body = octets.rpartition(_HEAD_END)
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return octets
    nodes = list(_nodes(root))
    if not nodes:
        return octets
    container, key = nodes[place % len(nodes)]
    _change_node(container, key, choice)
    text = json.dumps(root, ensure_ascii=choice % 2 == 0)
    return head + blank + text.encode("utf-8", "surrogatepass")


def _change_node(container: Any, key: Any, choice: int) -> None:
    count = len(_VALUES)
    if choice % (count + 4) < count:
        container[key] = _VALUES[choice % (count + 4)]
    elif choice % 2:
        del container[key]
    elif isinstance(container, dict):
        container[_NAMES[choice % len(_NAMES)]] = container[key]
    else:
        container.append(container[key])


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every container, with the container; without recursion, as it may be deep."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict):
            keys: list[Any] = list(container)
        elif isinstance(container, list):
            keys = list(range(len(container)))
        else:
            continue
        found += [(container, key) for key in keys]
        waiting += [container[key] for key in keys]
    return found
