"""dicomweb-client, another client, against our server: all that it can do."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from PIL import Image
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from aiodicomweb.server import BasicAccess

from ..support.comparison import differences
from ..support.dicom_files import sample
from ..support.embedded import running_embedded
from .accepted import FILES, HELD
from .expected_frames import OCTETS, WITH_FRAMES, count, frames, media_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom import Dataset

    from ..support.dicom_files import Sample
    from ..support.embedded import Embedded

pytestmark = [
    pytest.mark.slow,
    # What is no value of its VR: pydicom says so when the element of the file is looked at.
    pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning"),
]

CT = sample("CT_small.dcm")
RLE = sample("SC_rgb_rle_2frame.dcm")
REPORT = sample("reportsi.dcm")
USER = ("somebody", "secret")
STUDIES = {file.study for file in HELD}
GROUP_LENGTH = "0000 missing"
"""pydicom writes none."""
UNKNOWN = ("1.2", "3.4", "5.6")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A server that asks for a password, and lets delete."""
    access = BasicAccess(dict([USER]))
    folder = tmp_path_factory.mktemp("server")
    with running_embedded(folder, access=access, allow_delete=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Embedded) -> Iterator[DICOMwebClient]:
    """Their client."""
    with create_session_from_user_pass(*USER) as session:
        yield DICOMwebClient(server.url, session=session)


@pytest.fixture
def empty(server: Embedded) -> Iterator[Embedded]:
    """The server with nothing in it."""
    server.forget_all()
    yield server
    server.forget_all()


@pytest.fixture
def full(empty: Embedded) -> Embedded:
    """The server with an image, one that is compressed, and a report."""
    for file in (CT, RLE, REPORT):
        empty.put(file.octets)
    return empty


def status_of(call: Callable[[], Any]) -> int:
    """The status that a call fails with."""
    with pytest.raises(requests.HTTPError) as caught:
        call()
    return caught.value.response.status_code


# --- storing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_is_stored_is_retrieved(client: DICOMwebClient, empty: Embedded, file: Sample) -> None:
    """A data set is reported stored, is found, and comes back equal in each element."""
    with warnings.catch_warnings(action="ignore"):  # some values break the rules of their VR
        report = client.store_instances([file.read()])
    (found,) = client.search_for_instances(file.study, file.series)
    retrieved = client.retrieve_instance(*file.uids)
    metadata = client.retrieve_instance_metadata(*file.uids)

    item = report.ReferencedSOPSequence[0]
    path = "/studies/{}/series/{}/instances/{}".format(*file.uids)
    assert (file.instance, empty.url + path) == (item.ReferencedSOPInstanceUID, item.RetrieveURL)
    assert "FailedSOPSequence" not in report
    assert [file.instance] == found["00080018"]["Value"]
    different = differences(file.dataset, retrieved)
    assert [] == [line for line in different if not line.endswith(GROUP_LENGTH)]
    assert [file.instance] == metadata["00080018"]["Value"]


def test_many_in_one_request(client: DICOMwebClient, empty: Embedded) -> None:
    """Each has its result."""
    report = client.store_instances([file.read() for file in (CT, RLE, REPORT)])

    stored = [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence]
    assert [CT.instance, RLE.instance, REPORT.instance] == stored
    assert 3 == len(empty.held())


def test_another_one_with_the_same_uid(client: DICOMwebClient, full: Embedded) -> None:
    """Alone it is a conflict; among others it is named, with the reason."""
    other = CT.read()
    other.PatientID = "somebody else"
    mr = sample("MR_small.dcm")

    alone = status_of(lambda: client.store_instances([other]))
    report = client.store_instances([other, mr.read()])

    assert 409 == alone
    assert [mr.instance] == [x.ReferencedSOPInstanceUID for x in report.ReferencedSOPSequence]
    (failed,) = report.FailedSOPSequence
    assert (CT.instance, 0x0111) == (failed.ReferencedSOPInstanceUID, failed.FailureReason)
    assert CT.octets == full.file(CT.instance)


