"""Stores: reports of every kind, refusals early and late, and files that are none."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import anyio
import pydicom
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
from aiodicomweb.errors import DeadlineExceeded, FramingError
from aiodicomweb.testing import End, Reply, response

from ...support.messages import dicom_file, file_head, json_response, module
from ...support.serving import PATIENCE, serving, talking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = dicom_file("1.2.1"), dicom_file("1.2.2")
BUSY = response(status=503)


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


async def test_the_total_spans_the_look_at_files() -> None:
    """A disk that does not answer is part of the call."""
    released = threading.Event()

    def files() -> Iterator[bytes]:
        released.wait(PATIENCE)
        yield A

    try:
        async with serving(timeout=Timeout(total=0.05)) as (client, peer):
            with pytest.raises(DeadlineExceeded, match="Timeout.total") as caught:
                await client.store_instances(files())

            assert ("total", 0) == (caught.value.phase, len(peer.requests))
    finally:
        released.set()


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
    """A store that the server had whole is not repeated; the error has ``Retry-After``."""
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


async def test_a_success_before_the_body_stores_nothing(large: Path) -> None:
    """A server that answers behind the head, and closes, has not got what it says it stored."""
    reply = Reply(json_response(module(["1.2.1"])), End.RESET, early=True)
    async with serving(reply, json_response({}), retry=Retry(first=0)) as (client, peer):
        with pytest.raises(ConnectionLost) as caught:
            await client.store_instances(large)

        assert "write" == caught.value.phase
        assert 1 == len(peer.requests)


async def test_nobody_there() -> None:
    """A server that is down is told as such."""
    async with serving() as (_, peer):
        url = peer.url
    async with Client(url, retry=Retry(first=0)) as client:
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


# --- more than once ------------------------------------------------------------------------------

AGAIN = Retry(first=0)
STORES = Retry(first=0, stores=True)
STORED = json_response(module(["1.2.1", "1.2.2"]))


def failure(uid: str, reason: int, status: int = 202) -> bytes:
    """An answer that one instance is stored, and another one not."""
    answer = module(["1.2.1"], [uid])
    answer["00081198"]["Value"][0]["00081197"]["Value"] = [reason]
    return json_response(answer, status)


@pytest.mark.parametrize(("early", "repeated"), [(True, ()), (False, ("1.2.1", "1.2.2"))])
async def test_a_store_that_is_sent_again_without_expectation(
    monkeypatch: pytest.MonkeyPatch, *, early: bool, repeated: tuple[str, ...]
) -> None:
    """A 417 behind the body makes it go out twice; one before the body does not (HTP-41)."""
    monkeypatch.setattr("aiodicomweb.net.connection._CONTINUE_SECONDS", 60.0 if early else 0.0)
    refusal = Reply(response(status=417), End.CLOSE, early=early)
    async with serving(refusal, STORED) as (client, peer):
        report = await client.store_instances([A, B], headers={"Expect": "100-continue"})

        assert report.complete
        assert repeated == report.repeated
        assert [True, False] == ["Expect" in each.headers for each in peer.requests]


async def test_a_store_that_was_held_back_was_not_got_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A 503 to ``Expect``, before an octet of the body: it is repeated, and no instance was."""
    monkeypatch.setattr("aiodicomweb.net.connection._CONTINUE_SECONDS", 60.0)
    refusal = Reply(BUSY, End.CLOSE, early=True)
    known = Reply(failure("1.2.2", 0x0111, 409), End.CLOSE, early=True)
    async with serving(refusal, known, retry=AGAIN) as (client, peer):
        report = await client.store_instances([A, B], headers={"Expect": "100-continue"})

        assert [0, 0] == [request.body_length for request in peer.requests]
        assert 1 == len(report.failed)
        assert () == report.repeated == report.perhaps_stored


async def test_a_store_that_was_not_begun_is_repeated(tmp_path: Path) -> None:
    """Files, octets and data sets are sent again as they were; the report says so."""
    path = tmp_path / "a"
    path.write_bytes(A)
    dataset = pydicom.dcmread(io.BytesIO(B))
    async with serving(response(status=429), STORED, retry=AGAIN) as (client, peer):
        report = await client.store_instances([path, dataset])

        first, second = peer.requests
        assert first.body == second.body
        assert second.complete
        assert report.complete
        assert ("1.2.1", "1.2.2") == report.repeated


async def test_what_was_not_sent_again_is_not_repeated() -> None:
    """Of a store that took one attempt nothing was sent twice."""
    async with serving(STORED, retry=STORES) as (client, _):
        assert () == (await client.store_instances([A, B])).repeated


async def test_an_early_refusal_is_repeated_if_it_passes(large: Path) -> None:
    """503 before the server had all; what wasn't begun was not sent twice."""
    refusal = Reply(response(status=503), early=True)
    answer = json_response(module(["1.2.3", "1.2.1"]))
    async with serving(refusal, answer, retry=AGAIN) as (client, peer):
        report = await client.store_instances([large, A])

        assert [False, True] == [request.complete for request in peer.requests]
        assert report.complete
        assert ("1.2.3",) == report.repeated


@pytest.mark.parametrize(
    "lost", [Reply(b"", End.RESET), Reply(b"", End.CLOSE), response(status=500)]
)
async def test_stores_are_repeated_if_wanted(lost: Reply | bytes) -> None:
    """``Retry(stores=True)``: then also where nobody knows what the server has taken."""
    async with serving(lost, STORED, retry=STORES) as (client, peer):
        report = await client.store_instances([A, B])

        assert 2 == len(peer.requests)
        assert report.complete
        assert ("1.2.1", "1.2.2") == report.repeated


