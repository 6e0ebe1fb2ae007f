"""demo: the main job, step by step."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file

from ..support.serve_process import serve_process

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
INTRODUCTION = "The same in Python:\n"
STEPS = ["store", "search", "metadata", "frames", "retrieve", "store again"]
ROW = r"(?m)^ *(store again|[a-z]+)  .* ms"
STORED = {
    "00081199": {
        "vr": "SQ",
        "Value": [
            {
                "00081150": {"vr": "UI", "Value": [CT_CLASS]},
                "00081155": {"vr": "UI", "Value": [CT_UID]},
            }
        ],
    }
}
FOUND = {
    "00080018": {"vr": "UI", "Value": [CT_UID]},
    "0020000D": {"vr": "UI", "Value": ["1.2"]},
    "0020000E": {"vr": "UI", "Value": ["1.3"]},
    "00280010": {"vr": "US", "Value": [128]},
}


@pytest.fixture
def willing_server(server: Any) -> Any:
    """A server with the answers to each step."""
    server.add_json(STORED)
    server.add_json([FOUND])
    server.add_json([FOUND])
    server.add_parts("application/octet-stream", [bytes(32768)])
    server.add_parts("application/dicom", [CT.read_bytes()])
    server.add_json(STORED)
    return server


def test_demo_does_the_main_job(invoke: Any, willing_server: Any) -> None:
    """Store, search, metadata, frames, retrieve, store again: a row and Python lines for each."""
    outcome = invoke("demo", "--url", willing_server.url, CT)

    assert (0, "") == (outcome.status, outcome.err)
    assert STEPS == re.findall(ROW, outcome.out)
    assert 4 == outcome.out.count("B/s")
    assert ["POST", "GET", "GET", "GET", "GET", "POST"] == [
        request.method for request in willing_server.received
    ]
    assert CT.read_bytes() in willing_server.received[-1].body


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--token", "hush"], 'auth=BearerAuth(os.environ["AIODICOMWEB_TOKEN"])'),
        (
            ["--user", "me", "--password", "hush"],
            """auth=BasicAuth('me', os.environ["AIODICOMWEB_PASSWORD"])""",
        ),
    ],
)
def test_printed_lines_are_python_without_secrets(
    invoke: Any, willing_server: Any, options: list[str], expected: str
) -> None:
    """The lines printed at the end make a program, which has its credentials elsewhere."""
    outcome = invoke("demo", "--url", willing_server.url, *options, CT)

    program = outcome.out.partition(INTRODUCTION)[2]
    compile(program, "demo", "exec")
    assert "hush" not in outcome.out
    assert f"Client({willing_server.url!r}, {expected})" in program
    assert repr(str(CT)) in program


def test_study_is_made_up(invoke: Any, willing_server: Any) -> None:
    """Without paths a study is stored that belongs to nobody."""
    invoke("demo", "--url", willing_server.url)

    assert 17 == willing_server.received[0].body.count(b"Sphere^Test")


@pytest.mark.slow
def test_demo_needs_no_server(invoke: Any) -> None:
    """Without a URL everything runs against an archive of the demo's own."""
    outcome = invoke("demo")

    assert (0, "") == (outcome.status, outcome.err)
    assert outcome.out.startswith("An archive at http://127.0.0.1:")
    assert STEPS == re.findall(ROW, outcome.out)
    assert "30 frames, application/octet-stream" in outcome.out
    assert 3 == outcome.out.count("  17 instances  ")


@pytest.mark.slow
def test_demo_of_a_folder_needs_no_server(invoke: Any, tmp_path: Path) -> None:
    """Files of a folder go to the archive of the demo's own, and are left alone."""
    shutil.copy(CT, tmp_path)

    outcome = invoke("demo", tmp_path)

    assert (0, "") == (outcome.status, outcome.err)
    assert "1 frame, " in outcome.out
    assert [tmp_path / CT.name] == list(tmp_path.iterdir())


@pytest.mark.slow
def test_printed_program_runs_where_an_archive_is_served(invoke: Any, tmp_path: Path) -> None:
    """The program that the demo prints runs against ``aiodicomweb serve``, and more than once."""
    program = invoke("demo").out.partition(INTRODUCTION)[2]
    assert "http://127.0.0.1:8080" in program

    with serve_process() as served:
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", moved(program, served.url)],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (0, "") == (done.returncode, done.stderr)

    assert done.stdout.startswith("17 instances stored\n8 instances found\nUS ")
    assert 17 == len(list((tmp_path / "copy").iterdir()))


def moved(program: str, url: str) -> str:
    """The program, against another port than the usual one, which may be taken here."""
    return program.replace("http://127.0.0.1:8080", url)


def test_broken_demo_shows_the_steps_done(invoke: Any, server: Any) -> None:
    """A failure ends the demo; the steps before it are shown."""
    server.add_json(STORED)
    server.add(403)

    outcome = invoke("demo", "--url", server.url, CT)

    assert 1 == outcome.status
    assert "store" in outcome.out
    assert "403" in outcome.err
    assert 1 == outcome.err.count("\n")


def test_demo_that_finds_nothing_fails(invoke: Any, server: Any) -> None:
    """A server that hides what it stored fails the demo."""
    server.add_json(STORED)
    server.add(204)

    outcome = invoke("demo", "--url", server.url, CT)

    assert 1 == outcome.status
    assert "does not find" in outcome.err


def test_demo_that_stores_nothing_fails(invoke: Any, server: Any) -> None:
    """A server that refuses everything fails the demo."""
    server.add_json({"00081198": STORED["00081199"]}, status=409)

    outcome = invoke("demo", "--url", server.url, CT)

    assert 1 == outcome.status
    assert "stored none" in outcome.err


def test_demo_of_a_document_gets_no_frame(invoke: Any, server: Any) -> None:
    """What is no image has no frame: the step is left out."""
    document = {tag: value for tag, value in FOUND.items() if tag != "00280010"}
    server.add_json(STORED)
    server.add_json([document])
    server.add_json([document])
    server.add_parts("application/dicom", [CT.read_bytes()])
    server.add_json(STORED)

    outcome = invoke("demo", "--url", server.url, CT)

    assert (0, "") == (outcome.status, outcome.err)
    assert "frames" not in outcome.out


def test_demo_fails_for_what_was_not_stored(invoke: Any, willing_server: Any) -> None:
    """Instances that were not stored fail the demo, after all its steps."""
    stored = STORED | {
        "00081198": {
            "vr": "SQ",
            "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}],
        }
    }
    willing_server.answers.pop()
    willing_server.add_json(stored, status=202)

    outcome = invoke("demo", "--url", willing_server.url, CT)

    assert 1 == outcome.status
    assert "store again" in outcome.out
    assert "1 failed" in outcome.err
