"""Stores: reports of every kind, refusals early and late, and files that are none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import (
    AuthenticationRequired,
    Client,
    ConfigurationError,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    LocalProtocolError,
    NotFound,
    Part10Error,
    Retry,
    ServerError,
    StatusError,
    StoreFailed,
    Throttled,
    Timeout,
    TooLarge,
    UnexpectedMediaType,
)
from aiodicomweb.errors import DeadlineExceeded
from aiodicomweb.testing import End, Reply, response

from ...support.messages import dicom_file, file_head, json_response, module
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = dicom_file("1.2.1"), dicom_file("1.2.2")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A DICOM file that the system's buffers don't hold, and that takes no room on disk."""
    path = tmp_path / "large.dcm"
    head = file_head("1.2.3", 64 << 20)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + (64 << 20))
    return path


async def test_all_is_stored() -> None:
    """Every instance that the answer mentions is accounted for; iterated, one by one."""
    answer = json_response(module(["1.2.1", "1.2.2"]))
    async with serving(answer, answer) as (client, _):
        report = await client.store_instances([A, B])

        assert ["1.2.1", "1.2.2"] == [item.sop_instance_uid for item in report.stored]
        assert report.complete
        report.raise_for_failures()
        items = [item.sop_instance_uid async for item in client.store_instances([A, B])]
        assert ["1.2.1", "1.2.2"] == items


async def test_what_the_answer_leaves_out_is_unreported() -> None:
    """An instance of which nothing is said is not taken for stored."""
    async with serving(json_response(module(["1.2.1"]))) as (client, _):
        report = await client.store_instances([A, B])

        assert ("1.2.2",) == report.unreported
        assert not report.complete
        with pytest.raises(StoreFailed, match="1 stored, 1 unreported") as caught:
            report.raise_for_failures()
        assert report is caught.value.report


@pytest.mark.parametrize(
    "reply",
    [
        response(b""),
        response(status=204),
        response(b"stored", {"Content-Type": "text/plain"}),
        json_response({}),
        json_response([]),
    ],
)
async def test_a_bare_success_says_nothing_of_any(reply: bytes) -> None:
    """200 without a module: everything is unreported."""
    async with serving(reply) as (client, _):
        report = await client.store_instances([A, B])

        assert ("1.2.1", "1.2.2") == report.unreported
        assert () == report.stored
        with pytest.raises(StoreFailed, match="2 unreported"):
            report.raise_for_failures()


@pytest.mark.parametrize("status", [200, 202, 400, 409])
async def test_failures_are_reported(status: int) -> None:
    """What the module says counts, whatever the status (STW-30…32)."""
    answer = json_response(
        module(["1.2.1"], ["1.2.2"]), status, {"Warning": '299 peer "one failed"'}
    )
    async with serving(answer) as (client, _):
        call = client.store_instances([A, B])
        report = await call

        assert status == call.response.status
        assert [("1.2.2", 272)] == [
            (item.sop_instance_uid, item.failure_reason) for item in report.failed
        ]
        assert ("one failed",) == report.warnings
        assert not report.complete


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, StatusError), (409, Conflict), (500, ServerError), (404, NotFound)],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"{}", b"{["])
async def test_a_refusal_without_a_module(
    status: int, error: type[StatusError], body: bytes
) -> None:
    """A refusal in other terms is the error of its status, with what was said."""
    async with serving(response(body, status=status)) as (client, _):
        with pytest.raises(error) as caught:
            await client.store_instances(A)

        assert (status, body) == (caught.value.status, caught.value.body)


async def test_a_busy_server_says_for_how_long() -> None:
    """A store is not repeated; the error has ``Retry-After``."""
    busy = response(status=503, headers={"Retry-After": "7"})
    async with serving(busy, json_response({}), retry=Retry(attempts=3, first=0)) as (client, peer):
        with pytest.raises(Throttled) as caught:
            await client.store_instances(A)

        assert 7 == caught.value.retry_after
        assert 1 == len(peer.requests)


async def test_a_log_in_page_is_no_report() -> None:
    """200 with HTML is no success."""
    async with serving(response(b"<html>", {"Content-Type": "text/html"})) as (client, _):
        with pytest.raises(UnexpectedMediaType, match="text/html"):
            await client.store_instances(A)


