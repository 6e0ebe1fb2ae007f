"""The ASGI application, by hand: requests and responses as messages of the protocol."""

from __future__ import annotations

import gzip
import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.http import Deferred, FileSpan, Produced
from aiodicomweb.net import ServerTimeout
from aiodicomweb.server import AsgiApplication, MemoryArchive

from ..support.asgi import Exchange, answering, scope, upload
from ..support.asking import PlainArchive
from ..support.messages import DICOM, dicom_file, multipart, parts_type

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Secret^Name"
FILE = dicom_file("1.2.3.4", name=NAME)
STORED = {"content-type": DICOM}
BLOCK = 256 * 1024


async def test_an_answer() -> None:
    """A start with the length, and the body."""
    async with AsgiApplication(MemoryArchive([FILE])) as application:
        answer = await Exchange().run(application, scope(target="/studies?PatientName=Secret*"))

    assert 200 == answer.status
    assert "application/dicom+json" == answer.headers["Content-Type"]
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    assert b'"http://pacs.example/studies/1.2"' in answer.body


@given(cuts=st.lists(st.integers(0, 700), max_size=10).map(sorted), coded=st.booleans())
async def test_an_upload(cuts: list[int], coded: bool) -> None:
    """Instances are stored however the octets come, and content coding is undone."""
    octets = multipart([FILE, dicom_file("1.2.3.5")])
    fields = parts_type()
    if coded:
        octets, fields = gzip.compress(octets), {**fields, "Content-Encoding": "gzip"}
    ends = [0, *cuts, len(octets)]
    pieces = [octets[begin:end] for begin, end in itertools.pairwise(ends)]
    archive = PlainArchive()
    async with AsgiApplication(archive) as application:
        answer = await Exchange(upload(pieces)).run(application, scope("POST", headers=fields))

    assert 200 == answer.status
    assert {"1.2.3.4": FILE, "1.2.3.5": dicom_file("1.2.3.5")} == archive.files


async def test_the_last_message_may_have_octets() -> None:
    """A body in one message, as most small ones come."""
    archive = PlainArchive()
    async with AsgiApplication(archive) as application:
        messages = [{"type": "http.request", "body": FILE, "more_body": False}]
        answer = await Exchange(messages).run(application, scope("POST", headers=STORED))

    assert (200, {"1.2.3.4": FILE}) == (answer.status, archive.files)


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (200, scope()),
        (415, scope("POST", headers={"content-type": "text/plain"})),
        (404, scope("POST", "/nowhere", STORED)),
        (405, scope("POST", "/series", STORED)),
    ],
)
async def test_a_body_is_not_read_in_vain(status: int, asked: dict[str, Any]) -> None:
    """Who waits for a word to send it is told by the server only when it is asked for."""
    exchange = Exchange(upload([FILE]))
    async with AsgiApplication(PlainArchive()) as application:
        answer = await exchange.run(application, asked)

    assert (status, 0) == (answer.status, exchange.received)


async def test_an_upload_that_breaks_off() -> None:
    """Is answered with nothing, and leaves nothing behind."""
    archive = PlainArchive()
    exchange = Exchange(upload([FILE[:300]], whole=False))
    async with AsgiApplication(archive) as application:
        await application(scope("POST", headers=STORED), exchange.receive, exchange.send)

    assert ([], {}, 0) == (exchange.sent, archive.files, archive.open_deposits)
    assert [300] == archive.pieces


async def test_an_upload_that_falls_silent() -> None:
    """Is refused after the time to read."""
    archive = PlainArchive()
    exchange = Exchange(upload([FILE[:300]])[:1])
    async with AsgiApplication(archive, timeout=ServerTimeout(read=0.01)) as application:
        answer = await exchange.run(application, scope("POST", headers=STORED))

    assert (408, 0) == (answer.status, archive.open_deposits)


async def test_head() -> None:
    """The fields of GET, and no body."""
    async with AsgiApplication(MemoryArchive([FILE])) as application:
        get = await Exchange().run(application, scope())
        head = await Exchange().run(application, scope("HEAD"))

    assert get.body
    assert (get.status, get.headers, b"") == (head.status, head.headers, head.body)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_body(status: int) -> None:
    """Has no length other than that of what it stands for."""
    async with answering(status=status, ETag='"1"', Content_Length="7") as (application, _):
        answer = await Exchange().run(application, scope())

    assert (status, b"") == (answer.status, answer.body)
    assert ("7" if status == 304 else None) == answer.headers.get("Content-Length")


async def test_pieces_of_every_kind(tmp_path: Path) -> None:
    """They come in order; large ones in blocks, small ones together."""
    octets = os.urandom(2 * BLOCK + 10)
    path = tmp_path / "file"
    path.write_bytes(octets)
    body = (
        b"head",
        FileSpan(str(path), 1, 2 * BLOCK + 5),
        memoryview(b"between"),
        Deferred(3, lambda: b"abc"),
        FileSpan(str(path), 0, 2),
        bytearray(octets),
    )
    exchange = Exchange()
    async with answering(*body) as (application, _):
        answer = await exchange.run(application, scope())

    parts = [b"head", octets[1 : 2 * BLOCK + 6], b"between", b"abc", octets[:2], octets]
    assert b"".join(parts) == answer.body
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    sizes = [len(message["body"]) for message in exchange.sent[1:]]
    assert [4, BLOCK, BLOCK + 5, 10, 2, BLOCK, BLOCK, 10, 0] == sizes


async def test_a_length_that_nobody_knows() -> None:
    """Is not told; the server frames the body."""
    async with answering(b"a", Produced(lambda: b"b")) as (application, _):
        answer = await Exchange().run(application, scope())

    assert (b"ab", False) == (answer.body, "Content-Length" in answer.headers)
