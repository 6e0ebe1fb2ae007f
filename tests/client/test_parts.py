"""Parts while they arrive: read once, in time; saved whole or not at all, under safe names."""

from __future__ import annotations

import asyncio
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from aiodicomweb import (
    ConnectionLost,
    ContentError,
    FramingError,
    Limits,
    Part10Error,
)
from aiodicomweb.dicom.part10 import PEEK_OCTETS
from aiodicomweb.testing import End, Reply, response

from ..support.messages import DICOM, FRAMES, dicom_file, parts_response, parts_type
from ..support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = [dicom_file(f"1.2.3.{number}", 300_000) for number in (1, 2)]
STUDY = parts_response(FILES)
ONE = Limits(connections=1)


def listed(directory: Path) -> list[str]:
    """What is in a directory, hidden files too."""
    return sorted(path.name for path in directory.iterdir())


# --- reading -------------------------------------------------------------------------------------


async def test_a_part_is_read_in_pieces() -> None:
    """Iterated, a part gives its octets as they come, read-only."""
    async with serving(STUDY) as (client, _):
        got = []
        async for instance in client.retrieve_study("1.2"):
            pieces = []
            async for chunk in instance:
                assert chunk.readonly
                pieces.append(bytes(chunk))
            got.append(b"".join(pieces))

        assert FILES == got


async def test_a_whole_part_is_the_callers_own() -> None:
    """What ``read`` gives stays as it is, whatever comes after it."""
    async with serving(STUDY) as (client, _):
        got = [await instance.read() async for instance in client.retrieve_study("1.2")]

        assert FILES == [bytes(part) for part in got]
        assert all(part.readonly for part in got)


@pytest.mark.parametrize("first", ["read", "iterate", "save"])
async def test_a_part_is_read_once(first: str, tmp_path: Path) -> None:
    """A second time is a mistake, in whichever way."""
    async with serving(STUDY) as (client, _), client.retrieve_study("1.2") as call:
        part = await anext(call)
        if first == "read":
            await part.read()
        elif first == "iterate":
            await anext(aiter(part))
        else:
            await part.save(tmp_path)

        with pytest.raises(RuntimeError, match="read already"):
            await part.read()
        with pytest.raises(RuntimeError, match="read already"):
            aiter(part)
        with pytest.raises(RuntimeError, match="read already"):
            await part.save(tmp_path)


async def test_a_part_is_read_in_its_turn(tmp_path: Path) -> None:
    """Behind the next part, or the end, an earlier one can't be read."""
    async with serving(STUDY) as (client, _), client.retrieve_study("1.2") as call:
        first = await anext(call)
        second = await anext(call)
        with pytest.raises(RuntimeError, match="gone on"):
            await first.read()
        chunks = aiter(second)
        await anext(chunks)
        with pytest.raises(StopAsyncIteration):
            await anext(call)
        with pytest.raises(RuntimeError, match="gone on"):
            await anext(chunks)
        with pytest.raises(RuntimeError, match="gone on"):
            await first.save(tmp_path)

        assert [] == listed(tmp_path)


async def test_a_part_of_a_closed_call() -> None:
    """Behind ``async with`` a part can't be read."""
    async with serving(STUDY) as (client, _):
        async with client.retrieve_study("1.2") as call:
            part = await anext(call)
        with pytest.raises(RuntimeError, match="closed"):
            await part.read()


async def test_what_a_part_says_of_itself() -> None:
    """Its number, media type, transfer syntax, location and header fields."""
    fields = {"Content-Type": f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50"}
    reply = parts_response(FILES[:1], part_headers=[{**fields, "Content-Location": "/x"}])
    async with serving(reply) as (client, _), client.retrieve_study("1.2") as call:
        part = await anext(call)

        assert (1, DICOM, "1.2.840.10008.1.2.4.50", "/x") == (
            part.number,
            part.media_type,
            part.transfer_syntax,
            part.location,
        )
        assert "/x" == part.headers["content-location"]
        assert f"<Instance 1, {DICOM}>" == repr(part)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("", FRAMES), ("nonsense", FRAMES), ("IMAGE/JPEG; x=y", "image/jpeg")],
)
async def test_an_odd_media_type(content_type: str, expected: str) -> None:
    """Where a part tells no media type, the message's counts."""
    reply = parts_response([b"x"], FRAMES, [{"Content-Type": content_type}])
    async with serving(reply) as (client, _), client.retrieve_bulkdata("bulk/1") as call:
        assert expected == (await anext(call)).media_type


