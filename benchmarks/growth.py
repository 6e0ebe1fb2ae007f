"""What more of the same costs, and what octets cost that are made to hurt.

Claims: 10 and 100 times as many frames or instances take 10 and 100 times as long, and the same
memory; a part of 4 GiB takes 100 times as long as a hundredth of it, however short the reads are;
and no payload takes more than 3 times as long as noise.

Frames have 512 KiB and come one by one, instances have 8 MiB and go to files, each of which is
deleted once its size was seen. The part of 4 GiB is taken piece by piece: once over a socket,
whose reads are as long as they get, and once with 64 KiB in each, which no socket can be told;
there the reader of parts is fed out of memory. Payloads are frames of 512 KiB without a length of
their own, so that all of their octets are searched for the delimiter. The worst ones consist of
line ends, of dashes, and of delimiters whose last octet is another.

What counts is the time for each, beside that with a tenth of them. With 1 and 10 there is little
but the first request in it. Two runs of 100 times as many differ by what else the machine does: to
be linear means at least 0.67 times as fast for each here, where what grows with the square would be
a tenth. Longer lines that begin with the whole delimiter are shown as well: no program writes such
a payload, as RFC 2046 forbids it, and it costs time for each line.
"""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import disk
import multipart
import readers
from rig import Claim, Contestant, Limit, Target, main

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from origin import Application, Asked
    from rig import Take

FRAME, BLOCK, MIB = 512 * 1024, 64 * 1024, 2**20
BULK = "/bulk/"
FRAMES = [10, 100, 1000]
INSTANCES = [2, 20, 200]
BLOCKS = [656, 6554, 65536]
"""Of one part: the last are 4 GiB."""

LINEAR = 0.67
MARK = b"\r\n--" + multipart.BOUNDARY
PAYLOADS = {
    "noise": multipart.frames(FRAME)[0],
    "line ends": b"\r\n" * (FRAME // 2),
    "dashes": b"-" * FRAME,
    "almost delimiters": (MARK[:-1] + b"_") * (FRAME // len(MARK)),
    "longer lines": (MARK + b"_") * (FRAME // (len(MARK) + 1)),
}


# --- the origin ----------------------------------------------------------------------------------


def serve(case: str) -> Application:
    """The origin's answers."""
    if case == "instances":
        return disk.serve(case)
    return {"one part": one_part, "payloads": hurtful}.get(case, all_frames)


def all_frames(asked: Asked) -> Iterable[bytes]:
    """So many frames."""
    return multipart.with_length(FRAME, asked.size)


def one_part(asked: Asked) -> Iterator[bytes]:
    """One part of so many blocks."""
    length = len(multipart.short_head()) + asked.size * BLOCK + len(multipart.CLOSE)
    yield multipart.response_head(multipart.TYPE, f"Content-Length: {length}")
    yield from blocks(asked.size)


def blocks(count: int) -> Iterator[bytes]:
    """A body of one part of so many blocks."""
    yield multipart.short_head()
    for number in range(count):
        yield multipart.frames(BLOCK)[number % multipart.DISTINCT]
    yield multipart.CLOSE


def hurtful(asked: Asked) -> Iterator[bytes]:
    """So many parts of the payload that the path names."""
    content = PAYLOADS[asked.path.rpartition("/")[2].replace("%20", " ")]
    head = multipart.short_head()
    length = (len(head) + len(content)) * asked.size + len(multipart.CLOSE)
    yield multipart.response_head(multipart.TYPE, f"Content-Length: {length}")
    for _ in range(asked.size):
        yield head
        yield content
    yield multipart.CLOSE


def payload(case: str, size: int) -> tuple[int, int]:
    """What must arrive; of payloads that hurt, whose lengths differ, how much about."""
    if case == "instances":
        return disk.payload(case, size)
    if case == "payloads":
        return FRAME * size, 0
    return multipart.payload(FRAME if case == "frames" else BLOCK, size)


# --- the readers ---------------------------------------------------------------------------------


async def save(url: str, _size: int, take: Take) -> None:
    """Instances to files, which take no room."""
    from aiodicomweb import Client

    place = disk.target()
    async with Client(url) as client:
        async for instance in client.retrieve_study(disk.files.STUDY):
            path = await instance.save(place)
            take.file(path)
            path.unlink()
    shutil.rmtree(place)


async def in_pieces(url: str, _size: int, take: Take) -> None:
    """One part, piece by piece."""
    from aiodicomweb import Client

    async with Client(url) as client:
        async for part in client.retrieve_bulkdata(f"{url}{BULK}part"):
            async for piece in part:
                take(piece)


def in_short_reads(_url: str, size: int, take: Take) -> None:
    """The same without a network, with 64 KiB in each read."""
    from aiodicomweb.wire import END, NEED_DATA, Arena, Limits, MultipartReader

    arena = Arena()
    reader = MultipartReader(arena, multipart.BOUNDARY.decode(), Limits())
    pieces = blocks(size)

    def read() -> None:
        arena.write(next(pieces))
        arena.deliver(arena.undecoded)

    while reader.next_part() is NEED_DATA:
        read()
    while (piece := reader.read_chunk()) is not END:
        if piece is NEED_DATA:
            read()
        else:
            take(piece)


async def one_payload(name: str, url: str, size: int, take: Take) -> None:
    """Parts of one kind, whole."""
    from aiodicomweb import Client

    async with Client(url) as client:
        async for part in client.retrieve_bulkdata(f"{url}{BULK}{name.replace(' ', '%20')}"):
            content = await part.read()
            assert len(PAYLOADS[name]) == len(content)
            take(content)
            size -= 1
    assert not size


# --- the claim -----------------------------------------------------------------------------------

STEPS = [
    ("frames", "frames", FRAMES, readers.aiodicomweb),
    ("instances", "instances", INSTANCES, save),
    ("one part", "blocks", BLOCKS, in_pieces),
    ("one part, short reads", "short reads", BLOCKS, in_short_reads),
]


def contestants() -> Iterator[tuple[str, Contestant]]:
    """Each step of each case, and each payload."""
    for case, unit, counts, work in STEPS:
        for count in counts:
            yield f"{count:,} {unit}", Contestant(work, peer=False, case=case, times=count)
    for name in PAYLOADS:
        work, times = partial(one_payload, name), 20 if name == "longer lines" else 200
        yield name, Contestant(work, whole=False, peer=False, case="payloads", times=times)


def targets() -> Iterator[Target]:
    """Each step as fast as the one before, and each payload at least a third as fast as noise."""
    for case, unit, (_, fewer, more), _ in STEPS:
        yield Target(f"{more:,} {unit}", [f"{fewer:,} {unit}"], LINEAR, case)
    for name in ("line ends", "dashes", "almost delimiters"):
        yield Target(name, ["noise"], 0.33, "payloads")


CLAIM = Claim(
    name="growth",
    title="Growth",
    size=1,
    unit="times what is named",
    cases=[*(case for case, *_ in STEPS), "payloads"],
    serve=serve,
    prepare=lambda _folder, _size: None,
    payload=payload,
    warm_up=4,
    contestants=dict(contestants()),
    targets=[*targets()],
    limits=[Limit(f"{counts[-1]:,} {unit}", "growth", 24 * MIB) for _, unit, counts, _ in STEPS],
)

if __name__ == "__main__":
    main(CLAIM)
