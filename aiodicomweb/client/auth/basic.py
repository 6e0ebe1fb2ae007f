"""A user name and a password (RFC 7617)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ...http import Headers, Request
from .flow import authorized

if TYPE_CHECKING:
    from .flow import Flow

__all__ = ["BasicAuth", "basic_credentials"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User name and password (RFC 7617); readable by everybody on the way unless over TLS.

    Raises:
        ConfigurationError: The name has a colon, or either has a control character.
    """

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what would be read otherwise (RFC 7617 §2)."""
        if ":" in self.username:
            raise ConfigurationError("the user name of Basic authentication can't have a colon")
        if _CONTROL.search(self.username + self.password):
            raise ConfigurationError("a user name or password holds a control character")

    def flow(self, request: Request, *, now: float) -> Flow:
        """Add the credentials."""
        del now  # they don't age
        value = basic_credentials(self.username, self.password)
        yield authorized(request, Headers({"Authorization": value}))


def basic_credentials(username: str, password: str) -> str:
    """What ``Authorization`` carries."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
