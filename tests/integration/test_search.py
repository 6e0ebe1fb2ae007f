"""Searching, against the files that the archive holds."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset

from ..support.dicom_files import sample
from .accepted import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiodicomweb import Client

    from ..support.peer import Peer

pytestmark = pytest.mark.slow

STUDIES = {file.study for file in ACCEPTED}
SERIES = {file.uids[:2] for file in ACCEPTED}
INSTANCES = {file.uids for file in ACCEPTED}
UNDATED = {file.study for file in ACCEPTED if not file.dataset.get("StudyDate")}
LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
CT = sample("CT_small.dcm")
MR = sample("MR_small.dcm")
NAMED = "CompressedSamples"
"""Whose studies are by this name: of CT, MR, NM and US."""


def uids(found: Iterable[Dataset]) -> set[Any]:
    """What tells the results apart: a study's UID, or those of all levels. None is there twice."""
    keys = [tuple(str(each[k].value) for k in LEVELS if k in each) for each in found]
    assert len(keys) == len(set(keys))
    return {key if len(key) > 1 else key[0] for key in keys}


def studies_with(keyword: str, *values: object) -> set[str]:
    """The studies of the files that have one of these values."""
    found = {file.study for file in ACCEPTED if file.dataset.get(keyword) in values}
    assert found
    return found


async def test_everything(archive_client: Client) -> None:
    """Searches without filters find all there is."""
    assert STUDIES == uids(await archive_client.search_for_studies())
    assert SERIES == uids(await archive_client.search_for_series())
    assert INSTANCES == uids(await archive_client.search_for_instances())


async def test_each_by_its_uid(archive_client: Client) -> None:
    """Each study, series and instance is found by its UID among all."""
    for study, series, instance in sorted(INSTANCES):
        studies = await archive_client.search_for_studies(
            search_filters={"StudyInstanceUID": study}
        )
        all_series = await archive_client.search_for_series(
            search_filters={"SeriesInstanceUID": series}
        )
        instances = await archive_client.search_for_instances(
            search_filters={"SOPInstanceUID": instance}
        )

        assert {study} == uids(studies)
        assert {(study, series)} == uids(all_series)
        assert {(study, series, instance)} == uids(instances)


async def test_each_within_its_study(archive_client: Client) -> None:
    """Of a study all series and instances are found, and of a series all instances; no others."""
    for study in STUDIES:
        series = await archive_client.search_for_series(study)
        instances = await archive_client.search_for_instances(study)

        assert {each for each in SERIES if each[0] == study} == uids(series)
        assert {each for each in INSTANCES if each[0] == study} == uids(instances)
    for study, in_study in SERIES:
        instances = await archive_client.search_for_instances(study, in_study)

        assert {each for each in INSTANCES if each[:2] == (study, in_study)} == uids(instances)


async def test_results_hold_what_the_files_do(archive_client: Client) -> None:
    """A result has the file's values, and the URL where the instance is."""
    keywords = ("PatientName", "PatientID", "StudyDate", "Modality", "Rows", "BitsAllocated")

    (found,) = await archive_client.search_for_instances(
        search_filters={"SOPInstanceUID": CT.instance}
    )

    assert [CT.dataset[k].value for k in keywords] == [found[k].value for k in keywords]
    assert found.RetrieveURL.endswith("/studies/{}/series/{}/instances/{}".format(*CT.uids))
    assert [CT.octets] == [
        bytes(await part.read()) async for part in archive_client.retrieve_instance(*CT.uids)
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"StudyInstanceUID": [CT.study, MR.study, "1.2.3"]}, {CT.study, MR.study}),
        ({"StudyInstanceUID": "1.2.3"}, set()),
        ({"PatientName": f"{NAMED}*CT1"}, {CT.study}),
        ({"PatientName": f"{NAMED}?MR1"}, {MR.study}),
        ({"PatientName": f"{NAMED.lower()}*ct1"}, {CT.study}),
        ({"PatientID": "1CT1"}, {CT.study}),
        ({"PatientID": "1CT1", "PatientName": "*MR1"}, set()),
        ({"StudyDate": "20040826"}, studies_with("StudyDate", "20040826")),
        ({"StudyDate": dt.date(2004, 8, 26)}, studies_with("StudyDate", "20040826")),
        ({"00080020": "20040826"}, studies_with("StudyDate", "20040826")),
        ({0x00080020: "20040826"}, studies_with("StudyDate", "20040826")),
        ({(0x0008, 0x0020): "20040826"}, studies_with("StudyDate", "20040826")),
        (
            {"StudyDate": "20040101-20041231"},
            studies_with("StudyDate", "20040119", "20040826"),
        ),
        ({"ModalitiesInStudy": "CT", "PatientName": f"{NAMED}*"}, {CT.study}),
        ({"PatientID": "1CT1", "StudyDescription": None}, {CT.study}),
        ({"PatientID": "1CT1", "StudyDescription": ""}, {CT.study}),
    ],
)
async def test_filters(archive_client: Client, filters: dict[Any, Any], expected: set[str]) -> None:
    """Filters find the studies that match, whichever way they are written."""
    assert expected == uids(await archive_client.search_for_studies(search_filters=filters))


