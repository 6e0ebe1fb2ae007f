"""retrieve: files that are whole, under names of ours, and metadata as DICOM JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

CT = Path(str(get_testdata_file("CT_small.dcm", download=False))).read_bytes()
MR = Path(str(get_testdata_file("MR_small_implicit.dcm", download=False))).read_bytes()
CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
MR_UID = "1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457"
DICOM = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
METADATA = {"00080018": {"vr": "UI", "Value": ["1.4"]}}


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/dicom-web/studies/1.2", ["study", "1.2"]),
        ("/dicom-web/studies/1.2/series/1.3", ["series", "1.2", "1.3"]),
        ("/dicom-web/studies/1.2/series/1.3/instances/1.4", ["instance", "1.2", "1.3", "1.4"]),
    ],
)
def test_instances_become_files(
    invoke: Any, server: Any, tmp_path: Path, path: str, arguments: list[str]
) -> None:
    """Instances go to <SOP Instance UID>.dcm, octet for octet, in a directory made for them."""
    parts = [CT] if arguments[0] == "instance" else [CT, MR]
    server.add_parts(DICOM, parts)
    output = tmp_path / "new" / "directory"

    outcome = invoke("--url", server.url, "retrieve", *arguments, "--output", output)

    assert (0, "") == (outcome.status, outcome.err)
    assert path == server.received[0].target
    expected = dict(zip((f"{CT_UID}.dcm", f"{MR_UID}.dcm"), parts, strict=False))
    assert expected == {file.name: file.read_bytes() for file in output.iterdir()}
    assert outcome.out.startswith(f"{len(parts)} file")


def test_json_describes_each_file(invoke: Any, server: Any, tmp_path: Path) -> None:
    """A line of JSON for each file; its transfer syntax is the file's, told or not (MED-80)."""
    server.add_parts("application/dicom", [CT, MR])

    outcome = invoke(
        "--url", server.url, "retrieve", "study", "1.2", "--output", tmp_path, "--json"
    )  # fmt: skip

    first, second = map(json.loads, outcome.out.splitlines())
    assert {
        "path": str(tmp_path / f"{CT_UID}.dcm"),
        "size": len(CT),
        "sop_instance_uid": CT_UID,
        "transfer_syntax": "1.2.840.10008.1.2.1",
    } == first
    assert MR_UID == second["sop_instance_uid"]
    assert "1.2.840.10008.1.2" == second["transfer_syntax"]


@pytest.mark.parametrize("uid", ["../../escaped", "/tmp/escaped", "", "1.2/3", "1.2\x003"])
def test_uid_of_the_server_never_leaves_the_directory(
    invoke: Any, server: Any, tmp_path: Path, uid: str
) -> None:
    """An instance with a UID that is none is refused, and nothing is written anywhere."""
    dataset = dcmread(get_testdata_file("CT_small.dcm", download=False))
    raw = uid.encode().ljust(len(CT_UID) + len(CT_UID) % 2, b"\0")
    evil = CT.replace(CT_UID.encode().ljust(len(raw), b"\0"), raw)
    assert dataset.SOPInstanceUID == CT_UID
    assert evil != CT
    server.add_parts(DICOM, [evil])
    output = tmp_path / "a" / "b"

    outcome = invoke("--url", server.url, "retrieve", "study", "1.2", "--output", output)

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert [tmp_path / "a", output] == sorted(tmp_path.rglob("*"))


def test_broken_answer_keeps_what_was_whole(invoke: Any, server: Any, tmp_path: Path) -> None:
    """A missing close delimiter is a failure that tells what was complete; no half file is left."""
    server.add_parts(DICOM, [CT, MR[:5000]], whole=False)

    outcome = invoke("--url", server.url, "retrieve", "study", "1.2", "--output", tmp_path)

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "complete before that: 1 part" in outcome.err
    assert [f"{CT_UID}.dcm"] == [file.name for file in tmp_path.iterdir()]


