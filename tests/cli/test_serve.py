"""serve: a process that says where it listens, obeys its options, and ends when told to."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from pydicom.data import get_testdata_file

from aiodicomweb import AuthenticationRequired, BasicAuth, BearerAuth, Client, DicomWebError, Retry
from aiodicomweb.testing import make_study

from ..support.serve_process import serve_process
from ..support.streams import contexts

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from aiodicomweb.client.auth import Auth

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
MR = Path(str(get_testdata_file("MR_small.dcm", download=False)))
STOPPING = "stopping; once more cuts what still runs"
NEW_FOLDER = "warning: there was no such folder; a new, empty one was made: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two images of two studies, and a text between them."""
    root = tmp_path / "images"
    (root / "below").mkdir(parents=True)
    shutil.copy(CT, root)
    shutil.copy(MR, root / "below")
    (root / "notes.txt").write_text("no image")
    return root


def names(folder: Path) -> list[Path]:
    """All that is in a folder."""
    return sorted(folder.rglob("*"))


def connect(url: str, auth: Auth | None = None, tls: ssl.SSLContext | None = None) -> Client:
    """A client that tries once."""
    return Client(url, auth=auth, tls=tls, retry=Retry(attempts=1))


async def count_studies(url: str, auth: Auth | None = None, **settings: Any) -> int:
    """Search for all studies."""
    async with connect(url, auth, **settings) as client:
        return len(await client.search_for_studies())


def ask(
    url: str, method: str = "GET", target: str = "/studies?PatientName=Secret", **headers: str
) -> http.client.HTTPResponse:
    """Send a request as any program does, and read the response."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request(method, address.path + target, headers=headers)
    with connection.getresponse() as response:
        response.read()
    connection.close()
    return response


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_folder_is_served_until_interrupted(folder: Path, number: int) -> None:
    """The URL is printed, and what was found; an interruption ends it with status 0."""
    with serve_process(folder) as served:
        assert f"2 studies, 2 instances in {folder}" == served.found
        assert 2 == await count_studies(served.url)

        served.interrupt(number)

        assert (0, f"{STOPPING}\n") == served.wait()


async def test_second_interruption_cuts() -> None:
    """A request that still runs is waited for; a second interruption cuts it: 130."""
    with serve_process() as served:
        address = urlsplit(served.url)
        with socket.create_connection((address.hostname, address.port or 0)) as sock:
            head = "POST /studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            kind = "Content-Type: application/dicom\r\nExpect: 100-continue\r\n\r\n"
            sock.sendall((head + kind).encode())
            assert sock.recv(100).startswith(b"HTTP/1.1 100 ")  # the body is being waited for
            served.interrupt(signal.SIGINT)
            assert STOPPING == served.error_line()

            served.interrupt(signal.SIGINT)

            assert (130, "aiodicomweb: interrupted\n") == served.wait()


async def test_without_a_folder_it_keeps_everything_in_memory() -> None:
    """An empty archive takes what is stored."""
    with serve_process() as served:
        assert "0 studies, 0 instances in memory, until the end" == served.found
        async with connect(served.url) as client:
            report = await client.store_instances(make_study())
            assert (5, ()) == (len(report.stored), report.failed)


async def test_what_is_stored_is_there_the_next_time(folder: Path) -> None:
    """A folder keeps what was stored."""
    with serve_process(folder) as served:
        async with connect(served.url) as client:
            await client.store_instances(make_study())
        served.interrupt(signal.SIGINT)
        served.wait()

    with serve_process(folder) as served:
        assert f"3 studies, 7 instances in {folder}" == served.found


def test_folder_that_was_not_there_is_told_of(tmp_path: Path) -> None:
    """A name that was mistyped is not taken for an archive without studies; only once."""
    folder = tmp_path / "typo"
    with serve_process(folder) as served:
        assert f"0 studies, 0 instances in {folder}" == served.found
        served.interrupt(signal.SIGINT)
        assert (0, f"{NEW_FOLDER}{folder}\n{STOPPING}\n") == served.wait()

    with serve_process(folder) as served:
        served.interrupt(signal.SIGINT)
        assert (0, f"{STOPPING}\n") == served.wait()


@pytest.mark.parametrize("is_new", [True, False])
def test_file_of_something_else_is_no_index(invoke: Any, tmp_path: Path, is_new: bool) -> None:
    """It is refused, and what it was; a folder that was made in vain is told of, too."""
    thesis, folder = tmp_path / "thesis.txt", tmp_path / "images"
    thesis.write_text("Chapter 1")
    if not is_new:
        folder.mkdir()

    outcome = invoke("serve", folder, "--port", "0", "--index", thesis)

    assert (2, "") == (outcome.status, outcome.out)
    *before, last = outcome.err.splitlines()
    assert "left as it is" in last
    assert [f"{NEW_FOLDER}{folder}"] * is_new == before
    assert "Chapter 1" == thesis.read_text()


async def test_read_only_writes_nothing_into_the_folder(folder: Path, tmp_path: Path) -> None:
    """What is stored is refused, and the index is where it was asked for."""
    before = names(folder)
    index = tmp_path / "index"

    with serve_process(folder, "--read-only", "--index", index) as served:
        async with connect(served.url) as client:
            with pytest.raises(DicomWebError):
                await client.store_instances(make_study())

    assert before == names(folder)
    assert index.exists()


async def test_deleting_is_allowed_when_asked_for(folder: Path) -> None:
    """DELETE is no method of a study otherwise."""
    with serve_process(folder) as plain, serve_process(folder, "--allow-delete") as generous:
        assert "DELETE" not in ask(plain.url, "OPTIONS", "/studies/1.2").headers["Allow"]
        assert "DELETE" in ask(generous.url, "OPTIONS", "/studies/1.2").headers["Allow"]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--user", "ann:a b:c", "--user", "bob:x"], {}),
        ([], {"AIODICOMWEB_SERVE_USER": "ann:a b:c\nbob:x\n"}),
    ],
)
async def test_users_have_passwords(arguments: list[str], environment: dict[str, str]) -> None:
    """Users of options, or of a variable's lines, get in with their passwords; others don't."""
    with serve_process(*arguments, **environment) as served:
        assert 0 == await count_studies(served.url, BasicAuth("ann", "a b:c"))
        assert 0 == await count_studies(served.url, BasicAuth("bob", "x"))
        for wrong in (None, BasicAuth("ann", "x"), BearerAuth("x")):
            with pytest.raises(AuthenticationRequired):
                await count_studies(served.url, wrong)


async def test_names_of_gateways() -> None:
    """A name that is not this machine's own is admitted if it is told."""
    with serve_process() as plain, serve_process("--allow-host", "pacs.example") as told:
        assert 421 == ask(plain.url, Host="pacs.example").status
        assert 200 == ask(told.url, Host="pacs.example").status


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--token", "hush"], {}), ([], {"AIODICOMWEB_SERVE_TOKEN": "hush"})],
)
async def test_tokens(arguments: list[str], environment: dict[str, str]) -> None:
    """Who has a token of an option or the variable gets in; others don't."""
    with serve_process(*arguments, **environment) as served:
        assert 0 == await count_studies(served.url, BearerAuth("hush"))
        for wrong in (None, BearerAuth("x")):
            with pytest.raises(AuthenticationRequired):
                await count_studies(served.url, wrong)


