"""Storing (PS3.18 §10.5)."""

from __future__ import annotations

import itertools
import json
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.dicom import FailureReason, decode
from aiodicomweb.errors import ConnectionLost
from aiodicomweb.http import URL, Headers, Request, body_octets
from aiodicomweb.net.body_stream import BodyStream
from aiodicomweb.server import MemoryArchive, Origin
from aiodicomweb.services import (
    Representation,
    Selector,
    StoredInstance,
    StoreRequest,
    StoreResponse,
)
from aiodicomweb.wire import Limits

from ...support.asking import HOST, Asking, PlainArchive
from ...support.comparison import differences
from ...support.dicom_files import sample
from ...support.messages import SECONDARY_CAPTURE, dicom_file, multipart, parts_type

BASE = URL.parse(HOST)
ONE, TWO, THREE = (dicom_file(uid) for uid in ("1.2.3.1", "1.2.3.2", "1.2.3.3"))
"""Instances of study 1.2."""

FILES = parts_type()
IMAGE = "CT_small.dcm"
COMPRESSED = "SC_rgb_rle_2frame.dcm"


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
    """Before the first octet, or on the way (STW-63)."""
    archive.room = room
    response = await ask("POST", "/studies", FILES, multipart([ONE, b"x" * 200]))
    answer = read(response)

    assert (409, 0) == (response.status, archive.open_deposits)
    (failed,) = answer.failed
    assert ("1.2.3.1", FailureReason.OUT_OF_RESOURCES) == (
        failed.sop_instance_uid,
        failed.failure_reason,
    )
    assert (FailureReason.OUT_OF_RESOURCES,) == answer.other_failures


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


# --- metadata and bulk data ---------------------------------------------------------------------


def request_of(
    *names: str, representation: Representation = Representation.JSON, **settings: Any
) -> Request:
    """A request to store bundled files."""
    datasets = [sample(name).read() for name in names]
    return StoreRequest(BASE, datasets, Selector(study=""), representation, **settings).to_http()


def unlike(stored: bytes, name: str) -> list[str]:
    """How what was stored differs from a bundled file."""
    return list(differences(sample(name).dataset, decode(stored)))


@pytest.mark.parametrize("representation", [Representation.JSON, Representation.XML])
async def test_pieces_are_put_together(
    ask: Asking, archive: PlainArchive, representation: Representation
) -> None:
    """Each data set with its own bulk data, compressed frames as they were (STW-03, STW-04)."""
    request = request_of(IMAGE, COMPRESSED, representation=representation)
    response = await ask.send(request)

    assert (200, 2) == (response.status, len(read(response).stored))
    for name in (IMAGE, COMPRESSED):
        stored = archive.files[sample(name).instance]
        assert [] == unlike(stored, name)
        assert sample(name).transfer_syntax == decode(stored).file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    "content_type", ["application/dicom+json", "application/json", "application/dicom+xml"]
)
async def test_metadata_alone(ask: Asking, archive: PlainArchive, content_type: str) -> None:
    """With all values in line, and not in multipart."""
    name = "reportsi.dcm"
    representation = Representation.XML if content_type.endswith("xml") else Representation.JSON
    request = request_of(name, representation=representation)
    body = body_octets(request.body)
    document = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
    response = await ask("POST", "/studies", {"Content-Type": content_type}, document)

    assert (200, [sample(name).instance]) == (response.status, list(archive.files))


async def test_missing_bulk_data_fail_one_instance(ask: Asking, archive: PlainArchive) -> None:
    """The reason is the one in use for it (STW-69)."""
    uri = b"urn:uuid:"
    request = request_of(IMAGE, COMPRESSED)
    body = body_octets(request.body)
    # Only the first reference is broken; its part would be one too many then, and goes.
    at = body.index(uri) + len(uri)
    lost = body[at : at + 36]
    body = body.replace(uri + lost, uri + bytes(reversed(lost)), 1)
    start = body.index(b"\r\n--", body.index(b"]"))
    end = body.index(b"\r\n--", start + 10)
    response = await ask.send(request, body[:start] + body[end:])
    answer = read(response)

    assert (202, [sample(COMPRESSED).instance]) == (response.status, list(archive.files))
    (failed,) = answer.failed
    assert (sample(IMAGE).instance, FailureReason.MISSING_BULK_DATA) == (
        failed.sop_instance_uid,
        failed.failure_reason,
    )


JSON_PARTS = parts_type("application/dicom+json")


def json_body(metadata: bytes, *parts: tuple[dict[str, str], bytes]) -> bytes:
    """A request of metadata and bulk data."""
    headers = [{"Content-Type": "application/dicom+json"}, *(head for head, _ in parts)]
    return multipart([metadata, *(octets for _, octets in parts)], headers=headers)


