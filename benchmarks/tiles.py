"""20,000 tiles of 8 KiB in one answer, part by part.

Claim: at least 1.5 times as fast as the best library that yields parts.

So many frame numbers don't fit into one URL. The tiles are therefore asked for as bulk data, whose
one URL any number of parts may answer (PS3.18 §10.4.1.1.5); all peers that know DICOMweb can do
that. In one case each part says how long it is, in the other it doesn't: a reader that believes
``Content-Length`` need not search for the delimiter. dicomweb-client hands out octets and throws
the heads of parts away; all others that yield parts parse them.

What it shows is the cost of a part, as that of octets is small here. It shows nothing of searching
through large frames, which ``frames`` does, nor of asking for tiles one by one: ``single_tiles``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import multipart
import readers
from rig import Claim, Contestant, Target, main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from origin import Application, Asked
    from rig import Take

OCTETS = 8 * 1024
BULK = "/bulk/tiles"
PARTS = ["dicomweb-client", "aiohttp multipart"]


def serve(case: str) -> Application:
    """The origin's answers."""
    head = multipart.part_head(OCTETS) if case == "length" else multipart.short_head()

    def answer(asked: Asked) -> Iterable[bytes]:
        return multipart.selected(OCTETS, range(asked.size), head)

    return answer


async def aiodicomweb(url: str, size: int, take: Take) -> None:
    """Ours: part by part."""
    from aiodicomweb import Client

    async with Client(url) as client:
        async for part in client.retrieve_bulkdata(url + BULK):
            take(await part.read())


def dicomweb_client(url: str, size: int, take: Take) -> None:
    """dicomweb-client: part by part."""
    from dicomweb_client import DICOMwebClient

    for part in DICOMwebClient(url).iter_bulkdata(url + BULK):
        take(part)


CLAIM = Claim(
    name="tiles",
    title="Tiles of 8 KiB in one answer",
    size=20_000,
    unit="tiles",
    cases=["length", "no length"],
    serve=serve,
    payload=lambda _case, size: multipart.payload(OCTETS, size),
    contestants={
        "aiodicomweb": Contestant(aiodicomweb, peer=False),
        "dicomweb-client": Contestant(dicomweb_client),
        "aiohttp multipart": Contestant(partial(readers.aiohttp_parts, path=BULK)),
        "aiohttp raw": Contestant(partial(readers.aiohttp_raw, path=BULK), whole=False),
        "raw drain": Contestant(partial(readers.drain, path=BULK), whole=False, peer=False),
    },
    targets=[Target("aiodicomweb", PARTS, 1.5)],
)

if __name__ == "__main__":
    main(CLAIM)
