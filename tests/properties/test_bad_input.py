"""Bad input of every kind gives an error of our tree, within the limits, and nothing else.

The targets and the changes are those of ``benchmarks/fuzz``, which takes its time; here is a short
run of them, and each bug that they found.
"""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiodicomweb.dicom import (
    JsonStream,
    dataset_from_json,
    dataset_from_xml,
    dataset_to_json,
    dataset_to_xml,
    decode,
    parse_objects,
)
from aiodicomweb.errors import (
    ContentError,
    DicomWebError,
    FramingError,
    LimitExceeded,
    UnexpectedMediaType,
)
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.services import RetrieveRequest, StoreRequest

from ..support.fuzz import targets
from ..support.fuzz.mutation import EDITS, TOKENS, Edit, EditKind, mutate
from ..support.fuzz.seeds import seeds
from ..support.fuzz.targets import TARGETS, judge
from ..support.fuzz.wire_targets import SMALL
from ..wire.driver import MODES, Framing, Mode, every_octet, framed, read_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..support.fuzz.judging import Attempt

MIB = 1 << 20

ANY_OCTETS = st.binary(max_size=100) | st.lists(st.sampled_from(TOKENS), max_size=12).map(b"".join)
CHANGES = st.lists(
    st.builds(
        Edit,
        st.sampled_from(EditKind),
        st.integers(0, 1 << 16),
        st.integers(0, 1 << 10),
        st.sampled_from(TOKENS) | st.binary(max_size=8),
    ),
    min_size=1,
    max_size=EDITS,
)
SHORT = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@given(octets=ANY_OCTETS)
@SHORT
def test_any_octets(target: str, octets: bytes) -> None:
    """Octets that mean nothing are refused in order, whoever is to read them."""
    judge(target, octets)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data(), changes=CHANGES)
@SHORT
def test_changed_octets(target: str, data: st.DataObject, changes: list[Edit]) -> None:
    """Valid input with some changes is refused in order, or taken for what it has become."""
    judge(target, mutate(data.draw(st.sampled_from(seeds(target))), changes))


@pytest.mark.parametrize("target", TARGETS)
def test_valid_input_gets_through(target: str) -> None:
    """What is changed is valid to begin with: changes meet more than the first check."""
    outcomes = [judge(target, octets).split(" | ") for octets in seeds(target)]

    assert any("Error" not in outcome for lines in outcomes for outcome in lines)


def test_other_errors_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of another tree is let through, and so is what pickling one of ours raises."""

    def other(octets: bytes, attempt: Attempt) -> None:
        attempt(int, octets)

    def ours(octets: bytes, attempt: Attempt) -> None:
        attempt(refuse, octets)

    def refuse(octets: bytes) -> None:
        error = DicomWebError("no")
        error.hint = lambda: octets  # type: ignore[assignment]
        raise error

    monkeypatch.setattr(targets, "TARGETS", {"other": other, "ours": ours})

    with pytest.raises(ValueError, match="invalid literal"):
        judge("other", b"x")
    with pytest.raises((AttributeError, TypeError)):
        judge("ours", b"x")


# --- memory and depth -----------------------------------------------------------------------------


def most_memory(work: Callable[[], object]) -> int:
    """The most octets that were held at one time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_bomb() -> None:
    """A body that expands a thousand times is given up, and was never held (Limits.expansion)."""
    bomb = gzip.compress(bytes(128 * MIB))
    octets = framed(bomb, Framing.LENGTH, [("Content-Encoding", "gzip")])

    def whole() -> None:
        with pytest.raises(LimitExceeded, match="expansion"):
            Response.from_bytes(octets)

    def small() -> None:
        assert LimitExceeded is read_parts(octets, limits=SMALL).error

    assert most_memory(whole) < 64 * MIB
    assert most_memory(small) < 4 * MIB


DEPTH = 100_000
SEQUENCE = struct.pack("<HHI", 0x0008, 0x1115, 0xFFFFFFFF)
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
IN_ITEMS = SEQUENCE + (ITEM + SEQUENCE) * 100
DEEP = {
    "JSON arrays": (parse_objects, b"[" * DEPTH),
    "JSON objects": (parse_objects, b'{"a":' * DEPTH),
    "JSON sequences": (
        lambda text: [dataset_from_json(obj) for obj in parse_objects(text)],
        b'{"00081115":{"vr":"SQ","Value":[' * 200 + b"]}}" * 200,
    ),
    "XML elements": (dataset_from_xml, b"<NativeDicomModel>" + b"<a>" * DEPTH),
    "XML items": (
        dataset_from_xml,
        b"<NativeDicomModel>" + b'<DicomAttribute tag="00081115" vr="SQ"><Item number="1">' * DEPTH,
    ),
    "a file": (decode, SEQUENCE + (ITEM + SEQUENCE) * 5000),
    "a file to JSON": (lambda octets: dataset_to_json(decode(octets)), IN_ITEMS),
    "a file to XML": (lambda octets: dataset_to_xml(decode(octets)), IN_ITEMS),
}


