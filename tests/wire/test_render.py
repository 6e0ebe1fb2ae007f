"""Multipart bodies outward; ``test_multipart`` reads them again."""

from __future__ import annotations

import re

import pytest

from aiodicomweb.errors import LocalProtocolError
from aiodicomweb.http import Body, Deferred, FileSpan, Headers, body_length
from aiodicomweb.wire import OutgoingPart, make_boundary, render_multipart


def never() -> bytes:
    """Fail if a body is made before its turn."""
    raise AssertionError


def part(body: Body, **fields: str) -> OutgoingPart:
    """A part; fields are named as keywords are."""
    return OutgoingPart(Headers({name.replace("_", "-"): fields[name] for name in fields}), body)


def test_store_request() -> None:
    """Two instances, octet for octet (MUL-V1)."""
    body = render_multipart(
        [
            part((b"file 1",), Content_Type="application/dicom"),
            part((b"", b"file ", bytearray(b"2\r\n"))),
        ],
        "b7f0c2",
    )

    assert (
        b"--b7f0c2\r\nContent-Type: application/dicom\r\n\r\nfile 1"
        b"\r\n--b7f0c2\r\n\r\nfile 2\r\n"
        b"\r\n--b7f0c2--\r\n"
    ) == b"".join(map(bytes, body))


def test_no_parts() -> None:
    """A body of no parts is the close delimiter (MUL-12)."""
    assert (b"--b--\r\n",) == render_multipart([], "b")


def test_length_is_known() -> None:
    """Files and deferred octets are passed through untouched; their lengths count (HTP-32)."""
    file, deferred = FileSpan("no such file", 0, 1 << 32), Deferred(7, never)
    body = render_multipart([part((file,)), part((deferred,))], "b")

    assert file in body
    assert deferred in body
    assert len("--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b--\r\n") + (1 << 32) + 7 == body_length(body)


def test_make_boundary() -> None:
    """A boundary is a token of 128 random bits, never the same (MUL-05, MUL-06)."""
    boundaries = {make_boundary() for _ in range(100)}

    assert 100 == len(boundaries)
    assert all(re.fullmatch("[0-9a-f]{32}", boundary) for boundary in boundaries)


@pytest.mark.parametrize("boundary", ["b", "x" * 70, "a b", "'()+_,-./:=?"])
def test_boundary(boundary: str) -> None:
    """All of the grammar's boundaries are legal."""
    assert (b"--" + boundary.encode() + b"--\r\n",) == render_multipart([], boundary)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a ", "a\r\n", "a\n", "é", "a\0", 'a"b', "a;b"])
def test_bad_boundary(boundary: str) -> None:
    """A boundary that could not be told, or would break lines, is refused (HTP-91)."""
    with pytest.raises(LocalProtocolError):
        render_multipart([], boundary)


def test_headers_can_not_break_lines() -> None:
    """Whoever makes a part's head can't write fields of his own into it (HTP-91)."""
    with pytest.raises(LocalProtocolError):
        part((), Content_Location="a\r\nX: y")
