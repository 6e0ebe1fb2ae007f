from __future__ import annotations

import pytest
from pydicom import Dataset

from aiodicomweb.errors import UnexpectedMediaType
from aiodicomweb.http import Headers, Request, Response
from aiodicomweb.http.url import URL
from aiodicomweb.services import Representation
from aiodicomweb.services.content import (
    file_part,
    read_datasets,
    read_message_parts,
    write_datasets,
)

from ..support.dicom_files import sample

URL_ = URL.parse("http://h/")


def test_the_part_of_a_file_says_its_transfer_syntax() -> None:
    """As its head does; a file whose head is silent has none (MUL-30)."""
    silent = b"\0" * 128 + b"DICM"

    assert (
        "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
        == (file_part(sample("CT_small.dcm").octets).headers["Content-Type"])
    )
    assert "application/dicom" == file_part(silent).headers["Content-Type"]


@pytest.mark.parametrize(
    ("expected", "content_type", "body"),
    [
        ([], "text/html", b""),
        (["text/html"], "text/html", b"x"),
        (["application/dicom+json"], None, b"\xef\xbb\xbf {}"),
        (["application/octet-stream"], None, b"x"),
        (["a/b", "application/dicom"], "multipart/related; type=application/dicom; boundary=b",
         b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b\r\nContent-Type: ?\r\n\r\nx\r\n--b--"),
        (["application/dicom+json", "application/octet-stream"], "multipart/related",
         b"--b\r\n\r\n[]\r\n--b\r\n\r\nx\r\n--b--"),
    ],
)  # fmt: skip
def test_every_part_has_a_media_type(
    expected: list[str], content_type: str | None, body: bytes
) -> None:
    """Its own, else that of the root, else what it looks like (MUL-03, MUL-22)."""
    headers = Headers({"Content-Type": content_type} if content_type else {})
    messages = (Response(200, headers, body), Request("POST", URL_, headers, body))

    for message in messages:
        assert expected == [str(part.media_type) for part in read_message_parts(message)]


@pytest.mark.parametrize("representation", list(Representation))
@pytest.mark.parametrize("single_part", [False, True])
def test_data_sets_are_written_and_read(representation: Representation, single_part: bool) -> None:
    """In every representation, in multipart or alone (RET-51, RET-54)."""
    dataset = sample("CT_small.dcm").read()
    del dataset.PixelData
    dataset.remove_private_tags()
    media_type, body = write_datasets([dataset], representation, single_part=single_part)
    response = Response(200, Headers({"Content-Type": str(media_type)}), body)
    (found,), told = read_datasets(response)

    assert representation is told
    assert dataset.SOPInstanceUID == found.SOPInstanceUID
    assert dataset.Rows == found.Rows


def test_a_page_is_no_data_set() -> None:
    """Neither alone nor among parts (case 27)."""
    for content_type, body in (
        ("text/html", b"<html/>"),
        ("multipart/related; boundary=b", b"--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--"),
    ):
        with pytest.raises(UnexpectedMediaType):
            read_datasets(Response(200, Headers({"Content-Type": content_type}), body))


def test_no_data_sets_are_an_empty_array() -> None:
    """In JSON at least (QID-M5)."""
    assert b"[]" == write_datasets([], Representation.JSON)[1]
    assert ([], Representation.JSON) == read_datasets(Response(200, body=b" "))
    assert [Dataset()] == read_datasets(Response(200, body=b"[{}]"))[0]
