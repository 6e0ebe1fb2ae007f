"""Every verb of the client, on a small archive whose right answers are known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from aiodicomweb.dicom import encode
from aiodicomweb.server import MemoryArchive, Server
from aiodicomweb.testing import make_study

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from ssl import SSLContext

    from aiodicomweb import Client

__all__ = ["FILES", "VERBS", "Shape", "Verb", "a_server"]

STUDY_SETS: Final = make_study(slices=3, frames=3, size=64)
MOVIE, *SLICES = STUDY_SETS
FILES: Final = [encode(dataset) for dataset in STUDY_SETS]
"""What the archive holds: an image of three frames, and a series of three images; one study."""

OTHER: Final = make_study(slices=1, frames=0, size=64, seed="to be stored")
STUDY: Final = str(MOVIE.StudyInstanceUID)
SERIES: Final = str(SLICES[0].SeriesInstanceUID)
SLICE: Final = (STUDY, SERIES, str(SLICES[0].SOPInstanceUID))
FRAMES: Final = (STUDY, str(MOVIE.SeriesInstanceUID), str(MOVIE.SOPInstanceUID))
PIXELS: Final = bytes(SLICES[0].PixelData)
FRAME: Final = 64 * 64


class Shape(Enum):
    """What the body of a verb's answer is."""

    JSON = auto()
    PARTS = auto()
    """Parts, of which any number would do."""
    COUNTED_PARTS = auto()
    """Parts, of which the client knows how many there must be."""
    IMAGE = auto()
    """One image, without parts around it."""
    NOTHING = auto()


@dataclass(frozen=True)
class Verb:
    """A verb, as the matrix uses it.

    Attributes:
        name: Its name.
        run: Calls it and gives something to compare.
        right: What is right.
        shape: Of the answer's body.
        middle: An octet of the body where it is not whole, and has not just begun.
        complete: Parts that are whole before that octet.
        parts: Parts of the whole answer.
        is_safe: Whether it only reads.
        uploads: Whether the request has a body.
    """

    name: str
    run: Callable[[Client], Awaitable[Any]]
    right: Any
    shape: Shape = Shape.JSON
    middle: int = 100
    complete: int = 0
    parts: int = 1
    is_safe: bool = True
    uploads: bool = False

    @property
    def resumes(self) -> bool:
        """Whether an answer that breaks off at its very end can be continued.

        Instances can be listed, frames were named, and an image has an entity tag; JSON is
        nothing before it is whole, and asked for again; of bulk data in parts nobody knows how
        many there must be.
        """
        return self.name != "retrieve_bulkdata"

    def __str__(self) -> str:
        """The name, for tests' names."""
        return self.name


def a_server(tls: SSLContext | None = None) -> Server:
    """A server with the study."""
    return Server(MemoryArchive(FILES), allow_delete=True, tls=tls)


def uids(datasets: list[Any]) -> list[str]:
    """SOP Instance UIDs, sorted."""
    return sorted(str(dataset.SOPInstanceUID) for dataset in datasets)


async def studies(client: Client) -> Any:
    found = await client.search_for_studies(search_filters={"StudyInstanceUID": STUDY})
    return [str(each.StudyInstanceUID) for each in found]


async def series(client: Client) -> Any:
    return sorted(str(each.SeriesInstanceUID) for each in await client.search_for_series(STUDY))


async def instances(client: Client) -> Any:
    return uids(await client.search_for_instances(STUDY))


async def study(client: Client) -> Any:
    """Instances one by one: who gets one twice gets it twice here."""
    return sorted([bytes(await part.read()) async for part in client.retrieve_study(STUDY)])


async def whole_series(client: Client) -> Any:
    return sorted(
        [bytes(await part.read()) async for part in client.retrieve_series(STUDY, SERIES)]
    )


async def instance(client: Client) -> Any:
    return bytes((await client.retrieve_instance(*SLICE)).PixelData)


async def study_metadata(client: Client) -> Any:
    return uids(await client.retrieve_study_metadata(STUDY))


async def series_metadata(client: Client) -> Any:
    return uids(await client.retrieve_series_metadata(STUDY, SERIES))


async def instance_metadata(client: Client) -> Any:
    return str((await client.retrieve_instance_metadata(*SLICE)).SOPInstanceUID)


async def frames(client: Client) -> Any:
    return [bytes(each) for each in await client.retrieve_instance_frames(*FRAMES, [3, 1, 2])]


async def bulk_data(client: Client) -> Any:
    path = "studies/{}/series/{}/instances/{}/bulkdata/7FE00010".format(*SLICE)
    return [bytes(each) for each in await client.retrieve_bulkdata(path)]


async def rendered(client: Client) -> Any:
    return (await client.retrieve_instance_rendered(*SLICE)).media_type


async def thumbnail(client: Client) -> Any:
    return (await client.retrieve_instance_thumbnail(*SLICE)).media_type


async def store(client: Client) -> Any:
    report = await client.store_instances(OTHER)
    return report.complete, [each.sop_instance_uid for each in report.stored]


async def delete(client: Client) -> Any:
    await client.delete_instance(*SLICE)


SLICE_UIDS: Final = uids(SLICES)
VERBS: Final = (
    Verb("search_for_studies", studies, [STUDY]),
    Verb("search_for_series", series, sorted([SERIES, FRAMES[1]])),
    Verb("search_for_instances", instances, uids(STUDY_SETS)),
    Verb("retrieve_study", study, sorted(FILES), Shape.PARTS, 16_000, 1, 4),
    Verb("retrieve_series", whole_series, sorted(FILES[1:]), Shape.PARTS, 12_000, 1, 3),
    Verb("retrieve_instance", instance, PIXELS, Shape.COUNTED_PARTS, 4_000),
    Verb("retrieve_study_metadata", study_metadata, uids(STUDY_SETS)),
    Verb("retrieve_series_metadata", series_metadata, SLICE_UIDS),
    Verb("retrieve_instance_metadata", instance_metadata, SLICE[2]),
    Verb(
        "retrieve_instance_frames",
        frames,
        [bytes(MOVIE.PixelData)[n * FRAME :][:FRAME] for n in (2, 0, 1)],
        Shape.COUNTED_PARTS,
        6_000,
        1,
        3,
    ),
    Verb("retrieve_bulkdata", bulk_data, [PIXELS], Shape.PARTS, 4_000),
    Verb("retrieve_instance_rendered", rendered, "image/jpeg", Shape.IMAGE),
    Verb("retrieve_instance_thumbnail", thumbnail, "image/jpeg", Shape.IMAGE),
    Verb("store_instances", store, (True, uids(OTHER)), is_safe=False, uploads=True),
    Verb("delete_instance", delete, None, Shape.NOTHING, is_safe=False),
)
