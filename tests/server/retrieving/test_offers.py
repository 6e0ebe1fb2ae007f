from __future__ import annotations

from aiodicomweb.http import URL, Headers, MediaType, Request
from aiodicomweb.server.retrieving.offers import (
    OCTETS,
    Offer,
    asked_for,
    choose,
    in_syntax,
    offers_of,
    refusal_of,
)
from aiodicomweb.services.wado import RetrieveRequest

BASE = URL.parse("http://archive.example/s")
JPEG = in_syntax(MediaType("image", "jpeg"), "1.2.840.10008.1.2.4.50")


def frame(accept: str) -> RetrieveRequest:
    """A request for a frame."""
    url = BASE.child("studies", "1", "series", "2", "instances", "3", "frames", "1")
    return RetrieveRequest.from_http(Request("GET", url, Headers({"Accept": accept})))


def test_one_item_is_offered_alone_too() -> None:
    """Several are offered in parts only."""
    several, alone = offers_of(JPEG, is_one=True)

    assert [several] == offers_of(JPEG, is_one=False)
    assert (False, True) == (several.is_single, alone.is_single)
    assert (JPEG, JPEG) == (several.given, alone.given)
    assert "image/jpeg" == several.asked.parameter("type")


def test_what_is_asked_for_need_not_be_what_is_given() -> None:
    """Octets in any transfer syntax may be a JPEG; octets are not."""
    offers = offers_of(JPEG, is_one=True, asked=in_syntax(OCTETS, "*"))

    found = choose(frame("application/octet-stream; transfer-syntax=*"), offers)

    assert found is not None
    assert (JPEG, True) == (found.given, found.is_single)
    assert choose(frame("application/octet-stream"), offers) is None


def test_the_default_is_what_anything_stands_for() -> None:
    """Of several offers."""
    first, second = Offer(JPEG, JPEG), Offer(OCTETS, OCTETS)

    assert second == choose(frame("*/*"), [first, second], second)
    assert first == choose(frame("*/*"), [first, second])


def test_a_refusal_tells_what_was_asked_for_and_what_there_is() -> None:
    """In one line."""
    text = refusal_of(frame("text/html, image/png;q=0.5"), "it is", offers_of(JPEG, is_one=True))

    assert (
        "asked for: text/html, image/png; q=0.5; it is multipart/related; "
        'type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'
        " or image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"
    ) == text


def test_the_clients_own_words_are_short_and_plain() -> None:
    """Whatever it sends, also as a parameter of the URL."""
    long = frame(", ".join(["image/png"] * 200))
    url = BASE.child("studies", "1", "series", "2", "instances", "3", "frames", "1")
    odd = Request("GET", URL.parse(f"{url}?accept=text/html%3Ba=%22%0D%0Ax%C3%A9%22"))

    assert 300 > len(asked_for(long))
    assert "text/html" in asked_for(RetrieveRequest.from_http(odd))
    assert asked_for(RetrieveRequest.from_http(odd)).isprintable()
