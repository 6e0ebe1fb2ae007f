"""Tables for people, JSON for programs, silence in a pipe."""

from __future__ import annotations

import io
import json
import re
import sys
import threading

import pytest

from aiodicomweb.cli.output import (
    amount,
    count,
    json_array,
    json_line,
    progress,
    show_table,
    status,
    warn,
    watched,
)


def _fail_after(items: list[object], stream: io.StringIO) -> None:
    with json_array(stream.write) as add:
        for item in items:
            add(item)
        raise ZeroDivisionError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        """As a terminal says."""
        return True


def test_amounts_are_for_people() -> None:
    """Octets have decimal prefixes, rates a duration."""
    assert "39.2 kB" == amount(39_206)
    assert "2.0 MB/s" == amount(1_000_000, 0.5)
    assert amount(1, 0).endswith("/s")


def test_table_drops_empty_columns_and_keeps_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Values are text, not markup; a column without values is left out."""
    show_table(("Name", "Nothing", "UID"), [("[red]Doe\x1b[0m^Jo", "", "1." * 31 + "1")])

    out = capsys.readouterr().out
    assert "Nothing" not in out
    assert "[red]Doe [0m^Jo" in out
    assert "1." * 31 + "1" in out


def test_table_in_a_pipe_keeps_one_line_for_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing is wrapped."""
    show_table(("A", "B"), [("x" * 100, "y" * 100)])

    assert any(
        "x" * 100 in line and "y" * 100 in line for line in capsys.readouterr().out.splitlines()
    )


def test_table_keeps_to_the_width_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """COLUMNS, as in a terminal, folds the cells and loses nothing."""
    monkeypatch.setenv("COLUMNS", "20")

    show_table(("A",), [("x" * 30,)])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 20
    assert 30 == "".join(lines).count("x")


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": "ä\ud800"}, {"b": None}]])
def test_json_array_is_a_document(items: list[object]) -> None:
    """Whatever arrives, the text is one JSON array in ASCII."""
    stream = io.StringIO()
    with json_array(stream.write) as add:
        for item in items:
            add(item)

    assert items == json.loads(stream.getvalue())
    assert stream.getvalue().isascii()


def test_broken_json_array_stays_open() -> None:
    """A failure leaves no valid document that could be taken for the whole."""
    stream = io.StringIO()

    with pytest.raises(ZeroDivisionError):
        _fail_after([{"a": 1}], stream)

    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


def test_json_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, one line."""
    json_line({"a": "x\ny"})

    assert '{"a": "x\\ny"}\n' == capsys.readouterr().out


def test_warnings_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings of a server are folded, on standard error."""
    warn(["two\nlines", "one"])

    assert ("", "warning: two lines\nwarning: one\n") == capsys.readouterr()


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing is shown."""
    with progress("working") as advance:
        advance(10)

    assert ("", "") == capsys.readouterr()


def test_progress_counts_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the activity, items, octets and the rate are shown."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with progress("working") as advance:
        advance(1500)
        advance(0)

    assert "working: 2, 1.5 kB" in terminal.getvalue()


def test_progress_gives_way_to_lines_on_the_same_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where lines are printed to a terminal, progress keeps still."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", Terminal())

    with progress("working", printing=True) as advance:
        advance(1)

    assert "" == terminal.getvalue()


def test_table_on_a_terminal_that_knows_ascii_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that can't be shown has marks in its place, and the table is printed."""
    octets = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(octets, "ascii"))

    show_table(["Patient"], [["Dömer^Ü"]])
    sys.stdout.flush()

    assert b"D?mer^?" in octets.getvalue()


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "file", "1 file"),
        (2, "file", "2 files"),
        (0, "study", "0 studies"),
        (1, "study", "1 study"),
    ],
)
def test_numbers_have_their_noun(number: int, noun: str, text: str) -> None:
    """One of a thing is singular, all other numbers are plural."""
    assert text == count(number, noun)


def test_status_shows_its_last_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text takes the place of the one before."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with status("working") as show:
        show("half done")

    assert "half done" in terminal.getvalue()


class Telling:
    """Says something else each time, and when it has said enough."""

    def __init__(self) -> None:
        self.asked = 0
        self.enough = threading.Event()

    def __str__(self) -> str:
        self.asked += 1
        if self.asked > 4:  # it is measured, and then drawn
            self.enough.set()
        return f"said [{self.asked}]"


def test_what_is_watched_is_shown_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thing is asked again and again while something else is done; its text is no markup."""
    terminal, thing = Terminal(), Telling()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with watched(thing):
        assert thing.enough.wait(10)

    assert 1 < len(set(re.findall(r"said \[\d+\]", terminal.getvalue())))


def test_what_is_watched_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing is asked, and nothing shown."""
    thing = Telling()

    with watched(thing):
        pass

    assert 0 == thing.asked
    assert ("", "") == capsys.readouterr()
