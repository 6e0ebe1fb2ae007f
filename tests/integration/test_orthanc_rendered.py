"""What Orthanc renders and deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import NotFound, RenderingOptions, StatusError, Viewport

from ..support.dicom_files import sample
from .peers import ORTHANC

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.peer import Peer
    from .conftest import Hold

pytestmark = [pytest.mark.slow, ORTHANC]

CT = sample("CT_small.dcm")
STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}


def is_picture(octets: bytes, media_type: str) -> bool:
    """Whether octets begin as those of a media type do."""
    return octets.startswith(STARTS[media_type])


@pytest.mark.parametrize("media_type", STARTS)
async def test_rendered(archive_client: Client, media_type: str) -> None:
    """Each level, as JPEG and PNG."""
    (of_study,) = await archive_client.retrieve_study_rendered(CT.study, [media_type])
    (of_series,) = await archive_client.retrieve_series_rendered(*CT.uids[:2], [media_type])
    image = await archive_client.retrieve_instance_rendered(*CT.uids, [media_type])
    (frame,) = await archive_client.retrieve_instance_frames_rendered(*CT.uids, [1], [media_type])

    images = [of_study, of_series, image, frame]
    assert [media_type] * 4 == [each.media_type for each in images]
    assert all(is_picture(bytes(each), media_type) for each in images)


async def test_size(archive_client: Client) -> None:
    """A viewport is heeded: the head of a PNG tells width and height."""
    image = await archive_client.retrieve_instance_rendered(
        *CT.uids, ["image/png"], rendering=RenderingOptions(viewport=Viewport(32, 32))
    )

    assert (32).to_bytes(4) * 2 == bytes(image)[16:24]


async def test_no_thumbnails(archive_client: Client) -> None:
    """Orthanc's plugin 1.7 has none."""
    with pytest.raises(NotFound):
        await archive_client.retrieve_instance_thumbnail(*CT.uids)


async def test_nothing_is_deleted(client: Client, hold: Hold, empty: Peer) -> None:
    """Its DICOMweb has no deletion, which is a 405."""
    file = hold(CT)

    for call in (
        client.delete_study(file.study),
        client.delete_series(*file.uids[:2]),
        client.delete_instance(*file.uids),
    ):
        with pytest.raises(StatusError) as caught:
            await call
        assert 405 == caught.value.status
    assert [file.octets] == empty.held()