def test_partial_answer_is_a_failure(invoke: Any, server: Any, tmp_path: Path) -> None:
    """206 without Content-Range (RET-31b): what came is saved, and the exit status is 1."""
    server.add_parts(DICOM, [CT], status=206)

    outcome = invoke("--url", server.url, "retrieve", "study", "1.2", "--output", tmp_path)

    assert 1 == outcome.status
    assert "206" in outcome.err
    assert (tmp_path / f"{CT_UID}.dcm").exists()


@pytest.mark.parametrize(
    ("accept", "options"),
    [
        ("application/dicom", ["--media-type", "application/dicom"]),
        (
            "1.2.840.10008.1.2.4.90",
            ["--media-type", "application/dicom", "--transfer-syntax", "1.2.840.10008.1.2.4.90"],
        ),
    ],
)
def test_media_type_is_asked_for(
    invoke: Any, server: Any, tmp_path: Path, accept: str, options: list[str]
) -> None:
    """--media-type and --transfer-syntax go into Accept."""
    server.add_parts(DICOM, [CT])

    invoke("--url", server.url, "retrieve", "study", "1.2", "--output", tmp_path, *options)

    assert accept in server.received[0].headers["accept"]


def test_frames_become_files(invoke: Any, server: Any, tmp_path: Path) -> None:
    """Each frame goes to <SOP Instance UID>_<number>.<extension>."""
    server.add_parts("image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", [b"three", b"one"])

    outcome = invoke(
        "--url", server.url, "retrieve", "frames", "1.2", "1.3", "1.4", 3, 1,
        "--output", tmp_path, "--media-type", "image/jpeg", "--json",
    )  # fmt: skip

    assert (0, "") == (outcome.status, outcome.err)
    assert server.received[0].target.endswith("/studies/1.2/series/1.3/instances/1.4/frames/3,1")
    assert {"1.4_3.jpg": b"three", "1.4_1.jpg": b"one"} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }
    assert {
        "path": str(tmp_path / "1.4_3.jpg"),
        "size": 5,
        "frame": 3,
        "media_type": "image/jpeg",
        "transfer_syntax": "1.2.840.10008.1.2.4.50",
    } == json.loads(outcome.out.splitlines()[0])


def test_missing_frames_are_a_failure(invoke: Any, server: Any, tmp_path: Path) -> None:
    """Fewer frames than asked for is an error that names them."""
    server.add_parts("application/octet-stream", [b"one"])

    outcome = invoke(
        "--url", server.url, "retrieve", "frames", "1.2", "1.3", "1.4", 1, 2, "--output", tmp_path
    )  # fmt: skip

    assert 1 == outcome.status
    assert "missing 2" in outcome.err
    assert (tmp_path / "1.4_1.raw").exists()


IMAGES = {
    "/studies/1.2": (["1.2"], "1.2"),
    "/studies/1.2/series/1.3": (["1.2", "1.3"], "1.3"),
    "/studies/1.2/series/1.3/instances/1.4": (["1.2", "1.3", "1.4"], "1.4"),
}


@pytest.mark.parametrize(("path", "uids", "stem"), [(path, *rest) for path, rest in IMAGES.items()])
def test_rendered_images_become_files(
    invoke: Any, server: Any, tmp_path: Path, path: str, uids: list[str], stem: str
) -> None:
    """Each image goes to <UID asked for>_rendered_<number>.<extension>."""
    server.add_parts("image/png", [b"one", b"two"])

    outcome = invoke(
        "--url", server.url, "retrieve", "rendered", *uids,
        "--output", tmp_path, "--media-type", "image/png", "--json",
    )  # fmt: skip

    assert (0, "") == (outcome.status, outcome.err)
    assert f"/dicom-web{path}/rendered" == server.received[0].target
    assert "image/png" == server.received[0].headers["accept"]
    assert {f"{stem}_rendered_1.png": b"one", f"{stem}_rendered_2.png": b"two"} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }
    assert {
        "path": str(tmp_path / f"{stem}_rendered_1.png"),
        "size": 3,
        "media_type": "image/png",
        "location": None,
    } == json.loads(outcome.out.splitlines()[0])


