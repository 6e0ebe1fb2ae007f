"""Pages of other origins (Fetch Standard §3.2)."""

from __future__ import annotations

import pytest

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.server.access import BearerAccess
from aiodicomweb.server.cors import Cors
from aiodicomweb.server.origin import Origin

from ..support.asking import Asking, PlainArchive

VIEWER = "https://viewer.example"
PREFLIGHT = {
    "Origin": VIEWER,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization,range",
}
ANY = Cors()
LISTED = Cors(("https://other.example", VIEWER))


def asking(cors: Cors | None, *, access: BearerAccess | None = None) -> Asking:
    """A server for these pages."""
    return Asking(Origin(PlainArchive(), cors=cors, access=access))


@pytest.mark.parametrize("cors", [ANY, LISTED])
@pytest.mark.parametrize("path", ["/studies", "/studies/1.2/metadata"])
async def test_a_browser_may_ask_first(cors: Cors, path: str) -> None:
    """What viewers send is allowed, without credentials for the question itself."""
    response = await asking(cors, access=BearerAccess(["x"]))("OPTIONS", path, PREFLIGHT)

    assert (204, b"") == (response.status, response.body)
    allowed = response.headers.tokens("Access-Control-Allow-Headers")
    assert {"accept", "authorization", "content-type", "if-none-match", "range"} <= set(allowed)
    assert {"traceparent", "tracestate"} <= set(allowed), "of pages that are traced"
    methods = response.headers.tokens("Access-Control-Allow-Methods")
    assert {"get", "head", "post", "delete"} <= set(methods)
    assert "7200" == response.headers["Access-Control-Max-Age"]
    assert (VIEWER if cors is LISTED else "*") == response.headers["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("cors", [ANY, LISTED])
async def test_answers_can_be_read(cors: Cors) -> None:
    """With the fields that a viewer needs; and images may be embedded."""
    response = await asking(cors)("GET", "/studies", {"Origin": VIEWER})

    assert 200 == response.status
    exposed = response.headers.tokens("Access-Control-Expose-Headers")
    assert {"content-type", "content-range", "etag", "warning"} <= set(exposed)
    assert "cross-origin" == response.headers["Cross-Origin-Resource-Policy"]


async def test_refusals_can_be_read() -> None:
    """A viewer that has to log in must see that."""
    ask = asking(LISTED, access=BearerAccess(["x"]))
    response = await ask("GET", "/studies", {"Origin": VIEWER})

    assert (401, VIEWER) == (response.status, response.headers["Access-Control-Allow-Origin"])


async def test_any_page_may_not_send_what_the_browser_keeps() -> None:
    """Credentials, and the way into a private network, are for pages that are named."""
    headers = {**PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    for cors, expected in [(ANY, None), (LISTED, "true")]:
        response = await asking(cors)("OPTIONS", "/studies", headers)

        assert expected == response.headers.get("Access-Control-Allow-Credentials")
        assert expected == response.headers.get("Access-Control-Allow-Private-Network")


async def test_a_private_network_is_not_spoken_of_unasked() -> None:
    """The field answers a question."""
    response = await asking(LISTED)("OPTIONS", "/studies", PREFLIGHT)

    assert "Access-Control-Allow-Private-Network" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "https://viewer.example.evil", "null"])
async def test_other_pages_are_not_let_in(origin: str) -> None:
    """Neither the question nor the answer names their origin."""
    ask = asking(LISTED)
    question = await ask("OPTIONS", "/studies", {**PREFLIGHT, "Origin": origin})
    answer = await ask("GET", "/studies", {"Origin": origin})

    assert (403, 200) == (question.status, answer.status)
    for response in (question, answer):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Access-Control-Expose-Headers" not in response.headers


async def test_caches_are_told() -> None:
    """Where the answer depends on the page, caches must know, whoever asks."""
    assert ["origin"] == (await asking(LISTED)("GET", "/studies")).headers.tokens("Vary")
    assert "Vary" not in (await asking(ANY)("GET", "/studies")).headers


async def test_without_pages_nothing_is_said() -> None:
    """Then a browser's question is one for the methods of the resource."""
    response = await asking(None)("OPTIONS", "/studies", PREFLIGHT)

    assert (204, "GET, HEAD, POST, OPTIONS") == (response.status, response.headers["Allow"])
    assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_options_is_not_always_a_preflight() -> None:
    """Without ``Access-Control-Request-Method`` it asks for capabilities (CAP-05)."""
    response = await asking(ANY)("OPTIONS", "/", {"Origin": VIEWER})

    assert (200, "*") == (response.status, response.headers["Access-Control-Allow-Origin"])


@pytest.mark.parametrize(
    ("written", "given"),
    [("https://a.example", "https://A.example/"), ("http://[::1]:3000", "http://[::1]:3000")],
)
def test_origins_are_written_as_browsers_do(written: str, given: str) -> None:
    """In lower case and without a slash (RFC 6454 §6.2)."""
    assert (written,) == Cors((given,)).origins


@pytest.mark.parametrize(
    "text", ["", "*", "viewer.example", "https://", "https://a.example/x", "https://a b"]
)
def test_what_is_no_origin(text: str) -> None:
    """Paths and wildcards are not."""
    with pytest.raises(ConfigurationError):
        Cors((text,))
