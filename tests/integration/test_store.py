"""Storing: what the archive holds afterwards, and what the report says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import (
    FailedInstance,
    Part10Error,
    StatusError,
    StoredInstance,
)

from ..support.comparison import differences
from ..support.dicom_files import FOLDERS, sample, samples
from .accepted import ACCEPTED, FILES, NOT_DICOM, ONE_BY_ONE

if TYPE_CHECKING:
    from pathlib import Path

    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from ..support.peer import Peer

pytestmark = pytest.mark.slow

TINY = FOLDERS[2] / "dicomdirtests" / "TINY_ALPHA"

Outcome = tuple[int, list[tuple[str, str]], list[tuple[str, str, int]]]
"""Status, class and UID of what was stored, and the same with a reason of what was not."""


def stored_by_hand(peer: Peer, octets: bytes) -> Outcome:
    """Store with a request written by hand, and read the answer likewise."""
    boundary = b"5d41402abc4b2a76b9719d911017c592"
    body = b"--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--%b--\r\n"
    reply = peer.ask(
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
async def test_store_is_that_of_a_raw_request(client: Client, empty: Peer, file: Sample) -> None:
    """The archive takes from the client what it takes from anybody, and says the same of it."""
    expected = stored_by_hand(empty, file.octets)
    expected_held = empty.held()
    empty.forget_all()

    if file.name in NOT_DICOM:
        with pytest.raises(Part10Error) as caught:
            await client.store_instances(file.path)

        assert str(file.path) == caught.value.name
        assert [] == expected_held == empty.held()
        return

    assert expected == await stored_by_client(client, file.path)
    assert expected_held == empty.held()
    if file in FILES:
        assert [file.octets] == expected_held


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_report_names_what_was_sent(client: Client, empty: Peer, file: Sample) -> None:
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


async def test_what_is_there_is_stored_again(client: Client, empty: Peer) -> None:
    """A file that the archive holds already is reported as stored, and is there once."""
    file = sample("CT_small.dcm")

    reports = [await client.store_instances(file.path) for _ in range(2)]

    assert reports[0].stored == reports[1].stored
    assert all(report.complete for report in reports)
    assert [file.octets] == empty.held()


async def test_many_in_one_request(client: Client, empty: Peer) -> None:
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
async def test_data_set_is_stored_equal(client: Client, empty: Peer, name: str) -> None:
    """A data set keeps its transfer syntax and is held equal in every element."""
    file = sample(name)

    report = await client.store_instances(file.read())

    found = client.retrieve_instance(*file.uids)
    assert report.complete
    assert [] == differences(file.dataset, await found)
    assert 1 == len(empty.held())


async def test_directory(client: Client, empty: Peer) -> None:
    """Of a directory the instances are stored; its index and its text are skipped, and named."""
    expected = [each for each in samples().values() if each.path.name.startswith("IM0000")]

    report = await client.store_instances(TINY)

    assert 50 == len(expected)
    assert {each.instance for each in expected} == {x.sop_instance_uid for x in report.stored}
    assert (str(TINY / "DICOMDIR"), str(TINY / "README")) == report.skipped
    assert report.complete
    assert sorted(each.octets for each in expected) == empty.held()


async def test_iterated_store(client: Client, empty: Peer) -> None:
    """Iterated, a store gives what became of each instance."""
    good, bad = sample("MR_small.dcm"), sample("palettes/fall.dcm")

    found = [item async for item in client.store_instances([good.path, bad.path])]

    assert [StoredInstance, FailedInstance] == [type(item) for item in found]
    assert good.instance == found[0].sop_instance_uid


async def test_nothing_is_sent_if_one_file_is_not_dicom(client: Client, empty: Peer) -> None:
    """A file that is not DICOM stops the whole store before it starts."""
    bad = sample("README.txt").path

    with pytest.raises(Part10Error) as caught:
        await client.store_instances([sample("CT_small.dcm").path, bad])

    assert str(bad) == caught.value.name
    assert [] == empty.held()


async def test_store_into_a_study(client: Client, empty: Peer) -> None:
    """Into its own study an instance is stored; into another one it is not, and the reason told."""
    file = sample("CT_small.dcm")

    refused = await client.store_instances(file.path, "1.2.3.4")
    before = empty.held()
    taken = await client.store_instances(file.path, file.study)

    assert 409 == refused.response.status
    assert [file.instance] == [each.sop_instance_uid for each in refused.failed]
    assert [] == before
    assert taken.complete
    assert [file.octets] == empty.held()