async def test_what_is_no_file_has_no_data_set() -> None:
    """A part that is no DICOM file is an error, and the next one is given all the same."""
    async with serving(parts_response([b"x" * 500, FILES[0]])) as (client, _):
        call = client.retrieve_study("1.2")
        with pytest.raises(Part10Error):
            await (await anext(call)).dataset()

        assert "1.2.3.1" == (await (await anext(call)).dataset()).SOPInstanceUID


# --- saving --------------------------------------------------------------------------------------


@pytest.fixture(params=[64 * 1024, 1024 * 1024])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Files are written in several blocks, or in one that is not full."""
    monkeypatch.setattr("aiodicomweb.client.saving._BLOCK", request.param)
    return request.param


@pytest.mark.usefixtures("block")
async def test_instances_are_saved(tmp_path: Path) -> None:
    """Each under its SOP Instance UID, to the octet, and nothing else is left."""
    async with serving(STUDY) as (client, _):
        paths = [await part.save(tmp_path) async for part in client.retrieve_study("1.2")]

        assert [tmp_path / "1.2.3.1.dcm", tmp_path / "1.2.3.2.dcm"] == paths
        assert FILES == [path.read_bytes() for path in paths]
        assert ["1.2.3.1.dcm", "1.2.3.2.dcm"] == listed(tmp_path)


@pytest.mark.parametrize("size", [0, PEEK_OCTETS - 600, PEEK_OCTETS, PEEK_OCTETS * 3])
async def test_files_of_any_size_are_saved(size: int, tmp_path: Path) -> None:
    """Also those that end within what is looked at first."""
    file = dicom_file("1.2.3", size)
    async with serving(parts_response([file])) as (client, _):
        async for part in client.retrieve_instance("1", "2", "3"):
            assert file == (await part.save(tmp_path)).read_bytes()


async def test_an_older_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, at the end: until then it is there."""
    monkeypatch.setattr("aiodicomweb.client.saving._BLOCK", 64 * 1024)
    old = tmp_path / "1.2.3.1.dcm"
    old.write_bytes(b"old")
    stall = anyio.Event()
    head = len(STUDY) - len(FILES[1]) - 500
    async with serving([STUDY[: head - 1000], stall, STUDY[head - 1000 :]]) as (client, _):
        async with client.retrieve_study("1.2") as call, anyio.create_task_group() as tasks:
            part = await anext(call)
            tasks.start_soon(part.save, tmp_path)
            while len(listed(tmp_path)) < 2:
                await anyio.lowlevel.checkpoint()
            assert b"old" == old.read_bytes()
            stall.set()

        assert FILES[0] == old.read_bytes()


EVIL = ["../../etc/x", "/etc/x", "..", ".", "1.2/../../x", "1.2\\x", "1.2\nx", "", "CON", "1." * 40]


@pytest.mark.parametrize("uid", EVIL)
async def test_a_server_does_not_choose_paths(uid: str, tmp_path: Path) -> None:
    """A SOP Instance UID that is none is refused; nothing is written, here or elsewhere."""
    directory = tmp_path / "a" / "b"
    directory.mkdir(parents=True)
    async with serving(parts_response([dicom_file(uid), FILES[0]])) as (client, _):
        call = client.retrieve_study("1.2")
        with pytest.raises(ContentError) as caught:
            await (await anext(call)).save(directory)

        assert not uid.strip(".") or uid not in str(caught.value)
        assert [] == listed(directory)
        assert ["b"] == listed(directory.parent)
        await (await anext(call)).save(directory)
        assert ["1.2.3.1.dcm"] == listed(directory)


async def test_what_is_no_file_is_not_saved(tmp_path: Path) -> None:
    """A part that is no DICOM file leaves nothing behind."""
    async with serving(parts_response([b"<html>" * 1000])) as (client, _):
        async with client.retrieve_study("1.2") as call:
            with pytest.raises(Part10Error):
                await (await anext(call)).save(tmp_path)

        assert [] == listed(tmp_path)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("end", "error"), [(End.CLOSE, FramingError), (End.RESET, ConnectionLost)])
