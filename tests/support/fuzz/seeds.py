"""Valid input, of which bad input is made: a few messages of each kind, as servers send them."""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from aiodicomweb.dicom import dataset_from_json, dataset_to_xml, encode, format_objects
from aiodicomweb.http import URL, Request

from ...wire import driver
from ..dicom_files import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["seeds"]

_BASE = URL.parse("http://pacs.example/rs")
_CT = "1.2.840.10008.5.1.4.1.1.2"
_DICOM_TYPE, _JSON_TYPE, _XML_TYPE = (
    "application/dicom",
    "application/dicom+json",
    "application/dicom+xml",
)
_FILES = (
    *("priv_SQ.dcm", "nested_priv_SQ.dcm", "UN_sequence.dcm", "no_meta_group_length.dcm"),
    *("charset_files/chrSQEncoding.dcm", "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm"),
    *("JPEGLSNearLossless_08.dcm", "empty_charset_LEI.dcm"),
)
_PART = b"--b\r\nContent-Type: application/dicom\r\nContent-Length: 4\r\n\r\n1234\r\n"
_MULTIPART = _PART + b"--b \r\n\r\nabc\r\n-\r\n--bc\r\n--b\r\nX: 1\r\n\r\n\r\n--b--\r\nepilogue"
_FIELDS = [("Content-Type", "multipart/related; boundary=b"), ("Warning", "299 a: b")]


def _dataset() -> Dataset:
    """One of nearly all kinds of values."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = _CT, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.3"
    dataset.PatientName = "Buc^Jérôme=文字^x=かな"
    dataset.PatientWeight, dataset.InstanceNumber = "70.5", "3"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.StudyDate, dataset.StudyTime = "20260102", "101112.5"
    dataset.Rows, dataset.Columns = 1, 2
    dataset.SmallestImagePixelValue = 1
    dataset.RecommendedDisplayFrameRateInFloat = 1.5
    dataset.FrameIncrementPointer = 0x00181063
    dataset.add_new(0x00091001, "UN", b"ab")
    dataset.private_block(0x0011, "ACME", create=True).add_new(1, "SL", [-1, 2])
    item = Dataset()
    item.CodeValue, item.LongCodeValue = "1", "x" * 8
    item.ConceptNameCodeSequence = [Dataset()]
    dataset.ProcedureCodeSequence = [item, Dataset()]
    dataset.BurnedInAnnotation = None
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, 0
    dataset.PixelData = bytes(4)
    dataset["PixelData"].VR = "OW"
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    return dataset


def _compressed() -> Dataset:
    dataset = _dataset()
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.50")
    dataset.NumberOfFrames = 2
    dataset.PixelData = encapsulate([b"\xff\xd8ab\xff\xd9", b"\xff\xd8cd\xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


_JSON = (
    b'[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Doe^J"}]},"00100020":{"vr":"LO","Value":'
    b'["a\\"}{",null]},"7FE00010":{"vr":"OW","BulkDataURI":"../bulk/1"},"00281052":{"vr":"DS",'
    b'"Value":[-1024,"1.50"]},"00091001":{"InlineBinary":"AAE="}}, {"00081115":{"vr":"SQ","Value":'
    b'[{"0020000E":{"vr":"UI","Value":["1.2"]}},{},null]}},{}]'
)
_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19'
    b'/models/NativeDICOM"><DicomAttribute tag="00100010" vr="PN"><PersonName number="1">'
    b"<Alphabetic><FamilyName>A&amp;B</FamilyName></Alphabetic></PersonName></DicomAttribute>"
    b'<DicomAttribute tag="00110001" vr="SL" privateCreator="ACME"><Value number="2">-1</Value>'
    b'</DicomAttribute><DicomAttribute tag="00081115" vr="SQ"><Item number="1"><DicomAttribute '
    b'tag="7FE00010" vr="OW"><BulkData uri="http://a/b"/></DicomAttribute></Item></DicomAttribute>'
    b'<DicomAttribute tag="00091001" vr="UN"><InlineBinary>AAE=</InlineBinary></DicomAttribute>'
    b"</NativeDicomModel>"
)
_BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    b'<NativeDicomModel><DicomAttribute tag="00100020" vr="LO"><Value number="1">&b;&c;</Value>'
    b"</DicomAttribute></NativeDicomModel>"
)
_NESTED_XML = b'<Item number="1"><DicomAttribute tag="00081115" vr="SQ">'
_DEEP_XML = (
    b'<NativeDicomModel><DicomAttribute tag="00081115" vr="SQ">' + _NESTED_XML * 70
) + b"</DicomAttribute></Item>" * 70
_DEEP_JSON = b'{"00081115":{"vr":"SQ","Value":[' * 70 + b"]}}" * 70


def _responses() -> list[bytes]:
    framed = [driver.framed(_MULTIPART, framing, _FIELDS) for framing in driver.FRAMINGS]
    return [
        *framed,
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + framed[1],
        driver.framed(
            gzip.compress(_MULTIPART),
            driver.Framing.LENGTH,
            [*_FIELDS, ("Content-Encoding", "gzip")],
        ),
        b"HTTP/1.0 206 Partial\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nabcd\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nContent-Length: 0\r\n\r\n',
    ]


def _message(first: str, content_type: str = "", body: bytes = b"", *fields: str) -> bytes:
    """A message as the targets of ``services`` take it."""
    lines = [first, *([f"Content-Type: {content_type}"] if content_type else []), *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _parts(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body; each part's fields are one text."""
    pieces = [b"--b\r\n%b\r\n\r\n%b\r\n" % (fields.encode(), data) for fields, data in parts]
    return b"".join(pieces) + b"--b--\r\n"


