"""Which proxy leads to which origin: what callers and environments say."""

from __future__ import annotations

import pickle
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import ConfigurationError
from aiodicomweb.http import NoProxy, Origin, Proxies, Proxy

PACS = Origin("https", "pacs.example.org", 443)
PLAIN = Origin("http", "pacs.example.org", 80)


def found(environment: dict[str, str], origin: Origin = PACS) -> str | None:
    """Where the proxy for an origin is."""
    proxy = Proxies.from_environment(environment).find(origin)
    return None if proxy is None else str(proxy)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128"),
        ("HTTP://Proxy.Example", "http://proxy.example:80"),
        ("https://proxy", "https://proxy:443"),
        ("proxy:3128", "http://proxy:3128"),
        (" proxy ", "http://proxy:80"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_where_a_proxy_is(text: str, origin: str) -> None:
    """As its URL says; without a scheme it is one of http."""
    assert origin == str(Proxy.parse(text))
    assert Proxy.parse(text).authorization is None


@pytest.mark.parametrize(
    ("userinfo", "credentials"),
    [
        ("user:word", "user:word"),
        ("user", "user:"),
        ("us%40er:p%3Aw%2F", "us@er:p:w/"),
        ("m%C3%BCller:w", "müller:w"),
        (":", ":"),
    ],
)
def test_credentials_are_those_of_the_url(userinfo: str, credentials: str) -> None:
    """Percent-encoded there, Basic authentication towards the proxy (RFC 7617 §2)."""
    proxy = Proxy.parse(f"http://{userinfo}@proxy:3128")

    scheme, _, token = (proxy.authorization or "").partition(" ")
    assert ("Basic", credentials) == (scheme, b64decode(token).decode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "socks5://user:swordfish@proxy:1080",
        "http://user:swordfish@proxy:99999",
        "http://us%3Aer:swordfish@proxy",
        "http://user:sword fish@proxy",
        "http://user:swordfish@pro\nxy",
        "/swordfish",
    ],
)
def test_what_is_no_proxy(text: str) -> None:
    """A mistake in the settings, told without quoting it: it may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        Proxy.parse(text)

    assert "fish" not in f"{caught.value}{caught.value!r}"
    assert caught.value.__cause__ is None


def test_credentials_are_not_shown() -> None:
    """Neither by str nor by repr, of the proxy or of what holds it."""
    proxies = Proxies.configured("http://user:swordfish@proxy:3128", {})
    proxy = proxies.find(PACS)

    assert proxy is not None
    assert proxy.authorization is not None
    for text in (f"{proxy}", f"{proxy!r}", f"{proxies}", f"{proxies!r}"):
        assert "proxy:3128" in text
        assert "swordfish" not in text
        assert "user" not in text
        assert proxy.authorization.split()[1] not in text


def test_what_the_caller_says_counts_alone() -> None:
    """A URL leads everywhere, also where the environment says otherwise."""
    environment = {"https_proxy": "http://other:1", "NO_PROXY": "*"}
    proxies = Proxies.configured("http://proxy:3128", environment)
    loopback = Origin("http", "127.0.0.1", 8042)

    assert ["http://proxy:3128"] * 3 == [str(proxies.find(o)) for o in (PACS, PLAIN, loopback)]
    assert Proxies.configured("direct", environment).find(PACS) is None


def test_without_a_word_the_environment_counts() -> None:
    """And without an environment nothing."""
    assert "http://other:1" == str(Proxies.configured(None, {"https_proxy": "other:1"}).find(PACS))
    assert Proxies.configured(None, {}).find(PACS) is None


@pytest.mark.parametrize(
    ("environment", "https", "http"),
    [
        ({"HTTPS_PROXY": "a:1"}, "http://a:1", None),
        ({"https_proxy": "a:1"}, "http://a:1", None),
        ({"HTTP_PROXY": "a:1"}, None, "http://a:1"),
        ({"ALL_PROXY": "a:1"}, "http://a:1", "http://a:1"),
        ({"all_proxy": "a:1", "HTTP_PROXY": "b:2"}, "http://a:1", "http://b:2"),
        ({"https_proxy": "a:1", "HTTPS_PROXY": "b:2"}, "http://a:1", None),
        ({"https_proxy": "", "HTTPS_PROXY": "b:2", "ALL_PROXY": "c:3"}, None, "http://c:3"),
        ({"HTTPS_PROXY": "  "}, None, None),
        # A header field "Proxy" of a request to a CGI program must not choose its proxy.
        ({"HTTP_PROXY": "a:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"http_proxy": "a:1", "REQUEST_METHOD": "GET"}, None, "http://a:1"),
        ({"HTTPS_PROXY": "a:1", "REQUEST_METHOD": "GET"}, "http://a:1", None),
        ({"ALL_PROXY": "socks5://a", "HTTPS_PROXY": "a:1", "HTTP_PROXY": ""}, "http://a:1", None),
    ],
)
def test_variables(environment: dict[str, str], https: str | None, http: str | None) -> None:
    """Lower case before upper, the scheme's own before ALL_PROXY; empty is none."""
    assert (https, http) == (found(environment), found(environment, PLAIN))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"])
