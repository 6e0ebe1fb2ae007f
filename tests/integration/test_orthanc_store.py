"""Storing in Orthanc: what it holds afterwards, and what the report says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import (
    Conflict,
    FailedInstance,
    Part10Error,
    StatusError,
    StoredInstance,
    StoreFailed,
)

from ..support.comparison import differences
from ..support.dicom_files import FOLDERS, sample, samples
from .accepted import ACCEPTED, NOT_DICOM, ONE_BY_ONE

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.orthanc import Orthanc

pytestmark = pytest.mark.slow

SYNTAX_ERROR, CANNOT_UNDERSTAND, PROCESSING_FAILURE = 400, 0xC000, 0x0110
TINY = FOLDERS[2] / "dicomdirtests" / "TINY_ALPHA"

Outcome = tuple[int, list[tuple[str, str]], list[tuple[str, str, int]]]
"""Status, class and UID of what was stored, and the same with a reason of what was not."""


def held(orthanc: Orthanc) -> list[bytes]:
    """The files that the archive holds."""
    identifiers = orthanc.get("/instances").json()
    return sorted(orthanc.get(f"/instances/{identifier}/file").body for identifier in identifiers)


def stored_by_hand(orthanc: Orthanc, octets: bytes) -> Outcome:
    """Store with a request written by hand, and read the answer likewise."""
    boundary = b"5d41402abc4b2a76b9719d911017c592"
    body = b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--%b--\r\n"
    reply = orthanc.ask(
        "POST",
        "/dicom-web/studies",
        body % (boundary, octets, boundary),
        {
            "Content-Type": 'multipart/related; type="application/dicom"; '
            f"boundary={boundary.decode()}",
            "Accept": "application/dicom+json",
        },
    )
    answer = json.loads(reply.body)

    def items(sequence: str, *tags: str) -> list[Any]:
        found = answer.get(sequence, {}).get("Value", [])
        return [tuple(item[tag]["Value"][0] for tag in tags) for item in found]

    stored = items("00081199", "00081150", "00081155")
    return reply.status, stored, items("00081198", "00081150", "00081155", "00081197")


async def stored_by_client(client: Client, item: Path) -> Outcome:
    """Store with the client."""
    try:
        report = await client.store_instances(item)
    except StatusError as error:
        return error.status, [], []
    stored = [(each.sop_class_uid, each.sop_instance_uid) for each in report.stored]
    failed = [
        (each.sop_class_uid, each.sop_instance_uid, each.failure_reason or 0)
        for each in report.failed
    ]
    return report.response.status, stored, failed


@pytest.mark.parametrize(
    "file", [x for x in samples().values() if x in ONE_BY_ONE or x not in ACCEPTED], ids=str
)
async def test_store_is_that_of_a_raw_request(client: Client, empty: Orthanc, file: Sample) -> None:
    """The archive takes from the client what it takes from anybody, and says the same of it."""
    expected = stored_by_hand(empty, file.octets)
    expected_held = held(empty)
    empty.forget_all()

    if file.name in NOT_DICOM:
        with pytest.raises(Part10Error) as caught:
            await client.store_instances(file.path)

        assert str(file.path) == caught.value.name
        assert [] == expected_held == held(empty)
        return

    assert expected == await stored_by_client(client, file.path)
    assert expected_held == held(empty)
    assert ([file.octets] if file in ACCEPTED else []) == expected_held


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_report_names_what_was_sent(client: Client, empty: Orthanc, file: Sample) -> None:
    """The report of a file that is taken names it by its data set's UIDs, and nothing else."""
    report = await client.store_instances(file.path)

    expected = StoredInstance(
        str(file.dataset.SOPClassUID),
        file.instance,
        f"{empty.url}/studies/{file.study}/series/{file.series}/instances/{file.instance}",
        None,
    )
    assert ((expected,), (), (), ()) == (
        report.stored,
        report.failed,
        report.other_failures,
        report.unreported,
    )
    assert (200, (), ()) == (report.response.status, report.warnings, report.skipped)
    assert f"{empty.url}/studies/{file.study}" == report.response.retrieve_url
    assert report.complete
    report.raise_for_failures()


async def test_what_is_there_is_stored_again(client: Client, empty: Orthanc) -> None:
    """A file that the archive holds already is reported as stored, and is there once."""
    file = sample("CT_small.dcm")

    reports = [await client.store_instances(file.path) for _ in range(2)]

    assert reports[0].stored == reports[1].stored
    assert all(report.complete for report in reports)
    assert [file.octets] == held(empty)


