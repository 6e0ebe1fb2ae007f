"""OAuth 2.0 client credentials (RFC 6749 §4.4): a program that logs in as itself."""

from __future__ import annotations

import ipaddress
import json
import math
from copy import copy
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote_plus, urlencode

from ...errors import (
    ConfigurationError,
    CredentialsUnavailable,
    ProtocolError,
    TransportError,
)
from ...http import URL, Headers, Request, parse_retry_after
from .basic import basic_credentials
from .bearer import AccessToken, is_token_text
from .flow import Fetch
from .renewal import Grant, Pause, RenewedAuth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...http import Response
    from .flow import Subflow

__all__ = ["ClientAuthentication", "OAuth2ClientCredentials", "TokenEndpointBusy", "read_token"]

ClientAuthentication = Literal["client_secret_basic", "client_secret_post"]
"""How a client names itself to the token endpoint: in ``Authorization``, or in the form."""

_PLAIN_WORDS = {
    "invalid_request": "it found the request malformed",
    "invalid_client": "it doesn't know the client, or the secret is wrong",
    "invalid_grant": "it refused the grant",
    "unauthorized_client": "the client may not use client credentials",
    "unsupported_grant_type": "it doesn't support client credentials",
    "invalid_scope": "it refused the scopes",
    "invalid_target": "it refused the audience",
    "temporarily_unavailable": "it is busy",
    "server_error": "it failed",
    "slow_down": "it is asked too often",
}
"""RFC 6749 §5.2 and §4.1.2.1, RFC 8707 §2, RFC 8628 §3.5. The server's own text is not shown: it
may repeat our request."""


class TokenEndpointBusy(CredentialsUnavailable, TransportError):
    """A token endpoint answered 429 or 5xx: there may be a token soon.

    It is on the way to the server, so that the client's ``Retry`` counts it as it does such an
    answer of the server itself.

    Attributes:
        retry_after: Seconds in which the endpoint is not asked again: those that it asks to wait.
    """

    def __init__(
        self, message: str = "", *, retry_after: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(message, **kwargs)
        self.retry_after: float | None = retry_after


class OAuth2ClientCredentials(RenewedAuth):
    """Tokens that a token endpoint gives to this client (RFC 6749 §4.4).

    A token is kept until a minute before its end, or until the server answers 401; then one task
    fetches the next for all, and a request that was refused is sent once more. If that fails, it
    fails for all who waited; what may pass is repeated as the client's ``Retry`` says. An endpoint
    that is busy (429, 5xx) is left alone for as long as its ``Retry-After`` says, or for a second:
    who needs a token meanwhile gets the same failure. Redirects of it are not followed.

    Args:
        token_url: The token endpoint: ``https``, or ``http`` on this machine.
        client_id: The client's name.
        client_secret: Its password.
        scopes: What the token shall be good for; a text is split at spaces.
        audience: Whom it is meant for; some servers want to be told.
        client_authentication: How name and password are sent.

    Raises:
        ConfigurationError: The URL or the client can't be.
    """

    __slots__ = ("_busy", "_form", "_headers", "_url")

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scopes: Iterable[str] = (),
        audience: str | None = None,
        client_authentication: ClientAuthentication = "client_secret_basic",
    ) -> None:
        super().__init__()
        self._busy: tuple[TokenEndpointBusy, Pause] | None = None
        if not client_id or not client_secret:
            raise ConfigurationError("client_id or client_secret is empty")
        self._url = _token_url(token_url)
        scope = " ".join(scopes.split() if isinstance(scopes, str) else scopes)
        form = {"grant_type": "client_credentials", "scope": scope, "audience": audience or ""}
        fields = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        match client_authentication:
            case "client_secret_basic":
                # Coded before they are joined (RFC 6749 §2.3.1): either may have a colon.
                pair = quote_plus(client_id), quote_plus(client_secret)
                fields["Authorization"] = basic_credentials(*pair)
            case "client_secret_post":
                form |= {"client_id": client_id, "client_secret": client_secret}
            case _:
                raise ConfigurationError(
                    "client_authentication is client_secret_basic or client_secret_post"
                )
        self._headers = Headers(fields)
        self._form = urlencode({name: value for name, value in form.items() if value}).encode()

    def __repr__(self) -> str:
        """The token endpoint."""
        return f"<OAuth2ClientCredentials {self._url.redacted()}>"

    def _obtain(self, refused: Grant | None, now: float) -> Subflow[Grant]:
        del refused  # a new one is a new one
        self._check_pause(now)
        response = yield Fetch(Request("POST", self._url, self._headers, self._form))
        try:
            token = read_token(response, self._url.redacted(), now)
        except TokenEndpointBusy as error:
            self._busy = copy(error), Pause.asked_for(error.retry_after, now)
            self._check_pause(now)
            raise
        return token.grant(now)

    def _check_pause(self, now: float) -> None:
        """Raise once more what the endpoint answered, as long as it wants to be left alone."""
        if self._busy is None:
            return
        failure, pause = self._busy
        seconds = pause.left(now)
        if not seconds:
            self._busy = None
            return
        again = copy(failure)
        again.retry_after = seconds
        again.hint = f"it is not asked again for {math.ceil(seconds)} s"
        raise again from None


