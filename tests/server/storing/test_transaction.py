"""Storing (PS3.18 §10.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import FailureReason
from aiodicomweb.errors import ConnectionLost
from aiodicomweb.http import URL, Headers, Request
from aiodicomweb.net.body_stream import BodyStream
from aiodicomweb.server import Origin
from aiodicomweb.services import StoredInstance, StoreResponse
from aiodicomweb.wire import Limits

from ...support.asking import HOST, Asking, PlainArchive
from ...support.dicom_files import sample
from ...support.messages import SECONDARY_CAPTURE, dicom_file, multipart, parts_type

ONE, TWO, THREE = (dicom_file(uid) for uid in ("1.2.3.1", "1.2.3.2", "1.2.3.3"))
"""Instances of study 1.2."""

FILES = parts_type()
IMAGE = "CT_small.dcm"


@pytest.fixture
def archive() -> PlainArchive:
    """Where everything goes."""
    return PlainArchive()


@pytest.fixture
def ask(archive: PlainArchive) -> Asking:
    """A server that stores."""
    return Asking(Origin(archive))


def read(response: Any) -> StoreResponse:
    """The module of an answer."""
    return StoreResponse.from_http(response)


# --- files --------------------------------------------------------------------------------------


async def test_every_part_is_stored(ask: Asking, archive: PlainArchive) -> None:
    """200 where all are, each as it came (STW-01, STW-30)."""
    response = await ask("POST", "/studies", FILES, multipart([ONE, TWO]))
    answer = read(response)

    assert (200, "application/dicom+json") == (response.status, response.headers["Content-Type"])
    assert {"1.2.3.1": ONE, "1.2.3.2": TWO} == archive.files
    url = "http://pacs.example/studies/1.2"
    assert url == answer.retrieve_url
    assert (
        StoredInstance(SECONDARY_CAPTURE, "1.2.3.1", f"{url}/series/1.2.3/instances/1.2.3.1"),
        StoredInstance(SECONDARY_CAPTURE, "1.2.3.2", f"{url}/series/1.2.3/instances/1.2.3.2"),
    ) == answer.stored


async def test_one_file_alone(ask: Asking, archive: PlainArchive) -> None:
    """A body that is a file (STW-02)."""
    response = await ask("POST", "/studies", {"Content-Type": "application/dicom"}, ONE)

    assert (200, {"1.2.3.1": ONE}) == (response.status, archive.files)


async def test_the_first_part_tells_where_the_message_does_not(
    ask: Asking, archive: PlainArchive
) -> None:
    """A multipart type without ``type``."""
    headers = {"Content-Type": "multipart/related; boundary=end"}
    response = await ask("POST", "/studies", headers, multipart([ONE]))

    assert (200, {"1.2.3.1": ONE}) == (response.status, archive.files)


async def test_a_file_is_never_held_whole(ask: Asking, archive: PlainArchive) -> None:
    """It goes to the archive in the pieces in which it arrives."""
    file = dicom_file("1.2.3.4", 1 << 20)
    body = multipart([file])
    pieces = [body[at : at + 4096] for at in range(0, len(body), 4096)]
    await ask("POST", "/studies", FILES, pieces)

    assert {"1.2.3.4": file} == archive.files
    assert 8192 > max(archive.pieces)


async def test_one_study_may_be_asked_for(ask: Asking, archive: PlainArchive) -> None:
    """What is of another one fails alone (STW-17)."""
    response = await ask("POST", "/studies/1.2", FILES, multipart([ONE]))
    other = await ask("POST", "/studies/1.9", FILES, multipart([TWO]))

    assert (200, 409) == (response.status, other.status)
    assert ["1.2.3.1"] == list(archive.files)
    (failed,) = read(other).failed
    assert ("1.2.3.2", FailureReason.STUDY_MISMATCH) == (
        failed.sop_instance_uid,
        failed.failure_reason,
    )


async def test_a_broken_file_fails_alone(ask: Asking, archive: PlainArchive) -> None:
    """202 where some are stored; a failure without instance is one by itself (STW-31, STW-54)."""
    response = await ask("POST", "/studies", FILES, multipart([ONE, b"no file", b"", TWO]))
    answer = read(response)

    assert (202, ["1.2.3.1", "1.2.3.2"]) == (response.status, list(archive.files))
    assert 2 * (FailureReason.CANNOT_UNDERSTAND,) == answer.other_failures
    assert ((), 2) == (answer.failed, len(answer.stored))


async def test_nothing_stored_is_a_conflict(ask: Asking) -> None:
    """409 with the module (STW-32)."""
    response = await ask("POST", "/studies", FILES, multipart([b"no file"]))

    assert (409, None) == (response.status, read(response).retrieve_url)


async def test_a_warning_makes_202(ask: Asking, archive: PlainArchive) -> None:
    """Also where all are stored (STW-31)."""
    archive.warning = 0xB000
    response = await ask("POST", "/studies", FILES, multipart([ONE]))

    assert (202, 0xB000) == (response.status, read(response).stored[0].warning_reason)


async def test_several_studies_have_no_url_in_common(ask: Asking) -> None:
    """Retrieve URL is of type 2 (STW-40)."""
    other = sample(IMAGE)
    response = await ask("POST", "/studies", FILES, multipart([ONE, other.octets]))

    assert (200, None) == (response.status, read(response).retrieve_url)
    assert [True, True] == [bool(item.retrieve_url) for item in read(response).stored]


@pytest.mark.parametrize("room", [0, 100])
async def test_want_of_room_is_told_for_each(ask: Asking, archive: PlainArchive, room: int) -> None:
    """Before the first octet, or on the way; 503, as there may be room later (STW-35, STW-63)."""
    archive.room = room
    response = await ask("POST", "/studies", FILES, multipart([ONE, b"x" * 200]))
    answer = read(response)

    assert (503, 0) == (response.status, archive.open_deposits)
    (failed,) = answer.failed
    assert ("1.2.3.1", FailureReason.OUT_OF_RESOURCES) == (
        failed.sop_instance_uid,
        failed.failure_reason,
    )
    assert (FailureReason.OUT_OF_RESOURCES,) == answer.other_failures


async def test_want_of_room_among_other_reasons_is_a_conflict(
    ask: Asking, archive: PlainArchive
) -> None:
    """What is broken stays so, whatever room there is (STW-32)."""
    archive.room = len(ONE) - 1
    response = await ask("POST", "/studies", FILES, multipart([ONE, b"no file"]))

    assert 409 == response.status


async def test_want_of_room_for_some(ask: Asking, archive: PlainArchive) -> None:
    """The others are stored (STW-31)."""
    archive.room = len(ONE)
    large = dicom_file("1.2.3.2", 1000)
    response = await ask("POST", "/studies", FILES, multipart([ONE, large]))

    assert (202, ["1.2.3.1"]) == (response.status, list(archive.files))


async def test_a_read_only_archive_refuses(ask: Asking, archive: PlainArchive) -> None:
    """403: another method would not help."""
    archive.read_only = True
    response = await ask("POST", "/studies", FILES, multipart([ONE]))

    assert (403, b"the archive is read-only\n") == (response.status, response.body)


# --- the answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "accept"),
    [
        ("application/dicom+json", None),
        ("application/dicom+json", "*/*"),
        ("application/dicom+json", "application/json"),
        ("application/dicom+json", 'multipart/related; type="application/dicom+json"'),
        ("application/dicom+json", "application/dicom+xml; q=0.5, application/dicom+json"),
        ("application/dicom+xml", "application/dicom+xml"),
        ("application/dicom+xml", 'multipart/related; type="application/dicom+xml"'),
    ],
)
async def test_the_answer_is_what_is_asked_for(
    ask: Asking, content_type: str, accept: str | None
) -> None:
    """JSON unless XML is liked better, one document in any case (STW-56, STW-57)."""
    headers = FILES if accept is None else {**FILES, "Accept": accept}
    response = await ask("POST", "/studies", headers, multipart([ONE]))

    assert (200, content_type) == (response.status, response.headers["Content-Type"])
    assert "1.2.3.1" == read(response).stored[0].sop_instance_uid


@pytest.mark.parametrize(
    ("location", "files"),
    [
        ("/studies/1.2/series/1.2.3/instances/1.2.3.1", [ONE]),
        ("/studies/1.2", [ONE, TWO]),
        (None, [ONE, sample(IMAGE).octets]),
        ("/studies/1.2", [ONE, TWO, b"no file"]),
        (None, [b"no file"]),
    ],
)
async def test_the_answer_says_where_it_is(
    ask: Asking, location: str | None, files: list[bytes]
) -> None:
    """One instance, or one study (STW-M5); the answer itself is found nowhere (GEN-16)."""
    response = await ask("POST", "/studies", FILES, multipart(files))

    expected = None if location is None else HOST + location
    assert expected == response.headers.get("Location")
    assert "Content-Location" not in response.headers


# --- refused before anything is read ------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (415, {}),
        (415, {"Content-Type": "text/plain"}),
        (415, {"Content-Type": "no media type"}),
        (415, {"Content-Type": "multipart/form-data; boundary=end"}),
        (415, {"Content-Type": 'multipart/related; type="image/png"; boundary=end'}),
        (406, {**FILES, "Accept": "text/html"}),
    ],
)
async def test_what_is_not_acceptable(
    ask: Asking, archive: PlainArchive, status: int, headers: dict[str, str]
) -> None:
    """Nothing of the body is read (STW-34)."""
    response = await ask("POST", "/studies", headers, multipart([ONE]))

    assert (status, 0, {}) == (response.status, ask.read, archive.files)
    assert "text/plain; charset=utf-8" == response.headers["Content-Type"]


@pytest.mark.parametrize(
    "headers", [{"Content-Encoding": "br"}, {"Content-Type": "multipart/related; boundary=end"}]
)
async def test_what_turns_out_not_to_be_acceptable(
    ask: Asking, archive: PlainArchive, headers: dict[str, str]
) -> None:
    """A coding that cannot be undone, a first part of no use."""
    body = multipart([ONE], "image/png")
    response = await ask("POST", "/studies", {**FILES, **headers}, body)

    assert (415, {}) == (response.status, archive.files)


# --- bodies that are not whole ------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/dicom", "application/dicom+json"])
async def test_a_body_without_octets(ask: Asking, content_type: str) -> None:
    """400, whatever it is said to be (STW-33)."""
    response = await ask("POST", "/studies", {"Content-Type": content_type}, b"")

    assert (400, b"there is no instance to store\n") == (response.status, response.body)


@pytest.mark.parametrize(
    "content_type", ["application/dicom", "application/dicom+json", "application/dicom+xml"]
)
async def test_parts_without_octets(ask: Asking, content_type: str) -> None:
    """They are no instances (STW-33)."""
    body = multipart([b"", b""], content_type)
    response = await ask("POST", "/studies", parts_type(content_type), body)

    assert (400, b"there is no instance to store\n") == (response.status, response.body)


@pytest.mark.parametrize(
    "body", [b"", b"\r\n--end--\r\n", b"no multipart", b"\r\n--end\r\nContent-Type: application"]
)
async def test_a_body_without_instances(ask: Asking, archive: PlainArchive, body: bytes) -> None:
    """400, with a line of text (STW-33)."""
    response = await ask("POST", "/studies", FILES, body)

    assert (400, "text/plain; charset=utf-8") == (
        response.status,
        response.headers["Content-Type"],
    )
    assert {} == archive.files


async def test_what_was_stored_before_the_end_is_told(ask: Asking, archive: PlainArchive) -> None:
    """400 all the same, and nothing of the part that was cut (STW-33, STW-37)."""
    body = multipart([ONE, TWO, THREE])
    response = await ask("POST", "/studies", FILES, body[: body.index(THREE) + 50])
    answer = read(response)

    assert (400, ["1.2.3.1", "1.2.3.2"]) == (response.status, list(archive.files))
    assert ["1.2.3.1", "1.2.3.2"] == [item.sop_instance_uid for item in answer.stored]
    (warning,) = answer.warnings
    assert warning.startswith("the body ends without its close delimiter")
    assert warning.endswith("in part 3")
    assert 0 == archive.open_deposits


@pytest.mark.slow
@given(st.integers(0, 900))
async def test_no_instance_is_stored_unless_it_is_whole(cut: int) -> None:
    """Wherever the body ends."""
    archive = PlainArchive()
    body = multipart([ONE, TWO])
    response = await Asking(Origin(archive))("POST", "/studies", FILES, body[:cut])
    # Some peers forget the hyphens of the close delimiter; the message says that it is whole.
    delimited = body[:cut].endswith((b"\r\n--end", b"\r\n--end\r\n", b"--end--", b"--end--\r"))
    whole = cut >= len(body) or (delimited and cut > len(ONE))

    assert (200 if whole else 400) == response.status
    assert set(archive.files.items()) <= {("1.2.3.1", ONE), ("1.2.3.2", TWO)}
    assert 0 == archive.open_deposits


async def test_a_lost_connection_leaves_nothing_open(archive: PlainArchive) -> None:
    """There is nobody to answer."""
    request = Request("POST", URL.parse(f"{HOST}/studies"), Headers(FILES))
    pieces = iter([multipart([ONE])[:200]])

    async def receive() -> bytes | None:
        for piece in pieces:
            return piece
        raise ConnectionLost("gone")

    with pytest.raises(ConnectionLost):
        await Origin(archive).respond(request, BodyStream.over(request, receive, Limits()))
    assert (0, {}) == (archive.open_deposits, archive.files)