# --- on the way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [End.KEEP, End.CLOSE, End.RESET])
@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationRequired), (413, TooLarge)])
async def test_an_early_refusal_stops_the_upload(
    large: Path, status: int, error: type[StatusError], end: End
) -> None:
    """A server that refuses before it has seen all is heard, and little is sent."""
    reply = Reply(response(b"no", status=status), end, early=True)
    async with serving(reply, json_response({})) as (client, peer):
        with pytest.raises(error) as caught:
            await client.store_instances(large)

        assert caught.value.body in (b"no", b"")
        assert not peer.requests[0].complete
        await client.store_instances(A)
        assert 2 == peer.connections


async def test_a_lost_connection_is_not_repeated(large: Path) -> None:
    """Nobody knows what the server has taken."""
    lost = Reply(b"", End.RESET, early=True)
    async with serving(lost, json_response({}), retry=Retry(first=0)) as (client, peer):
        with pytest.raises(ConnectionLost) as caught:
            await client.store_instances(large)

        assert "write" == caught.value.phase
        assert 1 == len(peer.requests)


async def test_nobody_there() -> None:
    """A server that is down is told as such."""
    async with serving() as (_, peer):
        url = peer.url
    async with Client(url) as client:
        with pytest.raises(ConnectFailed):
            await client.store_instances(A)


async def test_an_upload_that_stalls_names_its_phase(large: Path) -> None:
    """A server that takes nothing more is given up after ``Timeout.write``."""
    stall = anyio.Event()
    reply = Reply([stall], early=True)
    async with serving(reply, timeout=Timeout(write=0.05)) as (client, _):
        with pytest.raises(DeadlineExceeded, match="Timeout.write") as caught:
            await client.store_instances(large)
        stall.set()

        assert "write" == caught.value.phase


# --- before anything is sent ---------------------------------------------------------------------


async def test_a_file_that_is_no_dicom_is_refused(tmp_path: Path) -> None:
    """With its name, and before the server hears of anything."""
    good, bad = tmp_path / "good.dcm", tmp_path / "notes.txt"
    good.write_bytes(A)
    bad.write_bytes(b"Dear Dr. Doe, " * 100)
    async with serving() as (client, peer):
        with pytest.raises(Part10Error, match="not a DICOM file") as caught:
            await client.store_instances([good, bad])

        assert str(bad) == caught.value.name
        assert str(bad) in str(caught.value)
        assert "Dear" not in str(caught.value)
        assert 0 == peer.connections


async def test_nothing_to_store(tmp_path: Path) -> None:
    """An empty list, or a directory without DICOM files, is a mistake."""
    (tmp_path / "notes.txt").write_bytes(b"text")
    async with serving() as (client, peer):
        for nothing in ([], tmp_path):
            with pytest.raises(ConfigurationError, match="nothing to store"):
                await client.store_instances(nothing)  # type: ignore[arg-type]
        with pytest.raises(FileNotFoundError):
            await client.store_instances(tmp_path / "none")

        assert 0 == peer.connections


async def test_a_directory_is_walked(tmp_path: Path) -> None:
    """DICOM files are stored in the order of their names; the others are listed as skipped."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2").write_bytes(B)
    (tmp_path / "1").write_bytes(A)
    (tmp_path / "notes.txt").write_bytes(b"text")
    async with serving(json_response(module(["1.2.1", "1.2.2"]))) as (client, peer):
        report = await client.store_instances(tmp_path)

        assert report.complete
        assert (str(tmp_path / "notes.txt"),) == report.skipped
        body = peer.requests[0].body
        assert 0 < body.index(A) < body.index(B)


async def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """A file that becomes shorter before its turn comes is noticed: nothing half is stored."""
    path = tmp_path / "a"
    path.write_bytes(A)

    def items() -> Iterator[Path | bytes]:
        yield path
        path.write_bytes(A[:-4])  # it was looked at
        yield B

    async with serving(json_response({})) as (client, peer):
        with pytest.raises(LocalProtocolError, match="ends 4 octets early"):
            await client.store_instances(items())
        await peer.wait_until_idle()

        assert not any(request.complete for request in peer.requests)


async def test_what_has_no_uid_is_counted() -> None:
    """An instance whose head shows no UID can't be named, but is missed all the same."""
    nameless = bytes(128) + b"DICM"
    async with serving(json_response({})) as (client, _):
        report = await client.store_instances([nameless])

        assert (1, ()) == (report.sent, report.unreported)
        assert not report.complete


async def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """What isn't a regular file is refused by name: to open a pipe may take for ever."""
    os.mkfifo(tmp_path / "pipe")
    async with serving() as (client, peer):
        with pytest.raises(Part10Error, match="pipe: not a regular file"):
            await client.store_instances(tmp_path / "pipe")

        assert [] == peer.requests
