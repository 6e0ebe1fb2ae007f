"""Files appear whole or not at all, under names of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb.cli.files import atomic_file, frame_name

if TYPE_CHECKING:
    from pathlib import Path


def _fail(path: Path) -> None:
    with atomic_file(path) as stream:
        stream.write(b"half")
        raise ZeroDivisionError


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


def test_file_appears_when_whole(tmp_path: Path) -> None:
    """The place is empty until the block ends, and then nothing else is left."""
    path = tmp_path / "x"

    with atomic_file(path) as stream:
        stream.write(b"new")
        assert not path.exists()

    assert b"new" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    """A failure keeps what was there, and leaves no draft."""
    path = tmp_path / "x"
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError):
        _fail(path)

    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