async def test_many_in_one_request(client: Client, empty: Orthanc) -> None:
    """Paths, texts, octets and data sets go in one request, and are reported in order."""
    names = ["CT_small.dcm", "JPEG2000.dcm", "reportsi.dcm", "examples_ybr_color.dcm", "rtplan.dcm"]
    path, text, octets, buffer, dataset = map(sample, names)

    report = await client.store_instances(
        [path.path, str(text.path), octets.octets, memoryview(buffer.octets), dataset.dataset]
    )

    expected = [file.instance for file in (path, text, octets, buffer, dataset)]
    assert expected == [item.sop_instance_uid for item in report.stored]
    assert report.complete
    for file in (path, text, octets, buffer):
        assert file.octets == empty.file(file.instance)
    assert dataset.octets != empty.file(dataset.instance)


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle_2frame.dcm"],
)
async def test_data_set_is_stored_equal(client: Client, empty: Orthanc, name: str) -> None:
    """A data set keeps its transfer syntax and is held equal in every element."""
    file = sample(name)

    report = await client.store_instances(file.read())

    found = client.retrieve_instance(*file.uids)
    assert report.complete
    assert [] == differences(file.dataset, await found)
    assert 1 == len(held(empty))


async def test_directory(client: Client, empty: Orthanc) -> None:
    """Of a directory the instances are stored; its index and its text are skipped, and named."""
    expected = [each for each in samples().values() if each.path.name.startswith("IM0000")]

    report = await client.store_instances(TINY)

    assert 50 == len(expected)
    assert {each.instance for each in expected} == {x.sop_instance_uid for x in report.stored}
    assert (str(TINY / "DICOMDIR"), str(TINY / "README")) == report.skipped
    assert report.complete
    assert sorted(each.octets for each in expected) == held(empty)


async def test_report_of_a_mixed_bag(client: Client, empty: Orthanc) -> None:
    """Of what was refused, it names what Orthanc names; the rest is unreported, not forgotten."""
    good, unidentified, broken = map(
        sample, ["CT_small.dcm", "palettes/fall.dcm", "SC_rgb_jpeg.dcm"]
    )

    report = await client.store_instances([good.path, unidentified.path, broken.path])

    palette = str(unidentified.dataset.SOPClassUID), str(unidentified.dataset.SOPInstanceUID)
    # Orthanc calls the whole request bad, although it has stored a part of it (PS3.18 Table
    # 10.5.3-1 has 202 for that).
    assert SYNTAX_ERROR == report.response.status
    assert [good.instance] == [item.sop_instance_uid for item in report.stored]
    assert (FailedInstance(*palette, CANNOT_UNDERSTAND),) == report.failed
    assert (broken.instance,) == report.unreported
    assert not report.complete
    with pytest.raises(StoreFailed, match="1 stored, 1 failed, 1 unreported"):
        report.raise_for_failures()
    assert [good.octets] == held(empty)


async def test_iterated_store(client: Client, empty: Orthanc) -> None:
    """Iterated, a store gives what became of each instance."""
    good, bad = sample("MR_small.dcm"), sample("palettes/fall.dcm")

    found = [item async for item in client.store_instances([good.path, bad.path])]

    assert [StoredInstance, FailedInstance] == [type(item) for item in found]
    assert good.instance == found[0].sop_instance_uid


async def test_nothing_is_sent_if_one_file_is_not_dicom(client: Client, empty: Orthanc) -> None:
    """A file that is not DICOM stops the whole store before it starts."""
    bad = sample("README.txt").path

    with pytest.raises(Part10Error) as caught:
        await client.store_instances([sample("CT_small.dcm").path, bad])

    assert str(bad) == caught.value.name
    assert [] == held(empty)


async def test_store_into_a_study(client: Client, empty: Orthanc) -> None:
    """Into its own study an instance is stored; into another one it is not, and the reason told."""
    file = sample("CT_small.dcm")

    refused = await client.store_instances(file.path, "1.2.3.4")
    before = held(empty)
    taken = await client.store_instances(file.path, file.study)

    assert (409, PROCESSING_FAILURE) == (
        refused.response.status,
        refused.failed[0].failure_reason,
    )
    assert [] == before
    assert taken.complete
    assert [file.octets] == held(empty)


async def test_refused_in_other_terms(client: Client, empty: Orthanc) -> None:
    """An answer that names no instance is an error, with what the archive said."""
    with pytest.raises(StatusError) as caught:
        await client.store_instances(sample("SC_rgb_jpeg.dcm").path)

    assert not isinstance(caught.value, Conflict)
    assert SYNTAX_ERROR == caught.value.status
    assert {"00080005", "00081198", "00081199"} == set(json.loads(caught.value.body))
    assert [] == held(empty)
