"""The commands against a real archive, one after the other as a person would type them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

pytestmark = pytest.mark.slow

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
MR = Path(str(get_testdata_file("MR_small.dcm", download=False)))


@pytest.fixture
def url(orthanc: Any, invoke: Any) -> str:
    """The DICOMweb service of an archive that holds both images."""
    outcome = invoke("--url", orthanc.url, "store", CT, MR)

    assert (0, "") == (outcome.status, outcome.err)
    return str(orthanc.url)


def _address(path: Path) -> tuple[str, str, str]:
    dataset = dcmread(path, stop_before_pixels=True)
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def test_store_reports_each_instance(invoke: Any, url: str) -> None:
    """The JSON of a store names both instances as stored."""
    outcome = invoke("--url", url, "store", CT, MR, "--json")

    assert {_address(CT)[2]: "stored", _address(MR)[2]: "stored"} == {
        line["sop_instance_uid"]: line["status"]
        for line in map(json.loads, outcome.out.splitlines())
    }


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_search_finds_what_was_stored(invoke: Any, url: str, level: str) -> None:
    """Each level finds the image, as JSON and as a table."""
    study, series, instance = _address(CT)
    uid = {"studies": study, "series": series, "instances": instance}[level]
    tag = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}[level]
    key = f"{tag}={uid}"

    items = json.loads(invoke("--url", url, "search", level, "--filter", key, "--json").out)
    table = invoke("--url", url, "search", level, "--filter", key)

    assert [uid] == [item[tag]["Value"][0] for item in items]
    assert (0, "1 result") == (table.status, table.out.splitlines()[-1])
    assert uid in table.out


def test_retrieved_instance_is_the_stored_one(invoke: Any, url: str, tmp_path: Path) -> None:
    """An image comes back equal in every element."""
    outcome = invoke("--url", url, "retrieve", "study", _address(CT)[0], "--output", tmp_path)

    assert (0, "") == (outcome.status, outcome.err)
    assert dcmread(CT) == dcmread(tmp_path / f"{_address(CT)[2]}.dcm")


def test_frame_is_the_pixel_data(invoke: Any, url: str, tmp_path: Path) -> None:
    """The only frame of an uncompressed image is its pixel data."""
    outcome = invoke("--url", url, "retrieve", "frames", *_address(CT), 1, "--output", tmp_path)

    assert (0, "") == (outcome.status, outcome.err)
    assert dcmread(CT).PixelData == (tmp_path / f"{_address(CT)[2]}_1.raw").read_bytes()


def test_metadata_is_that_of_the_image(invoke: Any, url: str) -> None:
    """Metadata names the instance."""
    outcome = invoke("--url", url, "retrieve", "metadata", *_address(CT))

    assert [_address(CT)[2]] == json.loads(outcome.out)[0]["00080018"]["Value"]


def test_what_is_not_there_fails(invoke: Any, url: str, tmp_path: Path) -> None:
    """An unknown study is one line and exit status 1."""
    outcome = invoke("--url", url, "retrieve", "study", "1.2.3.4.5", "--output", tmp_path)

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")


def test_demo_runs_through(invoke: Any, url: str) -> None:
    """The demo does the main job against a real archive."""
    outcome = invoke("demo", "--url", url)

    assert (0, "") == (outcome.status, outcome.err)
    assert "store again" in outcome.out


def test_printed_program_runs(invoke: Any, url: str, tmp_path: Path) -> None:
    """The program that the demo prints does the same when it is run."""
    program = invoke("demo", "--url", url).out.partition("The same in Python:\n")[2]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert 17 == len(list((tmp_path / "copy").iterdir()))
