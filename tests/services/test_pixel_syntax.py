"""What pixel data are that come in parts (PS3.18 §8.7.3.3, §10.5.2)."""

from __future__ import annotations

import pytest

from aiodicomweb.dicom.codestream import reader_of
from aiodicomweb.errors import RemoteProtocolError
from aiodicomweb.http import MediaType
from aiodicomweb.services.pixel_syntax import pixel_syntax, told_syntax

from ..support.codestreams import BASELINE, JPEG_LS, LOSSLESS, jpeg, jpeg_2000

ROOT = "1.2.840.10008.1.2."


@pytest.mark.parametrize(
    ("suffix", "media_type", "octets"),
    [
        ("4.50", "image/jpeg", jpeg(BASELINE)),
        ("4.70", "image/jpeg", jpeg(LOSSLESS, 1)),
        ("4.70", "image/jpeg", b"no image"),
        ("4.81", "image/x-jls", jpeg(JPEG_LS, 1)),
        ("4.92", "image/jpx", jpeg_2000()),
        ("4.201", "image/jph", jpeg_2000(high_throughput=True)),
        ("4.51", f"image/jpeg; transfer-syntax={ROOT}4.51", jpeg(BASELINE)),
        ("4.70", "image/jpeg", jpeg(JPEG_LS)),
        ("5", "image/dicom-rle", jpeg()),
        ("1", "application/octet-stream", jpeg()),
        ("4.110", "image/jxl", b"\xff\x0a"),
        ("4.102", "video/mp4", b"ftyp"),
    ],
)
def test_the_transfer_syntax(suffix: str, media_type: str, octets: bytes) -> None:
    """As told, else as the stream is, else the default of the media type (STW-20)."""
    syntax, _ = pixel_syntax(MediaType.parse(media_type), reader_of(octets))

    assert ROOT + suffix == syntax


def test_the_head_comes_with_it() -> None:
    """Only where it is one of the transfer syntax's kind."""
    of_jpeg = MediaType.parse(f"application/octet-stream; transfer-syntax={ROOT}4.50")
    native = MediaType.parse("application/octet-stream")
    found = [pixel_syntax(each, reader_of(jpeg()))[1] for each in (of_jpeg, native)]

    assert [7, None] == [head and head.columns for head in found]


@pytest.mark.parametrize(
    "media_type",
    [
        "image/png",
        f"image/png; transfer-syntax={ROOT}4.50",
        f"image/jpeg; transfer-syntax={ROOT}4.90",
        f"application/octet-stream; transfer-syntax={ROOT[:-1]}",
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2",
        'image/jpeg; transfer-syntax="*"',
    ],
)
def test_what_a_data_set_cannot_have(media_type: str) -> None:
    """415 (STW-34, GEN-18)."""
    with pytest.raises(RemoteProtocolError) as caught:
        pixel_syntax(MediaType.parse(media_type), reader_of(jpeg()))

    assert 415 == caught.value.status_hint


def test_a_media_type_may_tell_none() -> None:
    """Its default is not told."""
    assert None is told_syntax(MediaType.parse("image/jpeg"))
    told = MediaType.parse("application/dicom+json; transfer-syntax=1.2.840.10008.1.2.1")
    assert "1.2.840.10008.1.2.1" == told_syntax(told)