def test_rendered_frames_become_files(invoke: Any, server: Any, tmp_path: Path) -> None:
    """Each goes to <UID>_rendered_<frame>.<extension>, and one that is missing is a failure."""
    server.add_parts("image/jpeg", [b"three"])

    outcome = invoke(
        "--url", server.url, "retrieve", "rendered", "1.2", "1.3", "1.4", 3, 1, "--output", tmp_path
    )  # fmt: skip

    assert 1 == outcome.status
    assert "missing 1" in outcome.err
    assert server.received[0].target.endswith("/instances/1.4/frames/3,1/rendered")
    assert {"1.4_rendered_3.jpg": b"three"} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }


@pytest.mark.parametrize(
    ("path", "uids", "stem"),
    [
        *((path, *rest) for path, rest in IMAGES.items()),
        ("/studies/1.2/series/1.3/instances/1.4/frames/7", ["1.2", "1.3", "1.4", "7"], "1.4"),
    ],
)
def test_a_thumbnail_becomes_a_file(
    invoke: Any, server: Any, tmp_path: Path, path: str, uids: list[str], stem: str
) -> None:
    """One image, <UID asked for>_thumbnail_1.<extension>."""
    server.add(body=b"image", Content_Type="image/jpeg")

    outcome = invoke("--url", server.url, "retrieve", "thumbnail", *uids, "--output", tmp_path)

    assert (0, "") == (outcome.status, outcome.err)
    assert f"/dicom-web{path}/thumbnail" == server.received[0].target
    assert {f"{stem}_thumbnail_1.jpg": b"image"} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }


@pytest.mark.parametrize(
    ("path", "uids"),
    [
        ("/dicom-web/studies/1.2/metadata", ["1.2"]),
        ("/dicom-web/studies/1.2/series/1.3/metadata", ["1.2", "1.3"]),
        ("/dicom-web/studies/1.2/series/1.3/instances/1.4/metadata", ["1.2", "1.3", "1.4"]),
    ],
)
def test_metadata_is_printed(invoke: Any, server: Any, path: str, uids: list[str]) -> None:
    """Metadata goes to standard output as a DICOM JSON array."""
    server.add_json([METADATA])

    outcome = invoke("--url", server.url, "retrieve", "metadata", *uids)

    assert (0, "") == (outcome.status, outcome.err)
    assert path == server.received[0].target
    assert [METADATA] == json.loads(outcome.out)


def test_metadata_is_written(invoke: Any, server: Any, tmp_path: Path) -> None:
    """--output writes a file, and nothing else."""
    server.add_json([METADATA])

    outcome = invoke(
        "--url", server.url, "retrieve", "metadata", "1.2", "--output", tmp_path / "x.json"
    )  # fmt: skip

    assert (0, "", "") == (outcome.status, outcome.out, outcome.err)
    assert [METADATA] == json.loads((tmp_path / "x.json").read_text())


def test_refused_metadata_leaves_the_file(invoke: Any, server: Any, tmp_path: Path) -> None:
    """A failure keeps the file that was there."""
    file = tmp_path / "x.json"
    file.write_text("old")
    server.add(404)

    outcome = invoke("--url", server.url, "retrieve", "metadata", "1.2", "--output", file)

    assert 1 == outcome.status
    assert "old" == file.read_text()


@pytest.mark.parametrize("arguments", [["metadata", "1.2"], ["study", "1.2"]])
def test_nothing_is_a_failure(
    invoke: Any, server: Any, tmp_path: Path, arguments: list[str]
) -> None:
    """An empty answer (204) to a retrieval is no success."""
    server.add(204)

    outcome = invoke(
        "--url", server.url, "retrieve", *arguments, "--output", tmp_path / "x"
    )  # fmt: skip

    assert (1, "") == (outcome.status, outcome.out)
    assert "aiodicomweb: the server returned nothing\n" == outcome.err
    assert not any(file.is_file() for file in tmp_path.rglob("*"))
