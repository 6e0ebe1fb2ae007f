"""1,000 frames of 512 KiB in one answer: with a length, chunked, and over TLS.

Claims: with a length at least 0.8 of what draining the socket takes, and 3.5 times as fast as the
best library that yields parts; chunked 0.6 and 3 times; over TLS 2 times.

Frames are taken one after the other, and none is kept. The floor is a blocking socket that is read
into one buffer, at which nobody looks. Who knows nothing of multipart bodies reads raw octets.

What it shows is the cost of finding parts in much payload, and of handing them over. It doesn't
show that of small parts, which ``tiles`` does, nor of decoding frames or of keeping them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import multipart
import readers
from rig import Claim, Contestant, Target, main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from origin import Application, Asked

OCTETS = 512 * 1024
PARTS = ["dicomweb-client", "aiohttp multipart"]


def serve(case: str) -> Application:
    """The origin's answers."""

    def answer(asked: Asked) -> Iterable[bytes]:
        if case == "chunked":
            return multipart.chunked(OCTETS, asked.size)
        return multipart.with_length(OCTETS, asked.size)

    return answer


CLAIM = Claim(
    name="frames",
    title="Frames of 512 KiB in one answer",
    size=1000,
    unit="frames",
    cases=["length", "chunked", "tls"],
    tls=["tls"],
    serve=serve,
    payload=lambda _case, size: multipart.payload(OCTETS, size),
    contestants={
        "aiodicomweb": Contestant(readers.aiodicomweb, peer=False),
        "dicomweb-client": Contestant(readers.dicomweb_client),
        "aiohttp multipart": Contestant(readers.aiohttp_parts),
        "aiohttp raw": Contestant(readers.aiohttp_raw, whole=False),
        "httpx raw": Contestant(readers.httpx_raw, whole=False),
        "pycurl raw": Contestant(readers.pycurl_raw, whole=False),
        "raw drain": Contestant(readers.drain, whole=False, peer=False),
    },
    targets=[
        Target("aiodicomweb", ["raw drain"], 0.8, "length"),
        Target("aiodicomweb", PARTS, 3.5, "length"),
        Target("aiodicomweb", ["raw drain"], 0.6, "chunked"),
        Target("aiodicomweb", PARTS, 3, "chunked"),
        Target("aiodicomweb", PARTS, 2, "tls"),
    ],
)

if __name__ == "__main__":
    main(CLAIM)
