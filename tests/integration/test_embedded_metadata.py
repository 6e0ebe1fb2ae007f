"""Metadata of our server, against the files: every element, but for bulk data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import ONE_BY_ONE
from .expected_metadata import PIXEL_DATA, elements, is_compressed, remove
from .peers import EMBEDDED

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from .conftest import Hold

pytestmark = [
    pytest.mark.slow,
    EMBEDDED,
    # What is no value of its VR: pydicom says so when the element of the file is looked at.
    pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning"),
]


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_metadata_of_instance(client: Client, hold: Hold, file: Sample) -> None:
    """Metadata equal the file in each element that is not bulk data."""
    hold(file)

    found = await client.retrieve_instance_metadata(*file.uids)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    source = file.read()
    bulk = {path for path, each, _ in elements(as_json, source) if "BulkDataURI" in each}
    expected, found = remove(source, tags=bulk), remove(found, tags=bulk)
    assert [] == differences(expected, found)


async def test_compressed_pixels_are_referred_to(client: Client, hold: Hold) -> None:
    """What their reference leads to are the frames."""
    file = hold(sample("SC_rgb_rle_2frame.dcm"))

    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    found = await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"])
    frames = await client.retrieve_instance_frames(*file.uids, [1, 2])

    assert is_compressed(file)
    assert [bytes(frame) for frame in frames] == [bytes(part) for part in found]


async def test_bulk_data_by_range(client: Client, hold: Hold) -> None:
    """Of a value the octets that are asked for, and no others."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    uri = as_json[PIXEL_DATA]["BulkDataURI"]

    (found,) = await client.retrieve_bulkdata(uri, byte_range=(5, 9))

    assert file.dataset.PixelData[5:10] == bytes(found)
