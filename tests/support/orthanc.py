"""An Orthanc of the tests' own: a process on a free port, with its own data folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .peer import Peer
from .programs import end_process, find_program, free_port, lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAM = "Orthanc"
_PLUGIN = "libOrthancDicomWeb.so*"
_PLUGIN_FOLDERS = (
    "/usr/share/orthanc/plugins",
    "/usr/lib/orthanc",
    "/usr/local/share/orthanc/plugins",
    "/usr/local/lib/orthanc",
)
_SECONDS_TO_START = 60.0
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
            orthanc = Orthanc(free_port())
            process = stack.enter_context(_process(program, plugin, orthanc.port, folder))
            if _answers(process, orthanc):
                yield orthanc
                return
            # The likeliest reason: somebody else took the port in the meantime.
        pytest.fail(f"Orthanc does not start: {_log(folder)}")


def _installed() -> tuple[Path, Path]:
    """The program and its plugin; without them the test is skipped, or fails."""
    program = find_program(_PROGRAM)
    plugins = [file for folder in _PLUGIN_FOLDERS for file in sorted(Path(folder).glob(_PLUGIN))]
    if program is None or not plugins:
        missing = "Orthanc" if program is None else "Orthanc's DICOMweb plugin"
        lacking(missing, "orthanc orthanc-dicomweb")
    return program, plugins[0]


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
            end_process(process)


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
