"""store: what became of each instance, and an exit status that can be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.data import get_testdata_file

from aiodicomweb.cli.upload import Upload

if TYPE_CHECKING:
    import pytest

    from aiodicomweb.client import Event

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
MR = Path(str(get_testdata_file("MR_small.dcm", download=False)))
CT_CLASS, MR_CLASS = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
CT_UID = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
MR_UID = "1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457"


def _reference(sop_class: str, uid: str, **more: object) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class]},
        "00081155": {"vr": "UI", "Value": [uid]},
        **more,
    }


def _module(stored: list[object], failed: list[object] | None = None) -> dict[str, Any]:
    return {
        "00081199": {"vr": "SQ", "Value": stored},
        "00081198": {"vr": "SQ", "Value": failed or []},
    }


CT_STORED = _reference(
    CT_CLASS, CT_UID, **{"00081190": {"vr": "UR", "Value": ["http://h/studies/1.2"]}}
)
MR_FAILED = _reference(MR_CLASS, MR_UID, **{"00081197": {"vr": "US", "Value": [0xA700]}})


def test_all_stored_is_success(invoke: Any, server: Any, tmp_path: Path) -> None:
    """Files and directories are sent whole; exit status 0."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mr.dcm").write_bytes(MR.read_bytes())
    server.add_json(_module([CT_STORED, _reference(MR_CLASS, MR_UID)]))

    outcome = invoke("--url", server.url, "store", CT, tmp_path)

    assert (0, "2 instances stored\n", "") == (outcome.status, outcome.out, outcome.err)
    request = server.received[0]
    assert ("POST", "/dicom-web/studies") == (request.method, request.target)
    assert CT.read_bytes() in request.body
    assert MR.read_bytes() in request.body


def test_study_goes_into_the_path(invoke: Any, server: Any) -> None:
    """--study stores into one study (PS3.18 §10.5.1)."""
    server.add_json(_module([CT_STORED]))

    outcome = invoke("--url", server.url, "store", CT, "--study", "1.2")

    assert 0 == outcome.status
    assert "/dicom-web/studies/1.2" == server.received[0].target


def test_failed_instances_are_listed(invoke: Any, server: Any) -> None:
    """A refused instance is in the table with its reason, and the exit status is 1."""
    server.add_json(_module([CT_STORED], [MR_FAILED]), status=202)

    outcome = invoke("--url", server.url, "store", CT, MR)

    assert 1 == outcome.status
    assert "1 instance stored" in outcome.out
    assert MR_UID in outcome.out
    assert "A700" in outcome.out
    assert "aiodicomweb: 1 of 2 instances not known to be stored\n" == outcome.err


def test_nothing_stored_is_listed_too(invoke: Any, server: Any) -> None:
    """409 with a module (STW-32) lists the refusals."""
    server.add_json(_module([], [MR_FAILED]), status=409)

    outcome = invoke("--url", server.url, "store", MR)

    assert 1 == outcome.status
    assert MR_UID in outcome.out
    assert 1 == outcome.err.count("\n")


def test_unreported_instances_are_failures(invoke: Any, server: Any) -> None:
    """An instance that the answer does not mention may be lost: exit status 1."""
    server.add_json(_module([CT_STORED]))

    outcome = invoke("--url", server.url, "store", CT, MR)

    assert 1 == outcome.status
    assert "unreported" in outcome.out
    assert MR_UID in outcome.out


def test_a_server_that_does_not_tell_is_no_success(invoke: Any, server: Any) -> None:
    """Plain text under 200 tells of nothing: all are unreported, and nothing is masked."""
    server.add(200, b"OK", Content_Type="text/plain")

    outcome = invoke("--url", server.url, "store", CT)

    assert (1, True) == (outcome.status, CT_UID in outcome.out)
    assert "1 of 1 instance not known to be stored" in outcome.err


def test_warnings_of_the_server_are_shown(invoke: Any, server: Any) -> None:
    """A stored instance with a warning is listed, a Warning field goes to standard error."""
    coerced = CT_STORED | {"00081196": {"vr": "US", "Value": [0xB000]}}
    server.add_json(_module([coerced]), status=202, Warning='299 h "Changed"')

    outcome = invoke("--url", server.url, "store", CT)

    assert 0 == outcome.status
    assert "B000" in outcome.out
    assert "warning: Changed\n" == outcome.err


def test_json_has_a_line_for_each_instance(invoke: Any, server: Any) -> None:
    """--json prints one object for each instance, whatever became of it."""
    other = {"0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xC122]}}]}}
    server.add_json(_module([CT_STORED], [MR_FAILED]) | other, status=202)

    outcome = invoke("--url", server.url, "store", CT, MR, "--json")

    stored, failed, unknown = map(json.loads, outcome.out.splitlines())
    assert 1 == outcome.status
    assert {
        "status": "stored",
        "sop_class_uid": CT_CLASS,
        "sop_instance_uid": CT_UID,
        "retrieve_url": "http://h/studies/1.2",
        "warning_reason": None,
    } == stored
    assert ("failed", MR_UID, 0xA700) == (
        failed["status"], failed["sop_instance_uid"], failed["failure_reason"]
    )  # fmt: skip
    assert ("failed", 0xC122) == (unknown["status"], unknown["failure_reason"])


def test_file_that_is_not_dicom_is_refused(invoke: Any, server: Any, tmp_path: Path) -> None:
    """A file that is no DICOM is named, and nothing is sent."""
    text = tmp_path / "notes.txt"
    text.write_text("x" * 500)

    outcome = invoke("--url", server.url, "store", CT, text)

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "notes.txt" in outcome.err
    assert [] == server.received


def test_empty_directory_is_no_success(invoke: Any, server: Any, tmp_path: Path) -> None:
    """Nothing to store is a mistake, not a success."""
    outcome = invoke("--url", server.url, "store", tmp_path)

    assert 0 != outcome.status
    assert 1 == outcome.err.count("\n")
    assert [] == server.received


def test_other_files_of_a_directory_are_listed(invoke: Any, server: Any, tmp_path: Path) -> None:
    """What is no DICOM in a directory is not sent; it is listed, and is no failure."""
    (tmp_path / "ct.dcm").write_bytes(CT.read_bytes())
    (tmp_path / "notes.txt").write_text("x")
    server.add_json(_module([CT_STORED]))
    server.add_json(_module([CT_STORED]))

    people = invoke("--url", server.url, "store", tmp_path)
    program = invoke("--url", server.url, "store", tmp_path, "--json")

    assert (0, 0) == (people.status, program.status)
    assert str(tmp_path / "notes.txt") in people.out
    assert {"status": "skipped", "path": str(tmp_path / "notes.txt")} == json.loads(
        program.out.splitlines()[-1]
    )


def test_progress_is_that_of_the_store(
    invoke: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown on a terminal hears of the request that stores, and of its end."""
    heard: list[str] = []

    class Listening(Upload):
        def __call__(self, event: Event) -> None:
            super().__call__(event)
            heard.append(str(self))

    monkeypatch.setattr("aiodicomweb.cli.store.Upload", Listening)
    server.add_json(_module([CT_STORED]))

    assert 0 == invoke("--url", server.url, "store", CT).status
    assert heard[0].startswith("storing: 0 of 1 instance, 0 bytes of 39.")
    assert heard[1].startswith("storing: 1 instance, 39.")
    assert ["storing"] == heard[2:]