@pytest.mark.parametrize("sent", [600, 5000, 200_000])
async def test_a_cut_leaves_nothing(
    sent: int, end: End, error: type[Exception], tmp_path: Path
) -> None:
    """A file whose end doesn't come is not there, and its draft neither."""
    stall = anyio.Event()
    async with serving(Reply([STUDY[:sent], stall], end)) as (client, _):
        async with client.retrieve_study("1.2") as call, anyio.create_task_group() as tasks:
            part = await anext(call)

            async def save() -> None:
                with pytest.raises(error) as caught:
                    await part.save(tmp_path)
                assert 0 == caught.value.complete

            tasks.start_soon(save)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            stall.set()

        assert [] == listed(tmp_path)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("native", [False, True], ids=["anyio", "asyncio"])
@pytest.mark.parametrize("steps", [*range(0, 40, 3), 300])
async def test_a_cancelled_save_leaves_nothing(steps: int, tmp_path: Path, *, native: bool) -> None:
    """Wherever it is cancelled: no draft, no open connection, and no file that is not whole."""
    async with serving([STUDY[:200_000], anyio.Event()], STUDY, limits=ONE) as (client, peer):
        call = client.retrieve_study("1.2")
        part = await anext(call)

        async def grouped() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(part.save, tmp_path)

        task = asyncio.ensure_future(part.save(tmp_path) if native else grouped())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.to_thread(lambda: None)  # the thread that was at it has ended, or soon will
        if steps:
            await peer.wait_until_idle()
        else:
            await call.aclose()

        # A thread that asyncio's cancellation left behind cleans up by itself.
        while listed(tmp_path):
            await anyio.lowlevel.checkpoint()
        assert 2 == len(await client.retrieve_study("1.2"))


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """A disk that takes no more of a file, as a full one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("room", [100, 5000, 290_000, len(FILES[0]) - 1])
async def test_a_full_disk_leaves_nothing(room: int, tmp_path: Path) -> None:
    """A disk that takes only a part of a file is an error, never a file that lacks its end."""
    async with serving(STUDY) as (client, _):
        call = client.retrieve_study("1.2")
        part = await anext(call)
        with largest_file(room), pytest.raises(OSError, match="too large"):
            await part.save(tmp_path)

        assert [] == listed(tmp_path)
        assert "1.2.3.2.dcm" == (await (await anext(call)).save(tmp_path)).name


async def test_no_such_directory(tmp_path: Path) -> None:
    """A directory that is missing is an error of the system's."""
    async with serving(STUDY) as (client, _), client.retrieve_study("1.2") as call:
        with pytest.raises(FileNotFoundError):
            await (await anext(call)).save(tmp_path / "none")


async def test_a_single_part_is_saved(tmp_path: Path) -> None:
    """A body that is not multipart is a part like any other."""
    async with serving(response(FILES[0], {"Content-Type": DICOM})) as (client, _):
        async for part in client.retrieve_instance("1", "2", "3"):
            assert FILES[0] == (await part.save(tmp_path)).read_bytes()


async def test_a_part_may_be_without_type() -> None:
    """Multipart whose parts have no head at all is read."""
    body = b"--end\r\n\r\n" + FILES[0] + b"\r\n--end--"
    async with serving(response(body, parts_type())) as (client, _):
        async for part in client.retrieve_instance("1", "2", "3"):
            assert DICOM == part.media_type
            assert FILES[0] == bytes(await part.read())


@pytest.mark.parametrize("status", [200, 206])
async def test_a_range_is_one_in_a_206_alone(status: int) -> None:
    """In any other answer ``Content-Range`` says nothing (RFC 9110 §14.4)."""
    fields = {"Content-Type": FRAMES, "Content-Range": "bytes 2-4/9"}
    async with serving(response(b"abc", fields, status)) as (client, _):
        asked = (2, 4) if status == 206 else None
        async for part in client.retrieve_bulkdata("bulk/1", byte_range=asked):
            value = await part.bulk_data()

            assert (status == 206) is (value.content_range is not None)
