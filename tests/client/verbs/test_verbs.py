"""Where the services are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb import Client, ConfigurationError

from ...support.messages import dicom_file, json_response
from ...support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("prefixes", "targets"),
    [
        ({}, ["/studies", "/studies/1.2/metadata", "/studies"]),
        (
            {"qido_url_prefix": "qido", "wado_url_prefix": "/wado/rs/", "stow_url_prefix": "stow"},
            ["/qido/studies", "/wado/rs/studies/1.2/metadata", "/stow/studies"],
        ),
    ],
)
async def test_each_service_has_its_place(prefixes: dict[str, str], targets: list[str]) -> None:
    """Prefixes are paths below the URL."""
    empty = json_response([])
    async with serving(empty, empty, empty, **prefixes) as (client, peer):
        await client.search_for_studies()
        await client.retrieve_study_metadata("1.2")
        await client.store_instances(dicom_file())

        assert targets == [request.target for request in peer.requests]


VERBS: list[Callable[[Client, Any], object]] = [
    lambda client, headers: client.search_for_studies(headers=headers),
    lambda client, headers: client.search_for_series(headers=headers),
    lambda client, headers: client.search_for_instances(headers=headers),
    lambda client, headers: client.retrieve_study("1.2", headers=headers),
    lambda client, headers: client.store_instances(dicom_file(), headers=headers),
    lambda client, headers: client.delete_study("1.2", headers=headers),
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X-Key": 5}, "field 'X-Key' must be text, not an int"),
        ({"X-Key": "secret\n"}, "X-Key holds a control"),
        (5, "headers can't be an int"),
    ],
)
async def test_header_fields_are_text(
    verb: Callable[[Client, Any], object], headers: Any, told: str
) -> None:
    """Those of a call as those of a client; what they hold isn't shown."""
    async with Client("http://pacs") as client:
        with pytest.raises(ConfigurationError, match=told) as caught:
            verb(client, headers)

    assert "secret" not in str(caught.value)
