"""Requests to store that say which transfer syntax the instances are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from aiodicomweb.dicom import peek
from aiodicomweb.dicom.frames import join_frames, set_transfer_syntax
from aiodicomweb.errors import ConfigurationError
from aiodicomweb.http import URL, FileSpan, Headers, Request, body_octets
from aiodicomweb.services import Representation, Selector, StoreRequest
from aiodicomweb.wire import read_parts

from ..support.dicom_files import sample

if TYPE_CHECKING:
    from aiodicomweb.http import Segment

BASE = URL.parse("http://pacs.example/dicom-web")
STUDIES = Selector(study="")
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
FILE = sample("CT_small.dcm").octets  # in Explicit VR Little Endian


def instance(syntax: str | None = None) -> Dataset:
    """A data set that was made by hand."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    if syntax == JPEG:
        dataset.add_new(0x7FE00010, "OB", join_frames([b"frame1"]))
    if syntax is not None:
        set_transfer_syntax(dataset, syntax)
    return dataset


def types_of(request: StoreRequest) -> list[str]:
    """The media types of the parts."""
    message = request.to_http()
    assert message.media_type is not None
    parts = read_parts(body_octets(message.body), message.media_type.boundary)
    return [headers["Content-Type"] for headers, _ in parts]


@pytest.mark.parametrize("representation", list(Representation))
@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG])
def test_the_parts_say_the_transfer_syntax(representation: Representation, syntax: str) -> None:
    """The media type of each instance does (STW-01, STW-03, MED-51), and it is read."""
    request = StoreRequest(BASE, [instance(syntax)], STUDIES, representation, syntax)
    found = StoreRequest.from_http(request.to_http())

    assert f"{representation}; transfer-syntax={syntax}" == types_of(request)[0]
    assert (syntax, request) == (found.transfer_syntax, found)
    assert syntax == found.datasets[0].file_meta.TransferSyntaxUID


@pytest.mark.parametrize("representation", list(Representation))
def test_a_data_set_without_one_is_encoded_so(representation: Representation) -> None:
    """And says no more than before in the caller's hands."""
    dataset, with_meta = instance(), instance()
    dataset.add_new(0x7FE00010, "OB", join_frames([b"frame1"]))
    with_meta.file_meta = FileMetaDataset()
    request = StoreRequest(BASE, [dataset, with_meta], STUDIES, representation, JPEG)

    assert [JPEG] * 2 == [data.file_meta.TransferSyntaxUID for data in request.datasets]
    assert not hasattr(dataset, "file_meta")
    assert "TransferSyntaxUID" not in with_meta.file_meta


def test_a_data_set_is_written_in_it() -> None:
    """The file's head says so too."""
    request = StoreRequest(BASE, [instance()], transfer_syntax=IMPLICIT)
    (file,) = request.instances

    assert isinstance(file, bytes)
    assert IMPLICIT == peek(file).transfer_syntax_uid


@pytest.mark.parametrize(
    ("item", "representation", "syntax"),
    [
        (FILE, Representation.DICOM, JPEG),
        (FILE, Representation.DICOM, IMPLICIT),
        (FILE, Representation.JSON, JPEG),
        (instance(JPEG), Representation.DICOM, EXPLICIT),
        (instance(JPEG), Representation.XML, EXPLICIT),
        (instance(IMPLICIT), Representation.DICOM, EXPLICIT),
        (instance(BIG_ENDIAN), Representation.JSON, EXPLICIT),
        (instance(), Representation.JSON, IMPLICIT),
        (instance(), Representation.XML, BIG_ENDIAN),
        (instance(), Representation.DICOM, "*"),
        (instance(), Representation.DICOM, "1.2\r\nX: 1"),
    ],
)
def test_nothing_is_transcoded(
    item: Segment | Dataset, representation: Representation, syntax: str
) -> None:
    """What is in another transfer syntax is refused, as is one that cannot be."""
    with pytest.raises(ConfigurationError):
        StoreRequest(BASE, [item], STUDIES, representation, syntax)


