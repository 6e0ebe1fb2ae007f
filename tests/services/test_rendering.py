"""How images are to be rendered."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import ConfigurationError, RemoteProtocolError
from aiodicomweb.http import URL, build_query
from aiodicomweb.services import IccProfile, RenderingOptions, Viewport, VoiFunction, Window

WORKED = [
    ("annotation=patient,technique", RenderingOptions(annotation=("patient", "technique"))),
    ("annotation=x-vendor", RenderingOptions(annotation=("x-vendor",))),
    ("quality=1", RenderingOptions(quality=1)),
    ("quality=100", RenderingOptions(quality=100)),
    ("viewport=1024,1024", RenderingOptions(viewport=Viewport(1024, 1024))),
    (
        "viewport=512,512,,,512,512",
        RenderingOptions(viewport=Viewport(512, 512, source_width=512, source_height=512)),
    ),
    (
        "viewport=64,32,0,1.5,-100,-20",
        RenderingOptions(viewport=Viewport(64, 32, 0, 1.5, -100, -20)),
    ),
    ("viewport=64,32,,7", RenderingOptions(viewport=Viewport(64, 32, source_y=7))),
    ("window=40,400,linear", RenderingOptions(window=Window(40, 400))),
    (
        "window=-0.5,0.25,linear-exact",
        RenderingOptions(window=Window(-0.5, 0.25, VoiFunction.LINEAR_EXACT)),
    ),
    ("window=1e%2B20,1,sigmoid", RenderingOptions(window=Window(1e20, 1, VoiFunction.SIGMOID))),
    ("iccprofile=srgb", RenderingOptions(icc_profile=IccProfile.SRGB)),
    (
        "annotation=patient&quality=90&viewport=5,6&window=1,2,sigmoid&iccprofile=no",
        RenderingOptions(
            ("patient",), 90, Viewport(5, 6), Window(1, 2, VoiFunction.SIGMOID), IccProfile.NO
        ),
    ),
    (None, RenderingOptions()),
]


def read(query: str | None) -> RenderingOptions:
    """What a query asks for."""
    return RenderingOptions.parse(URL.parse("http://h/").with_query(query).parse_query())


@pytest.mark.parametrize(("query", "options"), WORKED)
def test_every_parameter_is_written_and_read(query: str | None, options: RenderingOptions) -> None:
    """The examples of the standard, and each value (REN-01..07)."""
    assert query == build_query(options.parameters())
    assert options == read(query)


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (RenderingOptions(viewport=Viewport(512, 512)), "viewport=512%2C512"),
        (RenderingOptions(viewport=Viewport(512, 512)), "viewport=512,512,,,,"),
        (RenderingOptions(window=Window(40, 400)), "window=%2B40,4.00E2,linear"),
        (RenderingOptions(window=Window(40, 0.5, VoiFunction.SIGMOID)), "window=+40.,.5,sigmoid"),
        (RenderingOptions(annotation=("a", "b")), "annotation=a,%20b"),
        (RenderingOptions(), "charset=utf-8&accept=image/png&Quality=x"),
    ],
)
def test_other_forms_are_read(expected: RenderingOptions, query: str) -> None:
    """Commas that are encoded, numbers in every form, and names that are none of these."""
    assert expected == read(query)


@pytest.mark.parametrize(
    "query",
    [
        "annotation",
        "annotation=",
        "annotation=patient,",
        "annotation=a%20b",
        "quality=0",
        "quality=101",
        "quality=x",
        "quality=5,6",
        "quality=-5",
        "quality=5.0",
        "quality=\u0665".encode("unicode_escape").decode().replace("\\", "%5C"),
        f"quality={'9' * 5000}",
        "quality=5&quality=5",
        "viewport=512",
        "viewport=,512",
        "viewport=0,512",
        "viewport=-512,512",
        "viewport=1.5,512",
        "viewport=1,2,3,4,5,6,7",
        "viewport=1,2,,,0",
        "viewport=1,2,x",
        "viewport=9999999999,1",
        "window=40,400",
        "window=40,400,",
        "window=40,400,LINEAR",
        "window=40,400,cubic",
        "window=40,0,linear",
        "window=40,0.5,linear",
        "window=40,-1,sigmoid",
        "window=nan,1,linear",
        "window=inf,1,linear",
        "window=1e999,1,linear",
        "window=1_0,1,linear",
        "iccprofile=",
        "iccprofile=sRGB",
        "iccprofile=yes,no",
    ],
)
def test_what_cannot_be_is_400(query: str) -> None:
    """A known parameter with a value that it cannot have (GEN-03, REN-01..07)."""
    with pytest.raises(RemoteProtocolError) as caught:
        read(query)

    assert 400 == caught.value.status_hint


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (RenderingOptions, {"annotation": ("a,b",)}),
        (RenderingOptions, {"annotation": ("",)}),
        (RenderingOptions, {"quality": 0}),
        (RenderingOptions, {"quality": True}),
        (RenderingOptions, {"icc_profile": "other"}),
        (Viewport, {"width": 0, "height": 1}),
        (Viewport, {"width": 1, "height": 1.5}),
        (Viewport, {"width": 1, "height": 1, "source_height": 0}),
        (Viewport, {"width": 1, "height": 1, "source_x": float("nan")}),
        (Window, {"center": float("inf"), "width": 1}),
        (Window, {"center": sys.float_info.max, "width": 1}),  # rounds to infinity
        (Window, {"center": 0, "width": 0.5}),
        (Window, {"center": 0, "width": 0, "function": VoiFunction.SIGMOID}),
        (Window, {"center": 0, "width": 1, "function": "other"}),
    ],
)
def test_what_cannot_be_is_not_made(kind: Any, values: dict[str, Any]) -> None:
    """A caller's mistake is seen before anything is sent."""
    with pytest.raises(ConfigurationError):
        kind(**values)


def test_a_region_that_is_negative_flips() -> None:
    """The sign of a side is no size (REN-03)."""
    viewport = Viewport(10, 10, source_width=-5, source_height=5)

    assert (True, False) == (viewport.flips_horizontally, viewport.flips_vertically)
    assert Viewport(10, 10, source_height=-5).flips_vertically
    assert not Viewport(10, 10).flips_horizontally


DECIMALS = st.floats(-1e300, 1e300)


@given(DECIMALS, DECIMALS)
def test_numbers_are_rounded_to_what_a_decimal_holds(center: float, left: float) -> None:
    """16 characters, in which every number comes back (GEN-12)."""
    options = RenderingOptions(
        viewport=Viewport(1, 1, source_x=left), window=Window(center, 5, VoiFunction.SIGMOID)
    )
    (_, (_, _, *region)), (_, window) = options.parameters()

    assert all(len(text) <= 16 for text in (*region, window[0]))
    assert options == read(build_query(options.parameters()))
    assert options.window is not None
    assert center == pytest.approx(options.window.center, rel=1e-8)
