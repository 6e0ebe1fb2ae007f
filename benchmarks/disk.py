"""128 instances of 8 MiB in one answer, each to a file of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import files
import multipart
import readers
from rig import Claim, Contestant, Target, folder, main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from origin import Application, Asked
    from rig import Take

OCTETS = 8 * 1024 * 1024
TYPE = multipart.TYPE.replace("octet-stream", "dicom")
PATH = f"/studies/{files.STUDY}"
ACCEPT = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


def serve(_case: str) -> Application:
    """An origin that gives a study."""

    def answer(asked: Asked) -> Iterable[bytes]:
        head = multipart.part_head(len(files.content(OCTETS, 0)), b"application/dicom")
        length = (len(head) + len(files.content(OCTETS, 0))) * asked.size + len(multipart.CLOSE)
        yield multipart.response_head(TYPE, f"Content-Length: {length}")
        for number in range(asked.size):
            yield head
            yield from files.segments(OCTETS, number)
        yield multipart.CLOSE

    return answer


def target() -> Path:
    """An empty folder. What others have written is deleted while a process warms up."""
    place = folder() / str(os.getpid())
    if place.exists():
        return Path(tempfile.mkdtemp(dir=place))
    for other in folder().iterdir():
        shutil.rmtree(other)
    place.mkdir()
    return target()


async def aiodicomweb(url: str, _size: int, take: Take) -> None:
    """Ours: each instance saves itself, under its UID."""
    from aiodicomweb import Client

    place = target()
    async with Client(url, tls=readers.tls()) as client:
        async for instance in client.retrieve_study(files.STUDY):
            take.file(await instance.save(place))


def dicomweb_client(url: str, _size: int, take: Take) -> None:
    """dicomweb-client: gives data sets, which are written again."""
    from dicomweb_client import DICOMwebClient

    place = target()
    for dataset in DICOMwebClient(url).iter_study(files.STUDY):
        path = place / f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(path)
        take.file(path)


async def aiohttp_parts(url: str, _size: int, take: Take) -> None:
    """aiohttp's MultipartReader, chunk by chunk; the names are numbers, for it knows no UIDs."""
    import aiohttp

    place = target()
    async with (
        aiohttp.ClientSession() as session,
        session.get(url + PATH, headers=ACCEPT) as response,
    ):
        reader = aiohttp.MultipartReader.from_response(response)
        number = 0
        while (part := await reader.next()) is not None:
            path = place / f"{number:05}.dcm"
            with path.open("wb") as file:
                while chunk := await part.read_chunk(256 * 1024):
                    file.write(chunk)
            take.file(path)
            number += 1


def payload(_case: str, size: int) -> tuple[int, int]:
    """The files, as they were served."""
    crc = 0
    for number in range(size):
        crc = zlib.crc32(files.content(OCTETS, number), crc)
    return len(files.content(OCTETS, 0)) * size, crc


CLAIM = Claim(
    name="disk",
    title="Instances of 8 MiB from one answer to files",
    size=128,
    unit="instances",
    cases=["tcp"],
    serve=serve,
    prepare=lambda _folder, _size: None,
    payload=payload,
    warm_up=2,
    contestants={
        "aiodicomweb": Contestant(aiodicomweb, peer=False),
        "dicomweb-client": Contestant(dicomweb_client, whole=False),
        "aiohttp multipart": Contestant(aiohttp_parts),
    },
    targets=[Target("aiodicomweb", ["dicomweb-client", "aiohttp multipart"], 2)],
)

if __name__ == "__main__":
    main(CLAIM)
