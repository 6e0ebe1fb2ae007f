from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.server.index.names import fold_name, resemble, words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Doe^John", "doe^john"),
        (" Doe ^ John ^^^", "doe^john"),
        ("Müller", "muller"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łukasiewicz^Æneas", "lukasiewicz^aeneas"),
        ("İnönü", "inonu"),
        ("e\u0301", "e"),
        ("ガ", "ガ"),
        ("김희동", "김희동"),
        ("ｶﾞ", "ガ"),
        ("", ""),
        ("^^", ""),
    ],
)
def test_fold_name(text: str, expected: str) -> None:
    """Letters lose case and accent; syllables of other scripts stay what they are."""
    assert expected == fold_name(text)


@given(st.text(max_size=20))
def test_fold_name_twice(text: str) -> None:
    """A folded name is folded."""
    once = fold_name(fold_name(text))

    assert once == fold_name(once)


def test_words_of() -> None:
    """Words are what stands between the punctuation of names; an apostrophe is within one."""
    assert ["obrien", "mary", "ann", "dr"] == words_of("o'brien^mary-ann^^dr.")
    assert [] == words_of("^^")


@pytest.mark.parametrize(
    ("sought", "word", "expected"),
    [
        ("do", "doe", True),
        ("doe", "doo", False),  # three letters are too few for a slip
        ("john", "jon", True),
        ("john", "johan", True),
        ("john", "jhon", True),
        ("john", "joan", True),
        ("john", "jane", False),
        ("jonatan", "jonathann", False),
        ("jonathan", "jnoathaan", True),
        ("jonathan", "jonas", False),
        ("jonathan", "jonaxhyn", True),
        ("jonathan", "jonaxyzn", False),
        ("x" * 64, "x" * 63, True),
        ("x" * 65, "x" * 64, False),
    ],
)
def test_resemble(sought: str, word: str, expected: bool) -> None:
    """A word may begin like the other, or differ by a slip, or by two where it is long."""
    assert expected is resemble(sought, word)


@given(st.text("abc", min_size=4, max_size=9), st.text("abc", min_size=3, max_size=10))
def test_resemble_by_definition(sought: str, word: str) -> None:
    """What is left out to be faster changes nothing."""

    def distance(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        least = min(
            distance(one[1:], other) + 1,
            distance(one, other[1:]) + 1,
            distance(one[1:], other[1:]) + (one[0] != other[0]),
        )
        if len(one) > 1 and len(other) > 1 and (one[0], one[1]) == (other[1], other[0]):
            least = min(least, distance(one[2:], other[2:]) + 1)
        return least

    sought, word = sought[:6], word[:7]
    expected = word.startswith(sought) or distance(sought, word) <= 1

    assert expected is resemble(sought, word)
