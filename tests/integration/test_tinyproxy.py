"""Everything through a real proxy: tunnels, requests that it forwards, passwords and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiodicomweb import (
    AuthenticationRequired,
    Client,
    ProxyError,
    Retry,
    StatusError,
    Tls,
    TlsError,
)
from aiodicomweb.server import DirectoryArchive, Server
from aiodicomweb.testing import ScriptedPeer, response

from ..support import tinyproxy as support
from ..support.dicom_files import sample
from ..support.programs import REQUIRED
from ..support.streams import contexts
from ..support.tinyproxy import Tinyproxy, running_tinyproxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CT, MR = sample("CT_small.dcm"), sample("MR_small.dcm")
USER, PASSWORD = "radiology", "sword.fish"
USERINFO = "radiology:sword%2Efish"
ONCE = Retry(attempts=1)


def test_without_tinyproxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is not installed tests are skipped; where it is required, they fail."""
    monkeypatch.setattr(support, "_PROGRAM", "NoSuchThing")

    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"), running_tinyproxy(tmp_path):
        pass
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="not installed"), running_tinyproxy(tmp_path):
        pass


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tinyproxy]:
    """One that wants a user name and password, and leads anywhere."""
    folder = tmp_path_factory.mktemp("tinyproxy")
    with running_tinyproxy(folder, f"BasicAuth {USER} {PASSWORD}") as running:
        yield running


def serving(folder: Path, *, tls: bool) -> Server:
    """A server, by http or https."""
    folder.mkdir(exist_ok=True)
    context = contexts().server if tls else None
    return Server(DirectoryArchive(folder), tls=context, path="/dicom-web")


def trust(folder: Path) -> Tls:
    """What trusts that server."""
    contexts().authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Tls(ca=folder / "ca.pem")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_store_search_and_retrieve(proxy: Tinyproxy, tmp_path: Path, *, tls: bool) -> None:
    """All of it passes through: forwarded by http, in a tunnel by https."""
    seen = len(proxy.requests())
    async with (
        serving(tmp_path / "archive", tls=tls) as server,
        Client(server.url, proxy=proxy.url(USERINFO), tls=trust(tmp_path)) as client,
    ):
        report = await client.store_instances([CT.path, MR.path])
        studies = await client.search_for_studies()
        instances = await client.retrieve_study(CT.study)

    assert (2, 0) == (len(report.stored), len(report.failed))
    assert {CT.study, MR.study} == {study.StudyInstanceUID for study in studies}
    assert [CT.study] == [str(instance.StudyInstanceUID) for instance in instances]
    requests = proxy.requests()[seen:]
    target = server.url.partition("://")[2].partition("/")[0]
    if tls:
        assert [f"CONNECT {target} HTTP/1.1"] == requests
    else:
        assert ["POST", "GET", "GET"] == [request.partition(" ")[0] for request in requests]
        assert all(f" http://{target}/dicom-web/" in request for request in requests)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_password(proxy: Tinyproxy, scheme: str) -> None:
    """The proxy wants one, and says so; it isn't tried again."""
    seen = len(proxy.requests())
    async with Client(f"{scheme}://127.0.0.1:1", proxy=proxy.url()) as client:
        with pytest.raises(ProxyError, match="the proxy wants to know who asks") as caught:
            await client.search_for_studies()

    assert (407, proxy.url()) == (caught.value.status, caught.value.origin)
    assert seen + 1 == len(proxy.requests())


async def test_the_wrong_password(proxy: Tinyproxy) -> None:
    """The proxy refuses it, by 401, and it isn't tried again; it is not shown."""
    seen = len(proxy.requests())
    async with Client("https://127.0.0.1:1", proxy=proxy.url("radiology:guess")) as client:
        with pytest.raises(ProxyError, match="refuses the user name or password") as caught:
            await client.search_for_studies()

    assert (401, proxy.url()) == (caught.value.status, caught.value.origin)
    assert "guess" not in str(caught.value)
    assert seen + 1 == len(proxy.requests())


async def test_the_wrong_password_by_http(proxy: Tinyproxy) -> None:
    """It is known to have said so itself, by its name; it should have said 407."""
    seen = len(proxy.requests())
    async with Client("http://127.0.0.1:1", proxy=proxy.url("radiology:guess")) as client:
        with pytest.raises(ProxyError, match="refuses the user name or password") as caught:
            await client.search_for_studies()

    assert (401, proxy.url()) == (caught.value.status, caught.value.origin)
    assert seen + 1 == len(proxy.requests())


async def test_the_server_refuses(proxy: Tinyproxy) -> None:
    """A 401 that is passed on is the server's."""
    refused = response(b"no", {"WWW-Authenticate": "Bearer"}, 401)
    async with (
        ScriptedPeer([refused]) as server,
        Client(server.url, proxy=proxy.url(USERINFO)) as client,
    ):
        with pytest.raises(AuthenticationRequired, match="status 401"):
            await client.search_for_studies()

        assert 1 == len(server.requests)


async def test_a_server_that_is_not_there(proxy: Tinyproxy) -> None:
    """In a tunnel the proxy is known to have said so."""
    async with Client("https://127.0.0.1:1", proxy=proxy.url(USERINFO), retry=ONCE) as client:
        with pytest.raises(ProxyError, match="the proxy does not connect to 127.0.0.1:1") as caught:
            await client.search_for_studies()

    assert 500 == caught.value.status


async def test_a_server_that_is_not_there_by_http(proxy: Tinyproxy) -> None:
    """What it answers otherwise might as well be the server's word."""
    async with Client("http://127.0.0.1:1", proxy=proxy.url(USERINFO), retry=ONCE) as client:
        with pytest.raises(StatusError, match="status 500"):
            await client.search_for_studies()


async def test_a_proxy_that_leads_to_some_ports_only(tmp_path: Path) -> None:
    """Others it refuses."""
    with running_tinyproxy(tmp_path, "ConnectPort 443") as proxy:
        async with Client("https://127.0.0.1:8443", proxy=proxy.url()) as client:
            with pytest.raises(ProxyError, match="does not allow connections to 127.0.0.1:8443"):
                await client.search_for_studies()


async def test_trust_reaches_through_the_tunnel(proxy: Tinyproxy, tmp_path: Path) -> None:
    """It is the server that is verified; the proxy sees nothing of what passes."""
    async with (
        serving(tmp_path / "archive", tls=True) as server,
        Client(server.url, proxy=proxy.url(USERINFO)) as client,
    ):
        with pytest.raises(TlsError, match="its authority is not known here") as caught:
            await client.search_for_studies()

    assert server.url.startswith(caught.value.origin)
