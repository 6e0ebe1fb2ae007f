"""Files have names of ours."""

from __future__ import annotations

import pytest

from aiodicomweb.cli.files import frame_name


@pytest.mark.parametrize(
    ("extension", "media_type", "syntax"),
    [
        ("jpg", "image/jpeg", "1.2.840.10008.1.2.4.50"),
        ("jpg", "Image/JPEG; transfer-syntax=1.2.840.10008.1.2.4.70", None),
        ("jls", "image/jls", None),
        ("jp2", "image/jp2", None),
        ("jphc", "image/jphc", None),
        ("rle", "image/x-dicom-rle", None),
        ("mp4", "video/mp4", None),
        ("html", "text/html; charset=utf-8", None),
        ("pdf", "application/pdf", None),
        ("raw", "application/octet-stream", None),
        ("raw", "application/octet-stream", "1.2.840.10008.1.2.1"),
        ("rle", "application/octet-stream", "1.2.840.10008.1.2.5"),
        ("jp2", "application/octet-stream", "1.2.840.10008.1.2.4.91"),
        ("bin", "application/octet-stream", "1.2.3"),
        ("bin", "application/../../x", None),
        ("bin", "", None),
    ],
)
def test_frame_name_follows_the_media_type(
    extension: str, media_type: str, syntax: str | None
) -> None:
    """The extension is one of ours, by media type (MED-80..104, MED-113) or transfer syntax."""
    assert f"1.2.3_7.{extension}" == frame_name("1.2.3", 7, media_type, syntax)
