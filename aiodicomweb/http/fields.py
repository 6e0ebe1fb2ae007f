"""Header fields with a grammar of their own: ``Warning`` and ``Retry-After``.

What cannot be read is left out and never raises: none of them decides whether a message is valid.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import LocalProtocolError
from ._grammar import quote_string, unescape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .headers import Headers

__all__ = ["WarningValue", "format_retry_after", "parse_retry_after", "parse_warnings"]

_AGES = 1e9
"""Seconds that stand for any longer time: some 30 years."""

# --- Warning ------------------------------------------------------------------------------------

# The codes of RFC 7234 §5.5, and DICOM statuses as PS3.18 §10.5.3.2 has them.
_KNOWN_CODE = r"(?:11[0-3]|199|214|299|[0ABC][0-9A-F]{3})"
_QUOTED = r'"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?\Z)'

# Texts hold commas, and PS3.18 does not quote them: only a comma before a code and an agent, or
# before a code and a quoted text, separates.
_NEXT_WARNING = re.compile(
    rf'{_QUOTED}|,\s*(?={_KNOWN_CODE}[ \t]+(?:[^\s",]+(?::[ \t]|[ \t]+")|-[ \t]|<|"))', re.DOTALL
)
_QUOTED_STRING = re.compile(_QUOTED, re.DOTALL)
_CODE_REST = re.compile(r"(?P<code>[0-9]{3}|[0-9A-F]{4})(?:[ \t]+|:[ \t]*)(?P<rest>.*)", re.DOTALL)
_SERVICE_TEXT = re.compile(
    r'(?:(?P<agent>[^\s"]+):|(?P<nobody>-))[ \t]+(?P<text>[^"].*)', re.DOTALL
)
# The second quoted string, a date, says nothing that is of use.
_AGENT_QUOTED_TEXT = re.compile(rf'(?P<agent>[^"]*){_QUOTED}(?:\s*"[^"]*")?\s*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class WarningValue:
    """One warning of a ``Warning`` field.

    Attributes:
        code: ``299``, another three-digit code, or a DICOM status such as ``A700``; empty if
            there is none.
        agent: Who warns: a base URI, a host or a device; empty if it is not told.
        text: What it says, without quotes.
    """

    code: str
    agent: str
    text: str

    @classmethod
    def parse(cls, value: str) -> WarningValue:
        """Read one warning in any of the forms seen (PS3.18 §8.3.4.2, §10.5.3.2, RFC 7234 §5.5).

        These are ``299 <service>: <text>``, ``299 <agent> "<text>"``, ``A700 <service>: <text>``
        and ``"A700: <text>"``. Anything else becomes the text.
        """
        value = value.strip()
        whole = _QUOTED_STRING.fullmatch(value)
        if whole:
            value = unescape(whole["quoted"])
        match = _CODE_REST.fullmatch(value)
        code, rest = (match["code"], match["rest"]) if match else ("", value)
        if code and (service := _SERVICE_TEXT.fullmatch(rest)):
            agent = service["agent"] or service["nobody"]
            return cls(code, agent.strip("<>"), service["text"])
        if code and (quoted := _AGENT_QUOTED_TEXT.fullmatch(rest)):
            agent = quoted["agent"].rstrip(" \t:").strip("<>")
            return cls(code, agent, unescape(quoted["quoted"]))
        return cls(code, "", rest)

    def __str__(self) -> str:
        """As a ``Warning`` field carries it (PS3.18 §8.3.4.2).

        The standard's form has no quotes. Where a text cannot be read back from it, it is quoted
        (RFC 7234 §5.5). A warning without code is a 299, one without agent has ``-`` for it.
        """
        head = f"{self.code or '299'} {self.agent or '-'}"
        plain = f"{head}: {self.text}"
        # A quotation mark that opens and does not close would swallow what stands behind it.
        read_back = [warning.text for warning in _parse_lines([f"{plain}, {plain}"])]
        return plain if read_back == [self.text, self.text] else f"{head} {quote_string(self.text)}"


def parse_warnings(headers: Headers) -> tuple[WarningValue, ...]:
    """All warnings of a message, in order."""
    return _parse_lines(headers.get_all("Warning"))


def _parse_lines(lines: Iterable[str]) -> tuple[WarningValue, ...]:
    warnings: list[WarningValue] = []
    for line in lines:
        start = 0
        for match in _NEXT_WARNING.finditer(line):
            if match["quoted"] is None:
                warnings.append(WarningValue.parse(line[start : match.start()]))
                start = match.end()
        warnings.append(WarningValue.parse(line[start:]))
    return tuple(warning for warning in warnings if warning.text)


# --- Retry-After --------------------------------------------------------------------------------

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_HTTP_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[A-Z][a-z]+, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"[A-Z][a-z]+, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"[A-Z][a-z]+ {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)


def _parse_http_date(value: str, now: float) -> float | None:
    """Unix time of an HTTP-date in any of its three forms (RFC 9110 §5.6.7)."""
    match = next(filter(None, (date.fullmatch(value) for date in _HTTP_DATES)), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        # Two digits mean the last such year that is not more than 50 years ahead.
        latest = datetime.fromtimestamp(now, UTC).year + 50
        year = latest - (latest - year) % 100
    month = _MONTHS.index(match["month"]) + 1
    day, hour, minute, second = (int(match[part]) for part in ("day", "hour", "minute", "second"))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds that a server asks to wait (RFC 9110 §10.2.3).

    Args:
        value: Seconds, or an HTTP-date.
        now: Unix time.

    Returns:
        Seconds from now, never negative, and not more than some 30 years where they are given as
        such; ``None`` if it cannot be read.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value):
        return min(float(value), _AGES)
    moment = _parse_http_date(value, now)
    return None if moment is None else max(0.0, moment - now)


def format_retry_after(seconds: float) -> str:
    """Write a ``Retry-After`` field: whole seconds, rounded up, from 0.

    Raises:
        LocalProtocolError: They are no number of seconds: an infinity, or NaN.
    """
    if not math.isfinite(seconds):
        raise LocalProtocolError("a time to wait is a number of seconds")
    return str(max(0, math.ceil(seconds)))