def test_a_bad_variable_is_named(name: str) -> None:
    """But not its value."""
    with pytest.raises(ConfigurationError, match=f"{name} in the environment") as caught:
        found({name.lower(): "socks5://user:swordfish@proxy"})

    assert 'proxy="direct"' in caught.value.hint
    assert "swordfish" not in str(caught.value)
    assert "swordfish" not in str(pickle.loads(pickle.dumps(caught.value)))


@pytest.mark.parametrize(
    ("text", "origin", "direct"),
    [
        ("", "http://pacs.example.org", False),
        ("*", "http://pacs.example.org", True),
        ("example.org", "http://pacs.example.org", True),
        (".example.org", "http://pacs.example.org", True),
        ("*.example.org", "http://pacs.example.org", True),
        ("Example.ORG.", "http://pacs.example.org", True),
        ("example.org", "http://pacs.example.org.", True),
        ("pacs.example.org", "http://pacs.example.org", True),
        ("example.org", "http://badexample.org", False),
        ("pacs.example.org", "http://example.org", False),
        (".", "http://pacs.example.org", False),
        (" a, b  pacs.example.org,", "https://pacs.example.org", True),
        ("example.org:8042", "http://pacs.example.org:8042", True),
        ("example.org:8042", "http://pacs.example.org", False),
        ("example.org:443", "https://pacs.example.org", True),
        ("192.0.2.7", "http://192.0.2.7", True),
        ("192.0.2.7", "http://192.0.2.70", False),
        ("192.0.2.7:80", "http://192.0.2.7", True),
        ("192.0.2.7:80", "https://192.0.2.7", False),
        ("192.0.2.0/24", "http://192.0.2.200", True),
        ("192.0.2.9/24", "http://192.0.2.200", True),
        ("192.0.2.0/24", "http://192.0.3.1", False),
        ("192.0.2.0/24", "http://[2001:db8::7]", False),
        ("2001:db8::/32", "http://[2001:db8::7]", True),
        ("2001:db8::7", "http://[2001:db8:0::7]", True),
        ("[2001:db8::7]:8042", "http://[2001:db8::7]:8042", True),
        ("[2001:db8::7]:8042", "http://[2001:db8::7]", False),
        ("[2001:db8::]/32", "http://[2001:db8::7]", True),
        ("[2001:db8::]/32:8042", "http://[2001:db8::7]:8042", True),
        ("[2001:db8::]/32:8042", "http://[2001:db8::7]", False),
        ("[2001:db8::]/999", "http://[2001:db8::7]", False),
        ("192.0.2.0/24:8042", "http://192.0.2.7:8042", True),
        ("192.0.2.0/24", "http://[::ffff:192.0.2.7]", True),
        ("::ffff:192.0.2.7", "http://192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "http://192.0.2.7", True),
        ("::/0", "http://192.0.2.7", False),
        ("192.168.*", "http://192.168.1.1", False),
        ("klinik-m\u00fcnchen.example", "http://pacs.xn--klinik-mnchen-3ob.example", True),
        ("xn--klinik-mnchen-3ob.example", "http://xn--klinik-mnchen-3ob.example", True),
        ("*.KLINIK-M\u00dcNCHEN.example:80", "http://xn--klinik-mnchen-3ob.example", True),
        ("m\u00fcnchen..example", "http://example", False),
        ("7", "http://192.0.2.7", False),
        ("0.2.7", "http://192.0.2.7", False),
        ("example.org/24", "http://pacs.example.org", False),
        ("[]", "http://pacs.example.org", False),
        ("", "http://localhost:8042", True),
        ("", "http://orthanc.localhost", True),
        ("", "http://127.0.0.2:8042", True),
        ("", "http://[::1]", True),
        ("", "http://[::ffff:127.0.0.1]", True),
        ("", "http://notlocalhost", False),
    ],
)
def test_what_is_asked_directly(text: str, origin: str, *, direct: bool) -> None:
    """Hosts, domains, addresses and networks, with a port or any; and this machine."""
    environment = {"ALL_PROXY": "proxy:3128", "NO_PROXY": text}

    assert direct == (found(environment, Proxy.parse(origin).origin) is None)


@given(st.text(max_size=40), st.sampled_from([PACS, Origin("http", "192.0.2.7", 80)]))
def test_any_text_is_a_list_of_exceptions(text: str, origin: Origin) -> None:
    """What can't be understood covers nothing, and raises nothing."""
    assert NoProxy.parse(text).covers(origin) in {True, False}


@given(st.text(max_size=60))
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    """Nothing but errors of ours."""
    try:
        proxy = Proxy.parse(text)
    except ConfigurationError:
        return
    assert proxy.origin.host