def _related(root: str) -> str:
    return f'multipart/related; type="{root}"; boundary=b'


def _search_requests() -> list[bytes]:
    query = (
        "PatientName=Doe%2A&StudyInstanceUID=1.2,1.3&00101002.00100020=1&includefield=00091002"
        "&00090010=ACME&fuzzymatching=true&emptyvaluematching=false&limit=3&offset=2"
    )
    return [
        _message(f"GET {_BASE}/studies?{query}", "", b"", f"Accept: {_JSON_TYPE}"),
        _message(
            f"GET {_BASE}/studies/1.2/instances?includefield=all&accept=application/json",
            "",
            b"",
            f'Accept: multipart/related; type="{_XML_TYPE}", */*; q=0.1',
        ),
    ]


def _retrieve_requests() -> list[bytes]:
    frames = "/studies/1.2/series/1.2.3/instances/1.2.3.4/frames/1,2"
    accept = 'Accept: multipart/related; type="image/jpeg"; transfer-syntax=*, */*; q=0.1'
    rendered = "viewport=512,512,0,0,,-9&window=40,400,linear&quality=90&annotation=patient"
    return [
        _message(f"GET {_BASE}/studies/1.2/metadata", "", b"", f"Accept: {_JSON_TYPE}"),
        _message(f"GET {_BASE}{frames}", "", b"", accept),
        _message(f"GET {_BASE}/bulk/1?a=b", "", b"", "Range: bytes=0-9", "Accept: */*"),
        _message(f"GET {_BASE}{frames}/rendered?{rendered}&iccprofile=srgb", "", b"", accept),
    ]


def _store_requests() -> list[bytes]:
    metadata = [_referring(uri) for uri in ("urn:a", "urn:b")]
    bulk = (
        ("Content-Type: application/octet-stream\r\nContent-Location: urn:a", bytes(4)),
        ("Content-Type: image/jpeg\r\nContent-Location: urn:b/frames/1", b"\xff\xd8ab\xff\xd9"),
        ("Content-Type: image/jpeg\r\nContent-Location: urn:b/frames/2", b"\xff\xd8cd\xff\xd9"),
    )
    files = [(f"Content-Type: {_DICOM_TYPE}", octets) for octets in _files()[:2]]
    json = (f"Content-Type: {_JSON_TYPE}", format_objects(metadata))
    xml = [
        (f"Content-Type: {_XML_TYPE}", _XML.replace(b"http://a/b", b"urn:b")),
        (f"Content-Type: {_XML_TYPE}", _XML.replace(b"http://a/b", b"urn:a")),
    ]
    return [
        _message(f"POST {_BASE}/studies/1.2", _related(_DICOM_TYPE), _parts(*files)),
        _message(f"POST {_BASE}/studies", _related(_JSON_TYPE), _parts(json, *bulk)),
        _message(f"POST {_BASE}/studies?a=b", _related(_XML_TYPE), _parts(*xml, *bulk)),
        _message(f"POST {_BASE}/studies", _DICOM_TYPE, files[0][1]),
    ]


