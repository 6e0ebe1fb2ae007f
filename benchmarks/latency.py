"""1,000 frames of 32 KiB from an origin that is 20 ms away.

Claim: at least 10 times as fast as dicomweb-client that asks for one frame after the other.

A proxy in a process of its own holds what passes for 10 ms in each direction, and each new
connection for a round trip; it does not limit the throughput to less than some hundred MB/s. Ours
is measured in three ways: one call with all numbers, a call for each frame with all of them begun
at once, and a call for each with 16 in flight. For dicomweb-client there are one by one, which is
what its users write first, 16 threads, and the whole list, which just fits into a URL here.

What it shows is that requests in turn cost time, not octets; whoever asks for a list has that
from any library. It is no model of a network: nothing gets lost, and no window has to grow.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import multipart
import readers
import single_tiles
from rig import Claim, Contestant, Target, main

if TYPE_CHECKING:
    from collections.abc import Iterable

    from origin import Application, Asked

OCTETS = 32 * 1024


def serve(_case: str) -> Application:
    """The origin's answers: the frames that the path names."""

    def answer(asked: Asked) -> Iterable[bytes]:
        return multipart.asked_for(OCTETS, asked.path)

    return answer


CLAIM = Claim(
    name="latency",
    title="Frames of 32 KiB from 20 ms away",
    size=1000,
    unit="frames",
    cases=["20 ms"],
    serve=serve,
    round_trip=0.02,
    payload=lambda _case, size: multipart.payload(OCTETS, size),
    contestants={
        "aiodicomweb": Contestant(partial(single_tiles.aiodicomweb, in_flight=16), peer=False),
        "aiodicomweb gather": Contestant(single_tiles.aiodicomweb_gather, peer=False),
        "aiodicomweb list": Contestant(single_tiles.aiodicomweb_list, peer=False),
        "dicomweb-client": Contestant(partial(single_tiles.dicomweb_client, in_flight=1)),
        "dicomweb-client threads": Contestant(partial(single_tiles.dicomweb_client, in_flight=16)),
        "dicomweb-client list": Contestant(readers.dicomweb_client),
    },
    targets=[
        Target(subject, ["dicomweb-client"], 10)
        for subject in ("aiodicomweb", "aiodicomweb gather", "aiodicomweb list")
    ],
)

if __name__ == "__main__":
    main(CLAIM)
