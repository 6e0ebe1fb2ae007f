"""Metadata from Orthanc, against the files: every element.

What may differ is listed, all of it Orthanc's doing:

- group lengths and the file meta information are left out, as PS3.18 §F.2.2 wants it;
- Pixel Data that are compressed are left out, with no reference to them;
- numbers below about 1e-20 become 0;
- and :data:`DIFFERENCES`, file by file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import ContentError

from ..support.comparison import differences
from ..support.dicom_files import sample
from .accepted import ONE_BY_ONE
from .expected_metadata import PIXEL_DATA, elements, is_compressed, remove
from .peers import ORTHANC

if TYPE_CHECKING:
    from aiodicomweb import Client

    from ..support.dicom_files import Sample
    from .conftest import Hold

pytestmark = [
    pytest.mark.slow,
    ORTHANC,
    # What is no value of its VR: pydicom says so when the element of the file is looked at.
    pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning"),
]

TINIEST = 1e-20

# The first value of Specific Character Set is empty, and dropped.
JAPANESE = {"vr": "CS", "Value": ["ISO 2022 IR 87"]}
KOREAN = {"vr": "CS", "Value": ["ISO 2022 IR 149"]}
# Escape sequences that the character set of the file doesn't provide for are shown as text.
ESCAPED = {"Alphabetic": "$B$d$^$@(B^$B$?$m$&(B"}
NO_NUMBERS = {"vr": "DS", "Value": []}

DIFFERENCES: dict[str, dict[str, Any]] = {
    "charset_files/chrH31.dcm": {"00080005": JAPANESE},
    "charset_files/chrI2.dcm": {"00080005": KOREAN},
    "charset_files/chrJapMulti.dcm": {"00080005": JAPANESE},
    "charset_files/chrKoreanMulti.dcm": {"00080005": KOREAN},
    # ISO 2022 IR 13 is taken as if there were no escape sequences to other sets.
    "charset_files/chrH32.dcm": {
        "00100010": {
            "vr": "PN",
            "Value": [
                {
                    "Alphabetic": "ﾔﾏﾀﾞ^ﾀﾛｳ",
                    "Ideographic": ";3ED^B@O:",
                    "Phonetic": "$d$^$@^$?$m$&",
                }
            ],
        }
    },
    "charset_files/chrJapMultiExplicitIR6.dcm": {
        "00100010": {"vr": "PN", "Value": [ESCAPED]},
        "00101001": {"vr": "PN", "Value": [ESCAPED, ESCAPED]},
        "001021B0": {"vr": "LT", "Value": ["$B$?$m$&(B"]},
    },
    # In ISO_IR 13 the octet of the backslash is a yen sign, for Orthanc in CS and DS too. Several
    # numbers are none, then. Nor is trailing space cut off.
    "J2K_pixelrep_mismatch.dcm": {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL¥PRIMARY¥AXIAL¥NORMAL"]},
        "00090010": {"vr": "LO", "Value": ["HMC "]},
        "00090011": {"vr": "LO", "Value": ["HMC - CT - ID "]},
        "00200020": {"vr": "CS", "Value": ["L¥PF"]},
        "00200032": NO_NUMBERS,
        "00200037": NO_NUMBERS,
        "00280030": NO_NUMBERS,
        "00281050": NO_NUMBERS,
        "00281051": NO_NUMBERS,
    },
    # Number of Frames is "1A".
    "badVR.dcm": {"00280008": {"vr": "IS", "Value": []}},
}


def is_tiny(file: Sample, path: str) -> bool:
    """Whether an element holds a number that Orthanc takes for none."""
    element = file.dataset.get(int(path, 16))
    return element.VR in ("FL", "FD") and 0 < abs(element.value) < TINIEST


@pytest.mark.parametrize("file", ONE_BY_ONE, ids=str)
async def test_metadata_of_instance(client: Client, hold: Hold, file: Sample) -> None:
    """Metadata equal the file in each element that is not bulk data."""
    hold(file)

    found = await client.retrieve_instance_metadata(*file.uids)
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    source = file.read()
    bulk = {path for path, each, _ in elements(as_json, source) if "BulkDataURI" in each}
    left_out = bulk | ({PIXEL_DATA} if is_compressed(file) else set())
    expected, found = remove(source, tags=left_out), remove(found, tags=bulk)
    different = {line.removesuffix(" value") for line in differences(expected, found)}
    tiny = {path for path in different if is_tiny(file, path)}
    assert {path: {"vr": "FL", "Value": [0]} for path in tiny} == {
        path: as_json[path] for path in tiny
    }
    assert DIFFERENCES.get(file.name, {}) == {path: as_json.get(path) for path in different - tiny}


async def test_bulk_data_by_range(client: Client, hold: Hold) -> None:
    """Orthanc ignores ranges; all octets in place of some are an error."""
    file = hold(sample("CT_small.dcm"))
    as_json = await client.retrieve_instance_metadata(*file.uids).as_json()

    with pytest.raises(ContentError, match="other octets than the byte_range"):
        await client.retrieve_bulkdata(as_json[PIXEL_DATA]["BulkDataURI"], byte_range=(0, 9))
