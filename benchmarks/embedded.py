"""What servers give and take: 512 KiB frames and instances out to ``curl``, and instances in.

Ours is ``aiodicomweb serve`` with a folder. Beside it in turn, each in a process of its own: a raw
server that knows beforehand what to send and does it with ``sendfile``, or writes what comes in to
files and looks at nothing, with and without seeing each on the disk as ours does before it says
that an instance is stored; and Orthanc with its DICOMweb plugin, where that is installed. What is
measured is the servers' processor time and memory, and the client's clock.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import files
import multipart
from rig import Figures, Target, machine, ratio, save, show

OCTETS = 512 * 1024
SIZE = 128
"""Frames of the one multi-frame instance, instances of the series, instances stored at once."""

STUDY, MANY, MULTI = files.STUDY, files.SERIES, f"{files.SERIES}.2"
TYPES = {"frames": "application/octet-stream", "instances": "application/dicom"}
PATHS = {
    "frames": f"/studies/{STUDY}/series/{MULTI}/instances/{MULTI}.1/frames/"
    + ",".join(map(str, range(1, SIZE + 1))),
    "instances": f"/studies/{STUDY}/series/{MANY}",
}
ORTHANC = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
PATIENCE = 60.0
"""Seconds in which a server must be up."""


# --- the raw server ------------------------------------------------------------------------------


def serve_raw(folder: Path) -> None:
    """Print the port, and serve one connection after the other, for ever."""
    store = tempfile.mkdtemp(dir=folder.parent)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(ConnectionError):
                head, _, rest = _head(sock).partition(b"\r\n\r\n")
                if head.startswith(b"POST"):
                    _drain(sock, head, rest, Path(store))
                else:
                    _send(sock, "frames" if b"/frames/" in head else "instances", folder)


def _head(sock: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(64 * 1024)
    return head


def _send(sock: socket.socket, case: str, folder: Path) -> None:
    many = sorted((folder / "many").iterdir())
    multi = folder / "multi.dcm"
    first = multi.stat().st_size - SIZE * OCTETS
    spans = {
        "frames": [(multi, first + number * OCTETS, OCTETS) for number in range(SIZE)],
        "instances": [(path, 0, path.stat().st_size) for path in many],
    }[case]
    heads = [multipart.part_head(length, TYPES[case].encode()) for _, _, length in spans]
    length = sum(map(len, heads)) + sum(span[2] for span in spans) + len(multipart.CLOSE)
    sock.sendall(multipart.response_head(multipart.TYPE, f"Content-Length: {length}"))
    for head, (path, offset, count) in zip(heads, spans, strict=True):
        sock.sendall(head, socket.MSG_MORE)
        with path.open("rb", buffering=0) as file:
            _send_file(sock, file.fileno(), offset, count)
    sock.sendall(multipart.CLOSE)


def _send_file(sock: socket.socket, descriptor: int, offset: int, count: int) -> None:
    while count:
        sent = os.sendfile(sock.fileno(), descriptor, offset, count)
        offset, count = offset + sent, count - sent


def _drain(sock: socket.socket, head: bytes, rest: bytes, folder: Path) -> None:
    """Write a body to files of about the size of those that are in it."""
    missing = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
    buffer = memoryview(bytearray(256 * 1024))
    count, buffer[: len(rest)] = len(rest), rest
    share = missing // SIZE + 1
    while missing:
        with tempfile.NamedTemporaryFile(dir=folder, buffering=0, delete=False) as file:
            room = min(share, missing)
            while room:
                count = count or sock.recv_into(buffer[: min(room, len(buffer))])
                file.write(buffer[:count])
                room, missing, count = room - count, missing - count, 0
            if b"/synced/" in head:
                os.fsync(file.fileno())
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


# --- servers -------------------------------------------------------------------------------------


@dataclass
class Running:
    """A server that runs.

    Attributes:
        url: Of its DICOMweb service.
        process: Its number.
    """

    url: str
    process: int


@contextlib.contextmanager
def python_server(*command: object) -> Iterator[Running]:
    """A server in Python, which prints its URL."""
    with subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Running(process.stdout.readline().strip(), process.pid)
        finally:
            process.kill()


@contextlib.contextmanager
def orthanc(folder: Path) -> Iterator[Running]:
    """Orthanc, with the same instances."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = folder.parent / "orthanc"
    place.mkdir()
    settings = {
        "StorageDirectory": str(place),
        "IndexDirectory": str(place),
        "Plugins": [str(ORTHANC)],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (place / "orthanc.json").write_text(json.dumps(settings))
    command = ["Orthanc", str(place / "orthanc.json")]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=place, stdout=silent, stderr=silent) as process:
        try:
            _wait_for(port)
            for path in folder.rglob("*.dcm"):
                _post(f"http://127.0.0.1:{port}/instances", path.read_bytes(), "application/dicom")
            yield Running(f"http://127.0.0.1:{port}/dicom-web", process.pid)
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit("Orthanc does not start")


# --- what clients do -----------------------------------------------------------------------------


def fetch(case: str, url: str, _round: int) -> Callable[[], None]:
    """What has ``curl`` get everything."""
    accept = f'Accept: multipart/related; type="{TYPES[case]}"'
    told = "%{http_code} %{size_download}"
    command = ["curl", "-s", "-o", os.devnull, "-w", told, "-H", accept, url + PATHS[case]]

    def run() -> None:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        status, octets = done.stdout.split()
        if status != "200" or int(octets) < SIZE * OCTETS:
            sys.exit(f"{url} gave {octets} octets with status {status}")

    return run


