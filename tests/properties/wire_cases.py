"""What real servers send as multipart, and what is to be read from it: cases 1 to 27, by number."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field

from aiodicomweb.errors import DicomWebError, MultipartError
from aiodicomweb.http import Headers

from ..wire.driver import FRAMINGS, Framing, Outcome, Part, framed

__all__ = ["CASES", "Case", "part"]


def part(octets: bytes, **fields: str) -> Part:
    """An expected part; fields are named as keywords are."""
    return Headers({name.replace("_", "-"): value for name, value in fields.items()}), octets


@dataclass(frozen=True, slots=True)
class Case:
    """A body as a server sends it, and what is to be read from it."""

    name: str
    content_type: str
    body: bytes
    expected: tuple[Part, ...] = ()
    error: type[DicomWebError] | None = None
    at: int = 0
    """Number of the part being read at the end."""
    only: tuple[Framing, ...] = FRAMINGS
    fields: tuple[tuple[str, str], ...] = field(default=())

    def response(self, framing: Framing) -> bytes:
        """The whole response."""
        fields = [("Content-Type", self.content_type), *self.fields]
        return framed(self.body, framing, fields)

    @property
    def outcome(self) -> Outcome:
        """The expected outcome."""
        return Outcome(self.expected, self.error, self.at or len(self.expected))


DICOM = "application/dicom"
RELATED = 'multipart/related; type="application/dicom"; boundary='
HEAD = b"Content-Type: application/dicom\r\n\r\n"
DELIMITED = (Framing.LENGTH, Framing.CHUNKED)

SAMPLE = b"""--example-1
Content-Type: Application/X-FixedRecord
Content-ID: <950120.aaCC@XIson.com>

25
10
34
10
25
21
26
10
--example-1
Content-Type: Application/octet-stream
Content-Description: The fixed length records
Content-Transfer-Encoding: base64
Content-ID: <950120.aaCB@XIson.com>

