"""A client that asks thousands of things, twenty at a time, and looks at every answer.

Takes its orders as JSON: ``url``, ``requests``, ``warm_up``, ``seed``. What fails with an error of
the library's is done again, until it is done. Prints JSON: ``done`` by kind, ``errors`` by class,
``wrong`` answers, the UIDs that were ``kept`` in the archive, and what the process held ``before``
(behind the warm-up) and ``after``: ``memory`` in octets, ``sockets`` and ``tasks``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

from aiodicomweb import Client, DicomWebError, NotFound, Retry, Timeout

sys.path.insert(0, str(Path(__file__).parents[1]))
from faults.verbs import VERBS, Shape
from support.instances import an_instance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from faults.verbs import Verb

AT_ONCE: Final = 20
TIMEOUT: Final = Timeout(connect=5, head=2, read=2, write=2)
RETRY: Final = Retry(first=0.01)
TRIES: Final = 20
"""One after the other that fail say that something is wrong beside the faults."""

READING: Final = [verb for verb in VERBS if verb.is_safe and verb.shape is not Shape.IMAGE]
"""What only reads, but for images: those would take more time than all the rest."""


class Work:
    """What twenty workers share.

    Attributes:
        done: What was done, by kind.
        errors: What was raised, by class.
        wrong: What should not be.
        kept: UIDs of instances that were stored and not deleted.
    """

    def __init__(self, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.kept: list[str] = []
        self._seed = seed

    async def run(self, client: Client, numbers: Iterator[int]) -> None:
        """Do one thing after the other."""
        for number in numbers:
            chance = random.Random(f"{self._seed} {number}")
            kind = chance.random()
            if kind < 0.1:
                await self._store(client, f"1.3.{self._seed}.{number}")
            elif kind < 0.18 and self.kept:
                await self._delete(client, self.kept.pop(0))
            else:
                await self._read(client, chance.choice(READING))

    async def _read(self, client: Client, verb: Verb) -> None:
        found = await self._surely(verb.name, lambda: verb.run(client))
        if found != verb.right:
            self.wrong.append(f"{verb}: {found!r:.200}")

    async def _store(self, client: Client, uid: str) -> None:
        octets = an_instance(uid, f"{uid}.1", f"{uid}.2")
        report = await self._surely("store", lambda: client.store_instances(octets))
        if report is None or not report.complete:
            self.wrong.append(f"store: {report!r}")
        self.kept.append(uid)

    async def _delete(self, client: Client, uid: str) -> None:
        async def delete() -> None:
            with contextlib.suppress(NotFound):  # an attempt that failed may have been heard
                await client.delete_study(f"{uid}.1")

        await self._surely("delete", delete)

    async def _surely(self, kind: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until there is an answer."""
        for _ in range(TRIES):
            try:
                answer = await ask()
            except DicomWebError as error:
                self.errors[f"{kind}: {type(error).__name__}"] += 1
            else:
                self.done[kind] += 1
                return answer
        self.wrong.append(f"{kind} fails again and again")
        return None


def held() -> dict[str, int]:
    """What this process holds."""
    gc.collect()
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (resident,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return {
        "memory": int(resident) << 10,
        "sockets": sum(str(link).startswith("socket:") for link in links),
        "tasks": len(asyncio.all_tasks()),
    }


async def at_once(work: Work, client: Client, numbers: range) -> None:
    """Let twenty workers do so many things together."""
    shared = iter(numbers)
    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(work.run, client, shared)


async def main() -> None:
    """Warm up, measure, work, measure."""
    order = json.loads(sys.argv[1])
    work = Work(order["seed"])
    states = []
    for begin, end in ((0, order["warm_up"]), (order["warm_up"], order["requests"])):
        async with Client(order["url"], timeout=TIMEOUT, retry=RETRY) as client:
            await at_once(work, client, range(begin, end))
        states.append(held())
    before, after = states
    told = {"done": work.done, "errors": work.errors, "wrong": work.wrong[:10], "kept": work.kept}
    print(json.dumps({**told, "before": before, "after": after}))  # noqa: T201


if __name__ == "__main__":
    anyio.run(main)
