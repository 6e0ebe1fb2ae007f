"""What users hand in to be stored: looked at, not read, and refused before anything is sent."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pydicom
import pytest

from aiodicomweb import ConfigurationError, Part10Error
from aiodicomweb.client.sources import _walk, prepare
from aiodicomweb.http import Deferred, FileSpan, segment_length

from ..support.messages import dicom_file

if TYPE_CHECKING:
    from pathlib import Path

FILE = dicom_file("1.2.3")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_octets_are_taken_as_they_are(kind: Any) -> None:
    """Octets are not copied; their UID is read from their head."""
    octets = kind(FILE)
    (source,), skipped = prepare(octets)

    assert octets is source.segment
    assert ("1.2.3", []) == (source.sop_instance_uid, skipped)


def test_octets_that_lie_apart_are_put_together() -> None:
    """A view with steps can't be sent in place."""
    apart = memoryview(bytes(octet for octet in FILE for _ in range(2)))[::2]
    (source,), _ = prepare(apart)

    assert FILE == source.segment


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_is_a_span(tmp_path: Path, *, as_text: bool) -> None:
    """A file's octets stay on the disk; when it was changed is remembered."""
    path = tmp_path / "a.dcm"
    path.write_bytes(FILE)
    (source,), _ = prepare(str(path) if as_text else path)

    modified = path.stat().st_mtime_ns
    assert FileSpan(str(path), 0, len(FILE), modified) == source.segment
    assert "1.2.3" == source.sop_instance_uid


def test_a_data_set_is_a_promise() -> None:
    """A data set is written when its turn comes, with the length that was told."""
    dataset = pydicom.dcmread(io.BytesIO(FILE))
    (source,), _ = prepare(dataset)

    assert isinstance(source.segment, Deferred)
    written = source.segment.produce()
    assert segment_length(source.segment) == len(written)
    assert "1.2.3" == pydicom.dcmread(io.BytesIO(written)).SOPInstanceUID
    assert "1.2.3" == source.sop_instance_uid


def test_many_of_all_kinds(tmp_path: Path) -> None:
    """Items keep their order; a directory gives its files in the order of their names."""
    for name in ("b/2", "b/1", "a", "c"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(dicom_file(f"1.2.{ord(name[-1])}"))
    sources, skipped = prepare(iter([FILE, tmp_path]))

    uids = [source.sop_instance_uid for source in sources]
    assert ["1.2.3", "1.2.97", "1.2.99", "1.2.49", "1.2.50"] == uids
    assert [] == skipped


def test_a_medium_holds_other_files(tmp_path: Path) -> None:
    """What is no instance is skipped in a directory: other files, and the medium's directory."""
    (tmp_path / "a").write_bytes(FILE)
    (tmp_path / "autorun.inf").write_bytes(b"[autorun]")
    directory = FILE.replace(b"1.2.840.10008.5.1.4.1.1.7\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    (tmp_path / "DICOMDIR").write_bytes(directory)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    sources, skipped = prepare(tmp_path)

    assert 1 == len(sources)
    assert [str(tmp_path / name) for name in ("DICOMDIR", "autorun.inf", "empty")] == skipped


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    """They may lead round in a circle."""
    (tmp_path / "a").write_bytes(FILE)
    (tmp_path / "loop").symlink_to(tmp_path)

    assert 1 == len(prepare(tmp_path)[0])


def test_a_directory_that_cannot_be_listed(tmp_path: Path) -> None:
    """What lies in it would be missing, unnoticed."""
    with pytest.raises(FileNotFoundError):
        list(_walk(tmp_path / "none"))


@pytest.mark.parametrize("octets", [b"", b"x", bytes(132), b"<html>" * 100])
def test_what_is_no_dicom_has_a_name(octets: bytes, tmp_path: Path) -> None:
    """Octets are named by their place, files by their path; nothing of them is shown."""
    path = tmp_path / "notes.txt"
    path.write_bytes(octets)

    with pytest.raises(Part10Error, match="^item 2: not a DICOM file$"):
        prepare([FILE, octets])
    with pytest.raises(Part10Error) as caught:
        prepare(path)
    assert f"{path}: not a DICOM file" == str(caught.value)


@pytest.mark.parametrize("item", [None, 5, [FILE]])
def test_what_cannot_be_stored(item: Any) -> None:
    """Other things than files, octets and data sets are a mistake."""
    with pytest.raises(ConfigurationError, match="can't be stored"):
        prepare([item])


def test_a_data_set_without_identity() -> None:
    """A data set that is no instance can't be stored."""
    with pytest.raises(Part10Error):
        prepare(pydicom.Dataset())
