"""Grammar that fields share: tokens, quoted strings and comma lists (RFC 9110 §5.6)."""

from __future__ import annotations

import re

__all__ = ["FIELD_VALUE", "OWS", "TOKEN", "is_token", "quote_string", "split_list", "unescape"]

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
OWS = " \t"

_MEMBER = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|\\?\Z))+', re.DOTALL)


def is_token(text: str) -> bool:
    """Tell whether a text is a token (RFC 9110 §5.6.2)."""
    return TOKEN.fullmatch(text) is not None


def split_list(text: str) -> list[str]:
    """Members of a comma list; empty ones are dropped, quoted strings stay whole (§5.6.1)."""
    members = (member.strip(OWS) for member in _MEMBER.findall(text))
    return [member for member in members if member]


def quote_string(text: str) -> str:
    """Write a quoted-string (§5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unescape(text: str) -> str:
    """Take the backslashes off the inside of a quoted-string (§5.6.4)."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