CUT = Reply(STORED[:-9], End.CUT)
"""An answer whose body breaks off."""


async def test_an_answer_that_breaks_off_is_repeated_if_wanted() -> None:
    """As one that is lost whole; attempts and report count it."""
    async with serving(CUT, CUT, STORED, retry=STORES) as (client, peer):
        report = await client.store_instances([A, B])

        assert 3 == len(peer.requests)
        assert report.complete
        assert ("1.2.1", "1.2.2") == report.repeated


@pytest.mark.parametrize(("retry", "requests"), [(AGAIN, 1), (STORES, 3)])
async def test_an_answer_that_breaks_off_says_what_is_not_known(
    retry: Retry, requests: int
) -> None:
    """The server said success, and the error says that nobody knows of what."""
    async with serving(*[CUT] * 4, retry=retry) as (client, peer):
        with pytest.raises(FramingError, match="the instances may be stored") as caught:
            await client.store_instances([A, B])

        assert "the instances may be stored" in caught.value.hint
        assert requests == len(peer.requests)


async def test_an_answer_that_lies_elsewhere_and_breaks_off() -> None:
    """A 303 said that the store is done: it is not done again."""
    elsewhere = response(b"", {"Location": "/answer"}, 303)
    async with serving(elsewhere, CUT, STORED, retry=STORES) as (client, peer):
        with pytest.raises(FramingError, match="the instances may be stored"):
            await client.store_instances([A, B])

        assert ["POST", "GET"] == [request.method for request in peer.requests]


@pytest.mark.parametrize("reason", [0x0111, 0xB00E, 0xB00F])
async def test_what_the_first_attempt_stored_is_a_duplicate_to_the_second(reason: int) -> None:
    """A failure that the repetition may have made is told apart, and stays a failure."""
    replies = [Reply(b"", End.CLOSE), failure("1.2.2", reason)]
    async with serving(*replies, retry=STORES) as (client, _):
        report = await client.store_instances([A, B])

        assert report.failed == report.perhaps_stored
        assert not report.complete
        with pytest.raises(StoreFailed, match="1 perhaps stored by an earlier attempt"):
            report.raise_for_failures()


async def test_other_failures_have_nothing_to_do_with_repeating() -> None:
    """Another reason, or a duplicate of what was sent once, is the server's word alone."""
    async with serving(
        *(Reply(b"", End.CLOSE), failure("1.2.2", 0x0110), failure("1.2.2", 0x0111)), retry=STORES
    ) as (client, _):
        for _ in range(2):
            assert () == (await client.store_instances([A, B])).perhaps_stored


async def test_a_store_is_redirected_whole() -> None:
    """307 gets the whole body again, elsewhere; the first server took nothing of it."""
    moved = response(status=307, headers={"Location": "/other"})
    async with serving(moved, STORED) as (client, peer):
        report = await client.store_instances([A, B])

        first, second = peer.requests
        assert (first.body, "/other") == (second.body, second.target)
        assert report.complete
        assert () == report.repeated


async def test_an_upload_may_be_redirected_early(large: Path) -> None:
    """The rest of the body isn't sent to who doesn't want it."""
    moved = Reply(response(status=308, headers={"Location": "/other"}), early=True)
    async with serving(moved, json_response(module(["1.2.3"]))) as (client, peer):
        assert (await client.store_instances(large)).complete
        assert [False, True] == [request.complete for request in peer.requests]


async def test_a_store_does_not_become_a_search() -> None:
    """302 would: the answer to a GET would look like that of the store."""
    moved = response(status=302, headers={"Location": "/other"})
    async with serving(moved, STORED) as (client, peer):
        with pytest.raises(StatusError, match="status 302 .* give that URL"):
            await client.store_instances(A)

        assert 1 == len(peer.requests)


async def test_an_answer_that_lies_elsewhere() -> None:
    """303 says that the store is done: its answer is fetched, and the store not repeated."""
    done = response(status=303, headers={"Location": "/answer"})
    async with serving(done, STORED, done, BUSY, STORED, retry=STORES) as (client, peer):
        assert (await client.store_instances([A, B])).complete
        with pytest.raises(Throttled):
            await client.store_instances([A, B])

        methods = [request.method for request in peer.requests]
        assert ["POST", "GET", "POST", "GET"] == methods


async def test_a_file_that_changes_between_attempts(tmp_path: Path) -> None:
    """It is not what was to be stored: the second attempt breaks off."""
    path = tmp_path / "a"
    path.write_bytes(A)

    def answer(_request: object) -> bytes:
        path.write_bytes(dicom_file("1.2.1", name="Other^Name"))
        os.utime(path, (1, 1))
        return response(status=429)

    async with talking(answer, retry=AGAIN) as (client, peer):
        with pytest.raises(LocalProtocolError, match="a file was changed"):
            await client.store_instances(path)

        assert 1 == sum(request.complete for request in peer.requests)


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
    """A file that changes before its turn comes is noticed: nothing half is stored."""
    path = tmp_path / "a"
    path.write_bytes(A)

    def items() -> Iterator[Path | bytes]:
        yield path
        path.write_bytes(A[:-4])  # it was looked at
        os.utime(path, (1, 1))
        yield B

    async with serving(json_response({})) as (client, peer):
        with pytest.raises(LocalProtocolError, match="a file was changed"):
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
