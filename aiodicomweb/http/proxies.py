"""Which proxy leads to an origin: what a caller or the environment says, read without I/O.

A proxy carries ``http`` by being asked for whole URLs, and ``https`` through a tunnel that it opens
when asked to ``CONNECT`` (RFC 9112 §3.2.2, RFC 9110 §9.3.6).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from ..errors import ConfigurationError, ProtocolError
from .url import URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .url import Origin

__all__ = ["DIRECT", "NoProxy", "Proxies", "Proxy"]

DIRECT = "direct"
"""What stands for no proxy where the URL of one is expected."""

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

_EXCEPTION = re.compile(
    r"(?:\[(?P<six>[^\[\]]*)\](?P<bits>/[0-9]{1,3})?|(?P<host>[^:\[\]]*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_MAPPED = IPv6Network("::ffff:0:0/96")
"""IPv4 addresses that are written as ones of IPv6, and mean the same (RFC 4291 §2.5.5.2)."""


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """A proxy. Holds credentials, which neither ``str`` nor ``repr`` shows.

    Attributes:
        origin: Where it is; ``https`` means TLS on the way to it.
        authorization: The value of ``Proxy-Authorization`` (RFC 9110 §11.7.2), if it wants one.
    """

    origin: Origin
    authorization: str | None = None

    @classmethod
    def parse(cls, text: str) -> Proxy:
        """Read the URL of a proxy, such as ``http://user:password@proxy.example:3128``.

        User and password are percent-encoded in it. A URL without a scheme is one of ``http``,
        and what stands behind the port does not count.

        Raises:
            ConfigurationError: It is not the URL of a proxy; the text shows nothing of it.
        """
        text = text.strip()
        try:
            url = URL.parse(text if "://" in text else f"http://{text}")
            if url.scheme not in ("http", "https"):
                raise ConfigurationError(
                    "only proxies of http:// and https:// are spoken to, not of SOCKS or others"
                )
            return cls(url.without_userinfo().origin, _basic(url.userinfo))
        except ProtocolError:
            # Not told why: that would quote the URL, and so a password.
            raise ConfigurationError(
                "not the URL of a proxy", hint="such as http://user:password@proxy.example:3128"
            ) from None

    def __str__(self) -> str:
        """Scheme, host and port."""
        return str(self.origin)

    def __repr__(self) -> str:
        """Without the credentials."""
        return f"<Proxy {self}>"


def _basic(userinfo: str | None) -> str | None:
    """Credentials of Basic authentication (RFC 7617 §2)."""
    if userinfo is None:
        return None
    user, _, password = userinfo.partition(":")
    user, password = unquote(user), unquote(password)
    if ":" in user:
        raise ConfigurationError("a proxy's user name cannot hold a colon")
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class NoProxy:
    """The origins that are asked directly although there is a proxy.

    This machine itself (``localhost``, 127.0.0.0/8, ``::1``) is always one of them: a proxy would
    look for it on its own.

    Attributes:
        everything: Whether all are.
        domains: Names of hosts, in lower case, each with those below it and with its port, if
            only that one is meant.
        networks: The same for addresses, where hosts are given as such; names are not looked up.
    """

    everything: bool = False
    domains: tuple[tuple[str, int | None], ...] = ()
    networks: tuple[tuple[_Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> NoProxy:
        """Read ``NO_PROXY``: entries that are separated by commas or spaces.

        ``*`` is everything. ``example.org``, ``.example.org`` and ``*.example.org`` are that
        domain and what is below it, in any script. ``192.0.2.7``, ``192.0.2.0/24`` and
        ``[2001:db8::]/32`` are addresses. Each may have a port: ``example.org:8042``,
        ``[2001:db8::7]:8042``. What is none of these, such as ``192.168.*``, covers nothing.
        """
        entries = text.replace(",", " ").split()
        domains: list[tuple[str, int | None]] = []
        networks: list[tuple[_Network, int | None]] = []
        for entry in entries:
            host, port = _split_port(entry)
            network = _network(host)
            if network is not None:
                networks.append((network, port))
            else:
                domains.append((_domain(host), port))
        return cls("*" in entries, tuple(domains), tuple(networks))

    def covers(self, origin: Origin) -> bool:
        """Whether an origin is asked directly."""
        address = _address(origin.host)
        if self.everything or _is_this_machine(origin.host, address):
            return True
        if address is not None:
            return any(
                address in network for network, port in self.networks if port in (None, origin.port)
            )
        name = f".{origin.host.rstrip('.')}"
        return any(
            name.endswith(f".{domain}")
            for domain, port in self.domains
            if domain and port in (None, origin.port)
        )


def _split_port(entry: str) -> tuple[str, int | None]:
    match = _EXCEPTION.fullmatch(entry)
    if match is None:  # an IPv6 address without brackets
        return entry, None
    port = match["port"]
    host = match["host"] or (match["six"] or "") + (match["bits"] or "")
    return host, int(port) if port else None


def _domain(text: str) -> str:
    """A domain as URLs have it; empty if it can't be one (RFC 5890 §2.3.2.1)."""
    domain = text.lower().removeprefix("*").strip(".")
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _network(text: str) -> _Network | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return ip_network((network.network_address.packed[-4:], network.prefixlen - 96))
    return network