def _referring(uri: str) -> dict[str, Any]:
    """Metadata whose pixel data are elsewhere."""
    return {
        "00080016": {"vr": "UI", "Value": [_CT]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
        "00280008": {"vr": "IS", "Value": [2]},
        "7FE00010": {"vr": "OB", "BulkDataURI": uri},
    }


def _search_responses() -> list[bytes]:
    datasets = [_dataset(), _dataset()]
    xml = [(f"Content-Type: {_XML_TYPE}", dataset_to_xml(dataset)) for dataset in datasets]
    warning = "Warning: 299 http://a/b: There are 7 additional results that can be requested"
    return [
        _message("200", _JSON_TYPE, format_objects(datasets), warning),
        _message("200", _related(_XML_TYPE), _parts(*xml)),
        _message("200", "", _JSON),
        _message("400", _JSON_TYPE, b'{"00000902":{"vr":"LO","Value":["no"]}}', "Retry-After: 3"),
    ]


def _retrieve_responses() -> list[bytes]:
    files = [(f"Content-Type: {_DICOM_TYPE}", octets) for octets in _files()[:2]]
    xml = (f"Content-Type: {_XML_TYPE}", dataset_to_xml(_dataset()))
    jpeg = "Content-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"
    frames = [(f"{jpeg}\r\nContent-Location: /frames/1", b"abcd"), (jpeg, b"ef")]
    octets = "Content-Type: application/octet-stream\r\nContent-Range: bytes 0-3/9"
    ranges = _parts((octets, b"abcd"), (octets, b"efgh"))
    return [
        _message("200", _related(_DICOM_TYPE), _parts(*files)),
        _message("200", _JSON_TYPE, format_objects([_dataset()])),
        _message("206", _related(_XML_TYPE), _parts(xml)),
        _message("200", _related("image/jpeg"), _parts(*frames)),
        _message("206", "application/octet-stream", b"abcd", "Content-Range: bytes 0-3/9"),
        _message("206", "multipart/byteranges; boundary=b", ranges),
        _message("200", _DICOM_TYPE, files[0][1]),
        _message("200", _related("image/jpeg"), b"--b--\r\n"),
    ]


def _store_responses() -> list[bytes]:
    item = {"00081150": {"vr": "UI", "Value": [_CT]}, "00081155": {"vr": "UI", "Value": ["1.2.3"]}}
    reason = {"vr": "US", "Value": [0x0110]}
    module = {
        "00081190": {"vr": "UR", "Value": ["http://a/b"]},
        "00081198": {"vr": "SQ", "Value": [{**item, "00081197": reason}]},
        "00081199": {"vr": "SQ", "Value": [item, {**item, "00081196": reason}]},
        "0008119a": {"vr": "SQ", "Value": [{"00081197": reason}]},
    }
    json = format_objects([module])
    return [
        _message("200", _JSON_TYPE, json[1:-1], "Warning: 299 a: careful"),
        _message("202", _JSON_TYPE, json),
        _message("409", _XML_TYPE, dataset_to_xml(dataset_from_json(module))),
        _message("202", "", _JSON),
    ]


@cache
def seeds(target: str) -> tuple[bytes, ...]:
    """The valid input of a target."""
    return tuple(_MAKERS[target]())


def _json() -> Sequence[bytes]:
    return [_JSON, format_objects([_dataset(), _compressed()]), _DEEP_JSON, b"\xef\xbb\xbf[]"]


def _xml() -> Sequence[bytes]:
    utf_16 = _XML.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    return [
        _XML,
        dataset_to_xml(_dataset()),
        dataset_to_xml(_compressed()),
        _BOMB,
        _DEEP_XML,
        utf_16,
    ]


def _files() -> Sequence[bytes]:
    return [encode(_dataset()), encode(_compressed()), *(sample(name).octets for name in _FILES)]


def _frames() -> Sequence[bytes]:
    bare = encapsulate([b"ab", b"cdef"], has_bot=False)
    return [encapsulate([b"ab", b"cdef"]), bare, encapsulate([b"abcdef"], fragments_per_frame=3)]


def _requests() -> Sequence[bytes]:
    head = b"POST /rs/studies?a=%20b HTTP/1.1\r\nHost: pacs.example:8080\r\n"
    return [
        bytes(Request("GET", _BASE.child("studies").with_query("PatientID=1"))),
        head + b"Content-Type: a/b\r\nContent-Length: 4\r\n\r\nabcd",
        head + b"Transfer-Encoding: chunked\r\n\r\n4;x\r\nabcd\r\n0\r\nA: b\r\n\r\n",
        head + b"Content-Encoding: deflate\r\nContent-Length: 9\r\n\r\n" + zlib.compress(b"a"),
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a:1/b?c HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ]


def _text(*values: str) -> list[bytes]:
    return [value.encode() for value in values]


_MAKERS: dict[str, Callable[[], Sequence[bytes]]] = {
    "request": _requests,
    "response": _responses,
    "url": lambda: _text(
        "https://u:p@pacs.example:8443/a/../b%20c?x=1,2&y=%2C&z#f",
        "//[::1]:80/./..//x?",
        "../bulk/1;a?b=c/d",
        "urn:uuid:1-2",
    ),
    "media-type": lambda: _text(
        "multipart/related; type=\"image/jpeg; transfer-syntax=1.2\"; boundary='a b'; q=0.5",
        'a/b;c="d\\"e";;f=g/h',
    ),
    "accept": lambda: _text(
        'multipart/related; type="image/*"; transfer-syntax=*; q=0.9, */*;q=0, a/b; c="d,e"'
    ),
    "byte-range": lambda: _text("bytes=0-1, -5 ,7-", "bytes 0-9/10", "bytes 0-9/*", "bytes */7"),
    "warning": lambda: _text(
        '299 http://a/b: some, more, A700 c: "d", 299 - "e\\"f" "date"', '"B000: odd"'
    ),
    "retry-after": lambda: _text(
        "120",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ),
    "challenge": lambda: _text(
        'Basic realm="a, b", charset=UTF-8, Negotiate abc==, Bearer error="x\\"y", scope = z'
    ),
    "headers": lambda: _text('Content-Type: a/b; c=d\nX-A:  b, "c,d" \nAccept: */*'),
    "exchange": _responses,
    "server-exchange": _requests,
    "body": lambda: [_MULTIPART, b"preamble\r\n" + _MULTIPART, _PART * 9 + b"--b--"],
    "chunked": lambda: [driver.chunked(_MULTIPART), driver.chunked(b"a" * 99, (50, 3))],
    "coded": lambda: [
        gzip.compress(_MULTIPART),
        gzip.compress(b"a") + gzip.compress(b"b"),
        zlib.compress(_MULTIPART),
        zlib.compress(_MULTIPART, wbits=-15),
        gzip.compress(bytes(100_000)),
    ],
    "multipart": lambda: [_MULTIPART, b"preamble\r\n" + _MULTIPART, _PART * 9 + b"--b--"],
    "json-model": _json,
    "json-stream": _json,
    "native-xml": _xml,
    "part10": _files,
    "frames": _frames,
    "names": lambda: _text("1.2.840.10008", "OtherPatientIDsSequence.00100020", "00091001"),
    "search-request": _search_requests,
    "search-response": _search_responses,
    "retrieve-request": _retrieve_requests,
    "retrieve-response": _retrieve_responses,
    "store-request": _store_requests,
    "store-response": _store_responses,
    "path": lambda: _text(
        "/rs/studies/1.2/series/3.4/instances/5.6/frames/1,2/rendered",
        "/studies/1.2/metadata",
        "/rs/instances/",
        "/series/%31.2",
    ),
    "query": lambda: _text(
        "PatientName=Doe*&00101002.00100020=a%2Cb&includefield=all&StudyInstanceUID=1,2\\3&x&y=",
        "viewport=512,512,,0,5.5,-9&window=40,4e2,linear-exact&quality=90&annotation=patient",
        "includefield=StudyDescription,00080060&includefield=00091001&limit=1&00090010=ACME",
    ),
}
