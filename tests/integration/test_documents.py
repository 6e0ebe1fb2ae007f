"""What the documents show runs as it is shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiodicomweb import Client
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.server import Server
from aiodicomweb.testing import make_study

from ..support.serve_process import serve_process
from ..support.streams import contexts

ROOT = Path(__file__).parents[2]
USUAL = "http://127.0.0.1:8080"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]


def programs(document: str) -> list[str]:
    """The Python in a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"(?ms)^```python\n(.*?)^```", text)


def run(program: str, folder: Path) -> str:
    """Run a program in a folder, where every warning is an error; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


async def test_readme_shows_how_to_test(tmp_path: Path) -> None:
    """The test of the README is one that passes."""
    (program,) = [program for program in programs("README.md") if "make_study" in program]
    names: dict[str, Any] = {}

    exec(compile(program, "README.md", "exec"), names)

    await names["test_the_study_is_found"]()


async def test_tools_for_tests_are_used_as_shown() -> None:
    """Each program of the reference is a test, which passes as it stands."""
    for program in programs("docs/reference/testing.md"):
        names: dict[str, Any] = {}
        exec(compile(program, "testing.md", "exec"), names)
        (test,) = [value for name, value in names.items() if name.startswith("test_")]

        await test()


async def test_readme_shows_the_main_job(tmp_path: Path) -> None:
    """The first program of the README stores what it retrieved, and is content."""
    program = programs("README.md")[0].replace("4MR1", "SPHERE")

    with serve_process() as served:
        async with Client(served.url) as client:
            await client.store_instances(make_study())
        printed = run(program.replace(USUAL, served.url), tmp_path)

    assert 5 == printed.count("images/")


async def test_tutorial_runs(tmp_path: Path) -> None:
    """The pieces of the tutorial, one behind the other, are a program."""
    with serve_process(tmp_path / "archive") as served:
        async with Client(served.url) as client:
            await client.store_instances(make_study(slices=2))
        printed = run(tutorial().replace(USUAL, served.url), tmp_path)

    assert re.search(r"^Sphere\^Test 20240102 ", printed)
    assert "64 x 64\n" in printed
    assert "octets, application/octet-stream 1.2.840.10008.1.2.1\n" in printed
    assert "3 stored, 0 failed\nno such study\n" in printed


def test_credentials_are_made_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program of the guide makes its client, from the variables that it names."""
    for name in ("DICOMWEB_PASSWORD", "DICOMWEB_TOKEN", "DICOMWEB_SECRET"):
        monkeypatch.setenv(name, "secret")

    for program in programs("docs/howto/authentication.md"):
        names: dict[str, Any] = {}
        exec(compile(program, "authentication.md", "exec"), names)

        assert isinstance(names["client"], Client)


def test_proxies_and_trust_are_set_as_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every program of the guide makes its client, with files of the names that it uses."""
    monkeypatch.chdir(tmp_path)
    contexts().authority.cert_pem.write_to_path("hospital-ca.pem")

    for program in programs("docs/howto/proxies-and-tls.md"):
        names: dict[str, Any] = {}
        exec(compile(program, "proxies-and-tls.md", "exec"), names)

        assert isinstance(names["client"], Client)


async def test_hooks_tell_as_shown(tmp_path: Path) -> None:
    """The programs of the guide print what it says, against a server with a study."""
    logged, watched, stored, _ = programs("docs/howto/observe.md")

    with serve_process() as served:
        printed = run(stored.replace(USUAL, served.url), tmp_path)
        assert re.search(r"^(\d+) of \1 instances, \d+ octets\n\Z", printed, re.MULTILINE)
        printed = run(watched.replace(USUAL, served.url), tmp_path)
        assert re.fullmatch(r"search /studies 200 \d+ octets\n", printed)
    assert "" == run(logged, tmp_path)


def test_spans_are_made_as_shown() -> None:
    """The client of the guide has the hook."""
    names: dict[str, Any] = {}
    exec(compile(programs("docs/howto/observe.md")[-1], "observe.md", "exec"), names)

    assert isinstance(names["client"], Client)


def tutorial() -> str:
    """What a reader has at the end: the pieces within the function, their imports before it."""
    first, *rest = programs("docs/tutorial/first-steps.md")
    head, tail = first.split("\n\nasyncio.run")
    lines = [line for piece in rest for line in piece.splitlines()]
    outside = [line for line in lines if line and not line.startswith(" ")]
    inside = [line for line in lines if line not in outside]
    return "\n".join([*outside, head, *inside, f"\nasyncio.run{tail}"])


async def test_archive_of_ones_own_serves(tmp_path: Path) -> None:
    """The archive that the guide writes finds and gives what is in the bucket."""
    (program,) = [
        program for program in programs("docs/howto/serve-a-folder.md") if "Bucket" in program
    ]
    names: dict[str, Any] = {}
    exec(compile(program, "serve-a-folder.md", "exec"), names)
    study = make_study()
    bucket = {f"{instance.SOPInstanceUID}": encode(instance) for instance in study}

    async with (
        Server(names["BucketArchive"](bucket), read_only=True) as server,
        Client(server.url) as client,
    ):
        (found,) = await client.search_for_studies(search_filters={"PatientID": "SPHERE"})
        retrieved = await client.retrieve_study(found.StudyInstanceUID)

    assert {one.SOPInstanceUID: one.PixelData for one in study} == {
        one.SOPInstanceUID: one.PixelData for one in retrieved
    }
