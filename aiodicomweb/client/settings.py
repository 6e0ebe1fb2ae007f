"""What a client is made with, checked when it is made, and refused in plain words.

A value of another type would fail at the first request, deep inside; or, worse, not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ConfigurationError, ProtocolError
from ..http import URL, Headers
from ..net import Timeout, Tls
from ..wire import Limits
from .retry import Retry

__all__ = ["check_kinds", "header_fields", "parse_url", "service_url"]

_CREDENTIALS = "such as auth=BasicAuth(user, password), or auth=BearerAuth(token)"
_VERIFIED = (
    "servers are always verified: by the system's authorities without tls, by a private one with "
    'tls=Tls(ca="authority.pem"), or as an ssl.SSLContext says'
)


def check_kinds(
    *,
    auth: object,
    tls: object,
    proxy: object,
    timeout: object,
    limits: object,
    retry: object,
    hooks: object,
) -> None:
    """Look at the types of a client's settings. ``None``, for the default, is fine for each.

    Raises:
        ConfigurationError: One is something else than what is wanted, which the text says.
    """
    _expect("timeout", timeout, isinstance(timeout, Timeout), "such as timeout=Timeout(read=60)")
    _expect("limits", limits, isinstance(limits, Limits), "such as limits=Limits(connections=4)")
    _expect("retry", retry, isinstance(retry, Retry), "such as retry=Retry(attempts=3)")
    _expect(
        "proxy",
        proxy,
        isinstance(proxy, str),
        'such as proxy="http://proxy.example:3128", or proxy="direct" for none',
    )
    _expect("auth", auth, _is_auth(auth), _CREDENTIALS)
    _expect(
        "hooks",
        hooks,
        callable(hooks) or isinstance(hooks, Iterable),
        "a function, or a list of them",
    )
    _expect("tls", tls, isinstance(tls, Tls) or _is_context(tls), _VERIFIED)


def header_fields(headers: Mapping[Any, Any] | None) -> Headers:
    """The header fields of a client, or of a call.

    Raises:
        ConfigurationError: A name or value isn't text, or is illegal; no value is shown.
    """
    if headers is None:
        return Headers()
    _expect(
        "headers", headers, _are_fields(headers), 'such as headers={"X-Department": "radiology"}'
    )
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise ConfigurationError(f"the header field {name!r} must be text, not {_kind(value)}")
    try:
        return Headers(headers)
    except ProtocolError as error:
        raise ConfigurationError(error.message) from None


def _are_fields(headers: object) -> bool:
    return isinstance(headers, Mapping | Headers)


def parse_url(url: object) -> URL:
    """The URL of a service.

    Raises:
        ConfigurationError: It is none, or has what would be lost: a query, or credentials.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"the URL of a service is text, not {_kind(url)}")
    try:
        parsed = URL.parse(url)
        if parsed.scheme not in ("http", "https"):
            raise ConfigurationError("the URL of a service begins with http:// or https://")
        if parsed.userinfo is not None:
            raise ConfigurationError(
                "credentials don't belong into a URL", hint="Client(auth=BasicAuth(...))"
            )
        parsed.origin  # noqa: B018 - raises where there is no host
    except ProtocolError as error:
        raise ConfigurationError(f"not the URL of a service: {error}") from None
    if parsed.query:
        raise _no_query()
    return parsed.child()


def service_url(base: URL, prefix: object) -> URL:
    """The URL of one service of several: a path below ``base``, or a URL of its own.

    Raises:
        ConfigurationError: It is neither.
    """
    if prefix is None:
        return base
    if not isinstance(prefix, str) or "://" in prefix:
        return parse_url(prefix)
    if "?" in prefix:
        raise _no_query()
    try:
        return base.child(*prefix.split("/"))
    except ProtocolError as error:
        raise ConfigurationError(f"not a path below the service's URL: {error.message}") from None


def _no_query() -> ConfigurationError:
    return ConfigurationError(
        "the URL of a service has no query: each request has one of its own",
        hint="credentials go into auth=..., or into headers=...",
    )


def _expect(name: str, value: object, fits: bool, wanted: str) -> None:
    if not (fits or value is None):
        raise ConfigurationError(f"{name} can't be {_kind(value)}", hint=wanted)


def _is_auth(value: object) -> bool:
    return callable(getattr(value, "flow", None)) and not isinstance(value, type)


def _is_context(value: object) -> bool:
    """Whether it is an ``ssl.SSLContext``; who has one has loaded ``ssl``."""
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(value, ssl.SSLContext)


def _kind(value: object) -> str:
    """What a value is, without showing it: it may be a secret."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"
