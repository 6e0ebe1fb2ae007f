"""What one small request costs, in what a machine's speed has no part in."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiodicomweb
from aiodicomweb import Client
from aiodicomweb.client.observe import Observer
from aiodicomweb.net.dial import Dialer

from ..support.messages import parts_response

if TYPE_CHECKING:
    from types import FrameType

    import pytest

ROOT = str(Path(aiodicomweb.__file__).parent)


class Answering:
    """A stream that takes everything at once, and has the same answer to all of it."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.waits = 0

    def send_now(self, octets: bytes) -> int:
        """Take it."""
        return len(octets)

    async def receive_into(self, view: memoryview) -> int:
        """Give the whole answer."""
        self.waits += 1
        view[: len(self.answer)] = self.answer
        return len(self.answer)

    def is_readable(self) -> bool:
        """Nothing comes unasked."""
        return False

    def abort(self) -> None:
        """Nothing is to be closed."""

    async def aclose(self) -> None:
        """Nothing is to be closed."""


async def test_calls_of_functions_for_one_tile(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tile of 8 KiB takes a bounded number of calls within the package, and one read."""
    stream = Answering(parts_response([bytes(8192)], "application/octet-stream"))

    async def dial(*_: object) -> Answering:
        return stream

    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(ROOT)

    # Nobody wants to know of it, as other tests do.
    caplog.set_level(logging.WARNING, "aiodicomweb.client")
    monkeypatch.setattr("aiodicomweb.client.client.Observer", Observer)
    monkeypatch.setattr(Dialer, "dial", dial)
    async with Client("http://pacs.example/dicom-web") as client:
        for number in range(1, 20):
            await client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [number])
        stream.waits = 0
        sys.setprofile(count)
        try:
            [frame] = await client.retrieve_instance_frames("1.2", "1.2.3", "1.2.3.4", [20])
        finally:
            sys.setprofile(None)

    assert bytes(8192) == frame.data
    assert 1 == stream.waits
    assert 0 < calls < 520