T2xkIE1hY0RvbmFsZCBoYWQgYSBmYXJtCg==
--example-1--
""".replace(b"\n", b"\r\n")
RECORDS = part(
    b"25\r\n10\r\n34\r\n10\r\n25\r\n21\r\n26\r\n10",
    Content_Type="Application/X-FixedRecord",
    Content_ID="<950120.aaCC@XIson.com>",
)
SAMPLE_TYPE = (
    'Multipart/Related; boundary=example-1; start="<950120.aaCC@XIson.com>"; '
    'type="Application/X-FixedRecord"; start-info="-o ps"'
)
ORTHANC = "8b3fae41-66d2-45cf-9d70-2a1e51b6a1d4-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"[:70]
BOUNDARY_73 = "a" * 36 + "-" + "b" * 36


def one(name: str, boundary: str, *, parameter: str = "", body: bytes = b"", data: bytes) -> Case:
    """A body of one part; boundary and parameter may differ in how they are written."""
    mark = b"--" + boundary.encode()
    return Case(
        name,
        RELATED + (parameter or boundary),
        body or mark + b"\r\n" + HEAD + data + b"\r\n" + mark + b"--\r\n",
        (part(data, Content_Type=DICOM),),
    )


CASES = [
    Case(
        "1 RFC 2387 sample",
        SAMPLE_TYPE,
        SAMPLE.replace(b"base64", b"binary"),
        (
            RECORDS,
            part(
                b"T2xkIE1hY0RvbmFsZCBoYWQgYSBmYXJtCg==",
                Content_Type="Application/octet-stream",
                Content_Description="The fixed length records",
                Content_Transfer_Encoding="binary",
                Content_ID="<950120.aaCB@XIson.com>",
            ),
        ),
    ),
    # Base64 is never handed on as if it were the data (MUL-10).
    Case(
        "1 RFC 2387 sample to the letter",
        SAMPLE_TYPE,
        SAMPLE,
        (RECORDS,),
        MultipartError,
        only=(Framing.LENGTH,),
    ),
    Case(
        "2 Orthanc with garbage around",
        RELATED + ORTHANC,
        b"preamble\r\n--\r\n--8b3fae41\r\n--"
        + ORTHANC.encode()
        + b"\r\nContent-Type: application/dicom\r\nContent-Length: 5\r\nMIME-Version: 1.0\r\n\r\n"
        + b"\x00\xff\r\n-\r\n--"
        + ORTHANC.encode()
        + b"--\r\nepilogue\r\n--"
        + ORTHANC.encode()
        + b"\r\n\r\nno part",
        (
            part(
                b"\x00\xff\r\n-",
                Content_Type=DICOM,
                Content_Length="5",
                MIME_Version="1.0",
            ),
        ),
    ),
    Case(
        "3 delimiters cut anywhere",
        RELATED + "ab",
        b"--ab\r\n" + HEAD + b"\r\r\n-\r\n--a\r\n--ab\r\n" + HEAD + b"\r\n\r\n--ab--\r\n",
        (part(b"\r\r\n-\r\n--a", Content_Type=DICOM), part(b"\r\n", Content_Type=DICOM)),
    ),
    one("4 close delimiter without CRLF", "b", data=b"1", body=b"--b\r\n" + HEAD + b"1\r\n--b--"),
    Case(
        "5 no close delimiter",
        RELATED + "b",
        b"--b\r\n" + HEAD + b"1\r\n--b\r\n" + HEAD + b"22\r\n",
        (part(b"1", Content_Type=DICOM),),
        MultipartError,
        2,
    ),
    *(
        Case(
            f"5 last delimiter without its hyphens{end!r}",
            RELATED + "b",
            b"--b\r\n" + HEAD + b"1\r\n--b" + end,
            (part(b"1", Content_Type=DICOM),),
            only=DELIMITED,  # MUL-08
        )
        for end in (b"", b"\r\n", b" ")
    ),
    Case(
        "5 last delimiter without its hyphens, then the end of the connection",
        RELATED + "b",
        b"--b\r\n" + HEAD + b"1\r\n--b\r\n",
        (part(b"1", Content_Type=DICOM),),
        MultipartError,
        only=(Framing.CLOSE,),
    ),
    one(
        "6 padding",
        "b",
        data=b"1",
        body=b"--b \t\r\n" + HEAD + b"1\r\n--b-- \t \r\nepilogue",  # MUL-53
    ),
    one("7 spaces in a quoted boundary", "DICOM DATA B", parameter='"DICOM DATA B"', data=b"1"),
    one("8 leading hyphens", "----DICOMweb", parameter='"----DICOMweb"', data=b"\r\n------DICOM"),
    one("9 boundary of 73 characters", BOUNDARY_73, data=b"1"),
    Case(
        "10 no boundary parameter",
        "multipart/related",
        b"--BOUNDARY_2f1c\r\n" + HEAD + b"1\r\n--BOUNDARY_2f1c--\r\n",
        (part(b"1", Content_Type=DICOM),),
    ),
    Case(
        "10 no boundary parameter, CRLF first",
        "multipart/related; type=application/dicom",
        b"\r\n--b \r\n" + HEAD + b"1\r\n--b\r\n\r\n\r\n--b--",
        (part(b"1", Content_Type=DICOM), part(b"")),
    ),
    Case(
        "11 single quotes",
        "multipart/related;type='application/octed-stream';boundary='b'",
        b"--b\r\n" + HEAD + b"1\r\n--b--\r\n",
        (part(b"1", Content_Type=DICOM),),
    ),
    Case(
        "12 start with a RESTEasy identifier",
        'multipart/related;start="<uuid@resteasy-multipart>";type="image/jpeg"; boundary=uuid',
        b"--uuid\r\nContent-ID: <uuid@resteasy-multipart>\r\nContent-Type: image/jpeg\r\n\r\n"
        b"\xff\xd8\xff\xd9\r\n--uuid--",
        (
            part(
                b"\xff\xd8\xff\xd9",
                Content_ID="<uuid@resteasy-multipart>",
                Content_Type="image/jpeg",
            ),
        ),
    ),
    Case(
        "13 no space behind semicolons",
        "multipart/related;type=application/dicom;BOUNDARY=b",  # MUL-59
        b"--b\r\n" + HEAD + b"1\r\n--b--\r\n",
        (part(b"1", Content_Type=DICOM),),
    ),
    Case(
        "14 transfer syntax inside the quoted type",
        'multipart/related; type="image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"; boundary=b',
        b"--b\r\n" + HEAD + b"1\r\n--b--\r\n",
        (part(b"1", Content_Type=DICOM),),
    ),
    Case(
        "15 no part headers",
        RELATED + "x",
        b"--x \t\r\n\r\ndata\r\n--x\r\n\r\n\r\n--x--  \r\nepilogue",  # MUL-V4
        (part(b"data"), part(b"")),
    ),
    Case(
        "16 lower-case and unknown part headers, folded and with bare LF",
        RELATED + "b",
        b"--b\r\ncontent-type:application/dicom;\r\n\ttransfer-syntax=1.2\r\nx-Cache:\r\n\r\n1"
        b"\r\n--b\r\nX-A: 1 \nx-a:2\n\n2\r\n--b--\r\n",
        (
            part(b"1", Content_Type="application/dicom; transfer-syntax=1.2", X_Cache=""),
            (Headers([("X-A", "1"), ("X-A", "2")]), b"2"),
        ),
    ),
    Case(
        "17 right part Content-Length",
        RELATED + "b",
        b"--b\r\nContent-Length: 4\r\n\r\n1234\r\n--b--\r\n",
        (part(b"1234", Content_Length="4"),),
    ),
    Case(
        "17 part Content-Length too small",
        RELATED + "b",
        b"--b\r\nContent-Length: 2\r\n\r\n1234\r\n--b--\r\n",
        (part(b"1234", Content_Length="2"),),
    ),
    Case(
        "17 part Content-Length too large",
        RELATED + "b",
        b"--b\r\n\r\n0\r\n--b\r\nContent-Length: 6\r\n\r\n1234\r\n--b\r\n\r\n5\r\n--b--\r\n",
        (part(b"0"),),
        MultipartError,
        2,
    ),
    Case(
        "17 part Content-Length that is no number",
        RELATED + "b",
        b"--b\r\nContent-Length: 4, 9\r\n\r\n1234\r\n--b--\r\n",
        (part(b"1234", Content_Length="4, 9"),),
    ),
    one("18 CRLFCRLF in the payload", "b", data=b"\r\n\r\nA: b\r\n\r\n\r\n"),
    one("19 delimiter not at the start of a line", "b", data=b"-----b\r\n --b--\r\n\n--b\r\n"),
    one("20 line that goes on behind the boundary", "b", data=b"\r\n--bX\r\n--b-\r\n--b\n"),
    Case(
        "20 line that goes on behind what looks like the end",
        RELATED + "b",
        b"--b\r\n\r\n1\r\n--b--X\r\n--b-- \tX\r\n--b--\r\n",
        (part(b"1\r\n--b--X\r\n--b-- \tX"),),
        # Cut off behind the hyphens, it would be the end, had it no length (MUL-04).
        only=DELIMITED,
    ),
    Case(
        "20 line that goes on behind the boundary, first",
        RELATED + "b",
        b"--bX\r\n--b\r\n\r\n--bX\r\n--b--\r\n",
        (part(b"--bX"),),
    ),
    Case(
        "21 empty parts",
        RELATED + "b",
        b"--b\r\n" + HEAD + b"\r\n--b\r\n" + HEAD + b"--b\r\n\r\n--b--\r\n",
        (part(b"", Content_Type=DICOM), part(b"", Content_Type=DICOM), part(b"")),
    ),
    Case("22 zero parts", RELATED + "b", b"--b--"),  # MUL-12
    Case("22 zero parts, and lines around", RELATED + "b", b"\r\n--b--\r\n\r\n"),
    Case(
        "25 gzip",
        RELATED + "b",
        gzip.compress(b"--b\r\n" + HEAD + b"\x00\r\n--bX\r\n--b\r\n\r\n2\r\n--b--\r\n", mtime=0),
        (part(b"\x00\r\n--bX", Content_Type=DICOM), part(b"2")),
        fields=(("Content-Encoding", "gzip"),),
    ),
    Case(
        "25 gzip in members",
        RELATED + "b",
        gzip.compress(b"--b\r\n\r\n1\r", mtime=0) + gzip.compress(b"\n--b--\r\n", mtime=0),
        (part(b"1"),),
        fields=(("Content-Encoding", "x-gzip"),),
    ),
    Case(
        "26 single part",
        "application/dicom; transfer-syntax=1.2",
        b"\x00DICM\r\n--b--\r\n",
        (part(b"\x00DICM\r\n--b--\r\n", Content_Type="application/dicom; transfer-syntax=1.2"),),
    ),
    Case(
        "27 HTML",
        "text/html",
        b"<html>Please log in</html>",
        (part(b"<html>Please log in</html>", Content_Type="text/html"),),
    ),
    Case(
        "27 HTML that calls itself multipart",
        RELATED + "b",
        b"<html>Please log in</html>",
        error=MultipartError,
    ),
]
