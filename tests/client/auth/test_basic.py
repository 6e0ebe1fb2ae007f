"""User names and passwords."""

from __future__ import annotations

import pytest

from aiodicomweb import BasicAuth, ConfigurationError
from aiodicomweb.http import Request

from ...support.flows import OK, REFUSED, REQUEST, play, sent


@pytest.mark.parametrize(
    ("auth", "value"),
    [
        (BasicAuth("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (BasicAuth("test", "123£"), "Basic dGVzdDoxMjPCow=="),
        (BasicAuth("", "a:b"), "Basic OmE6Yg=="),
    ],
    ids=["RFC 7617 §2", "RFC 7617 §2.1", "colon in the password"],
)
def test_a_request_is_authorized(auth: BasicAuth, value: str) -> None:
    """The examples of the RFC; the rest of the request stays."""
    (authorized,) = play(auth, OK)
    assert isinstance(authorized, Request)

    assert [value] == sent([authorized])
    assert (REQUEST.method, REQUEST.url, REQUEST.body) == (
        authorized.method,
        authorized.url,
        authorized.body,
    )
    assert "x" == authorized.headers["Accept"]


def test_one_answer_is_enough() -> None:
    """The same credentials would be refused again."""
    assert 1 == len(play(BasicAuth("u", "p"), REFUSED))


@pytest.mark.parametrize(
    ("name", "word"), [("a:b", "x"), ("a\n", "x"), ("a", "\0"), ("a", "x\x7f")]
)
def test_what_would_be_read_otherwise_is_refused(name: str, word: str) -> None:
    """RFC 7617 §2: no colon in the name, no control characters."""
    with pytest.raises(ConfigurationError):
        BasicAuth(name, word)


def test_credentials_are_not_shown() -> None:
    """Neither by ``repr`` nor by the request that carries them."""
    auth = BasicAuth("doe", "secret")

    assert "secret" not in repr(auth) + str(auth)
    assert "c2VjcmV0" not in repr(play(auth, OK))
