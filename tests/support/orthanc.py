"""An Orthanc of the tests' own: a process on a free port, with its own data folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED = "AIODICOMWEB_REQUIRE_ORTHANC"
"""With this variable set, a machine without Orthanc fails the tests instead of skipping them."""

_PROGRAM = "Orthanc"
_PROGRAM_FOLDERS = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
_PLUGIN = "libOrthancDicomWeb.so*"
_PLUGIN_FOLDERS = (
    "/usr/share/orthanc/plugins",
    "/usr/lib/orthanc",
    "/usr/local/share/orthanc/plugins",
    "/usr/local/lib/orthanc",
)
_SECONDS_TO_START = 60.0
_SECONDS_TO_STOP = 20.0
_ATTEMPTS = 3


@dataclass(frozen=True)
class Orthanc(Peer):
    """A running Orthanc. What it really holds, its own interface tells."""

    def put(self, octets: bytes) -> None:
        """Give a file to Orthanc's own interface. One with UIDs that are there is ignored."""
        reply = self.ask("POST", "/instances", octets)
        assert reply.status == 200, reply

    def instances(self, sop_instance_uid: str) -> list[str]:
        """Orthanc's own names of the instances with a SOP Instance UID."""
        found = self.ask("POST", "/tools/lookup", sop_instance_uid.encode()).json()
        return [entry["ID"] for entry in found if entry["Type"] == "Instance"]

    def file(self, sop_instance_uid: str) -> bytes:
        """The file that Orthanc holds for a SOP Instance UID, byte for byte."""
        (identifier,) = self.instances(sop_instance_uid)
        return self.get(f"/instances/{identifier}/file").body

    def held(self) -> list[bytes]:
        """All files that Orthanc holds."""
        identifiers = self.get("/instances").json()
        return sorted(self.get(f"/instances/{each}/file").body for each in identifiers)

    def forget_all(self) -> None:
        """Delete everything."""
        for patient in self.get("/patients").json():
            self.ask("DELETE", f"/patients/{patient}")


@contextlib.contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc with a data folder, wait until it answers, and stop it in the end."""
    program, plugin = _installed()
    with contextlib.ExitStack() as stack:
        for _ in range(_ATTEMPTS):
            orthanc = Orthanc(_free_port())
            process = stack.enter_context(_process(program, plugin, orthanc.port, folder))
            if _answers(process, orthanc):
                yield orthanc
                return
            # The likeliest reason: somebody else took the port in the meantime.
        pytest.fail(f"Orthanc does not start: {_log(folder)}")


def _installed() -> tuple[Path, Path]:
    """The program and its plugin; without them the test is skipped, or fails."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_PROGRAM_FOLDERS))
    program = shutil.which(_PROGRAM, path=path)
    plugins = [file for folder in _PLUGIN_FOLDERS for file in sorted(Path(folder).glob(_PLUGIN))]
    if program is not None and plugins:
        return Path(program), plugins[0]
    missing = "Orthanc" if program is None else "Orthanc's DICOMweb plugin"
    reason = f"{missing} is not installed (Debian: apt-get install orthanc orthanc-dicomweb)"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} is set")
    pytest.skip(reason)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _process(
    program: Path, plugin: Path, port: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "Plugins": [str(plugin)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "SaveJobs": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    with (
        (folder / "orthanc.log").open("wb") as log,
        subprocess.Popen(
            [program, configuration],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(process: subprocess.Popen[bytes], orthanc: Orthanc) -> bool:
    """Whether the service comes up; false if the process ends, or takes too long."""
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            # Asked by its own process, not by another that holds the port.
            if orthanc.get("/dicom-web/studies?limit=1").status == 200:
                return process.poll() is None
        time.sleep(0.02)
    return False


def _log(folder: Path) -> str:
    return (folder / "orthanc.log").read_text("utf-8", "replace")[-2000:]
