"""Plays the flow of an authentication without a client: each step is taken down and answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiodicomweb.client.auth import Alone, Fetch, Run
from aiodicomweb.http import URL, Headers, Request, Response

if TYPE_CHECKING:
    from collections.abc import Generator

    from aiodicomweb.client.auth import Auth

__all__ = ["OK", "REFUSED", "REQUEST", "play", "sent", "token_answer"]

REQUEST = Request("GET", URL.parse("https://pacs/studies"), Headers({"Accept": "x"}), b"body")
OK = Response(200)
REFUSED = Response(401)


def token_answer(text: str, **more: Any) -> Response:
    """What a token endpoint answers; ``expires_in`` and the like as keywords."""
    answer = {"access_token": text, "token_type": "Bearer", **more}
    return Response(200, Headers({"Content-Type": "application/json"}), json.dumps(answer).encode())


def play(
    auth: Auth, *answers: Response, now: float = 0.0, request: Request = REQUEST
) -> list[Request | Fetch | Run]:
    """The steps of a flow that gets these answers to its requests, all of which it must ask for.

    Functions are called here and now.
    """
    left = list(answers)
    taken: list[Request | Fetch | Run] = []

    def follow(steps: Generator[Any, Any, Any]) -> Any:
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            if isinstance(step, Alone):
                outcome = follow(step.begin(now))
                continue
            taken.append(step)
            outcome = step.function() if isinstance(step, Run) else left.pop(0)

    follow(auth.flow(request, now=now))
    assert [] == left
    return taken


def sent(steps: list[Request | Fetch | Run]) -> list[str]:
    """What the requests among these steps carry in ``Authorization``."""
    return [step.headers["Authorization"] for step in steps if isinstance(step, Request)]
