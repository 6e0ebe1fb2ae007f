from __future__ import annotations

from aiodicomweb.http import URL, Headers, MediaType, Request
from aiodicomweb.server.retrieving.offers import OCTETS, Offer, choose, in_syntax, offers_of
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
