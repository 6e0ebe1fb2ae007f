"""A client and a scripted peer that talk to each other over a real socket."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from aiodicomweb import Client, Retry, Timeout
from aiodicomweb.testing import ScriptedPeer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from aiodicomweb.testing.peers import Answer, Script

__all__ = ["serving", "talking"]

PATIENCE = 10.0
"""Seconds after which a test that hangs fails."""


@asynccontextmanager
async def talking(
    script: Script, *, keep: int = 1024 * 1024, **settings: Any
) -> AsyncIterator[tuple[Client, ScriptedPeer]]:
    """A client, without retries unless said otherwise, and its peer.

    That the client closed every connection is checked on leaving.
    """
    settings = {"retry": Retry(attempts=1), "timeout": Timeout(read=PATIENCE), **settings}
    with anyio.fail_after(PATIENCE):
        async with ScriptedPeer(script, keep=keep) as peer:
            async with Client(peer.url, **settings) as client:
                yield client, peer
            await peer.wait_until_idle()


def serving(
    *replies: Answer, **settings: Any
) -> AbstractAsyncContextManager[tuple[Client, ScriptedPeer]]:
    """The same with the replies as arguments."""
    return talking(replies, **settings)
