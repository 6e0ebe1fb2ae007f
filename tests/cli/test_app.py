"""Usage, exit status and the one line of an error."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import warnings
from typing import Any

import pydicom
import pytest

import aiodicomweb
from aiodicomweb.cli.app import LateCommand, application

COMMAND = [sys.executable, "-c", "import sys; from aiodicomweb.cli import main; sys.exit(main())"]
# asyncio's debug mode writes to standard error, whose every line is looked at here.
PLAIN = {name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
URL = ("--url", "http://127.0.0.1:9/dicom-web")


def test_version_is_that_of_the_package(invoke: Any) -> None:
    """--version prints name and version."""
    outcome = invoke("--version")

    assert (0, f"aiodicomweb {aiodicomweb.__version__}\n") == (outcome.status, outcome.out)


def test_help_of_everything_succeeds(invoke: Any) -> None:
    """The help names every command and exits with 0."""
    outcome = invoke("--help")

    assert 0 == outcome.status
    assert all(
        name in outcome.out for name in ("search", "retrieve", "store", "delete", "serve", "demo")
    )


def test_late_commands_say_what_the_commands_say() -> None:
    """The list of commands shows the first sentence of each command's own help."""
    late = [each for each in application.commands.values() if isinstance(each, LateCommand)]
    loaded = [each.load() for each in late]

    assert [*application.commands] == [each.name for each in loaded]
    for limit in (45, 1000):
        assert [each.get_short_help_str(limit) for each in loaded] == [
            each.get_short_help_str(limit) for each in late
        ]
    assert not any(each.hidden or each.deprecated for each in loaded)


def test_no_command_shows_the_help_as_wrong_usage(invoke: Any) -> None:
    """Nothing asked: the help on standard error, exit status 2."""
    outcome = invoke()

    assert (2, "") == (outcome.status, outcome.out)
    assert outcome.err.startswith("Usage: aiodicomweb")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["search", "nonsense"],
        ["search", "studies"],
        ["search", "studies", "--url", ""],
        [*URL, "search", "studies", "--limit", "0"],
        [*URL, "search", "studies", "--filter", "PatientName"],
        [*URL, "search", "studies", "--filter", "=Doe"],
        [*URL, "search", "series", "--study", "1.2/../../etc"],
        [*URL, "search", "instances", "--series", "1.2"],
        [*URL, "retrieve", "study", "../1.2"],
        [*URL, "retrieve", "study", ""],
        [*URL, "retrieve", "study", "1.2", "--transfer-syntax", "1.2"],
        [*URL, "retrieve", "frames", "1.2", "1.3", "1.4"],
        [*URL, "retrieve", "frames", "1.2", "1.3", "1.4", "0"],
        [*URL, "retrieve", "rendered"],
        [*URL, "retrieve", "rendered", "1.2", "1.3", "1.4", "0"],
        [*URL, "retrieve", "thumbnail", "1.2", "x"],
        [*URL, "delete", "study", "--yes"],
        [*URL, "delete", "study", "", "--yes"],
        [*URL, "delete", "series", "1.2", "--yes"],
        [*URL, "delete", "instance", "1.2", "1.3", "../4", "--yes"],
        [*URL, "delete", "study", "1.2"],
        ["delete", "study", "1.2", "--yes"],
        [*URL, "store"],
        [*URL, "store", "there is no such file"],
        [*URL, "--user", "me", "search", "studies"],
        [*URL, "--user", "me", "--password", "x", "--token", "y", "search", "studies"],
        [*URL, "--insecure", "--ca", __file__, "search", "studies"],
        [*URL, "--ca", __file__, "search", "studies"],
        [*URL, "--cert", __file__, "search", "studies"],
        [*URL, "--key", __file__, "search", "studies"],
        [*URL, "--timeout", "0", "search", "studies"],
        ["demo", "there is no such file"],
        ["--user", "me", "demo"],
    ],
)
def test_wrong_usage_is_one_line_and_2(invoke: Any, arguments: list[str]) -> None:
    """Wrong usage says so in one line, points to the help, sends nothing and exits with 2."""
    outcome = invoke(*arguments)

    assert 2 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "--help')" in outcome.err
    assert "" == outcome.out


def test_unknown_keyword_is_wrong_usage(invoke: Any) -> None:
    """A filter that the library refuses is the caller's mistake: exit status 2."""
    outcome = invoke(*URL, "search", "studies", "--filter", "NoSuchKeyword=1")

    assert 2 == outcome.status
    assert 1 == outcome.err.count("\n")


def test_refused_connection_is_one_line_and_1(invoke: Any) -> None:
    """No server: one line that names the address, exit status 1."""
    outcome = invoke(*URL, "search", "studies")

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "127.0.0.1" in outcome.err


def test_status_of_the_server_is_one_line_and_1(invoke: Any, server: Any) -> None:
    """A refusal with pages of HTML and a folded warning becomes one line."""
    server.add(404, b"<html>\n" * 1000, Content_Type="text/html", Warning='299 - "not\there"')

    outcome = invoke("--url", server.url, "search", "studies")

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "404" in outcome.err


def test_missing_credentials_are_explained_by_options(invoke: Any, server: Any) -> None:
    """A 401 advises the options, not Python code."""
    server.add(401)

    outcome = invoke("--url", server.url, "search", "studies")

    assert 1 == outcome.status
    assert "(hint: --user and --password, or --token)" in outcome.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interruption_is_one_line_and_130(server: Any) -> None:
    """Ctrl-C in the middle of an exchange ends at once, without a traceback."""
    server.hang()
    # What a shell runs in the background ignores the signal, and hands that on to its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [*COMMAND, "--url", server.url, "search", "studies"],
            stderr=subprocess.PIPE,
            env=PLAIN,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert server.asked.wait(30)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (130, "aiodicomweb: interrupted\n") == (process.returncode, err)


@pytest.mark.slow
def test_reader_that_leaves_is_no_error(server: Any) -> None:
    """A pipe closed by its reader, as by head, ends the command without a word."""
    server.add(200, b"[" + b",".join([b'{"00100010":{"vr":"PN"}}'] * 20_000) + b"]",
               Content_Type="application/dicom+json")  # fmt: skip
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [*COMMAND, "--url", server.url, "search", "studies", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=PLAIN,
        text=True,
        check=False,
    )
    os.close(write)

    assert (1, "") == (done.returncode, done.stderr)


def test_pydicom_is_silent(
    invoke: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its warnings and log lines quote values; afterwards all is as it was."""
    log = logging.getLogger("pydicom")
    level = log.level

    def get_help(*_: object) -> str:
        element = pydicom.DataElement(0x00080018, "UI", "Doe^Jane", validation_mode=1)
        log.error("not a UID: %s", element.value)
        return "nothing"

    monkeypatch.setattr("click.Command.get_help", get_help)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = invoke("store", "--help")

    assert (0, "nothing\n", "") == (outcome.status, outcome.out, outcome.err)
    assert [] == caplog.records
    assert level == log.level