def metadata(pixels: str = "", *, instance: str = "1.2.3.9", more: str = "") -> str:
    """An object of JSON."""
    pixel_data = f',"7FE00010":{{"vr":"OW",{pixels}}}' if pixels else ""
    return (
        f'{{"00080016":{{"vr":"UI","Value":["{SECONDARY_CAPTURE}"]}},'
        f'"00080018":{{"vr":"UI","Value":["{instance}"]}},'
        f'"0020000D":{{"vr":"UI","Value":["1.2"]}},"0020000E":{{"vr":"UI","Value":["1.2.3"]}}'
        f"{more}{pixel_data}}}"
    )


def bulk(location: str, content_type: str = "application/octet-stream") -> dict[str, str]:
    """The head of a part of bulk data."""
    return {"Content-Location": location, "Content-Type": content_type}


PIXELS = '"BulkDataURI":"pixels"'


async def test_bulk_data_that_nothing_refers_to(ask: Asking, archive: PlainArchive) -> None:
    """400, and nothing is stored: the request is not what its sender meant (MUL-43, STW-33)."""
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), b"ab"), (bulk("x"), b"c"))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (400, b"there are bulk data that no data set refers to\n", {}) == (
        response.status,
        response.body,
        archive.files,
    )


async def test_a_part_may_be_of_several_instances(ask: Asking, archive: PlainArchive) -> None:
    """Each gets the whole of it (MUL-43)."""
    both = f"[{metadata(PIXELS)},{metadata(PIXELS, instance='1.2.3.8')}]"
    response = await ask(
        "POST", "/studies", JSON_PARTS, json_body(both.encode(), (bulk("pixels"), b"abcd"))
    )

    assert 200 == response.status
    assert {b"abcd"} == {decode(file).PixelData for file in archive.files.values()}


@pytest.mark.parametrize("pattern", ["pixels", "pixels/frames/{}"])
async def test_frames_in_parts(ask: Asking, archive: PlainArchive, pattern: str) -> None:
    """Of one location, or each of its own: the standard does not say (MUL-45)."""
    head = "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"
    frames = [(bulk(pattern.format(number), head), bytes([number, 0])) for number in (1, 2, 3)]
    more = ',"00280008":{"vr":"IS","Value":[3]}'
    body = json_body(f"[{metadata(PIXELS, more=more)}]".encode(), *frames)
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert 200 == response.status
    dataset = decode(archive.files["1.2.3.9"])
    assert "1.2.840.10008.1.2.4.50" == dataset.file_meta.TransferSyntaxUID
    pixels = dataset.PixelData
    assert [True, True, True] == [octets in pixels for _, octets in frames]


@pytest.mark.parametrize(
    "media_type",
    [
        "image/png",
        "image/jpeg; transfer-syntax=1.2.840.10008.1.2.1",
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2",
    ],
)
async def test_consumers_images_are_not_pixel_data(
    media_type: str, ask: Asking, archive: PlainArchive
) -> None:
    """They would have to be transcoded, as what no web service may use (STW-21, STW-66, GEN-18)."""
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels", media_type), b"\x89PNG"))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (409, {}) == (response.status, archive.files)
    assert (FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED,) == tuple(
        failed.failure_reason for failed in read(response).failed
    )


async def test_a_broken_data_set_fails_alone(ask: Asking, archive: PlainArchive) -> None:
    """An object that is no data set, one without UIDs; the others are stored."""
    odd = metadata(instance="1.2.3.8", more=',"0028":{"vr":"US"}')
    body = json_body(f"[{metadata()},{odd},{{}}]".encode())
    response = await ask("POST", "/studies", JSON_PARTS, body)
    answer = read(response)

    assert (202, ["1.2.3.9"]) == (response.status, list(archive.files))
    assert ["1.2.3.8"] == [failed.sop_instance_uid for failed in answer.failed]
    assert (FailureReason.CANNOT_UNDERSTAND,) == answer.other_failures


@pytest.mark.parametrize("text", ["[{", "[1]", "[]", "", "{}x", '"text"'])
async def test_metadata_that_are_no_json(ask: Asking, archive: PlainArchive, text: str) -> None:
    """400, and nothing is stored, whatever came before."""
    good = json_body(f"[{metadata()}]".encode())
    body = json_body(text.encode())
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (400, {}) == (response.status, archive.files)
    assert good != body


async def test_a_broken_document_of_xml_fails_alone(ask: Asking, archive: PlainArchive) -> None:
    """Each is an instance of its own (MUL-41)."""
    request = request_of("reportsi.dcm", representation=Representation.XML)
    whole = body_octets(request.body)
    boundary = whole[: whole.index(b"\r\n") + 2]
    broken = boundary + b"Content-Type: application/dicom+xml\r\n\r\n<Native\r\n"
    response = await ask.send(request, broken + whole)

    assert (202, [sample("reportsi.dcm").instance]) == (response.status, list(archive.files))
    assert (FailureReason.CANNOT_UNDERSTAND,) == read(response).other_failures