@pytest.mark.parametrize("together", [True, False])
async def test_tls(tmp_path: Path, together: bool) -> None:
    """With a certificate it speaks https; the key may be in the same file."""
    issued = contexts().authority.issue_cert("127.0.0.1")
    both, certificate, key = (tmp_path / name for name in ("both", "certificate", "key"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(both))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))

    options = [both] if together else [certificate, "--tls-key", key]
    with serve_process("--tls-cert", *options) as served:
        assert served.url.startswith("https://127.0.0.1:")
        assert 0 == await count_studies(served.url, tls=contexts().client)


def test_path_is_that_of_the_base_url() -> None:
    """The URL that is printed has the path that was asked for."""
    with serve_process("--path", "/dicom-web") as served:
        assert "/dicom-web" == urlsplit(served.url).path
        assert 200 == ask(served.url).status


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], None),
        (["--cors", "*"], "*"),
        (["--cors", "http://a.example", "--cors", "http://b.example"], "http://b.example"),
        (["--cors", "http://a.example"], None),
    ],
)
def test_pages_of_other_origins(options: list[str], expected: str | None) -> None:
    """Only pages of origins that were named, or any with a star, may read the answers."""
    with serve_process(*options) as served:
        response = ask(served.url, Origin="http://b.example")

    assert expected == response.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_access_log_is_written_when_asked_for(option: str) -> None:
    """Each request is a line without its query on standard error."""
    with serve_process(option) as served:
        ask(served.url)
        line = served.error_line()

    assert '127.0.0.1 "GET /studies" 200 ' in line
    assert "Secret" not in line


def test_files_that_are_left_out_are_counted(folder: Path) -> None:
    """Each kind has words of its own; a DICOMDIR is none of them."""
    cut_short(folder / "short.dcm")
    shutil.copy(CT.parent / "UN_sequence.dcm", folder)
    shutil.copy(CT.parent / "dicomdirtests" / "DICOMDIR", folder)
    (folder / "arriving.dcm").write_bytes(CT.read_bytes()[:3000])
    shutil.copy(CT, folder / "twice.dcm")

    with serve_process(folder) as served:
        served.interrupt(signal.SIGINT)
        _, err = served.wait()

    assert [
        "warning: left out: 1 file, cut short or damaged",
        "warning: left out: 1 file, without the UIDs of an instance",
        "warning: left out: 1 file, instances that another file holds already",
        "warning: left out: 1 file, not whole but changed just now, perhaps still being written",
        STOPPING,
    ] == err.splitlines()


