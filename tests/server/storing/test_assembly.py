"""Metadata and bulk data that become instances (PS3.18 §8.6.1.2, §10.5.1.4)."""

from __future__ import annotations

import itertools
import json
import tempfile
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import generate_frames

from aiodicomweb.dicom import FailureReason, decode
from aiodicomweb.http import URL, Request, body_octets
from aiodicomweb.server import MemoryArchive, Origin
from aiodicomweb.server.storing.spool import Spool
from aiodicomweb.services import Representation, Selector, StoreRequest, StoreResponse
from aiodicomweb.wire import Limits

from ...support.asking import HOST, Asking, PlainArchive
from ...support.codestreams import jpeg
from ...support.comparison import differences
from ...support.dicom_files import sample
from ...support.messages import SECONDARY_CAPTURE, multipart, parts_type

BASE = URL.parse(HOST)
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
    frames = [
        (bulk(pattern.format(number), head), jpeg() + bytes([number] * (2 * number)))
        for number in (1, 2, 3)
    ]
    more = ',"00280008":{"vr":"IS","Value":[3]}'
    body = json_body(f"[{metadata(PIXELS, more=more)}]".encode(), *frames)
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert 200 == response.status
    dataset = decode(archive.files["1.2.3.9"])
    assert "1.2.840.10008.1.2.4.50" == dataset.file_meta.TransferSyntaxUID
    stored = list(generate_frames(dataset.PixelData, number_of_frames=3))
    assert [octets + bytes(len(octets) % 2) for _, octets in frames] == stored


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


async def test_what_is_no_value_of_its_vr_is_not_stored(
    ask: Asking, archive: PlainArchive, caplog: pytest.LogCaptureFixture
) -> None:
    """The instance fails alone, and the log names the elements without their values (STW-65)."""
    odd = "".join(f',"000910{number:02X}":{{"vr":"US","Value":["Doe"]}}' for number in range(1, 10))
    body = json_body(f"[{metadata()},{metadata(instance='1.2.3.8', more=odd)}]".encode())
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (202, ["1.2.3.9"]) == (response.status, list(archive.files))
    assert [("1.2.3.8", FailureReason.CANNOT_UNDERSTAND)] == [
        (failed.sop_instance_uid, failed.failure_reason) for failed in read(response).failed
    ]
    (line,) = caplog.messages
    assert "9 in all: 00091001, 00091002, " in line
    assert line.endswith("00091008")
    assert "Doe" not in caplog.text


async def test_octets_are_stored_with_an_even_length(ask: Asking, archive: PlainArchive) -> None:
    """Those of VR UN, too, which pydicom writes as they are (PS3.5 §7.1)."""
    odd = '"vr":"UN","InlineBinary":"YWJj"}'
    more = f',"00081140":{{"vr":"SQ","Value":[{{"00091001":{{{odd}}}]}},"00091001":{{{odd}'
    response = await ask(
        "POST", "/studies", JSON_PARTS, json_body(f"[{metadata(more=more)}]".encode())
    )
    (octets,) = archive.files.values()
    stored = decode(octets)

    assert (200, 0) == (response.status, len(octets) % 2)
    assert [b"abc\0"] * 2 == [
        each[0x00091001].value for each in (stored, stored.ReferencedImageSequence[0])
    ]


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


@pytest.mark.parametrize(("less", "status"), [(0, 200), (1, 413)])
async def test_metadata_are_bounded(archive: PlainArchive, less: int, status: int) -> None:
    """Those of one instance; all of them together are not, nor are bulk data (STW-35)."""
    objects = [metadata(PIXELS, instance=f"1.2.3.{number}") for number in range(8)]
    ask = Asking(Origin(archive, limits=Limits(json_object=len(objects[0]) - less)))
    body = json_body(f"[{','.join(objects)}]".encode(), (bulk("pixels"), bytes(4000)))

    assert status == (await ask("POST", "/studies", JSON_PARTS, body)).status


@pytest.mark.parametrize(("less", "status"), [(0, 200), (1, 413)])
async def test_documents_are_bounded(archive: PlainArchive, less: int, status: int) -> None:
    """Those of XML, which are an instance each (STW-35)."""
    whole = body_octets(request_of("reportsi.dcm", representation=Representation.XML).body)
    document = whole[whole.index(b"\r\n\r\n") + 4 : whole.rindex(b"\r\n--")]
    ask = Asking(Origin(archive, limits=Limits(json_object=len(document) - less)))
    kind = "application/dicom+xml"
    body = multipart([document, document], kind)

    assert status == (await ask("POST", "/studies", parts_type(kind), body)).status


async def test_instances_are_bounded(archive: PlainArchive) -> None:
    """Three octets are enough for one (STW-35)."""
    ask = Asking(Origin(archive, limits=Limits(parts=3)))
    none = b"[{},{},{}]"
    many = b"[{},{},{},{}]"

    assert 409 == (await ask("POST", "/studies", JSON_PARTS, json_body(none))).status
    assert 413 == (await ask("POST", "/studies", JSON_PARTS, json_body(many))).status


async def test_no_room_for_bulk_data(
    ask: Asking, archive: PlainArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and nothing is stored (STW-35)."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/folder")
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), bytes(1 << 20)))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (503, b"there is no room for what is to be stored\n", {}) == (
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
    assert [FailureReason.PROCESSING_FAILURE] == [
        failed.failure_reason for failed in read(response).failed
    ]


async def test_bulk_data_that_cannot_be_read_again(
    ask: Asking, archive: PlainArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance fails, in the midst of its file; nothing stays open (STW-35, STW-63)."""
    length = 3 << 20

    def read_less(spool: Spool, offset: int, length: int) -> bytes:
        if offset > 1 << 20:
            raise OSError
        return as_it_was(spool, offset, length)

    as_it_was = Spool.read
    monkeypatch.setattr(Spool, "read", read_less)
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), bytes(length)))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert (503, {}, 0) == (response.status, archive.files, archive.open_deposits)
    (failed,) = read(response).failed
    assert ("1.2.3.9", FailureReason.OUT_OF_RESOURCES) == (
        failed.sop_instance_uid,
        failed.failure_reason,
    )


async def test_bulk_data_are_copied_in_pieces(ask: Asking, archive: PlainArchive) -> None:
    """None of them is as long as the whole."""
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), bytes(5 << 20)))
    response = await ask("POST", "/studies", JSON_PARTS, body)

    assert 200 == response.status
    assert bytes(5 << 20) == decode(archive.files["1.2.3.9"]).PixelData
    assert max(archive.pieces) < 2.1 * (1 << 20)


async def test_few_instances_are_put_together_at_once() -> None:
    """However many clients there are."""
    body = json_body(f"[{metadata(PIXELS)}]".encode(), (bulk("pixels"), bytes(1 << 20)))
    most = 0

    class Counting(PlainArchive):
        async def deposit(self) -> Any:
            nonlocal most
            most = max(most, self.open_deposits + 1)
            return await super().deposit()

    counting = Counting()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            ask = Asking(Origin(counting))
            tasks.start_soon(ask, "POST", "/studies", JSON_PARTS, body)

    assert ["1.2.3.9"] == list(counting.files)
    assert 1 < most <= 4


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
