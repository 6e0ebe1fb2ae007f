"""delete: only what is meant, and nothing unless somebody says so."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

LEVELS = {
    "study": (["1.2"], "/dicom-web/studies/1.2"),
    "series": (["1.2", "1.3"], "/dicom-web/studies/1.2/series/1.3"),
    "instance": (["1.2", "1.3", "1.4"], "/dicom-web/studies/1.2/series/1.3/instances/1.4"),
}


class Person(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))


@pytest.mark.parametrize(
    ("level", "uids", "path"), [(level, *rest) for level, rest in LEVELS.items()]
)
def test_each_level_is_deleted(
    invoke: Any, server: Any, level: str, uids: list[str], path: str
) -> None:
    """--yes deletes without a question, once."""
    server.add(204)

    outcome = invoke("--url", server.url, "delete", level, *uids, "--yes")

    assert (0, "deleted\n", "") == (outcome.status, outcome.out, outcome.err)
    assert [("DELETE", path)] == [(each.method, each.target) for each in server.received]


@pytest.mark.parametrize("level", LEVELS)
def test_a_person_is_asked(
    invoke: Any, server: Any, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """The question names what is meant, on standard error; yes deletes it."""
    server.add(204)
    monkeypatch.setattr(sys, "stdin", Person("y\n"))
    uids, path = LEVELS[level]

    outcome = invoke("--url", server.url, "delete", level, *uids)

    assert (0, "deleted\n") == (outcome.status, outcome.out)
    assert f"Delete the {level} {uids[-1]} for good? [y/N]: " in outcome.err
    assert path == server.received[0].target


@pytest.mark.parametrize("typed", ["n\n", "\n", ""], ids=["no", "nothing", "end of file"])
def test_a_person_may_say_no(
    invoke: Any, server: Any, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """Anything but yes deletes nothing, and the exit status is 1."""
    monkeypatch.setattr(sys, "stdin", Person(typed))

    outcome = invoke("--url", server.url, "delete", "study", "1.2")

    assert (1, "") == (outcome.status, outcome.out)
    assert outcome.err.endswith("aiodicomweb: nothing was deleted\n")
    assert [] == server.received


def test_a_pipe_is_not_asked(invoke: Any, server: Any) -> None:
    """Without a terminal what stands in standard input is no consent."""
    outcome = invoke("--url", server.url, "delete", "study", "1.2")

    assert (2, "") == (outcome.status, outcome.out)
    assert "--yes" in outcome.err
    assert [] == server.received


def test_a_deletion_that_takes_a_while(invoke: Any, server: Any) -> None:
    """202 is said as such, and warnings are shown."""
    server.add(202, Warning='299 x "in an hour"')

    outcome = invoke("--url", server.url, "delete", "study", "1.2", "--yes")

    assert (0, "the server is going to delete it\n") == (outcome.status, outcome.out)
    assert "warning: in an hour\n" == outcome.err


@pytest.mark.parametrize("status", [403, 404, 405, 503])
def test_a_refusal_is_a_failure(invoke: Any, server: Any, status: int) -> None:
    """One line, exit status 1, one attempt."""
    server.add(status)
    server.add(204)

    outcome = invoke("--url", server.url, "delete", "study", "1.2", "--yes")

    assert (1, "") == (outcome.status, outcome.out)
    assert f"status {status}" in outcome.err
    assert 1 == outcome.err.count("\n")
    assert 1 == len(server.received)
