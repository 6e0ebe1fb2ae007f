from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.http import URL
from aiodicomweb.server.retrieving.bulk_values import bulk_data_uri, parse_bulkdata_path
from aiodicomweb.services import Selector

from ...support.dicom_files import sample
from ...support.fake_archive import BASE, holding_of

TAGS = st.integers(0, 0xFFFFFFFF)


@given(TAGS, st.lists(st.tuples(st.integers(1, 999_999), TAGS), max_size=6))
def test_a_url_leads_back_to_its_value(tag: int, below: list[tuple[int, int]]) -> None:
    """Instance, tags and item numbers."""
    holding = holding_of(sample("CT_small.dcm"))
    path = (tag, *(number for pair in below for number in pair))

    uri = URL.parse(bulk_data_uri(BASE, holding, path))

    selector = Selector(holding.study, holding.series, holding.instance)
    assert (selector, path) == parse_bulkdata_path(uri.path, BASE.path)


@pytest.mark.parametrize(
    ("path", "frames"),
    [
        ("/s/studies/1/series/2/instances/3/bulkdata/7FE00010/frames/1,2", (1, 2)),
        ("/s/studies/1/series/2/instances/3/bulkdata/7fe00010", None),
    ],
)
def test_frames_have_urls_below_pixel_data(path: str, frames: tuple[int, ...] | None) -> None:
    """As the parts of an answer name them (RET-58)."""
    assert (Selector("1", "2", "3", frames), (0x7FE00010,)) == parse_bulkdata_path(path, "/s/")


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1/series/2/instances/3/bulkdata/7FE00010",
        "/s/studies/1/series/2/instances/3/bulkdata",
        "/s/studies/1/series/2/instances/3/bulkdata/",
        "/s/studies/1/series/2/instances/3/bulkdata/7FE0001",
        "/s/studies/1/series/2/instances/3/bulkdata/PixelData",
        "/s/studies/1/series/2/instances/3/bulkdata/00081140/0/00081150",
        "/s/studies/1/series/2/instances/3/bulkdata/00081140/1",
        "/s/studies/1/series/2/instances/3/bulkdata/00081140/1/",
        "/s/studies/1/series/2/instances/3/bulkdata/00081140/frames/1",
        "/s/studies/1/series/2/instances/3/bulkdata/7FE00010/frames/x",
        "/s/studies/../series/2/instances/3/bulkdata/7FE00010",
        "/s/studies/%2e%2e/series/2/instances/3/bulkdata/7FE00010",
        "/s/studies/1/series/a%2Fb/instances/3/bulkdata/7FE00010",
        "/s/studies/1/series/2/instances/3/bulkdata/" + "00081140/1/" * 65 + "7FE00010",
    ],
)
def test_other_paths_are_none(path: str) -> None:
    """Neither those of other resources nor tricks with dots and slashes."""
    assert parse_bulkdata_path(path, "/s") is None
