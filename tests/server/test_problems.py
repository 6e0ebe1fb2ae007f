"""Refusals in one line (PS3.18 §8.6.3)."""

from __future__ import annotations

import pytest

from aiodicomweb.errors import (
    DicomWebError,
    JsonModelError,
    LimitExceeded,
    MultipartError,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.http import Headers
from aiodicomweb.server.problems import problem, refusal, status_of

from ..support.asking import whole


def test_a_problem_is_one_line() -> None:
    """Status, text and further fields (GEN-17)."""
    response = whole(problem(405, "no such method", Headers({"Allow": "GET"})))

    assert (405, b"no such method\n") == (response.status, response.body)
    assert "GET" == response.headers["Allow"]
    assert "text/plain; charset=utf-8" == response.headers["Content-Type"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, MultipartError("m")),
        (400, JsonModelError("j", path="[0]")),
        (404, RemoteProtocolError("r", status_hint=404)),
        (413, LimitExceeded("l", limit="body", value=1)),
        (415, UnexpectedMediaType("u", media_type="text/html")),
    ],
)
def test_an_error_tells_its_status(status: int, error: DicomWebError) -> None:
    """What a peer did wrong says the status, and is described."""
    response = whole(refusal(error))

    assert status == status_of(error) == response.status
    assert f"{error.describe()}\n".encode() == response.body


def test_a_hint_for_callers_is_not_told_to_peers() -> None:
    """Settings of the server are nobody else's business."""
    error = LimitExceeded("the body is too long", limit="body", value=1)

    assert b"hint" not in whole(refusal(error)).body