@pytest.mark.parametrize("open_end", ["from", "to"])
async def test_open_range(archive_client: Client, open_end: str) -> None:
    """A range without an end holds all that is later, and one without a beginning all before."""
    dated = {(f.dataset.get("StudyDate") or "", f.study) for f in ACCEPTED}
    if open_end == "from":
        value, expected = "20100101-", {study for date, study in dated if date >= "20100101"}
    else:
        value, expected = "-20041231", {study for date, study in dated if date <= "20041231"}

    found = await archive_client.search_for_studies(search_filters={"StudyDate": value})

    # For Orthanc, which compares text, no date at all is before any.
    assert expected - UNDATED == uids(found) - UNDATED


async def test_filters_at_each_level(archive_client: Client) -> None:
    """Attributes of the upper levels filter series and instances too."""
    filters = {"PatientID": "1CT1", "Modality": "CT"}

    assert {CT.uids[:2]} == uids(await archive_client.search_for_series(search_filters=filters))
    assert {CT.uids} == uids(await archive_client.search_for_instances(search_filters=filters))
    assert [] == await archive_client.search_for_series(CT.study, search_filters={"Modality": "MR"})


async def test_data_set_as_filter(archive_client: Client) -> None:
    """Of a data set the values are filters, and empty elements are fields to return."""
    keys = Dataset()
    keys.PatientID = "1CT1"
    keys.StudyDescription = ""
    keys.SpecificCharacterSet = "ISO_IR 192"

    (found,) = await archive_client.search_for_studies(search_filters=keys)
    (plain,) = await archive_client.search_for_studies(search_filters={"PatientID": "1CT1"})

    assert CT.study == found.StudyInstanceUID
    assert CT.dataset.StudyDescription == found.StudyDescription
    assert "StudyDescription" not in plain


@pytest.mark.parametrize("fields", [["SliceThickness", "Manufacturer"], ["00180050", 0x00080070]])
async def test_fields(archive_client: Client, fields: list[str | int]) -> None:
    """Fields that were asked for come on top of the usual ones."""
    (plain,) = await archive_client.search_for_instances(*CT.uids[:2])
    (found,) = await archive_client.search_for_instances(*CT.uids[:2], fields=fields)

    assert {"SliceThickness", "Manufacturer"} == set(found.dir()) - set(plain.dir())
    assert CT.dataset.SliceThickness == found.SliceThickness
    assert CT.dataset.Manufacturer == found.Manufacturer


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("offset", [None, 0, 3, 1000])
async def test_limit_and_offset(archive_client: Client, limit: int, offset: int | None) -> None:
    """A page is a slice of what is found without limit."""
    whole = await archive_client.search_for_studies().as_json()
    first = offset or 0

    found = await archive_client.search_for_studies(limit=limit, offset=offset).as_json()

    assert whole[first : first + limit] == found


@pytest.mark.parametrize("limit", [None, 1, 7, len(STUDIES), 1000])
async def test_all_pages(archive_client: Client, limit: int | None) -> None:
    """Page after page gives all, once each and in order; iterated and awaited."""
    whole = await archive_client.search_for_studies().as_json()

    def search() -> Any:
        return archive_client.search_for_studies(limit=limit, get_remaining=True)

    assert STUDIES == uids(await search())
    assert whole == [each async for each in search().as_json()]


async def test_all_pages_from_an_offset(archive_client: Client) -> None:
    """All pages from an offset are all but those before it."""
    whole = await archive_client.search_for_instances().as_json()

    found = await archive_client.search_for_instances(
        limit=20, offset=5, get_remaining=True
    ).as_json()

    assert whole[5:] == found


async def test_as_json(archive: Peer, archive_client: Client) -> None:
    """As JSON, results are the objects that were sent."""
    sent = archive.get("/dicom-web/series?Modality=CT&includefield=Manufacturer").json()

    call = archive_client.search_for_series(
        search_filters={"Modality": "CT"}, fields=["Manufacturer"]
    )

    assert sent == await call.as_json()
    assert len(sent) == len(await call)


@pytest.mark.parametrize("fuzzymatching", [True, False])
async def test_fuzzy_matching(archive_client: Client, fuzzymatching: bool) -> None:
    """With the parameter, a name is found that is found without it."""
    found = await archive_client.search_for_studies(
        fuzzymatching, search_filters={"PatientName": f"{NAMED}*"}
    )

    assert {file.study for file in ACCEPTED if NAMED in str(file.dataset.get("PatientName"))} == (
        uids(found)
    )


async def test_search_in_what_is_not_there(archive_client: Client) -> None:
    """Below an unknown study there is nothing, which is no error."""
    assert [] == await archive_client.search_for_series("1.2.3.4")
    assert [] == await archive_client.search_for_instances("1.2.3.4", "1.2.3.4.5")
