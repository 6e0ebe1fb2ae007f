"""What listens for secrets hears them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from aiodicomweb.client.observe import Observer
from aiodicomweb.http import URL, Request

from ..client.test_privacy import SECRETS as PRIVATE
from .discretion import SECRETS, Detector
from .messages import json_response
from .serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listening() -> Iterator[Detector]:
    """A detector of this test's own, whose secret is that of no other."""
    with Detector(["Mustermann"]).listening() as own:
        yield own


@pytest.mark.parametrize("name", ["aiodicomweb", "aiodicomweb.client", "aiodicomweb.access"])
def test_records_are_heard(listening: Detector, name: str) -> None:
    """Of all loggers of ours, with their arguments filled in."""
    logging.getLogger(name).error("studies of %s", "Mustermann")

    assert [f"{name}: studies of Mustermann"] == listening.take()
    assert [] == listening.take()


def test_tracebacks_are_heard(listening: Detector) -> None:
    """The text of an error that is logged with a record counts."""
    error = ValueError("Mustermann")
    logging.getLogger("aiodicomweb.client").error("failed", exc_info=error)

    (found,) = listening.take()
    assert "ValueError: Mustermann" in found


def test_events_are_heard() -> None:
    """What an event shows counts, and so does its URL."""
    own = Detector(["Mustermann"])
    request = Request("GET", URL.parse("http://pacs/Mustermann/studies"))
    watch = Observer(own.hook).watch(request, 1)
    assert watch is not None
    watch.begin(request)

    (found,) = own.take()
    assert "http://pacs/Mustermann/studies" in found


def test_what_is_harmless_passes(listening: Detector) -> None:
    """A record without a secret is heard, and not found."""
    logging.getLogger("aiodicomweb.client").error("studies of %s", "somebody")

    assert (1, []) == (listening.heard, listening.take())


def test_a_test_that_shows_a_secret_fails(listening: Detector) -> None:
    """Whatever else it is about; what was said before it does not count."""
    log = logging.getLogger("aiodicomweb.client")
    log.error("Mustermann")
    with listening.watching():
        log.error("harmless")

    with pytest.raises(AssertionError), listening.watching():
        log.error("Mustermann")


async def test_every_client_of_the_suite_is_heard(detector: Detector) -> None:
    """The run's detector gets the events and records of a client that knows nothing of it."""
    before = detector.heard
    async with serving(json_response([])) as (client, _):
        await client.search_for_studies()

    records = ["connected", "finished", "closed"]
    events = ["started", "head", "finished"]
    assert len(records) + len(events) == detector.heard - before


def test_the_secrets_are_those_of_the_privacy_tests() -> None:
    """What those mark as secret is listened for everywhere."""
    assert set() == set(PRIVATE) - set(SECRETS)
