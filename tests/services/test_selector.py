from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb.errors import ConfigurationError
from aiodicomweb.services import Selector

UID = "1.2.840"
UIDS = st.lists(st.from_regex(r"[0-9]{1,5}", fullmatch=True), min_size=1, max_size=6).map(".".join)
FRAMES = st.lists(st.integers(1, 10**9), min_size=1, max_size=4).map(tuple)
SELECTORS = st.one_of(
    st.just(Selector()),
    st.just(Selector(study="")),
    st.just(Selector(series="")),
    st.just(Selector(instance="")),
    st.builds(Selector, study=UIDS),
    st.builds(Selector, study=UIDS, series=st.just("")),
    st.builds(Selector, study=UIDS, instance=st.just("")),
    st.builds(Selector, study=UIDS, series=UIDS),
    st.builds(Selector, study=UIDS, series=UIDS, instance=st.just("")),
    st.builds(Selector, study=UIDS, series=UIDS, instance=UIDS),
    st.builds(Selector, study=UIDS, series=UIDS, instance=UIDS, frames=FRAMES),
)

PATHS = [
    ("", Selector()),
    ("/studies", Selector(study="")),  # STU-01
    ("/studies/1.2", Selector(study="1.2")),  # STU-02
    ("/studies/1.2/series", Selector(study="1.2", series="")),  # STU-10
    ("/studies/1.2/instances", Selector(study="1.2", instance="")),  # STU-11
    ("/series", Selector(series="")),  # STU-12
    ("/studies/1.2/series/3.4", Selector("1.2", "3.4")),  # STU-13
    ("/studies/1.2/series/3.4/instances", Selector("1.2", "3.4", "")),  # STU-18
    ("/instances", Selector(instance="")),  # STU-19
    ("/studies/1.2/series/3.4/instances/5.6", Selector("1.2", "3.4", "5.6")),  # STU-20
    (
        "/studies/1.2/series/3.4/instances/5.6/frames/1,2",
        Selector("1.2", "3.4", "5.6", (1, 2)),
    ),  # STU-25
]


@pytest.mark.parametrize(("path", "selector"), PATHS)
def test_every_resource_has_its_path(path: str, selector: Selector) -> None:
    """Selectors and paths of the Studies Service stand for each other (STU-01..25)."""
    assert path == selector.path()
    assert path == "".join(f"/{part}" for part in selector.parts())
    assert selector == Selector.from_path(path)
    assert selector == Selector.from_path(path.removeprefix("/") + "/")


@given(SELECTORS)
def test_a_selector_survives_its_path(selector: Selector) -> None:
    """What is written is read back."""
    assert selector == Selector.from_path(selector.path())


@given(st.text(alphabet="studiesrnacfm/0123456789.,%", max_size=60))
def test_any_path_is_a_selector_or_a_configuration_error(path: str) -> None:
    """No path raises anything else, and none is read as what it isn't."""
    try:
        selector = Selector.from_path(path)
    except ConfigurationError:
        return
    assert selector == Selector.from_path(selector.path())


@pytest.mark.parametrize("frames", ["1,2", "1%2C2", "1, 2", "1%2c%092"])
def test_frame_lists_are_read_generously(frames: str) -> None:
    """A comma may be encoded and have white space behind it (1.1, GEN-10)."""
    selector = Selector.from_path(f"/studies/1/series/2/instances/3/frames/{frames}")

    assert (1, 2) == selector.frames


