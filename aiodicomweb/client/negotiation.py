"""A request whose ``Accept`` was left to us: in simpler forms, until the server understands one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import StatusError
from .ladder import is_refusal, is_verdict, with_accept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..http import Request, Response
    from ..net import Incoming
    from ..services import Resource
    from .ladder import Kind, Memory

__all__ = ["may_be_json", "negotiate"]


async def negotiate(
    memory: Memory,
    opener: Callable[[Request], Awaitable[Incoming]],
    request: Request,
    kind: Resource | Kind,
    fits: Callable[[Response], bool],
) -> tuple[Request, Incoming]:
    """Send a request, in simpler forms if need be.

    Args:
        memory: Which forms worked; learns which did now.
        opener: Sends requests; their responses are successes.
        request: The request.
        kind: What is asked for.
        fits: Whether a response can be one to it; asked where the first form was refused.

    Returns:
        The request as it was understood, and its response, which is a success.

    Raises:
        StatusError: The first refusal, if no form works.
    """
    origin, path = request.url.origin, request.url.path
    first: StatusError | None = None
    refusals: list[int] = []
    for form in memory.forms(origin, kind, path, time.monotonic()):
        asked = with_accept(request, form)
        try:
            incoming = await opener(asked)
        except StatusError as error:
            refused = is_refusal(kind, error)
            if not refused and (first is None or is_verdict(error)):
                raise
            first = first or error
            if not refused:
                break
            refusals.append(error.status)
            continue
        if first is not None and not fits(incoming.response):
            incoming.close()
            break
        memory.note(origin, kind, path, form, refusals, time.monotonic())
        return asked, incoming
    assert first is not None  # noqa: S101 - there is a form, and it failed
    raise first


def may_be_json(response: Response) -> bool:
    """Whether a response can be search results or metadata."""
    media_type = response.media_type
    return response.status == 204 or media_type is None or media_type.is_json
