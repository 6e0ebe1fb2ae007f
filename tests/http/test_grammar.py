"""Grammar that fields share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.http._grammar import is_token, quote_string, split_list, unescape


@pytest.mark.parametrize("text", ["a", "!#$%&'*+-.^_`|~09azAZ", "1.2.840"])
def test_tokens(text: str) -> None:
    """Every tchar may stand in a token (HTP-11)."""
    assert is_token(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", 'a"', "a\n", "a=b", "é", "a,b"])
def test_not_tokens(text: str) -> None:
    """Delimiters, white space and the empty text are not tokens (HTP-11)."""
    assert not is_token(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a, b\t,c", ["a", "b", "c"]),
        ('a="1,2", b', ['a="1,2"', "b"]),
        (r'"a\",b", c', [r'"a\",b"', "c"]),
        ('a, "b, c', ["a", '"b, c']),
        ('a, "b\\', ["a", '"b\\']),
    ],
)
def test_split_list(text: str, expected: list[str]) -> None:
    """Commas separate outside quoted strings; empty members are dropped (GEN-10, MED-45)."""
    assert expected == split_list(text)


@given(st.text())
def test_quoted_string_round_trip(text: str) -> None:
    """What is quoted reads back as it was, and is one member of a list (HTP-11)."""
    quoted = quote_string(text)

    assert text == unescape(quoted[1:-1])
    assert [quoted] == split_list(quoted)
