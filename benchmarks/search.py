"""The answer to a search for 5,000 studies, to data sets.

Claim: at least 3 times as fast as ``json.loads`` and pydicom's ``Dataset.from_json``.

Studies have 20 elements, each with other values, 1.1 KB of JSON. Everybody makes data sets of the
same answer and reads three elements of each, which is what the checksum is of: UID, name and a
number. The comparison, which is no library, reads the body with ``http.client``, and that costs
next to nothing. dicomweb-client gives JSON objects, of which its users make data sets in the same
way. Ours is measured iterated, where each data set goes before the next one is made, and awaited.

What it shows is the cost of DICOM JSON, as that of HTTP is small here. That the first result is
there before the last octet of the answer was sent is no matter of speed: a test of the suite holds
the rest back until then. The answer is not compressed, which it is where servers can; and archives
take longer to make it than any client to read it.
"""

from __future__ import annotations

import functools
import http.client
import json
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rig import Claim, Contestant, Target, main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from origin import Application, Asked
    from pydicom import Dataset
    from rig import Take

PATH = "/studies"


def study(number: int) -> dict[str, Any]:
    """A search result of 20 elements, such as archives give."""
    uid = f"1.2.826.0.1.3680043.8.498.{10**20 + number * 7919}"
    values: dict[str, tuple[str, Any]] = {
        "00080005": ("CS", "ISO_IR 192"),
        "00080020": ("DA", f"2024{number % 12 + 1:02}{number % 28 + 1:02}"),
        "00080030": ("TM", f"{number % 24:02}1500"),
        "00080050": ("SH", f"A{number:07}"),
        "00080056": ("CS", "ONLINE"),
        "00080061": ("CS", ("CT", "MR", "US")[number % 3]),
        "00080062": ("UI", "1.2.840.10008.5.1.4.1.1.2"),
        "00080090": ("PN", {"Alphabetic": f"Referrer^No{number % 50}"}),
        "00081030": ("LO", f"Examination {number % 90}"),
        "00081190": ("UR", f"https://archive.example/dicom-web/studies/{uid}"),
        "00100010": ("PN", {"Alphabetic": f"Family{number % 4000}^Given"}),
        "00100020": ("LO", f"P{number % 4000:06}"),
        "00100021": ("LO", "Example Hospital"),
        "00100030": ("DA", f"19{number % 90 + 10}0101"),
        "00100040": ("CS", "FM"[number % 2]),
        "0020000D": ("UI", uid),
        "00200010": ("SH", str(number)),
        "00201206": ("IS", number % 9 + 1),
        "00201208": ("IS", number % 900 + 1),
        "00321060": ("LO", f"Procedure {number % 70}"),
    }
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}


@functools.cache
def body(count: int) -> bytes:
    """The body of an answer."""
    return json.dumps([study(number) for number in range(count)]).encode()


def serve(_case: str) -> Application:
    """An origin that finds as many studies as it is told to."""

    def answer(asked: Asked) -> Iterable[bytes]:
        head = f"Content-Type: application/dicom+json\r\nContent-Length: {len(body(asked.size))}"
        return [f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), body(asked.size)]

    return answer


def excerpt(uid: object, name: object, number: object) -> bytes:
    """What stands for a study."""
    return f"{uid} {name} {number}\n".encode()


def payload(_case: str, size: int) -> tuple[int, int]:
    """The studies, as they were served."""
    octets = crc = 0
    for number in range(size):
        values = {tag: element["Value"][0] for tag, element in study(number).items()}
        name = values["00100010"]["Alphabetic"]
        piece = excerpt(values["0020000D"], name, values["00201206"])
        octets, crc = octets + len(piece), zlib.crc32(piece, crc)
    return octets, crc


def look_at(found: Dataset, take: Take) -> None:
    """Read three elements of a data set."""
    uid, number = found.StudyInstanceUID, found.NumberOfStudyRelatedSeries
    take(excerpt(uid, found.PatientName, number))


async def aiodicomweb(url: str, _size: int, take: Take) -> None:
    """Ours: study by study, as they arrive."""
    from aiodicomweb import Client

    async with Client(url) as client:
        async for found in client.search_for_studies():
            look_at(found, take)


async def aiodicomweb_awaited(url: str, _size: int, take: Take) -> None:
    """Ours: all studies."""
    from aiodicomweb import Client

    async with Client(url) as client:
        for found in await client.search_for_studies():
            look_at(found, take)


def json_and_pydicom(url: str, _size: int, take: Take) -> None:
    """The standard library and pydicom."""
    from pydicom import Dataset

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.request("GET", parts.path + PATH)
    for found in json.loads(connection.getresponse().read()):
        look_at(Dataset.from_json(found), take)
    connection.close()


def dicomweb_client(url: str, _size: int, take: Take) -> None:
    """dicomweb-client and pydicom."""
    from dicomweb_client import DICOMwebClient
    from pydicom import Dataset

    for found in DICOMwebClient(url).search_for_studies():
        look_at(Dataset.from_json(found), take)


CLAIM = Claim(
    name="search",
    title="Studies found, to data sets",
    size=5000,
    unit="studies",
    cases=["json"],
    serve=serve,
    payload=payload,
    octets=lambda size: len(body(size)),
    contestants={
        "aiodicomweb": Contestant(aiodicomweb, peer=False),
        "aiodicomweb awaited": Contestant(aiodicomweb_awaited, peer=False),
        "json + from_json": Contestant(json_and_pydicom),
        "dicomweb-client": Contestant(dicomweb_client),
    },
    targets=[
        Target("aiodicomweb", ["json + from_json"], 3),
        Target("aiodicomweb awaited", ["json + from_json"], 3),
    ],
)

if __name__ == "__main__":
    main(CLAIM)
