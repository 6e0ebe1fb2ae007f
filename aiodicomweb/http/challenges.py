"""``WWW-Authenticate``: how a server wants to be told who asks (RFC 9110 §11.3, §11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import LocalProtocolError
from ._grammar import is_token, quote_string, split_list, unescape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .headers import Headers

__all__ = ["Challenge", "parse_challenges"]

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_PARAMETER = re.compile(
    rf'(?P<name>{_TOKEN})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>{_TOKEN}))'
)
_START = re.compile(rf"(?P<scheme>{_TOKEN})(?:[ \t]+(?P<rest>.+))?")


@dataclass(frozen=True, slots=True, repr=False)
class Challenge:
    """One way to authenticate that a server offers.

    Attributes:
        scheme: Such as ``Basic``; case does not matter: see :meth:`is_scheme`.
        parameters: Names in lower case, and values without quotes, in order.
        token: What some schemes have in place of parameters, such as ``Negotiate``.

    Raises:
        LocalProtocolError: It cannot be written.
    """

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()
    token: str | None = None

    def __post_init__(self) -> None:
        """Check scheme, names and token; values are checked by ``Headers``."""
        names = [self.scheme, *(name for name, _ in self.parameters)]
        if not all(map(is_token, names)):
            raise LocalProtocolError("a scheme or parameter of a challenge is not a token")
        if self.token is not None and (self.parameters or not _TOKEN68.fullmatch(self.token)):
            raise LocalProtocolError("a challenge has parameters, or a token of base64's letters")

    def is_scheme(self, name: str) -> bool:
        """Whether it is that scheme."""
        return self.scheme.lower() == name.lower()

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, such as ``realm``; ``None`` if absent."""
        key = name.lower()
        return next((value for own, value in self.parameters if own == key), None)

    def __str__(self) -> str:
        """As ``WWW-Authenticate`` carries it; all values are quoted."""
        if self.token is not None:
            return f"{self.scheme} {self.token}"
        written = ", ".join(f"{name}={quote_string(value)}" for name, value in self.parameters)
        return f"{self.scheme} {written}".rstrip()

    def __repr__(self) -> str:
        """The scheme: what goes with it may be secret."""
        return f"Challenge({self.scheme!r})"


def parse_challenges(headers: Headers, name: str = "WWW-Authenticate") -> tuple[Challenge, ...]:
    """All challenges of a response, in order.

    A comma separates challenges, and parameters of one challenge too: a member of the list that
    has the form of a parameter belongs to the challenge before it. What is neither is left out;
    of a scheme with malformed parameters the scheme stays.

    Args:
        headers: Of a 401, or of a proxy's 407.
        name: ``Proxy-Authenticate`` for the latter.
    """
    return tuple(challenge for line in headers.get_all(name) for challenge in _parse_line(line))


def _parse_line(line: str) -> Iterator[Challenge]:
    scheme = ""
    parameters: list[tuple[str, str]] = []
    for member in split_list(line):
        if parameter := _PARAMETER.fullmatch(member):
            parameters.append(_pair(parameter))
            continue
        if scheme:
            yield Challenge(scheme, tuple(parameters))
        scheme, parameters = "", []
        start = _START.fullmatch(member)
        if start is None:
            continue
        rest = start["rest"] or ""
        if _TOKEN68.fullmatch(rest):
            yield Challenge(start["scheme"], token=rest)
            continue
        scheme, parameter = start["scheme"], _PARAMETER.fullmatch(rest)
        parameters = [_pair(parameter)] if parameter else []
    if scheme:
        yield Challenge(scheme, tuple(parameters))


def _pair(match: re.Match[str]) -> tuple[str, str]:
    quoted = match["quoted"]
    return match["name"].lower(), match["bare"] if quoted is None else unescape(quoted)
