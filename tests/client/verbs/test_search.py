"""What searches send, to the octet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydicom
import pytest

from aiodicomweb import Client, ConfigurationError

from ...support.messages import json_response
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY = json_response([])

SEARCHES: dict[str, tuple[Callable[[Client], Any], str]] = {
    "all studies": (lambda client: client.search_for_studies(), "/studies"),
    "filters": (
        lambda client: client.search_for_studies(
            search_filters={"PatientName": "Doe*", "StudyDate": "20200101-20201231"}
        ),
        "/studies?PatientName=Doe*&StudyDate=20200101-20201231",
    ),
    "encoded": (
        lambda client: client.search_for_studies(search_filters={"PatientName": "Müller^Jo,a&b+c"}),
        "/studies?PatientName=M%C3%BCller%5EJo%2Ca%26b%2Bc",
    ),
    "lists of UIDs": (
        lambda client: client.search_for_studies(
            search_filters={"StudyInstanceUID": ["1.2", "1.3"]}
        ),
        "/studies?StudyInstanceUID=1.2,1.3",
    ),
    "fields": (
        lambda client: client.search_for_studies(fields=["StudyDescription", "00100040"]),
        "/studies?includefield=StudyDescription,PatientSex",
    ),
    "settings": (
        lambda client: client.search_for_studies(True, 10, 20),
        "/studies?fuzzymatching=true&limit=10&offset=20",
    ),
    "several values": (
        lambda client: client.search_for_studies(
            search_filters={"ModalitiesInStudy": ["CT", "PT"]}, multiplevaluematching=True
        ),
        "/studies?ModalitiesInStudy=CT,PT&multiplevaluematching=true",
    ),
    "no value": (
        lambda client: client.search_for_series(
            search_filters={"BodyPartExamined": '""'}, emptyvaluematching=True
        ),
        "/series?BodyPartExamined=%22%22&emptyvaluematching=true",
    ),
    "switched off": (
        lambda client: client.search_for_instances(
            emptyvaluematching=False, multiplevaluematching=False
        ),
        "/instances?emptyvaluematching=false&multiplevaluematching=false",
    ),
    "vendor parameters": (
        lambda client: client.search_for_studies(
            additional_params={"orderby": ["-StudyDate", "x"]}
        ),
        "/studies?orderby=-StudyDate,x",
    ),
    "all series": (lambda client: client.search_for_series(), "/series"),
    "series of a study": (lambda client: client.search_for_series("1.2"), "/studies/1.2/series"),
    "all instances": (lambda client: client.search_for_instances(), "/instances"),
    "instances of a study": (
        lambda client: client.search_for_instances("1.2"),
        "/studies/1.2/instances",
    ),
    "instances of a series": (
        lambda client: client.search_for_instances("1.2", "1.2.3"),
        "/studies/1.2/series/1.2.3/instances",
    ),
}


@pytest.mark.parametrize(("search", "target"), SEARCHES.values(), ids=SEARCHES)
async def test_the_request_of_a_search(search: Callable[[Client], Any], target: str) -> None:
    """The whole head, octet by octet (PS3.18 §10.6.1)."""
    async with serving(EMPTY) as (client, peer):
        await search(client)

        host = peer.origin.removeprefix("http://")
        start = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/dicom+json\r\n"
        head = start + "Accept-Encoding: gzip, deflate\r\n\r\n"
        assert head.encode() == peer.requests[0].head


async def test_a_data_set_of_keys() -> None:
    """Matching keys as in C-FIND: a value is a filter, an empty element is asked for."""
    keys = pydicom.Dataset()
    keys.PatientID = "7"
    keys.StudyDescription = ""
    async with serving(EMPTY) as (client, peer):
        await client.search_for_studies(search_filters=keys)

        assert "/studies?PatientID=7&includefield=StudyDescription" == peer.requests[0].target


@pytest.mark.parametrize(
    "search",
    [
        lambda client: client.search_for_series("../x"),
        lambda client: client.search_for_instances("1.2", "1/2"),
        lambda client: client.search_for_instances(None, "1.2"),
        lambda client: client.search_for_studies(search_filters={"NoSuchKeyword": "x"}),
        lambda client: client.search_for_studies(fields=["NoSuchKeyword"]),
        lambda client: client.search_for_studies(search_filters={"Modality": ["CT", "PT"]}),
    ],
)
def test_what_cannot_be_is_told_at_once(search: Callable[[Client], object]) -> None:
    """Arguments are checked by the verb itself, before it is awaited."""
    with pytest.raises(ConfigurationError):
        search(Client("http://pacs"))