def _token_url(text: str) -> URL:
    try:
        url = URL.parse(text)
        host = url.origin.host
    except ProtocolError as error:
        raise ConfigurationError(f"not the URL of a token endpoint: {error}") from None
    if url.userinfo is not None or url.fragment is not None:
        raise ConfigurationError("the URL of a token endpoint has no user and no fragment")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(host)):
        raise ConfigurationError(
            "the secret would be readable on the way to the token endpoint",
            hint="use https; http is for this machine only",
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_token(response: Response, endpoint: str, now: float) -> AccessToken:
    """What a token endpoint answered (RFC 6749 §5).

    Args:
        response: Whole.
        endpoint: Its URL, redacted.
        now: Unix time at which the token was asked for.

    Raises:
        CredentialsUnavailable: The answer is no token; ``TokenEndpointBusy`` if that may pass.
    """
    answer = _json_object(response.body)
    if not response.is_success:
        raise _refusal(response, answer, endpoint, now)
    text, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
    if not isinstance(text, str) or not is_token_text(text):
        problem = "the token endpoint's answer has no access token in it"
    elif not isinstance(kind, str) or kind.lower() != "bearer":
        problem = "the token endpoint gave a token that is not a bearer token"
    else:
        lifetime = _lifetime(answer.get("expires_in"))
        return AccessToken(text, None if lifetime is None else now + lifetime)
    raise CredentialsUnavailable(problem, provider=endpoint, status=response.status)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _lifetime(seconds: object) -> float | None:
    """``expires_in``, which some servers write as a text; ``None`` where it says nothing."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit():
        seconds = int(seconds[:12])
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return float(seconds) if 0 <= seconds < 1e10 else None


def _refusal(
    response: Response, answer: dict[str, Any], endpoint: str, now: float
) -> CredentialsUnavailable:
    code, description = answer.get("error"), answer.get("error_description")
    known = code if isinstance(code, str) and code in _PLAIN_WORDS else ""
    words = f": {_PLAIN_WORDS[known]} ({known})" if known else ""
    message = f"the token endpoint gave no token{words}"
    facts: dict[str, Any] = {
        "provider": endpoint,
        "status": response.status,
        "description": description if isinstance(description, str) else "",
    }
    if response.status != 429 and response.status < 500:
        return CredentialsUnavailable(message, **facts)
    value = response.headers.get("Retry-After")
    retry_after = None if value is None else parse_retry_after(value, now)
    return TokenEndpointBusy(message, retry_after=retry_after, **facts)
