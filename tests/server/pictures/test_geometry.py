from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aiodicomweb.errors import RemoteProtocolError
from aiodicomweb.server.pictures.geometry import Region, fit, region_of, size_within
from aiodicomweb.services.rendering import Viewport

PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40


def fitted(*viewport: float) -> list[list[int]]:
    """What a viewport shows of two rows of three pixels."""
    width, height, *region = viewport
    chosen = Viewport(int(width), int(height), *region)
    found: list[list[int]] = np.asarray(fit(Image.fromarray(PIXELS), chosen)).tolist()
    return found


@pytest.mark.parametrize(
    ("viewport", "expected"),
    [
        ((3, 2), [[0, 40, 80], [120, 160, 200]]),
        ((3, 100), [[0, 40, 80], [120, 160, 200]]),  # as large as fits
        ((1, 1, 1, 1, 1, 1), [[160]]),
        ((2, 2, 1), [[40, 80], [160, 200]]),  # to the right and bottom edges
        ((3, 2, 0, 0, -3, 2), [[80, 40, 0], [200, 160, 120]]),
        ((3, 2, 0, 0, 3, -2), [[120, 160, 200], [0, 40, 80]]),
        ((2, 2, 1, 0, -2, -2), [[200, 160], [80, 40]]),
    ],
)
def test_a_region_is_cut_out_scaled_and_flipped(
    viewport: tuple[float, ...], expected: list[list[int]]
) -> None:
    """In this order (REN-03, REN-05)."""
    assert expected == fitted(*viewport)


@pytest.mark.parametrize(
    ("region", "viewport", "expected"),
    [
        (Region(0, 0, 100, 50), (200, 200), (200, 100)),
        (Region(0, 0, 100, 50), (10, 10), (10, 5)),
        (Region(0, 0, 50, 100), (512, 256), (128, 256)),
        (Region(0, 0, 1000, 1), (10, 10), (10, 1)),
        (Region(0.5, 0.5, 1, 1), (8, 8), (8, 8)),
    ],
)
def test_the_size_is_the_largest_that_fits(
    region: Region, viewport: tuple[int, int], expected: tuple[int, int]
) -> None:
    """With the aspect ratio of the region, and at least one pixel (REN-05)."""
    assert expected == size_within(region, *viewport)


def test_what_reaches_beyond_the_image_is_cut_off() -> None:
    """There is nothing to be shown."""
    assert Region(2, 0, 3, 2) == region_of(Viewport(9, 9, 2, -1, 5, 5), 3, 2)


@pytest.mark.parametrize("region", [(3, 0), (0, 2), (-5, 0, 5, 1), (0, -2, 1, 1)])
def test_a_region_beside_the_image_is_refused(region: tuple[float, ...]) -> None:
    """It shows nothing: a 400."""
    with pytest.raises(RemoteProtocolError) as caught:
        region_of(Viewport(9, 9, *region), 3, 2)

    assert 400 == caught.value.status_hint


def test_an_image_that_would_be_huge_is_refused() -> None:
    """A viewport costs nothing to ask for, an image does (RET-38)."""
    with pytest.raises(RemoteProtocolError) as caught:
        fitted(999_999, 999_999)

    assert 413 == caught.value.status_hint