@pytest.mark.parametrize("name", DEEP)
def test_nesting_without_end(name: str) -> None:
    """Depth is bounded before Python's stack is."""
    read, octets = DEEP[name]

    with pytest.raises(DicomWebError):
        read(octets)


def test_object_without_end() -> None:
    """A stream holds no more of an object than the bound and what was fed at once."""
    stream = JsonStream(max_object=MIB)

    def feed() -> None:
        stream.feed(b'[{"00100020":"')
        for _ in range(MIB // 65536):
            stream.feed(b"a" * 65536)
            with suppress(LimitExceeded):
                stream.next()
        with pytest.raises(LimitExceeded, match="too long"):
            stream.next()

    assert most_memory(feed) < 4 * MIB


# --- what was found -------------------------------------------------------------------------------

PARTS = b"--b\r\n\r\nabc\r\n--b\r\n\r\ndef\r\n--b\r\n\r\n" + bytes(range(256))
RELATED = ("Content-Type", "multipart/related; boundary=b")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_parts_before_a_broken_coding(coding: str, mode: Mode) -> None:
    """Parts that were coded before the place where a coding is broken are given, cut or not."""
    coded = bytearray(gzip.compress(PARTS) if coding == "gzip" else zlib.compress(PARTS))
    coded[-1] ^= 0xFF  # of the check sum, or the length, at the end
    octets = framed(bytes(coded), Framing.LENGTH, [RELATED, ("Content-Encoding", coding)])
    whole = read_parts(octets, mode=mode)

    assert (FramingError, [b"abc", b"def"]) == (whole.error, [data for _, data in whole.parts])
    assert whole == read_parts(octets, every_octet(octets), mode)


@pytest.mark.parametrize("cuts", [(), (1000,)])
def test_long_body_of_an_unknown_coding(cuts: tuple[int, ...]) -> None:
    """A coding that cannot be undone is told, not the length of what is not read, cut or not."""
    octets = framed(bytes(SMALL.part + 1), Framing.LENGTH, [("Content-Encoding", "br")])

    assert UnexpectedMediaType is read_parts(octets, cuts, limits=SMALL).error


def explicit(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    """An element of Explicit VR Little Endian."""
    long = (b"OB", b"SQ")
    form = "<HH2sxxI" if vr in long else "<HH2sH"
    return struct.pack(form, group, element, vr, len(value)) + value


def test_sequence_that_pydicom_cannot_read() -> None:
    """It is refused each time it is written: pydicom complains once, and leaves text in it."""
    cut = b"\x08\x00\x05\x00CCS\x1e\x00I"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 100) + cut
    uid = explicit(0x0008, 0x0018, b"UI", b"1.2\0")
    dataset = decode(uid + explicit(0x0008, 0x1115, b"SQ", item))

    for write in (dataset_to_json, dataset_to_xml, dataset_to_json):
        with pytest.raises(ContentError, match="not one of its VR at 00081115"):
            write(dataset)


def test_frame_without_octets() -> None:
    """Compressed pixel data of no octets are refused, and not encapsulated."""
    body = (
        b'--b\r\nContent-Type: application/dicom+json\r\n\r\n{"7FE00010":{"vr":"OB",'
        b'"BulkDataURI":"urn:a"}}\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Location: urn:a'
        b"\r\n\r\n\r\n--b--"
    )
    content_type = 'multipart/related; type="application/dicom+json"; boundary=b'
    url = URL.parse("http://pacs.example/rs/studies")
    request = Request("POST", url, Headers({"Content-Type": content_type}), body)

    with pytest.raises(DicomWebError):
        StoreRequest.from_http(request)


def test_field_of_two_lines() -> None:
    """A field of which one line is as we write it is kept whole, and is the same when written."""
    url = URL.parse("http://pacs.example/rs/studies/1.2/metadata")
    lines = Headers([("Accept", "nonsense"), ("Accept", "application/dicom+json")])
    request = RetrieveRequest.from_http(Request("GET", url, lines))

    assert lines == request.to_http().headers
    assert request == RetrieveRequest.from_http(request.to_http())
