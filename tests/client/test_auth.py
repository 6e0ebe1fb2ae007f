"""Credentials as flows, without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import BasicAuth, BearerAuth
from aiodicomweb.http import URL, Headers, Request, Response

if TYPE_CHECKING:
    from aiodicomweb.client import Auth

REQUEST = Request("GET", URL.parse("http://pacs/studies"), Headers({"Accept": "x"}), (b"body",))


@pytest.mark.parametrize(
    ("auth", "value"),
    [
        (BasicAuth("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        (BasicAuth("test", "123£"), "Basic dGVzdDoxMjPCow=="),
        (BearerAuth("mF_9.B5f-4.1JqM"), "Bearer mF_9.B5f-4.1JqM"),
    ],
    ids=["RFC 7617 §2", "RFC 7617 §2.1", "RFC 6750 §2.1"],
)
def test_a_request_is_authorized(auth: Auth, value: str) -> None:
    """The examples of the RFCs; the rest of the request stays, and one answer is enough."""
    flow = auth.flow(REQUEST)
    authorized = next(flow)

    assert value == authorized.headers["Authorization"]
    assert "x" == authorized.headers["Accept"]
    assert (REQUEST.method, REQUEST.url, REQUEST.body) == (
        authorized.method,
        authorized.url,
        authorized.body,
    )
    with pytest.raises(StopIteration):
        flow.send(Response(401))


@pytest.mark.parametrize("auth", [BasicAuth("doe", "secret"), BearerAuth("secret")])
def test_credentials_are_not_shown(auth: Auth) -> None:
    """Neither by ``repr`` nor by the request that carries them."""
    assert "secret" not in repr(auth) + str(auth)
    assert "c2VjcmV0" not in repr(next(auth.flow(REQUEST)))