def _address(host: str) -> _Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_this_machine(host: str, address: _Address | None) -> bool:
    if address is not None:
        return address.is_loopback
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Which proxy leads to which origin; without arguments, none to any.

    Attributes:
        http: The proxy for ``http`` origins.
        https: The proxy for ``https`` origins.
        exceptions: Origins that are asked directly all the same.
    """

    http: Proxy | None = None
    https: Proxy | None = None
    exceptions: NoProxy | None = None

    @classmethod
    def configured(cls, proxy: str | None, environment: Mapping[str, str]) -> Proxies:
        """What a caller says, or else the environment.

        Args:
            proxy: The URL of a proxy for everything; ``direct`` for none; ``None`` to go by the
                environment, which does not count otherwise.
            environment: Variables of the process.

        Raises:
            ConfigurationError: That is not the URL of a proxy.
        """
        if proxy is None:
            return cls.from_environment(environment)
        if proxy == DIRECT:
            return cls()
        one = Proxy.parse(proxy)
        return cls(http=one, https=one)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Proxies:
        """Read ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

        In lower or upper case; lower counts where both are set, and an empty value is none. In a
        CGI process ``HTTP_PROXY`` is a field of the request that somebody sent, ``Proxy``, and
        does not count ("httpoxy").

        Raises:
            ConfigurationError: A variable is not the URL of a proxy; the text names it.
        """
        exceptions = _variable(environment, "NO_PROXY") or ""
        return cls(
            http=_proxy_for("HTTP_PROXY", environment),
            https=_proxy_for("HTTPS_PROXY", environment),
            exceptions=NoProxy.parse(exceptions),
        )

    def find(self, origin: Origin) -> Proxy | None:
        """The proxy that leads to an origin; ``None`` to go there directly."""
        if self.exceptions is not None and self.exceptions.covers(origin):
            return None
        return self.https if origin.scheme == "https" else self.http


def _proxy_for(name: str, environment: Mapping[str, str]) -> Proxy | None:
    value = _variable(environment, name)
    if value is None:
        name, value = "ALL_PROXY", _variable(environment, "ALL_PROXY")
    if not value or not value.strip():
        return None
    try:
        return Proxy.parse(value)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{name} in the environment: {error.message}",
            hint=f'proxy="{DIRECT}" goes without a proxy, proxy="http://host:port" through another',
        ) from None


def _variable(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name.lower())
    if value is None and not (name == "HTTP_PROXY" and "REQUEST_METHOD" in environment):
        value = environment.get(name)
    return value
