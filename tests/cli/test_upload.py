"""What a store says of itself while it is under way."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import anyio

from aiodicomweb.cli.upload import Upload
from aiodicomweb.client import Progress, RequestStarted, Transaction
from aiodicomweb.http import Origin

from ..support.messages import dicom_file, json_response, module
from ..support.serving import talking

if TYPE_CHECKING:
    from aiodicomweb.testing.peers import Answer, PeerRequest

LARGE = dicom_file("1.2.3", 40_000_000)
SMALL = dicom_file("1.2.4", 1_000)


def test_nothing_has_begun() -> None:
    """Only what is done is known."""
    assert "storing" == str(Upload())


async def test_a_server_that_takes_its_time() -> None:
    """Instances and octets of how many while it takes them, and that it has them all afterwards."""
    upload = Upload()
    go_on = anyio.Event()
    asked = anyio.Event()
    said: list[str] = []

    def script(_: PeerRequest) -> Answer:
        asked.set()
        return [go_on, json_response(module(["1.2.3", "1.2.4"]))]

    async with talking(script, hooks=upload) as (client, _), anyio.create_task_group() as tasks:
        tasks.start_soon(client.store_instances([SMALL, LARGE]).__aenter__)
        await asked.wait()
        said.append(str(upload))
        go_on.set()
    said.append(str(upload))

    assert ["storing: 2 instances, 40.0 MB sent, waiting for the answer", "storing"] == said


def test_half_is_sent() -> None:
    """Instances and octets, of how many, and the rate."""
    upload = Upload()
    upload(
        RequestStarted(
            call=1,
            request=1,
            time=time.monotonic() - 10,
            transaction=Transaction.STORE,
            method="POST",
            origin=Origin("http", "pacs", 80),
            route="/studies",
            url="http://pacs/studies",
            resends=0,
            size=40_000_000,
            parts=3,
            progress=lambda: Progress(sent=20_000_000, received=0, parts_sent=1),
        )
    )

    assert re.fullmatch(
        r"storing: 1 of 3 instances, 20\.0 MB of 40\.0 MB, (2\.0|1\.\d) MB/s", str(upload)
    )


async def test_other_requests_do_not_count() -> None:
    """A search before the store says nothing of it."""
    upload = Upload()
    async with (
        talking([json_response([])], hooks=upload) as (client, _),
        client.search_for_studies(),
    ):
        assert "storing" == str(upload)
