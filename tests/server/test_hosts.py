"""By which names a server may be asked for."""

from __future__ import annotations

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.http import URL, Request
from aiodicomweb.server.hosts import Hosts

EVIL = "evil.example"


def admits(hosts: Hosts, authority: str, listening: str = "127.0.0.1") -> bool:
    """Whether a request for this host is let pass."""
    refused = hosts.check(Request("GET", URL("http", authority, "/studies")), listening)
    assert refused is None or 421 == refused.head.status
    return refused is None


@pytest.mark.parametrize("listening", ["127.0.0.1", "127.0.0.2", "::1"])
@pytest.mark.parametrize(
    ("expected", "authority"),
    [
        (True, "127.0.0.1:8080"),
        (True, "127.0.0.1"),  # dicomweb-client forgets the port
        (True, "127.0.0.1:9999"),  # through a proxy of tests, or a tunnel
        (True, "localhost:8080"),
        (True, "LocalHost.:8080"),
        (True, "[::1]:8080"),
        (True, "[0:0::0:1]"),
        (False, EVIL),
        (False, f"{EVIL}:8080"),
        (False, "localhost.evil.example"),
        (False, "127.0.0.1.evil.example"),
        (False, "10.0.0.1"),
        (False, "0.0.0.0"),
        (False, ""),
    ],
)
def test_who_listens_on_loopback_is_local(expected: bool, authority: str, listening: str) -> None:
    """A name of somebody else may mean this machine by now (DNS rebinding)."""
    assert expected is admits(Hosts(listening), authority, listening)


@pytest.mark.parametrize("authority", [EVIL, "10.0.0.1:80", "localhost"])
@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "10.0.0.1"])
def test_others_have_any_name(authority: str, listening: str) -> None:
    """Who can be reached by others cannot know what they call it."""
    assert admits(Hosts(listening), authority, listening)


def test_the_name_to_listen_on_is_one() -> None:
    """What stands for a loopback address in this machine's own files."""
    assert admits(Hosts("Workstation"), "workstation:8080")
    assert not admits(Hosts("workstation"), "workstation.example")


@pytest.mark.parametrize("listening", ["127.0.0.1", "10.0.0.1"])
@pytest.mark.parametrize(
    ("expected", "authority"),
    [
        (True, "pacs.example"),
        (True, "PACS.example.:8443"),
        (True, "[fd00::1]:80"),
        (True, "localhost"),
        (False, EVIL),
        (False, "x.pacs.example"),
    ],
)
def test_names_that_are_allowed(expected: bool, authority: str, listening: str) -> None:
    """Those of a gateway; and then no others, wherever is listened."""
    hosts = Hosts(listening, ["Pacs.Example", "FD00:0::1", "[::2]"])

    assert expected is admits(hosts, authority, listening)
    assert admits(hosts, listening, listening)


def test_one_name_is_one() -> None:
    """And not its letters."""
    assert admits(Hosts("127.0.0.1", "pacs.example"), "pacs.example")


@pytest.mark.parametrize("name", ["", "a:80", "[::1]:80", "http://a", "a/b", "a b", "u@a", "*"])
def test_what_is_no_name(name: str) -> None:
    """Neither URLs, nor ports, nor wildcards."""
    with pytest.raises(ConfigurationError):
        Hosts("127.0.0.1", [name])


def test_the_refusal_helps_people() -> None:
    """It names the setting, and not what was asked for."""
    refused = Hosts("::1").check(Request("GET", URL("http", EVIL, "/")), "::1")

    assert refused is not None
    (text,) = refused.body
    assert b"allowed_hosts" in text  # type: ignore[operator]
    assert b"--allow-host" in text  # type: ignore[operator]
    assert b"evil" not in text  # type: ignore[operator]
