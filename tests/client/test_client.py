"""The client itself: its URL, its settings, its life."""

from __future__ import annotations

import gc
import threading
import warnings
from typing import Any

import anyio
import anyio.to_thread
import pytest

from aiodicomweb import BearerAuth, Client, ConfigurationError, ConnectionLost, Limits, Retry
from aiodicomweb.testing import ScriptedPeer, response

from ..support.messages import dicom_file, json_response, parts_response
from ..support.serving import serving
from ..support.streams import contexts

EMPTY = json_response([])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://pacs", "http://pacs"),
        ("https://pacs.example:8443/dicom-web/", "https://pacs.example:8443/dicom-web"),
        ("http://[::1]:8042/a/b", "http://[::1]:8042/a/b"),
        ("http://pacs/x?#y", "http://pacs/x"),
    ],
)
def test_urls_of_services(url: str, shown: str) -> None:
    """With or without a slash at the end; a fragment is no part of it."""
    assert f"<Client {shown} <Session <Transport <Pool empty>>>>" == repr(Client(url))


@pytest.mark.parametrize(
    "url",
    ["", "pacs", "pacs:8042", "ftp://pacs", "http://", "http:///x", "http://a b", "//pacs/x"],
)
def test_what_is_no_url_of_a_service(url: str) -> None:
    """A mistake is told at once."""
    with pytest.raises(ConfigurationError):
        Client(url)


def test_credentials_do_not_belong_into_urls() -> None:
    """They are refused, not shown, and the remedy is named."""
    with pytest.raises(ConfigurationError, match="BasicAuth") as caught:
        Client("http://doe:secret@pacs")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["ftp://x/y", "http://u:p@x", "http://", "../up"])
def test_what_is_no_prefix(prefix: str) -> None:
    """A prefix that is a URL must be one of a service; a path can't lead upwards."""
    with pytest.raises(ValueError, match="http|URL|path|segment"):
        Client("http://pacs", wado_url_prefix=prefix)


@pytest.mark.parametrize(
    "headers", [{"Bad Name": "x"}, {"X": "a\r\nEvil: b"}, {"X": "\0"}], ids=["name", "CRLF", "NUL"]
)
def test_illegal_header_fields(headers: dict[str, str]) -> None:
    """They can't be smuggled into requests."""
    with pytest.raises(ValueError, match="header|field|name|value"):
        Client("http://pacs", headers=headers)


async def test_a_client_over_tls() -> None:
    """With a context that trusts the server; the connection is used again."""
    async with ScriptedPeer([EMPTY, EMPTY, EMPTY], tls=contexts().server) as peer:
        async with Client(peer.url, tls=contexts().client) as client:
            await client.search_for_studies()
            await client.search_for_studies()
            await client.store_instances(dicom_file())
        await peer.wait_until_idle()

        assert 1 == peer.connections


async def test_closing_closes_idle_connections() -> None:
    """Leaving the client leaves no socket; it can be closed again, and used no more."""
    async with serving(EMPTY) as (client, peer):
        await client.search_for_studies()
        assert 1 == peer.open_connections
        await client.aclose()
        await peer.wait_until_idle()
        await client.aclose()

        with pytest.raises(ConfigurationError, match="the client is closed"):
            await client.search_for_studies()


async def test_closing_breaks_off_what_is_open() -> None:
    """A call that is not finished learns of it."""
    async with serving(parts_response([bytes(5_000_000), b"x"])) as (client, peer):
        call = client.retrieve_study("1.2")
        part = await anext(call)
        await client.aclose()
        await peer.wait_until_idle()

        with pytest.raises(ConnectionLost, match="on this side|descriptor"):
            await part.read()


async def test_closing_ends_a_pause() -> None:
    """A call that waits to be made again learns of it at once, and is not made again."""
    busy = response(b"", {"Retry-After": "20"}, 503)
    async with serving(busy, retry=Retry()) as (client, peer):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(broken_off, client)
            await peer.wait_for_requests(1)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()

        assert 1 == len(peer.requests)


async def test_closing_breaks_off_calls_and_those_who_wait_for_them() -> None:
    """What was begun is lost, wherever it was; "closed" is for calls that come afterwards."""
    stalled = [EMPTY[:-1], anyio.Event()]
    async with serving(stalled, retry=Retry(), limits=Limits(connections=1)) as (client, peer):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(broken_off, client)
            await peer.wait_for_requests(1)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()

        assert 1 == len(peer.requests)


async def test_closing_breaks_off_who_waits_for_a_token() -> None:
    """Whether for a function that gives it, or for the call that asks for it."""
    began, go_on = threading.Semaphore(0), threading.Event()

    def block() -> str:
        began.release()
        go_on.wait(10)
        return "late"

    async with serving(auth=BearerAuth(block)) as (client, peer):
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(2):
                    tasks.start_soon(broken_off, client)
                await anyio.to_thread.run_sync(began.acquire)
                await client.aclose()
        finally:
            go_on.set()

        assert 0 == peer.connections


async def broken_off(client: Client) -> None:
    """A search that the end of the client interrupts."""
    with pytest.raises(ConnectionLost):
        await client.search_for_studies()


async def test_a_client_without_scope_does_not_hide_its_sockets() -> None:
    """Who forgets to close is warned by Python."""
    async with ScriptedPeer([EMPTY]) as peer:
        client: Any = Client(peer.url)
        await client.search_for_studies()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del client
            gc.collect()
        await peer.wait_until_idle()

    assert ["unclosed <socket"] == [str(warning.message)[:16] for warning in caught]