@pytest.mark.parametrize(
    "path",
    [
        "//studies",
        "/studies//",
        "/studies/series",
        "/studies/instances",
        "/studies/../series",
        "/studies/1.2/metadata",
        "/studies/1.2/series/3/4",
        "/studies/1.2/series//instances",
        "/studies/1.2/series/instances",
        "/series/1.2",
        "/series/studies",
        "/instances/1.2",
        "/studies/1.2/instances/3.4",
        "/studies/1.2/frames/1",
        "/studies/1/series/2/instances/3/frames",
        "/studies/1/series/2/instances/3/frames/",
        "/studies/1/series/2/instances/3/frames/0",
        "/studies/1/series/2/instances/3/frames/1,x",
        "/studies/1/series/2/instances/3/frames/1,,2",
        "/studies/1/series/2/instances/3/frames/-1",
        "/studies/1/series/2/instances/3/frames/1/2",
        "/Studies",
        "/studies/1%2F2",
        "/frames/1",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    """What is no resource of the service is not guessed at."""
    with pytest.raises(ConfigurationError):
        Selector.from_path(path)


@pytest.mark.parametrize(
    "levels",
    [
        {"series": "1.2"},
        {"study": "", "series": "1.2"},
        {"study": "", "series": ""},
        {"study": "", "instance": ""},
        {"instance": "1.2"},
        {"study": UID, "instance": "1.2"},
        {"series": UID, "instance": ""},
        {"series": "", "instance": ""},
        {"study": UID, "series": "", "instance": "1.2"},
        {"study": "x"},
        {"study": UID, "series": "../.."},
        {"study": 5},
        {"frames": (1,)},
        {"study": UID, "series": "1", "frames": (1,)},
        {"study": UID, "series": "1", "instance": "", "frames": (1,)},
        {"study": UID, "series": "1", "instance": "2", "frames": ()},
        {"study": UID, "series": "1", "instance": "2", "frames": (0,)},
        {"study": UID, "series": "1", "instance": "2", "frames": (True,)},
        {"study": UID, "series": "1", "instance": "2", "frames": ("1",)},
    ],
)
def test_levels_need_those_above(levels: dict[str, Any]) -> None:
    """A hierarchy with gaps, malformed UIDs and frames without instance are refused."""
    with pytest.raises(ConfigurationError):
        Selector(**levels)


def test_frames_become_a_tuple() -> None:
    """A list will do, and the value stays hashable."""
    selector = Selector("1", "2", "3", [3, 1])  # type: ignore[arg-type]

    assert (3, 1) == selector.frames
    assert hash(selector) == hash(Selector("1", "2", "3", (3, 1)))


@pytest.mark.parametrize(("path", "selector"), PATHS)
def test_collections_can_be_searched(path: str, selector: Selector) -> None:
    """Search is for collections (QID-M1)."""
    expected = path.endswith(("/studies", "/series", "/instances"))

    assert expected is selector.is_collection


@pytest.mark.parametrize("uid", ["1.2.840.x", "2.25.a-b_c~d", "A", "1..2", "x" * 64])
def test_odd_uids_are_taken_on_request(uid: str) -> None:
    """Strict when built, permissive on request."""
    selector = Selector(uid, "1.2", permissive=True)

    assert f"/studies/{uid}/series/1.2" == selector.path()
    assert selector == Selector.from_path(selector.path(), permissive=True)
    with pytest.raises(ConfigurationError):
        Selector(uid)
    with pytest.raises(ConfigurationError):
        Selector.from_path(selector.path())


@pytest.mark.parametrize(
    "uid",
    [".", "..", "a/b", "a\\b", "a b", "%2e", "a?b", "a#b", "a\r\nb", "a\0", "é", "x" * 65,
     "studies", "series", "instances", "frames", 5],
)  # fmt: skip
def test_no_uid_leaves_its_segment(uid: Any) -> None:
    """Safe always: nothing that climbs, ends or changes a path (HTP-98)."""
    with pytest.raises(ConfigurationError):
        Selector(uid, permissive=True)


def test_permissive_is_no_part_of_a_selector() -> None:
    """It is how it was built, not what it is."""
    assert Selector("1.2", permissive=True) == Selector("1.2")
    assert "permissive" not in repr(Selector("1.2"))


def test_one_frame_is_a_tuple_too() -> None:
    """A number alone is refused, by an error of ours."""
    frames: Any = 3
    with pytest.raises(ConfigurationError):
        Selector("1.2", "3.4", "5.6", frames)
