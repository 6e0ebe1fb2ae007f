"""200 clients at once, who do all that there is to do, for some seconds.

Takes its orders as JSON: ``url``, ``seconds``, ``round``, which makes the UIDs of what is stored
new ones, ``clients``. Prints ``half`` after half of the time, and in the end what was done how
often, and what went wrong: ``{"done": {verb: number}, "errors": [text]}``.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from aiodicomweb import Client, DicomWebError, NotFound, Retry, Timeout

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.instances import an_instance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STUDIES: Final = 10
INSTANCES: Final = 8
PIXELS: Final = 128 * 1024
FRAMES: Final = 4
VISIT: Final = 8
"""Things that are done with one client, before there is another in its place."""

Uids = tuple[str, str, str]


def uids(study: int, instance: int) -> Uids:
    """Of an instance that is there from the start."""
    return f"1.2.{study}", f"1.2.{study}.1", f"1.2.{study}.1.{instance}"


def an_image(study: int, instance: int) -> bytes:
    """An instance that is there from the start: four frames of 256 by 64 pixels."""
    study_uid, series, uid = uids(study, instance)
    return an_instance(
        uid,
        study_uid,
        series,
        PatientID=f"patient {study}",
        Rows=64,
        Columns=256,
        SamplesPerPixel=1,
        NumberOfFrames=str(FRAMES),
        PixelData=bytes([study * INSTANCES + instance]) * PIXELS,
    )


class Work:
    """What a client does; each method checks the answer.

    Attributes:
        done: What was done how often.
        errors: What went wrong.
    """

    def __init__(self, url: str, round_name: str, end: float) -> None:
        self.done: Counter[str] = Counter()
        self.errors: list[str] = []
        self._url = url
        self._round = round_name
        self._end = end

    async def run(self, number: int) -> None:
        """One client after the other, one thing after the other, until the time is up."""
        chance = random.Random(number)
        verbs = [self.search, self.search_instances, self.metadata, self.instance, self.study]
        verbs += [self.frames, self.bulk_data, self.store, self.nothing, self.leave]
        while time.monotonic() < self._end:
            # A server that is busy with 200 answers late, which is no error.
            timeout = Timeout(connect=60, read=60, write=60)
            async with Client(self._url, timeout=timeout, retry=Retry(attempts=1)) as client:
                for _ in range(VISIT):
                    await self._do(chance.choice(verbs), client, chance)
                    if time.monotonic() > self._end:
                        break

    async def _do(
        self,
        verb: Callable[[Client, random.Random], Awaitable[None]],
        client: Client,
        chance: random.Random,
    ) -> None:
        name = verb.__name__
        try:
            await verb(client, chance)
            self.done[name] += 1
        except (DicomWebError, AssertionError) as error:
            self.errors.append(f"{name}: {error!r}")

    async def search(self, client: Client, chance: random.Random) -> None:
        study = chance.randrange(STUDIES)
        found = await client.search_for_studies(search_filters={"PatientID": f"patient {study}"})
        assert [f"1.2.{study}"] == [each.StudyInstanceUID for each in found]

    async def search_instances(self, client: Client, chance: random.Random) -> None:
        found = await client.search_for_instances(uids(chance.randrange(STUDIES), 0)[0])
        assert len(found) == INSTANCES

    async def metadata(self, client: Client, chance: random.Random) -> None:
        found = await client.retrieve_study_metadata(uids(chance.randrange(STUDIES), 0)[0])
        assert len(found) == INSTANCES

    async def instance(self, client: Client, chance: random.Random) -> None:
        study, instance = some_instance(chance)
        async for part in client.retrieve_instance(*uids(study, instance)):
            octets = bytes(await part.read())
            assert octets.endswith(bytes([study * INSTANCES + instance]) * PIXELS)

    async def study(self, client: Client, chance: random.Random) -> None:
        sizes = [
            sum([len(piece) async for piece in part])
            async for part in client.retrieve_study(uids(chance.randrange(STUDIES), 0)[0])
        ]
        assert len(sizes) == INSTANCES
        assert min(sizes) > PIXELS

    async def frames(self, client: Client, chance: random.Random) -> None:
        study, instance = some_instance(chance)
        found = await client.retrieve_instance_frames(*uids(study, instance), [3, 1])
        expected = bytes([study * INSTANCES + instance]) * (PIXELS // FRAMES)
        assert [expected, expected] == [bytes(frame) for frame in found]

    async def bulk_data(self, client: Client, chance: random.Random) -> None:
        study, instance = some_instance(chance)
        call = client.retrieve_instance_metadata(*uids(study, instance)).as_json()
        uri = (await call)["7FE00010"]["BulkDataURI"]
        (found,) = await client.retrieve_bulkdata(uri, byte_range=(100, 1099))
        assert bytes([study * INSTANCES + instance]) * 1000 == bytes(found)

    async def store(self, client: Client, chance: random.Random) -> None:
        numbers = [chance.getrandbits(64) for _ in range(2)]
        files = [
            an_instance(f"1.3.{self._round}.{n}", f"1.3.{self._round}.{n % 97}", "1.3.1")
            for n in numbers
        ]
        report = await client.store_instances(files)
        assert report.complete

    async def nothing(self, client: Client, chance: random.Random) -> None:
        try:
            await client.retrieve_study(f"1.9.{chance.randrange(1000)}")
        except NotFound:
            return
        raise AssertionError

    async def leave(self, client: Client, chance: random.Random) -> None:
        async for _ in client.retrieve_study(uids(chance.randrange(STUDIES), 0)[0]):
            break


def some_instance(chance: random.Random) -> tuple[int, int]:
    """One that is there from the start."""
    return chance.randrange(STUDIES), chance.randrange(INSTANCES)


def tell(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


async def main() -> None:
    """Begin all at once, and wait for all."""
    order = json.loads(sys.argv[1])
    end = time.monotonic() + order["seconds"]
    work = Work(order["url"], order["round"], end)
    async with anyio.create_task_group() as tasks:
        for number in range(order["clients"]):
            tasks.start_soon(work.run, number)
        await anyio.sleep(order["seconds"] / 2)
        tell("half")
    tell(json.dumps({"done": work.done, "errors": work.errors}))


if __name__ == "__main__":
    anyio.run(main)
