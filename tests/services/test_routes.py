from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import RemoteProtocolError
from aiodicomweb.services import Resource, Route, Selector, Service, services_of

BASES = ["", "/dicom-web", "/a/b/rs", "/projects/p/studies/dicomWeb", "/series", "/1.2"]
FRAMES = Selector("1.2", "3.4", "5.6", (1, 2))
INSTANCE = Selector("1.2", "3.4", "5.6")
SERIES = Selector("1.2", "3.4")
STUDY = Selector("1.2")

RETRIEVED = {
    STUDY: "/studies/1.2",
    SERIES: "/studies/1.2/series/3.4",
    INSTANCE: "/studies/1.2/series/3.4/instances/5.6",
}
ROUTES = [
    # STU-01, STU-10..12, STU-18, STU-19
    ("/studies", Selector(study=""), Resource.INSTANCES),
    ("/series", Selector(series=""), Resource.INSTANCES),
    ("/instances", Selector(instance=""), Resource.INSTANCES),
    ("/studies/1.2/series", Selector("1.2", ""), Resource.INSTANCES),
    ("/studies/1.2/instances", Selector("1.2", instance=""), Resource.INSTANCES),
    ("/studies/1.2/series/3.4/instances", Selector("1.2", "3.4", ""), Resource.INSTANCES),
    # STU-02..07, STU-13..17, STU-20..24
    *(
        (path + (f"/{resource}" if resource else ""), selector, resource)
        for selector, path in RETRIEVED.items()
        for resource in Resource
        if resource is not Resource.FRAMES
    ),
    # STU-25..27
    (f"{RETRIEVED[INSTANCE]}/frames/1,2", FRAMES, Resource.FRAMES),
    (f"{RETRIEVED[INSTANCE]}/frames/1,2/rendered", FRAMES, Resource.RENDERED),
    (f"{RETRIEVED[INSTANCE]}/frames/1%2C2/thumbnail", FRAMES, Resource.THUMBNAIL),
]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("path", "selector", "resource"), ROUTES)
def test_every_path_is_a_base_and_a_resource(
    path: str, selector: Selector, resource: Resource, base: str
) -> None:
    """The base is found, or known; the path may end with a slash (STU-01..27, GEN-01)."""
    expected = Route(base, selector, resource)

    # Of a base that looks like a study, all series are the study's series.
    if not (base.endswith("/studies/dicomWeb") and path in {"/series", "/instances"}):
        assert expected == Route.parse(base + path)
    assert expected == Route.parse(base + path, base=base)
    assert expected == Route.parse(base + path + "/", base=f"{base}/")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/rs",
        "studies",
        "/rs/Studies",
        "/rs/studies/x",
        "/rs/studies/1.2/metadatas",
        "/rs/studies/metadata",
        "/rs/studies/1.2/frames",
        "/rs/studies/1.2/frames/1",
        "/rs/studies/1.2/series/3.4/instances/5.6/frames/1/metadata",
        "/rs/studies/1.2/series/3.4/instances/5.6/frames/1/bulkdata",  # STU-29
        "/rs/studies/1.2/series/3.4/instances/5.6/frames/0",
        "/rs/studies/1.2/series/metadata",
        "/rs/studies/../series/1.2",
        "/rs/studies/1.2//metadata",
        "/rs//studies/1.2",
        "/rs/studies/1%2F2",
        # what cannot be found is no base for all there is
        "/series/1.2/instances",
        "/rs/series/1.2x/instances",
        "/instances/1.2/studies",
        "/studies/1.2/series/1/studies/3.4",
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    """What is no resource is a 404, and is not guessed at."""
    with pytest.raises(RemoteProtocolError) as caught:
        Route.parse(path)

    assert 404 == caught.value.status_hint


@pytest.mark.parametrize("path", ["/rs2/studies", "/studies", "/rs", "/rsstudies", "/x/rs/studies"])
def test_what_is_not_below_the_base_is_not_found(path: str) -> None:
    """A base that is known is a promise."""
    with pytest.raises(RemoteProtocolError):
        Route.parse(path, base="/rs")


def test_long_paths_cost_nothing() -> None:
    """A path of a thousand segments is looked at from its end."""
    base = "/studies" * 1000

    assert Route(base, STUDY, Resource.METADATA) == Route.parse(f"{base}/studies/1.2/metadata")


def test_permissive_uids_are_taken_on_request() -> None:
    """Some archives have UIDs that are none."""
    path = "/rs/studies/ABC-1_2.x/metadata"

    assert "ABC-1_2.x" == Route.parse(path, permissive=True).selector.study
    with pytest.raises(RemoteProtocolError):
        Route.parse(path)


@given(st.text(alphabet="/studeranacsfmb012.,%", max_size=60), st.booleans())
def test_any_path_is_a_route_or_an_error_of_ours(path: str, permissive: bool) -> None:
    """No path raises anything else, and what is read is a resource of its selector."""
    try:
        route = Route.parse(path, permissive=permissive)
    except RemoteProtocolError:
        return
    assert route.services
    assert path.startswith(route.base)


@pytest.mark.parametrize(
    ("expected", "selector", "resource"),
    [
        ({Service.SEARCH, Service.STORE}, Selector(study=""), Resource.INSTANCES),
        ({Service.RETRIEVE, Service.STORE}, STUDY, Resource.INSTANCES),
        ({Service.SEARCH}, Selector("1.2", ""), Resource.INSTANCES),
        ({Service.SEARCH}, Selector(instance=""), Resource.INSTANCES),
        ({Service.RETRIEVE}, SERIES, Resource.INSTANCES),
        ({Service.RETRIEVE}, INSTANCE, Resource.PIXELDATA),
        ({Service.RETRIEVE}, STUDY, Resource.METADATA),
        ({Service.RETRIEVE}, FRAMES, Resource.FRAMES),
        (set(), Selector(), Resource.INSTANCES),
        (set(), FRAMES, Resource.INSTANCES),
        (set(), INSTANCE, Resource.FRAMES),
        (set(), Selector(study=""), Resource.METADATA),
        ({Service.RETRIEVE, Service.STORE}, Selector("x", permissive=True), Resource.INSTANCES),
    ],
)
def test_which_services_a_resource_has(
    expected: set[Service], selector: Selector, resource: Resource
) -> None:
    """PS3.18 Tables 10.4.1-1, 10.5.1-1 and 10.6.1-1 (QID-M1, STW-M1)."""
    assert expected == services_of(selector, resource)
