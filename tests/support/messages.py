"""What DICOMweb servers answer, made small: DICOM files, multipart bodies, JSON."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from aiodicomweb.testing import response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "BOUNDARY",
    "DICOM",
    "FRAMES",
    "JSON",
    "chunked",
    "dicom_file",
    "file_head",
    "json_response",
    "module",
    "multipart",
    "parts_response",
    "parts_type",
    "result",
    "until_close",
]

BOUNDARY = "end"
DICOM = "application/dicom"
FRAMES = "application/octet-stream"
JSON = {"Content-Type": "application/dicom+json"}

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def _element(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    if vr == b"OB":
        return struct.pack("<HH2sHI", group, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, element, vr, len(value)) + value


def file_head(uid: str, payload: int, *, name: str = "Doe^Jane") -> bytes:
    """The octets of a DICOM file up to its pixel data, of which so many are to follow."""
    meta = b"".join(
        (
            _element(2, 1, b"OB", b"\0\1"),
            _element(2, 2, b"UI", SECONDARY_CAPTURE.encode()),
            _element(2, 3, b"UI", uid.encode()),
            _element(2, 0x10, b"UI", EXPLICIT_LITTLE.encode()),
        )
    )
    dataset = b"".join(
        (
            _element(8, 0x16, b"UI", SECONDARY_CAPTURE.encode()),
            _element(8, 0x18, b"UI", uid.encode()),
            _element(0x10, 0x10, b"PN", name.encode()),
            _element(0x20, 0xD, b"UI", b"1.2"),
            _element(0x20, 0xE, b"UI", b"1.2.3"),
        )
    )
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, payload)
    length = _element(2, 0, b"UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + dataset + pixels


def dicom_file(uid: str = "1.2.3.4", payload: int = 16, *, name: str = "Doe^Jane") -> bytes:
    """A whole DICOM file with pixel data of an even number of octets."""
    return file_head(uid, payload, name=name) + bytes(payload)


def multipart(
    parts: Iterable[bytes],
    content_type: str = DICOM,
    headers: Iterable[Mapping[str, str]] = (),
    *,
    close: bool = True,
) -> bytes:
    """A multipart body; one that isn't closed lacks its close delimiter."""
    given = iter(headers)
    body = b""
    for part in parts:
        fields = {"Content-Type": content_type, **next(given, {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        body += f"\r\n--{BOUNDARY}\r\n{head}\r\n".encode() + part
    return body + (f"\r\n--{BOUNDARY}--\r\n".encode() if close else b"")


def parts_type(content_type: str = DICOM) -> dict[str, str]:
    """The header fields of a multipart response."""
    return {"Content-Type": f'multipart/related; type="{content_type}"; boundary={BOUNDARY}'}


def parts_response(
    parts: Iterable[bytes],
    content_type: str = DICOM,
    part_headers: Iterable[Mapping[str, str]] = (),
    *,
    status: int = 200,
    close: bool = True,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A multipart response with ``Content-Length``."""
    body = multipart(parts, content_type, part_headers, close=close)
    return response(body, {**parts_type(content_type), **(headers or {})}, status)


def chunked(body: bytes, headers: Mapping[str, str], *, last: bool = True) -> bytes:
    """A response in one chunk; without the last chunk it is cut."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{lines}\r\n".encode()
    return head + b"%x\r\n%b\r\n" % (len(body), body) + (b"0\r\n\r\n" if last else b"")


def until_close(body: bytes, headers: Mapping[str, str]) -> bytes:
    """A response that ends with the connection."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """A response in DICOM JSON."""
    return response(json.dumps(value).encode(), {**JSON, **(headers or {})}, status)


def result(study: str) -> dict[str, Any]:
    """A search result."""
    return {"0020000D": {"vr": "UI", "Value": [study]}}


def module(stored: Iterable[str] = (), failed: Iterable[str] = ()) -> dict[str, Any]:
    """A Store Instances Response Module."""

    def item(uid: str) -> dict[str, Any]:
        return {
            "00081150": {"vr": "UI", "Value": [SECONDARY_CAPTURE]},
            "00081155": {"vr": "UI", "Value": [uid]},
        }

    failures = [{**item(uid), "00081197": {"vr": "US", "Value": [272]}} for uid in failed]
    sequences = {"00081199": [item(uid) for uid in stored], "00081198": failures}
    return {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