async def test_metadata_are_bounded(archive: PlainArchive) -> None:
    """All parts of them together; bulk data are not (STW-35)."""
    ask = Asking(Origin(archive, limits=Limits(body=1000)))
    one = f"[{metadata(PIXELS)}]".encode()
    small = await ask("POST", "/studies", JSON_PARTS, json_body(one, (bulk("pixels"), bytes(4000))))
    large = await ask("POST", "/studies", JSON_PARTS, json_body(one + b" " * 1000))
    many = multipart([one] * 5, "application/dicom+json")

    assert (200, 413) == (small.status, large.status)
    assert 413 == (await ask("POST", "/studies", JSON_PARTS, many)).status


async def test_no_room_for_bulk_data(
    ask: Asking, archive: PlainArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and nothing is stored (STW-35)."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/folder")
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), bytes(1 << 20)))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (503, b"there is no room for the bulk data\n", {}) == (
        response.status,
        response.body,
        archive.files,
    )


async def test_an_instance_is_bounded(archive: PlainArchive) -> None:
    """Many references to one part would make much of little."""
    ask = Asking(Origin(archive, limits=Limits(part=1000)))
    more = ",".join(
        f'"0009{tag:04X}":{{"vr":"OB","BulkDataURI":"pixels"}}' for tag in range(0x1001, 0x1010)
    )
    body = json_body(
        f"[{metadata(PIXELS)},{metadata(PIXELS, instance='1.2.3.8', more=',' + more)}]".encode(),
        (bulk("pixels"), bytes(100)),
    )
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (202, ["1.2.3.9"]) == (response.status, list(archive.files))
    assert [FailureReason.OUT_OF_RESOURCES] == [
        failed.failure_reason for failed in read(response).failed
    ]


async def test_pieces_are_stored_only_when_all_are_there(
    ask: Asking, archive: PlainArchive
) -> None:
    """Metadata may refer to a part that was cut off."""
    request = request_of(IMAGE)
    body = body_octets(request.body)
    for cut in itertools.islice(range(1, len(body) - 4), 0, None, 1999):
        assert 400 == (await ask.send(request, body[:cut])).status
    assert {} == archive.files


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.3", "x", "*"],
)
@pytest.mark.parametrize("where", ["metadata", "bulk", "frames", "empty"])
async def test_odd_transfer_syntaxes_harm_nobody(
    ask: Asking, archive: PlainArchive, syntax: str, where: str
) -> None:
    """An instance is stored, or fails; nothing breaks (GEN-18)."""
    of_metadata = syntax if where == "metadata" else "1.2.840.10008.1.2.1"
    of_bulk = syntax if where != "metadata" else "1.2.840.10008.1.2.1"
    parts = [(bulk("pixels", f'application/octet-stream; transfer-syntax="{of_bulk}"'), b"abcd")]
    if where == "empty":
        parts = [(parts[0][0], b"")]
    body = multipart(
        [
            f"[{metadata(PIXELS)}]".encode(),
            *(octets for _, octets in parts * (2 - (where != "frames"))),
        ],
        headers=[
            {"Content-Type": f'application/dicom+json; transfer-syntax="{of_metadata}"'},
            *(head for head, _ in parts * 2),
        ],
    )
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (response.status, len(archive.files)) in [(200, 1), (409, 0)]


ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", "Alphabetic", "00080018"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
KINDS = ["Value", "InlineBinary", "BulkDataURI"]


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from(["00080016", "00080018", "0020000D", "00280008", "7FE00010", "00081140"]),
        st.fixed_dictionaries(
            {"vr": st.sampled_from(["UI", "OW", "SQ", "IS", "CS", "US", "UN", "PN", "xx"])},
            optional=dict.fromkeys(KINDS, ODD_VALUES | st.just("pixels")),
        ),
    )
)
async def test_odd_objects_harm_nobody(obj: dict[str, Any]) -> None:
    """Whatever stands in an object, it is answered in terms of DICOM or HTTP."""
    whole = {**json.loads(metadata()), **obj}
    body = json_body(json.dumps([whole]).encode(), (bulk("pixels"), b"abcd"))
    archive = MemoryArchive()
    await archive.open()
    try:
        response = await Asking(Origin(archive))("POST", "/studies", JSON_PARTS, body)
        counts = await archive.counts()
    finally:
        await archive.aclose()

    assert response.status in (200, 202, 400, 409)
    assert (response.status == 200) == (counts.instances == 1)