def store(url: str, number: int, path: str = "/studies") -> Callable[[], None]:
    """What stores new instances, of octets that are there already."""
    pieces: list[bytes] = []
    for each in range((number + 1) * SIZE, (number + 2) * SIZE):
        pieces += [
            multipart.part_head(OCTETS, b"application/dicom").replace(
                b"Content-Length: %d\r\n" % OCTETS, b""
            ),
            *files.segments(OCTETS, each),
        ]
    body = b"".join([*pieces, multipart.CLOSE])
    media_type = multipart.TYPE.replace("octet-stream", "dicom")
    return functools.partial(_post, url + path, body, media_type)


def _post(url: str, body: bytes, media_type: str) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    headers = {"Content-Type": media_type, "Accept": "application/dicom+json"}
    connection.request("POST", f"/{path}", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        sys.exit(f"{url} answers {answer.status}")


Task = Callable[[str, int], Callable[[], None]]
FRAMES, INSTANCES = functools.partial(fetch, "frames"), functools.partial(fetch, "instances")
CASES: Mapping[str, Mapping[str, tuple[str, Task]]] = {
    "frames out": {"aiodicomweb": ("ours", FRAMES), "raw sendfile": ("raw", FRAMES)},
    "instances out": {"aiodicomweb": ("ours", INSTANCES), "raw sendfile": ("raw", INSTANCES)},
    "instances in": {
        "aiodicomweb": ("ours", store),
        "raw drain to disk": ("raw", store),
        "raw drain, synced": ("raw", functools.partial(store, path="/synced/studies")),
    },
}
"""By case and contestant: the server, and what is done with it."""
TARGETS = [
    Target("aiodicomweb", ["raw sendfile"], 0.7, "frames out"),
    Target("aiodicomweb", ["raw sendfile"], 0.7, "instances out"),
    Target("aiodicomweb", ["raw drain to disk"], 0.6, "instances in"),
    Target("aiodicomweb", ["raw drain, synced"], 0.6, "instances in"),
    *(Target("aiodicomweb", ["Orthanc"], 1, case) for case in CASES),
]
ORTHANC_TASKS: Mapping[str, Task] = dict(zip(CASES, (FRAMES, INSTANCES, store), strict=True))


# --- measuring -----------------------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """One instance of many frames, and many of one."""
    from pydicom import dcmread

    (folder / "many").mkdir()
    files.write(folder / "many", OCTETS, SIZE)
    dataset = dcmread(folder / "many" / "00000.dcm")
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = MULTI, f"{MULTI}.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = f"{MULTI}.1"
    dataset.NumberOfFrames = SIZE
    dataset.PixelData = random.Random(0).randbytes(OCTETS) * SIZE
    dataset.save_as(folder / "multi.dcm", enforce_file_format=True)


def run(server: Running, work: Callable[[], None]) -> dict[str, Any]:
    """Do it, and measure the server."""
    place = Path(f"/proc/{server.process}")
    (place / "clear_refs").write_text("5")
    before, resident = _used(place), _status(place, "VmRSS")
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    processor, faults = (now - then for now, then in zip(_used(place), before, strict=True))
    growth = max(0, _status(place, "VmHWM") - resident)
    return {"seconds": seconds, "processor": processor, "faults": int(faults), "growth": growth}


def _used(place: Path) -> tuple[float, float]:
    """Seconds of processor time, and page faults."""
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(fields[7])


def _status(place: Path, name: str) -> int:
    line = next(one for one in (place / "status").open() if one.startswith(name + ":"))
    return int(line.split()[1]) * 1024


def measure(case: str, servers: Mapping[str, Running], rounds: int) -> dict[str, Any]:
    """Have the servers of a case do it in turn, and print what it took."""
    contestants = dict(CASES[case])
    if "orthanc" in servers:
        contestants["Orthanc"] = ("orthanc", ORTHANC_TASKS[case])
    figures = {name: Figures() for name in contestants}
    for number in range(rounds + 1):  # the first time warms up
        for name in random.sample([*contestants], len(contestants)):
            server, task = contestants[name]
            took = run(servers[server], task(servers[server].url, number))
            if number:
                figures[name].add(took)
    targets = [
        {**asdict(one), **ratio(one, figures, {})}
        for one in TARGETS
        if one.case == case and set(one.against) <= set(contestants)
    ]
    result = {
        "octets": SIZE * OCTETS,
        "size": SIZE,
        "times": {},
        "figures": {name: asdict(taken) for name, taken in figures.items()},
        "peers": ["Orthanc"] if "orthanc" in servers else [],
        "targets": targets,
        "limits": [],
    }
    show(case, result)
    return result


def main() -> None:
    """Measure each case, or be the raw server."""
    parser = argparse.ArgumentParser(description="What servers give and take")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--case", action="append", choices=[*CASES])
    parser.add_argument("--save", action="store_true", help="into benchmarks/results")
    parser.add_argument("--raw", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.raw:
        serve_raw(options.raw)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "files"
        folder.mkdir()
        prepare(folder)
        shutil.copytree(folder, ours := folder.parent / "ours")
        serve = ("-m", "aiodicomweb", "serve", "--port", 0, ours)
        servers = {
            "ours": stack.enter_context(python_server(*serve)),
            "raw": stack.enter_context(python_server(__file__, "--raw", folder)),
        }
        if ORTHANC.exists() and shutil.which("Orthanc"):
            servers["orthanc"] = stack.enter_context(orthanc(folder))
        cases = {case: measure(case, servers, options.rounds) for case in options.case or CASES}
    if options.save:
        about = {"title": "What a server gives and takes", "size": SIZE, "unit": "parts of 512 KiB"}
        save({"claim": "embedded", **about, "machine": machine(), "cases": cases})


if __name__ == "__main__":
    main()