def test_what_is_not_compressed_is_the_same_in_json() -> None:
    """A data set with implicit VRs has explicit ones there (MED-112)."""
    request = StoreRequest(BASE, [instance(IMPLICIT)], STUDIES, Representation.JSON, EXPLICIT)

    assert EXPLICIT == request.datasets[0].file_meta.TransferSyntaxUID


def test_files_that_cannot_be_seen_are_taken_at_their_word() -> None:
    """Nothing is read, and what is no DICOM fails by itself."""
    span = FileSpan("/a.dcm", 0, 1000)
    request = StoreRequest(BASE, [span, b"broken"], transfer_syntax=JPEG)

    assert (span, b"broken") == request.instances


def arrive(body_type: str, *part_types: str, body: bytes = FILE) -> StoreRequest:
    """A request made by hand: a body of one kind, in parts of these media types."""
    parts = b"".join(
        f"--b\r\nContent-Type: {media_type}\r\n\r\n".encode() + body + b"\r\n"
        for media_type in part_types
    )
    headers = Headers({"Content-Type": f"{body_type}; boundary=b"})
    url = URL.parse("http://h/studies")
    return StoreRequest.from_http(Request("POST", url, headers, parts + b"--b--"))


RELATED = "multipart/related; type=application/dicom"
TOLD = f"application/dicom; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize(
    ("expected", "types"),
    [
        (EXPLICIT, [RELATED, TOLD, TOLD]),
        (EXPLICIT, [f"{RELATED}; transfer-syntax={EXPLICIT}", "application/dicom"]),  # MUL-23
        (None, [RELATED, TOLD, "application/dicom"]),
        (None, [RELATED, "application/dicom"]),
        (None, [RELATED, f"application/dicom; transfer-syntax={JPEG}"]),  # MED-53
        (None, [RELATED, "application/dicom; transfer-syntax=*"]),
    ],
)
def test_what_all_parts_say_is_read(expected: str | None, types: list[str]) -> None:
    """The part goes before the message, and the file before both."""
    assert expected == arrive(*types).transfer_syntax


def test_a_file_alone_says_it() -> None:
    """In the Content-Type of the message (STW-02)."""
    request = StoreRequest(BASE, [FILE], transfer_syntax=EXPLICIT, single_part=True)
    message = request.to_http()

    assert TOLD == message.headers["Content-Type"]
    assert request == StoreRequest.from_http(message)


def test_pixel_data_go_before_what_metadata_say() -> None:
    """Frames in JPEG are JPEG, whatever the metadata were said to be in."""
    metadata = b'[{"7FE00010":{"vr":"OB","BulkDataURI":"u"}}]'
    body = (
        b"--b\r\nContent-Type: application/dicom+json; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n"
        + metadata
        + b"\r\n--b\r\nContent-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50\r\n"
        b"Content-Location: u\r\n\r\nframe1\r\n--b--"
    )
    headers = Headers(
        {"Content-Type": "multipart/related; type=application/dicom+json; boundary=b"}
    )
    request = StoreRequest.from_http(Request("POST", URL.parse("http://h/studies"), headers, body))

    assert request.transfer_syntax is None
    assert JPEG == request.datasets[0].file_meta.TransferSyntaxUID


def test_the_arguments_have_their_names_and_order() -> None:
    """Base URL, data sets, selector, representation, transfer syntax."""
    dataset: Any = instance(EXPLICIT)
    selector = Selector(study="1.2")
    by_name = StoreRequest(
        base_url=BASE,
        datasets=[dataset],
        selector=selector,
        representation=Representation.XML,
        transfer_syntax=EXPLICIT,
    )

    assert by_name == StoreRequest(BASE, [dataset], selector, Representation.XML, EXPLICIT)
    assert "1.2" == by_name.study
    assert "http://pacs.example/dicom-web/studies/1.2" == str(by_name.to_http().url)
