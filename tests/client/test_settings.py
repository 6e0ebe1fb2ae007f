"""Settings that can't be are refused when the client is made, in plain words."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from aiodicomweb import BasicAuth, Client, ConfigurationError, Limits, Retry, Timeout, Tls


@pytest.mark.parametrize(
    ("settings", "told", "wanted"),
    [
        ({"timeout": 5}, "timeout can't be an int", "Timeout("),
        ({"timeout": Timeout}, "timeout can't be the class Timeout", "Timeout("),
        ({"limits": {"parts": 5}}, "limits can't be a dict", "Limits("),
        ({"retry": 3}, "retry can't be an int", "Retry("),
        ({"retry": Retry}, "retry can't be the class Retry", "Retry("),
        ({"retry": False}, "retry can't be False", "Retry("),
        ({"auth": ("doe", "secret")}, "auth can't be a tuple", "BasicAuth("),
        ({"auth": "secret"}, "auth can't be a str", "BearerAuth("),
        ({"auth": BasicAuth}, "auth can't be the class BasicAuth", "BasicAuth("),
        ({"tls": False}, "tls can't be False", 'Tls(ca="authority.pem")'),
        ({"tls": True}, "tls can't be True", "always verified"),
        ({"tls": "ca.pem"}, "tls can't be a str", "ssl.SSLContext"),
        ({"proxy": 3128}, "proxy can't be an int", "direct"),
        ({"hooks": 5}, "hooks can't be an int", "function"),
        ({"hooks": [5]}, "a hook is something to be called", ""),
        ({"headers": 5}, "headers can't be an int", "headers={"),
        ({"headers": {"X-Key": 5}}, "field 'X-Key' must be text, not an int", ""),
        ({"headers": {"X-Key": None}}, "field 'X-Key' must be text, not None", ""),
        ({"headers": {"X-Key": b"secret"}}, "field 'X-Key' must be text, not a bytes", ""),
        ({"headers": {"X-Key": "secret\n"}}, "X-Key holds a control", ""),
        ({"url": 5}, "URL of a service is text, not an int", ""),
        ({"url": "http://pacs/?token=secret"}, "the URL of a service has no query", "auth="),
        ({"wado_url_prefix": 5}, "URL of a service is text, not an int", ""),
        ({"wado_url_prefix": "wado?token=secret"}, "of a service has no query", "auth="),
        ({"wado_url_prefix": "https://x/?token=secret"}, "of a service has no query", "auth="),
        ({"wado_url_prefix": "../up"}, "not a path below the service's URL", ""),
    ],
)
def test_settings_that_can_not_be(settings: dict[str, Any], told: str, wanted: str) -> None:
    """The error says which one, what it is and what is wanted; not its value."""
    with pytest.raises(ConfigurationError) as caught:
        Client(**{"url": "http://pacs", **settings})

    assert told in caught.value.message
    assert wanted in caught.value.hint
    assert "secret" not in str(caught.value)


class OwnAuth:
    """Credentials of the caller's own kind."""

    def flow(self, request: Any, *, now: float) -> Any:
        """Nothing to add."""
        del now
        yield request


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": BasicAuth("doe", "secret")},
        {"auth": OwnAuth()},
        {"tls": Tls()},
        {"tls": ssl.create_default_context()},
        {"timeout": Timeout(), "limits": Limits(), "retry": Retry(), "proxy": "direct"},
        {"hooks": print},
        {"hooks": [print, len]},
        {"hooks": (), "headers": {}},
        {"hooks": None},
        {"qido_url_prefix": None, "auth": None, "tls": None, "proxy": None, "headers": None},
    ],
)
def test_settings_as_they_should_be(settings: dict[str, Any]) -> None:
    """Ours, the caller's own kinds, and none."""
    assert "http://pacs" in repr(Client("http://pacs", **settings))
