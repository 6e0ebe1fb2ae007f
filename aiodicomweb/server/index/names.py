"""Names of persons: which spellings are the same, and which are alike (PS3.4 §C.2.2.2.1.1).

Upper and lower case are the same, and so are letters with and without accent: a name is typed in
one way at the modality, and in another one by who looks for it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["any_resembles", "fold_name", "resemble", "words_of"]

_LONGEST_WORD: Final = 64
"""Characters of words that are compared letter by letter; a component group has as many."""

# Letters that Unicode does not take for another one with an accent.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_ACCENTS: Final = re.compile(r"[\u0300-\u036f]")
_BETWEEN_WORDS: Final = re.compile(r"[\^=\s,.\-]+")
_WITHIN_WORDS: Final = re.compile(r"['’`]")


def fold_name(text: str) -> str:
    """A component group in the one spelling that all of its spellings share.

    Components lose the spaces around them, and those at the end that are empty go (PS3.5 §6.2.1.1).
    """
    if not text.isascii():
        plain = text.casefold().translate(_LETTERS)
        # Marks of other scripts stay: without them a Japanese syllable is another one.
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain))
        text = unicodedata.normalize("NFC", text)
    return "^".join(component.strip() for component in text.casefold().split("^")).rstrip("^")


def words_of(folded: str) -> list[str]:
    """The words of a folded name."""
    return [word for word in _BETWEEN_WORDS.split(_WITHIN_WORDS.sub("", folded)) if word]


def resemble(sought: str, word: str) -> bool:
    """Whether a word begins like the one that is sought, or is it with a slip of the pen.

    A slip is a letter too many, too few or wrong, or two that changed places; there may be one in
    a word of four letters, and two in one of eight.

    Args:
        sought: A folded word.
        word: A folded word of a name.
    """
    if word.startswith(sought):
        return True
    slips = 0 if len(sought) < 4 else 1 if len(sought) < 8 else 2
    if slips < abs(len(sought) - len(word)) or max(len(sought), len(word)) > _LONGEST_WORD:
        return False
    one, other = _differing(sought, word)
    # One slip leaves at most two letters that differ, and soon tells most words apart.
    if not slips or (slips == 1 and len(one) > 2):
        return False
    # A letter that the other word lacks is a slip each; that tells most of the rest.
    letters, others = set(one), set(other)
    if len(letters - others) > slips or len(others - letters) > slips:
        return False
    return _distance(one, other) <= slips


def any_resembles(names: str, sought: str) -> bool:
    """Whether each word that is sought resembles a word of folded names.

    Args:
        names: Folded names, in any number, separated by white space.
        sought: A folded name without wildcards.
    """
    words = words_of(names)
    return all(any(resemble(word, its) for its in words) for word in words_of(sought))


def _differing(one: str, other: str) -> tuple[str, str]:
    """Two words without what they begin and end with in common."""
    start, shorter = 0, min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


def _distance(one: str, other: str) -> int:
    """Slips that lie between two words: their optimal string alignment distance."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, its in enumerate(other, start=1):
            least = min(last[j] + 1, row[-1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
