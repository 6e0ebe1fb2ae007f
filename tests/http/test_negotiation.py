"""Accept fields."""

from __future__ import annotations

import pytest

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import MediaType, format_accept


def test_format_accept() -> None:
    """Alternatives stand in the given order, parameters outside the quotes (MED-41)."""
    media_types = [
        MediaType("multipart", "related", (("type", "image/jpeg"), ("transfer-syntax", "1.2"))),
        MediaType("*", "*"),
    ]

    assert 'multipart/related; type="image/jpeg"; transfer-syntax=1.2, */*' == format_accept(
        media_types
    )


def test_empty_accept() -> None:
    """An empty list is not produced (GEN-10, GEN-15)."""
    with pytest.raises(LocalProtocolError):
        format_accept([])
