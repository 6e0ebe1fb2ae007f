"""Metadata of our server, against the files: every element, but for bulk data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import ONE_BY_ONE
from .expected_frames import WITH_FRAMES, frames
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


# Number of Frames is "1A", which is given as the octets that it is.
DIFFERENCES = {"badVR.dcm": ["00280008 VR IS UN"]}


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_metadata_of_instance(client: Client, hold: Hold, file: Sample) -> None:
    """Metadata equal the file in each element that is not bulk data."""
    hold(file)

    found = await client.retrieve_instance_metadata(*file.uids)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    source = file.read()
    bulk = {path for path, each, _ in elements(as_json, source) if "BulkDataURI" in each}
    expected, found = remove(source, tags=bulk), remove(found, tags=bulk)
    assert DIFFERENCES.get(file.name, []) == differences(expected, found)


@pytest.mark.parametrize("file", [each for each in WITH_FRAMES if is_compressed(each)], ids=str)
async def test_compressed_pixels_are_referred_to(client: Client, hold: Hold, file: Sample) -> None:
    """What their reference leads to are the frames."""
    hold(file)

    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    found = await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"])

    assert frames(file) == [bytes(part) for part in found]


@pytest.mark.parametrize(
    ("name", "twin"),
    [("rtdose_expb.dcm", "rtdose.dcm"), ("rtdose_expb_1frame.dcm", "rtdose_1frame.dcm")],
)
async def test_large_words_are_swapped(client: Client, hold: Hold, name: str, twin: str) -> None:
    """Big endian pixels of 32 bits become little endian as a whole."""
    file = hold(sample(name))

    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    (found,) = await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"])

    assert sample(twin).dataset.PixelData == bytes(found)


async def test_bulk_data_by_range(client: Client, hold: Hold) -> None:
    """Of a value the octets that are asked for, and no others."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()
    uri = as_json[PIXEL_DATA]["BulkDataURI"]

    (found,) = await client.retrieve_bulkdata(uri, byte_range=(5, 9))

    assert file.dataset.PixelData[5:10] == bytes(found)
