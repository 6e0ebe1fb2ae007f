"""What flows are made of."""

from __future__ import annotations

from aiodicomweb.client.auth import authorized
from aiodicomweb.http import Headers

from ...support.flows import REQUEST


def test_authorized() -> None:
    """Fields take the place of those of the same names; all else stays."""
    request = authorized(REQUEST, Headers({"accept": "y", "X-Key": "k"}))

    assert Headers({"accept": "y", "X-Key": "k"}) == request.headers
    assert (REQUEST.method, REQUEST.url, REQUEST.body) == (
        request.method,
        request.url,
        request.body,
    )