# --- searching -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DICOMwebClient]:
    """Their client with a server that holds everything."""
    with running_embedded(tmp_path_factory.mktemp("archive")) as running:
        for file in HELD:
            running.put(file.octets)
        with requests.Session() as session:
            yield DICOMwebClient(running.url, session=session)


def uids(found: list[dict[str, Any]], tag: str = "0020000D") -> set[str]:
    """The UIDs of results, which are all different."""
    values = [each[tag]["Value"][0] for each in found]
    assert len(values) == len(set(values))
    return set(values)


def test_search_for_everything(archive: DICOMwebClient) -> None:
    """All studies, series and instances, at once and page by page."""
    pages = archive.search_for_instances(get_remaining=True, limit=20)

    assert STUDIES == uids(archive.search_for_studies())
    assert {file.series for file in HELD} == uids(archive.search_for_series(), "0020000E")
    assert {file.instance for file in HELD} == uids(pages, "00080018")


def test_search_below(archive: DICOMwebClient) -> None:
    """Within a study and a series."""
    series = archive.search_for_series(CT.study)
    instances = archive.search_for_instances(CT.study, CT.series)

    assert ({CT.series}, {CT.instance}) == (uids(series, "0020000E"), uids(instances, "00080018"))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"PatientID": "1CT1"}, {CT.study}),
        ({"PatientName": "CompressedSamples^CT1"}, {CT.study}),
        ({"PatientName": "CompressedSamples*", "ModalitiesInStudy": "CT"}, {CT.study}),
        ({"StudyInstanceUID": CT.study}, {CT.study}),
        ({"StudyDate": "20040101-20041231", "PatientID": "1CT1"}, {CT.study}),
        ({"PatientID": "nobody"}, set()),
    ],
)
def test_filters(archive: DICOMwebClient, filters: dict[str, str], expected: set[str]) -> None:
    """What matches is found, and nothing else."""
    assert expected == uids(archive.search_for_studies(search_filters=filters))


def test_search_options(archive: DICOMwebClient) -> None:
    """Limit, offset, fields and fuzzy matching."""
    whole = archive.search_for_studies()
    page = archive.search_for_studies(limit=3, offset=2)
    (found,) = archive.search_for_studies(
        search_filters={"PatientName": "ct1^compressedsample"},
        fuzzymatching=True,
        fields=["StudyDescription"],
    )

    assert whole[2:5] == page
    assert CT.study == found["0020000D"]["Value"][0]
    assert [CT.dataset.StudyDescription] == found["00081030"]["Value"]


# --- retrieving ----------------------------------------------------------------------------------


def test_each_scope(client: DICOMwebClient, full: Embedded) -> None:
    """Study and series have the instance, whole and as metadata, awaited and iterated."""
    study, series = CT.study, CT.series
    datasets: list[Dataset] = [
        *client.retrieve_study(study),
        *client.iter_study(study),
        *client.retrieve_series(study, series),
        *client.iter_series(study, series),
    ]
    metadata = [
        *client.retrieve_study_metadata(study),
        *client.retrieve_series_metadata(study, series),
        client.retrieve_instance_metadata(*CT.uids),
    ]

    assert [[]] * 4 == [differences(CT.dataset, found) for found in datasets]
    assert [metadata[0]] * 3 == metadata
    assert 3 == len(full.held())


@pytest.mark.parametrize("file", WITH_FRAMES, ids=str)
def test_frames_as_stored(client: DICOMwebClient, empty: Embedded, file: Sample) -> None:
    """Asked for in the media type that they are stored in, all frames come as they are."""
    empty.put(file.octets)
    kind = media_type(file.transfer_syntax)
    accept = (OCTETS,) if kind == OCTETS else ((kind, file.transfer_syntax),)
    numbers = list(range(1, count(file) + 1))

    found = client.retrieve_instance_frames(*file.uids, numbers, media_types=accept)

    assert frames(file) == [bytes(frame) for frame in found]


