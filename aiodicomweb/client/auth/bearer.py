"""Bearer tokens (RFC 6750): fixed, or from a function."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ...errors import ConfigurationError, CredentialsUnavailable
from ...http import Headers
from .flow import Run, authorized
from .renewal import Grant, RenewedAuth, time_to_renew

if TYPE_CHECKING:
    from ...http import Request
    from .flow import Flow, Subflow

__all__ = ["AccessToken", "BearerAuth", "TokenSource", "is_token_text"]

# RFC 6750 §2.1 allows fewer characters; some servers make tokens with "|" or ":" in them.
_TEXT = re.compile(r"[\x21-\x7e]+")


def is_token_text(text: str) -> bool:
    """Whether this can be sent as a token: visible ASCII, no white space."""
    return _TEXT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and when it ends.

    Attributes:
        text: The token; not shown.
        expires_at: Unix time; ``None`` if it isn't known.

    Raises:
        ConfigurationError: The token is empty, or holds white space or other than ASCII.
    """

    text: str = field(repr=False)
    expires_at: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no header field carries, such as the line break at the end of a file."""
        if not is_token_text(self.text):
            raise ConfigurationError(
                "a token is empty, or holds white space or a character that is not ASCII",
                hint="strip() what was read from a file",
            )
        if self.expires_at is not None and not math.isfinite(self.expires_at):
            raise ConfigurationError("AccessToken.expires_at is not a time")

    def grant(self, now: float) -> Grant:
        """The header field, and until when it serves, if it was asked for at ``now``."""
        fields = Headers({"Authorization": f"Bearer {self.text}"})
        return Grant(fields, time_to_renew(self.expires_at, now))


TokenSource: TypeAlias = Callable[[], str | AccessToken | Awaitable[str | AccessToken]]
"""Gives a token: a function, which may block and is called in a thread, or an async one."""


class BearerAuth(RenewedAuth):
    """A token (RFC 6750), or a function that gives one.

    What a function gave is kept: an :class:`AccessToken` until a minute before its end, a text
    until the server answers 401. Then the function is called again, by one task for all, and the
    request is sent once more. What the function raises comes out of the verb.

    Args:
        token: The token, or the function, which may be async. Any other runs in a thread, and if
            that call is cancelled, may be called again before it has returned.

    Raises:
        ConfigurationError: The token can't be one.
    """

    __slots__ = ("_source",)

    def __init__(self, token: str | AccessToken | TokenSource) -> None:
        super().__init__()
        self._source: TokenSource | None = None
        if isinstance(token, str):
            token = AccessToken(token)
        if isinstance(token, AccessToken):
            self._grant = Grant(token.grant(0.0).fields)
        else:
            self._source = token

    def flow(self, request: Request, *, now: float) -> Flow:
        """Add the token."""
        if self._source is None and self._grant is not None:
            yield authorized(request, self._grant.fields)
        else:
            yield from super().flow(request, now=now)

    def __repr__(self) -> str:
        """Without the token."""
        return "<BearerAuth>" if self._source is None else "<BearerAuth from a function>"

    def _obtain(self, refused: Grant | None, now: float) -> Subflow[Grant]:
        del refused  # the function has to know
        assert self._source is not None  # noqa: S101 - a fixed token is not renewed
        token = yield Run(self._source)
        if isinstance(token, AccessToken):
            return token.grant(now)
        if isinstance(token, str) and is_token_text(token):
            return AccessToken(token).grant(now)
        raise CredentialsUnavailable(
            "the function given to BearerAuth returned no token",
            hint="it returns a str without white space, or an AccessToken",
        )
