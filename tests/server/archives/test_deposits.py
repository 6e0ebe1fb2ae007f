"""Instances that arrive: drafts, and what is said of what cannot be taken."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.dicom import FailureReason
from aiodicomweb.server.archives.deposits import (
    Candidate,
    Draft,
    FileDeposit,
    Incoming,
    assess,
    reason_of,
)
from aiodicomweb.services import FailedInstance, StoredInstance

from ...support.instances import CT, an_instance

if TYPE_CHECKING:
    from pathlib import Path

STORED = StoredInstance(CT, "1.2.3.4")


def files(folder: Path) -> list[Path]:
    """What is in a folder."""
    return list(folder.iterdir())


def a_draft(folder: Path) -> Draft:
    """A draft in a folder that stays."""
    return Draft(folder, lambda: None)


# --- drafts -------------------------------------------------------------------------------------


def test_a_draft_grows_piece_by_piece(tmp_path: Path) -> None:
    """What was written can be read when it is finished."""
    draft = a_draft(tmp_path)
    draft.write(b"first, ")
    draft.write(bytearray(b"second"))

    file = draft.finish()

    file.seek(0)
    assert b"first, second" == file.read()
    draft.discard()


def test_a_discarded_draft_is_gone(tmp_path: Path) -> None:
    """Whatever its state was, and however often."""
    written, finished, untouched = a_draft(tmp_path), a_draft(tmp_path), a_draft(tmp_path)
    written.write(b"x")
    finished.write(b"x")
    finished.finish()

    for draft in (written, finished, untouched, written):
        draft.discard()

    assert [] == files(tmp_path)


def test_writing_behind_discarding(tmp_path: Path) -> None:
    """A thread that comes too late writes nothing, and finds nothing to store."""
    draft = a_draft(tmp_path)
    draft.discard()

    draft.write(b"x")

    assert [] == files(tmp_path)
    with pytest.raises(FileNotFoundError):
        draft.finish()


def test_a_draft_that_was_moved_stays(tmp_path: Path) -> None:
    """To clear up behind a move does not touch the file in its place."""
    draft = a_draft(tmp_path)
    draft.write(b"x")
    draft.finish()
    draft.path.rename(tmp_path / "place")

    draft.discard()

    assert b"x" == (tmp_path / "place").read_bytes()


def test_incoming_clears_up(tmp_path: Path) -> None:
    """What is left is deleted, unless somebody else is there."""
    folder, lock = tmp_path / "incoming", tmp_path / "lock"
    folder.mkdir()
    (folder / "left").write_bytes(b"x")
    first = Incoming(folder, lock)
    assert [] == files(folder)

    (folder / "left").write_bytes(b"x")
    second = Incoming(folder, lock)
    assert [folder / "left"] == files(folder)

    for each in (first, second):
        each.close()
    Incoming(folder, lock).close()
    assert [] == files(folder)


# --- deposits in files --------------------------------------------------------------------------


async def test_pieces_are_written_not_held(tmp_path: Path) -> None:
    """Of a large instance no more than a piece is in memory."""
    deposit = FileDeposit(a_draft(tmp_path), lambda _draft, _study: STORED)

    for _ in range(64):
        await deposit.write(bytes(65_536))
        written = sum(file.stat().st_size for file in files(tmp_path))
        assert len(deposit._gathered) <= 256 * 1024
    assert 15 * 256 * 1024 <= written

    deposit.discard()


async def test_a_small_instance_is_no_file_before_its_end(tmp_path: Path) -> None:
    """It is written in one go, by the thread that stores it."""
    seen: list[bytes] = []

    def keep(draft: Draft, study: str | None) -> StoredInstance:
        file = draft.finish()
        file.seek(0)
        seen.append(file.read())
        assert "1.2" == study
        return STORED

    deposit = FileDeposit(a_draft(tmp_path), keep)
    await deposit.write(b"small")
    assert [] == files(tmp_path)

    assert STORED == await deposit.commit("1.2")
    assert [b"small"] == seen
    assert [] == files(tmp_path)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, FailureReason.OUT_OF_RESOURCES),
        (errno.EDQUOT, FailureReason.OUT_OF_RESOURCES),
        (errno.EMFILE, FailureReason.OUT_OF_RESOURCES),
        (errno.ETIMEDOUT, FailureReason.OUT_OF_RESOURCES),
        (errno.EACCES, FailureReason.PROCESSING_FAILURE),
        (errno.EIO, FailureReason.PROCESSING_FAILURE),
    ],
)
async def test_what_the_system_refuses(
    tmp_path: Path, code: int, reason: FailureReason, caplog: pytest.LogCaptureFixture
) -> None:
    """Want of resources is told as such (STW-63, STW-67), is logged, and leaves nothing."""

    def keep(_draft: Draft, _study: str | None) -> StoredInstance:
        raise OSError(code, "refused")

    deposit = FileDeposit(a_draft(tmp_path), keep)
    await deposit.write(b"x")

    assert FailedInstance("", "", reason) == await deposit.commit()
    assert [f"an instance could not be stored: {os.strerror(code)}"] == caplog.messages
    assert reason is reason_of(OSError(code, ""))
    assert [] == files(tmp_path)


# --- whether it can be taken --------------------------------------------------------------------


def test_what_can_be_taken() -> None:
    """An instance that is whole, of the study that it must be of or of any."""
    for study in (None, "1.2"):
        candidate = assess(io.BytesIO(an_instance()), study)

        assert isinstance(candidate, Candidate)
        assert "1.2.3.4" == candidate.description.instance
        assert "1.2.840.10008.1.2.1" == candidate.transfer_syntax
        path = "/studies/1.2/series/1.2.3/instances/1.2.3.4"
        assert StoredInstance(CT, "1.2.3.4", path) == candidate.accept()


@pytest.mark.parametrize(
    ("octets", "uids"),
    [
        (b"", ("", "")),
        (b"<html>", ("", "")),
        (an_instance()[:-1], (CT, "1.2.3.4")),
        (an_instance(StudyInstanceUID=None), (CT, "1.2.3.4")),
        (an_instance().replace(b"1.2.3.4\0", b"../../x\0"), (CT, "")),
    ],
    ids=["nothing", "text", "cut", "no study", "no UID"],
)
def test_what_cannot_be_taken(octets: bytes, uids: tuple[str, str]) -> None:
    """The UIDs are told as far as they can be seen, and are some."""
    assert FailedInstance(*uids, FailureReason.CANNOT_UNDERSTAND) == assess(
        io.BytesIO(octets), None
    )
