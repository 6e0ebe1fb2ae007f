"""What an archive refuses, and what is not there."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import Client, ConnectFailed, NotFound, Retry, StatusError

from ..support.dicom_files import sample

if TYPE_CHECKING:
    from ..support.peer import Peer

pytestmark = pytest.mark.slow

CT = sample("CT_small.dcm")
ONCE = Retry(attempts=1)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("retrieve_study", ["1.2.3"]),
        ("retrieve_study_metadata", ["1.2.3"]),
        ("retrieve_series", [CT.study, "1.2.3"]),
        ("retrieve_series_metadata", [CT.study, "1.2.3"]),
        ("retrieve_instance", [CT.study, CT.series, "1.2.3"]),
        ("retrieve_instance_metadata", [CT.study, CT.series, "1.2.3"]),
        ("retrieve_instance_frames", [CT.study, CT.series, "1.2.3", [1]]),
        ("retrieve_instance", ["1.2.3", CT.series, CT.instance]),
        ("retrieve_instance", [CT.study, "1.2.3", CT.instance]),
    ],
)
async def test_what_is_not_there(archive_client: Client, verb: str, arguments: list[Any]) -> None:
    """An unknown study, series or instance is ``NotFound``, awaited, iterated and entered."""
    with pytest.raises(NotFound):
        await getattr(archive_client, verb)(*arguments)
    with pytest.raises(NotFound):
        async for _ in getattr(archive_client, verb)(*arguments):
            pass
    with pytest.raises(NotFound):
        async with getattr(archive_client, verb)(*arguments):
            pass


async def test_unacceptable(archive_client: Client) -> None:
    """A media type that the archive cannot give is refused."""
    with pytest.raises(StatusError) as caught:
        await archive_client.retrieve_study(CT.study, ["image/jpeg"])

    assert caught.value.status in (400, 406)


async def test_wrong_path(archive: Peer) -> None:
    """A service that is not where it is looked for is ``NotFound``, for each transaction."""
    async with Client(f"{archive.root}/no-such-service", retry=ONCE) as client:
        with pytest.raises(NotFound):
            await client.search_for_studies()
        with pytest.raises(NotFound):
            await client.retrieve_study(CT.study)
        with pytest.raises(NotFound):
            await client.store_instances(CT.path)


async def test_wrong_port() -> None:
    """Where nobody listens, connecting fails, and the error says where."""
    with socket.socket() as bound:  # it is ours, and listens to nobody
        bound.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{bound.getsockname()[1]}"

        async with Client(origin, retry=ONCE) as client:
            with pytest.raises(ConnectFailed) as caught:
                await client.search_for_studies()

    assert origin == caught.value.origin
    assert 1 == len(caught.value.attempts)
