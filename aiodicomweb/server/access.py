"""Who may ask: Basic and bearer authentication of requests (RFC 7617, RFC 6750).

Both are readable by everybody on the way unless the server speaks TLS, or something before it does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigurationError
from ..http import Challenge, Headers
from .problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from ..http import OutgoingResponse, Request

__all__ = ["Access", "BasicAccess", "BearerAccess"]


class Access(Protocol):
    """Decides whether a request is answered."""

    async def check(self, request: Request) -> OutgoingResponse | None:
        """Look at a request, before anything of its body is read.

        Returns:
            What to answer in place of what was asked for; ``None`` to let it pass.
        """
        ...


class BasicAccess:
    """User names and passwords (RFC 7617).

    Args:
        users: Passwords by user name; or a coroutine function that says of a user name and a
            password whether they are right, whose duty it is then to take the same time for all.
        realm: What is protected, in words for people.

    Raises:
        ConfigurationError: A user name is empty, or has a colon in it.
    """

    __slots__ = ("_challenge", "_is_right")

    def __init__(
        self,
        users: Mapping[str, str] | Callable[[str, str], Awaitable[bool]],
        *,
        realm: str = "DICOMweb",
    ) -> None:
        self._challenge = Challenge("Basic", (("realm", realm), ("charset", "UTF-8")))
        if not callable(users):
            if not all(user and ":" not in user for user in users):
                raise ConfigurationError("a user name is empty, or has a colon in it")
            users = _Passwords(users).is_right
        self._is_right = users

    async def check(self, request: Request) -> OutgoingResponse | None:
        """Refuse with 401 who has no right password."""
        pair = _basic_credentials(request)
        if pair is not None and await self._is_right(*pair):
            return None
        return _unauthorized(self._challenge)


class BearerAccess:
    """Tokens (RFC 6750).

    Args:
        tokens: Those that are right; or a coroutine function that says whether one is.
        realm: What is protected, in words for people.

    Raises:
        ConfigurationError: A token is empty.
    """

    __slots__ = ("_is_right", "_parameters")

    def __init__(
        self,
        tokens: Iterable[str] | Callable[[str], Awaitable[bool]],
        *,
        realm: str = "DICOMweb",
    ) -> None:
        self._parameters = (("realm", realm),)
        if not callable(tokens):
            # A lone text would be an iterable of its letters.
            known = [tokens] if isinstance(tokens, str) else list(tokens)
            if not all(known):
                raise ConfigurationError("a token is empty")
            tokens = _Tokens(known).is_right
        self._is_right = tokens

    async def check(self, request: Request) -> OutgoingResponse | None:
        """Refuse with 401 who has no right token."""
        token = _credentials(request, "bearer")
        if token is None:
            return _unauthorized(Challenge("Bearer", self._parameters))
        if await self._is_right(token):
            return None
        # Who sent none is not told of an error (RFC 6750 §3.1).
        return _unauthorized(Challenge("Bearer", (*self._parameters, ("error", "invalid_token"))))


class _Passwords:
    """Compares passwords in a time that tells nothing of them."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._digests = {user: _digest(password) for user, password in users.items()}
        self._nobody = bytes(len(_digest("")))

    async def is_right(self, user: str, password: str) -> bool:
        return hmac.compare_digest(self._digests.get(user, self._nobody), _digest(password))


class _Tokens:
    """Compares tokens in a time that tells nothing of them, nor which of them it is."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._digests = list(map(_digest, tokens))

    async def is_right(self, token: str) -> bool:
        digest = _digest(token)
        return sum([hmac.compare_digest(known, digest) for known in self._digests]) > 0


def _digest(secret: str) -> bytes:
    """Of the same length for all, so that comparing does not tell the length."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _credentials(request: Request, scheme: str) -> str | None:
    """What an ``Authorization`` of this scheme carries (RFC 9110 §11.6.2)."""
    values = request.headers.get_all("Authorization")
    if len(values) != 1:
        return None
    name, _, rest = values[0].partition(" ")
    return rest.strip(" ") or None if name.lower() == scheme else None


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    """User name and password of a request; ``None`` where there are none that can be read."""
    try:
        octets = base64.b64decode(_credentials(request, "basic") or "", validate=True)
        user, colon, password = octets.decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def _unauthorized(challenge: Challenge) -> OutgoingResponse:
    headers = Headers({"WWW-Authenticate": str(challenge)})
    return problem(401, "credentials are needed that the server knows", headers)