def test_frames_that_are_decompressed(client: DICOMwebClient, full: Embedded) -> None:
    """In the order that they were asked for."""
    decoder = get_decoder(RLELossless)

    found = client.retrieve_instance_frames(*RLE.uids, [2, 1], media_types=(OCTETS,))

    planes = [bytes(decoder.as_buffer(RLE.dataset, index=index)[0]) for index in (1, 0)]
    third = len(planes[0]) // 3
    expected = [
        bytes(plane[sample * third + i] for i in range(third) for sample in range(3))
        for plane in planes
    ]
    assert expected == [bytes(frame) for frame in found]
    assert full.held()


def test_bulk_data(client: DICOMwebClient, full: Embedded) -> None:
    """What metadata refer to, whole and iterated."""
    metadata = client.retrieve_instance_metadata(*CT.uids)
    uri = metadata["7FE00010"]["BulkDataURI"]

    assert uri.startswith(full.url)
    assert [CT.dataset.PixelData] == client.retrieve_bulkdata(uri)
    assert [CT.dataset.PixelData] == list(client.iter_bulkdata(uri))


@pytest.mark.parametrize(
    ("kind", "begin"), [("image/jpeg", b"\xff\xd8"), ("image/png", b"\x89PNG")]
)
def test_rendered(client: DICOMwebClient, full: Embedded, kind: str, begin: bytes) -> None:
    """Images of the instance and of a frame, in the size that was asked for."""
    whole = client.retrieve_instance_rendered(*CT.uids, media_types=(kind,))
    frame = client.retrieve_instance_frames_rendered(
        *RLE.uids, frame_numbers=[2], media_types=(kind,)
    )
    small = client.retrieve_instance_rendered(
        *CT.uids, media_types=(kind,), params={"viewport": "32,32", "window": "100,400,linear"}
    )

    assert [begin] * 3 == [octets[: len(begin)] for octets in (whole, frame, small)]
    sizes = [Image.open(io.BytesIO(octets)).size for octets in (whole, frame, small)]
    assert [(128, 128), (100, 100), (32, 32)] == sizes
    assert full.held()


# --- deleting, and what is refused ---------------------------------------------------------------


def test_delete(client: DICOMwebClient, full: Embedded) -> None:
    """Instance, series and study are gone, from the disk too; nothing can be deleted twice."""
    client.delete_instance(*CT.uids)
    client.delete_series(RLE.study, RLE.series)
    client.delete_study(REPORT.study)

    assert [] == full.held()
    assert [] == client.search_for_studies()
    assert 404 == status_of(lambda: client.delete_study(CT.study))


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("retrieve_study", UNKNOWN[:1]),
        ("retrieve_series", UNKNOWN[:2]),
        ("retrieve_instance", UNKNOWN),
        ("retrieve_instance_metadata", UNKNOWN),
        ("retrieve_instance_frames", (*UNKNOWN, [1])),
        ("retrieve_instance_frames", (*CT.uids, [2])),
        ("retrieve_instance_frames", (*REPORT.uids, [1])),
        ("retrieve_instance_rendered", UNKNOWN),
        ("delete_instance", UNKNOWN),
    ],
)
def test_what_is_not_there(
    client: DICOMwebClient, full: Embedded, verb: str, arguments: tuple[Any, ...]
) -> None:
    """404, for each of its verbs."""
    assert 404 == status_of(lambda: getattr(client, verb)(*arguments))
    assert 3 == len(full.held())


def test_unacceptable(client: DICOMwebClient, full: Embedded) -> None:
    """What cannot be given as it was asked for is 406."""
    kinds = (("image/jls", "1.2.840.10008.1.2.4.80"),)

    assert 406 == status_of(
        lambda: client.retrieve_instance_frames(*CT.uids, [1], media_types=kinds)
    )
    assert full.held()


def test_without_the_password(full: Embedded) -> None:
    """401, whatever is asked."""
    with requests.Session() as session:
        stranger = DICOMwebClient(full.url, session=session)

        assert 401 == status_of(stranger.search_for_studies)
        assert 401 == status_of(lambda: stranger.store_instances([CT.read()]))
        assert 401 == status_of(lambda: stranger.delete_study(CT.study))
    assert 3 == len(full.held())
