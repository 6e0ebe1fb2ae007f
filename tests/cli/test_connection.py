"""The options of the connection: where they may stand, which wins, and what stays secret."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.cli.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path

JSON = "application/dicom+json"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("before", [True, False])
def test_options_stand_before_or_after_the_command(invoke: Any, server: Any, before: bool) -> None:
    """The connection's options work in both places."""
    server.add(204)
    options = ["--url", server.url, "--user", "me", "--password", "se:cret"]
    command = ["search", "studies"]

    outcome = invoke(*(options + command if before else command + options))

    assert (0, "") == (outcome.status, outcome.err)
    assert _basic("me", "se:cret") == server.received[0].headers["authorization"]


def test_environment_is_the_last_resort(
    invoke: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AIODICOMWEB_* serves where no option does; an option before the command wins over it."""
    server.add(204)
    server.add(204)
    monkeypatch.setenv("AIODICOMWEB_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("AIODICOMWEB_TOKEN", "from-environment")

    invoke("--url", server.url, "search", "studies")
    monkeypatch.setenv("AIODICOMWEB_URL", server.url)
    invoke("search", "studies", "--token", "given")

    assert ["Bearer from-environment", "Bearer given"] == [
        request.headers["authorization"] for request in server.received
    ]


def test_later_option_wins(invoke: Any, server: Any) -> None:
    """An option behind the command wins over the same before it."""
    server.add(204)

    outcome = invoke("--url", "http://127.0.0.1:9/", "search", "studies", "--url", server.url)

    assert 0 == outcome.status


@pytest.mark.parametrize("command", [[], ["search", "studies"], ["store"], ["demo"]])
def test_help_shows_no_secret(
    invoke: Any, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The help names the variables, never their values."""
    for name in ("URL", "USER", "PASSWORD", "TOKEN"):
        monkeypatch.setenv(f"AIODICOMWEB_{name}", "hush")

    outcome = invoke(*command, "--help")

    assert "AIODICOMWEB_PASSWORD" in outcome.out
    assert "hush" not in outcome.out + outcome.err


def test_errors_show_no_secret(invoke: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, also those in the URL, and query values stay out of errors."""
    monkeypatch.setenv("AIODICOMWEB_PASSWORD", "hush")

    outcome = invoke(
        "--url", "http://joe:hush@127.0.0.1:9/?key=hush", "--user", "joe",
        "search", "studies", "--filter", "PatientName=hush",
    )  # fmt: skip

    assert 0 != outcome.status
    assert "hush" not in outcome.err


def test_repr_shows_nothing() -> None:
    """A connection holds credentials: its repr is that of any object."""
    assert "hush" not in repr(Connection(url="http://h", token="hush"))


def test_timeout_ends_the_wait(invoke: Any, server: Any) -> None:
    """--timeout bounds the wait for an answer, and the error names the option."""
    server.hang()

    outcome = invoke("--url", server.url, "--timeout", "0.05", "search", "studies")

    assert 1 == outcome.status
    assert "--timeout" in outcome.err
    assert 1 == outcome.err.count("\n")


@pytest.fixture
def tls_server(server: Any, tmp_path: Path) -> tuple[str, Path]:
    """The scripted server behind TLS, and the file of its authority."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server.url.replace("http://", "https://"), tmp_path / "ca.pem"


def test_authority_of_the_file_is_trusted(
    invoke: Any, server: Any, tls_server: tuple[str, Path]
) -> None:
    """--ca trusts the file's certificates."""
    url, authority = tls_server
    server.add(204)

    outcome = invoke("--url", url, "--ca", authority, "search", "studies")

    assert (0, "") == (outcome.status, outcome.err)


def test_insecure_trusts_anyone(invoke: Any, server: Any, tls_server: tuple[str, Path]) -> None:
    """--insecure asks for no proof."""
    server.add(204)

    outcome = invoke("--url", tls_server[0], "--insecure", "search", "studies")

    assert (0, "") == (outcome.status, outcome.err)


def test_unknown_authority_is_refused(invoke: Any, tls_server: tuple[str, Path]) -> None:
    """Without either option an unknown authority is an error in one line."""
    outcome = invoke("--url", tls_server[0], "search", "studies")

    assert 1 == outcome.status
    assert 1 == outcome.err.count("\n")
    assert "certificate" in outcome.err.lower()


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "two files"])
def test_a_certificate_is_shown(
    invoke: Any, server: Any, tls_server: tuple[str, Path], tmp_path: Path, *, apart: bool
) -> None:
    """--cert, and --key, identify us to a server that wants to know."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server.socket.context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(server.socket.context)
    own = authority.issue_cert("client.example")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    own.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    server.add(204)
    options: list[Any] = ["--cert", tmp_path / "own.pem"]
    if apart:
        options += ["--key", tmp_path / "key.pem"]

    outcome = invoke("--url", tls_server[0], "--ca", tls_server[1], *options, "search", "studies")

    assert (0, "") == (outcome.status, outcome.err)


def test_through_a_proxy(invoke: Any, server: Any) -> None:
    """--proxy is asked for the whole URL, with its credentials."""
    server.add(204)
    proxy = server.url.replace("://", "://me:se%3Acret@")

    outcome = invoke("--url", "http://pacs.example/", "--proxy", proxy, "search", "studies")

    assert (0, "") == (outcome.status, outcome.err)
    (request,) = server.received
    assert "http://pacs.example/studies" == request.target
    assert _basic("me", "se:cret") == request.headers["proxy-authorization"]


def test_direct_is_no_proxy(invoke: Any, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """--proxy direct goes without, whatever the environment says."""
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    server.add(204)

    outcome = invoke("--url", server.url, "--proxy", "direct", "search", "studies")

    assert (0, "") == (outcome.status, outcome.err)


def test_a_proxy_that_can_not_be(invoke: Any) -> None:
    """It is wrong usage, and nothing of it is shown."""
    outcome = invoke("--url", "http://h/", "--proxy", "socks5://me:hush@h", "search", "studies")

    assert 2 == outcome.status
    assert "not of SOCKS" in outcome.err
    assert "hush" not in outcome.err


def test_a_proxy_that_refuses(invoke: Any, server: Any) -> None:
    """The hint names the option."""
    server.add(407)

    outcome = invoke("--url", "http://pacs.example/", "--proxy", server.url, "search", "studies")

    assert 1 == outcome.status
    assert "the proxy wants to know who asks" in outcome.err
    assert "--proxy http://user:password@host:port" in outcome.err