def cut_short(path: Path) -> None:
    """Write a file that is cut short, and that nobody has written to for long."""
    path.write_bytes(CT.read_bytes()[:3000])
    os.utime(path, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("seconds", [0, 1])
async def test_changes_of_the_folder_are_found(tmp_path: Path, seconds: int) -> None:
    """By time, or by SIGHUP; one line tells what is new, and others what was left out."""
    with serve_process(tmp_path, "--rescan", seconds) as served:
        shutil.copy(CT, tmp_path / "copied.dcm")
        cut_short(tmp_path / "short.dcm")
        if not seconds:
            served.interrupt(signal.SIGHUP)
        lines = [served.error_line(), served.error_line()]
        assert 1 == await count_studies(served.url)
        (tmp_path / "copied.dcm").unlink()
        if not seconds:
            served.interrupt(signal.SIGHUP)
        lines.append(served.error_line())
        assert 0 == await count_studies(served.url)

    assert [
        "1 file new or changed",
        "warning: left out: 1 file, cut short or damaged",
        "1 file gone",
    ] == lines


def test_closing_the_terminal_ends_it(tmp_path: Path) -> None:
    """SIGHUP asks for a scan only as long as there is a terminal, if there was one."""
    ours, terminal = os.openpty()
    with serve_process(tmp_path, stdin=terminal) as served:
        os.close(terminal)
        shutil.copy(CT, tmp_path)
        served.interrupt(signal.SIGHUP)
        assert "1 file new or changed" == served.error_line()
        os.close(ours)

        served.interrupt(signal.SIGHUP)

        assert (0, f"{STOPPING}\n") == served.wait()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([], "--user"),
        (["--token", "hush"], "--tls-cert"),
    ],
)
def test_dangers_are_named(options: list[str], word: str) -> None:
    """Who serves more than this machine is told what is open."""
    with serve_process("--host", "0.0.0.0", *options) as served:
        assert word in served.error_line()


@pytest.mark.parametrize(
    ("address", "host"),
    [("127.0.0.1", "0.0.0.0"), ("[::1]", "::"), ("[::1]", "::1"), ("[::1]", "[::1]")],
)
async def test_url_works(address: str, host: str) -> None:
    """Also where all addresses are listened on, which is said."""
    with serve_process("--host", host) as served:
        assert served.url.startswith(f"http://{address}:")
        assert 0 == await count_studies(served.url)
        if host in ("0.0.0.0", "::"):
            assert "listening on all addresses of this machine" == served.line()


def test_port_in_use_is_one_line(invoke: Any) -> None:
    """Somebody else listens there: one line that names the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        outcome = invoke("serve", "--port", port)

    assert (2, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")
    assert f"127.0.0.1 port {port}" in outcome.err
    assert "in use" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--read-only"],
        ["serve", "--index", "x"],
        ["serve", __file__],
        ["serve", "--user", "name"],
        ["serve", "--user", "name:"],
        ["serve", "--user", ":hush"],
        ["serve", "--user", "a:b", "--token", "c"],
        ["serve", "--tls-key", __file__],
        ["serve", "--tls-cert", __file__],
        ["serve", "--port", "65536"],
        ["--user", "me", "serve"],
        ["--token", "hush", "serve"],
        ["--insecure", "serve"],
    ],
)
def test_wrong_usage_is_one_line_and_2(
    invoke: Callable[..., Any], arguments: list[str], tmp_path: Path, monkeypatch: Any
) -> None:
    """What cannot be, or would protect nothing, is refused, and no secret is shown."""
    monkeypatch.chdir(tmp_path)

    outcome = invoke(*arguments)

    assert (2, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")
    assert "--help')" in outcome.err
    assert "hush" not in outcome.err


@pytest.mark.parametrize("name", ["USER", "TOKEN"])
@pytest.mark.parametrize("value", ["", "\n"])
def test_empty_secret_does_not_open_the_door(
    invoke: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A variable that holds nobody, such as of a secret that did not arrive, is refused."""
    monkeypatch.setenv(f"AIODICOMWEB_SERVE_{name}", value)

    outcome = invoke("serve", "--port", "0")

    assert (2, "") == (outcome.status, outcome.out)
    assert f"AIODICOMWEB_SERVE_{name} is empty" in outcome.err


@pytest.mark.parametrize(
    "options",
    [
        ["--cors", "viewer"],
        ["--path", "no path"],
        ["--read-only", "--allow-delete", "."],
    ],
)
def test_settings_that_the_server_refuses(invoke: Any, options: list[str]) -> None:
    """A wrong setting is one line, exit status 2."""
    outcome = invoke("serve", *options)

    assert (2, "") == (outcome.status, outcome.out)
    assert 1 == outcome.err.count("\n")


def test_missing_read_only_folder_is_one_line(invoke: Any, tmp_path: Path) -> None:
    """What is not there is not made: status 1."""
    outcome = invoke("serve", tmp_path / "missing", "--read-only")

    assert (1, "") == (outcome.status, outcome.out)
    assert f"aiodicomweb: {tmp_path / 'missing'}: no folder\n" == outcome.err
    assert not (tmp_path / "missing").exists()
