"""Where the services are."""

from __future__ import annotations

import pytest

from ...support.messages import dicom_file, json_response
from ...support.serving import serving


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
