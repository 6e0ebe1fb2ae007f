"""What deletions send, to the octet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import Client, ConfigurationError
from aiodicomweb.testing import ScriptedPeer, response

from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiodicomweb.client import DeleteCall

    Delete = Callable[[Client], DeleteCall]

DELETED = response(status=204)
PARAMETERS = {"force": True, "names": ["a b", "c"]}

DELETIONS: dict[str, tuple[Delete, str, str]] = {
    "study": (lambda client: client.delete_study("1.2"), "/studies/1.2", ""),
    "series": (
        lambda client: client.delete_series("1.2", "1.2.3"),
        "/studies/1.2/series/1.2.3",
        "",
    ),
    "instance": (
        lambda client: client.delete_instance("1.2", "1.2.3", "1.2.3.4"),
        "/studies/1.2/series/1.2.3/instances/1.2.3.4",
        "",
    ),
    "vendor parameters": (
        lambda client: client.delete_study("1.2", PARAMETERS, headers={"X-Y": "z"}),
        "/studies/1.2?force=true&names=a%20b,c",
        "X-Y: z\r\n",
    ),
}


@pytest.mark.parametrize(("delete", "target", "fields"), DELETIONS.values(), ids=DELETIONS)
async def test_the_request_of_a_deletion(delete: Delete, target: str, fields: str) -> None:
    """The whole head, octet by octet, and no body."""
    async with serving(DELETED) as (client, peer):
        await delete(client)

        host = peer.origin.removeprefix("http://")
        head = f"DELETE {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
        assert (head.encode(), b"") == (peer.requests[0].head, peer.requests[0].body)


@pytest.mark.parametrize(
    "delete",
    [
        lambda client: client.delete_study(""),
        lambda client: client.delete_study("*"),
        lambda client: client.delete_series("1.2", ""),
        lambda client: client.delete_series("", "1.2"),
        lambda client: client.delete_instance("1.2", "1.2.3", ""),
        lambda client: client.delete_instance("1.2", "1.2.3", "../../1.2"),
        lambda client: client.delete_study("1.2", {"": "x"}),
    ],
)
def test_what_cannot_be_is_told_at_once(delete: Delete) -> None:
    """A UID that is missing must not delete all that is above it."""
    with pytest.raises(ConfigurationError):
        delete(Client("http://pacs"))


async def test_deletion_has_its_place() -> None:
    """``delete_url_prefix`` is a path, or a URL, which sees credentials too."""
    async with serving(DELETED, delete_url_prefix="delete/it") as (client, peer):
        await client.delete_study("1.2")

        assert "/delete/it/studies/1.2" == peer.requests[0].target
    async with ScriptedPeer([DELETED]) as elsewhere:
        settings = {"delete_url_prefix": elsewhere.url, "headers": {"X-Site": "one"}}
        async with serving(wado_url_prefix="wado", **settings) as (client, peer):
            await client.delete_study("1.2")

        assert 0 == peer.connections
        assert "one" == elsewhere.requests[0].headers["X-Site"]
