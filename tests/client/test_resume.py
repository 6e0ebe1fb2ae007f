"""How a retrieval that broke off goes on: the decisions alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodicomweb import (
    ConnectFailed,
    ConnectionLost,
    ContentError,
    DeadlineExceeded,
    DicomWebError,
    FramingError,
    LimitExceeded,
    MultipartError,
    StatusError,
    TlsError,
)
from aiodicomweb.client.results import Frame
from aiodicomweb.client.resume import (
    Frames,
    Remaining,
    Stretch,
    instance_uid,
    is_cut,
)
from aiodicomweb.http import URL, Headers, Request, Response
from aiodicomweb.services import Selector

from ..support.messages import dicom_file

STUDY = Selector("1.2")

# --- what is a cut -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "closed", "cut"),
    [
        (FramingError(), True, True),
        (FramingError(), False, False),
        (MultipartError(), True, True),
        (MultipartError(), False, False),
        (ConnectionLost(phase="read"), False, True),
        (DeadlineExceeded(phase="read"), False, True),
        (TlsError(phase="read"), False, True),
        (ConnectionLost(phase="head"), True, False),
        (ConnectFailed(phase="connect"), False, False),
        (LimitExceeded(), True, False),
        (ContentError(), True, False),
    ],
)
def test_what_broke_off(error: DicomWebError, *, closed: bool, cut: bool) -> None:
    """A connection that went away in the middle of a body; not what is wrong with it."""
    assert cut is is_cut(error, closed=closed)


def test_an_instance_is_known_by_its_head() -> None:
    """Four KiB are enough; what is no DICOM file is nobody."""
    assert "1.2.3.4" == instance_uid(dicom_file("1.2.3.4", 10_000)[:4096])
    assert instance_uid(b"<p>") is None
    assert instance_uid(b"") is None


# --- what is missing -----------------------------------------------------------------------------


def test_a_series_is_asked_for_whole_once() -> None:
    """Where something of it was handed out, or it was asked for before, instance by instance."""
    remaining = Remaining(STUDY, {"1.1": "1", "1.2": "1", "2.1": "2", "2.2": "2"})
    remaining.take("1.1")

    assert Selector("1.2", "1", "1.2") == remaining.next()
    assert Selector("1.2", "1", "1.2") == remaining.next()
    remaining.take("1.2")
    assert Selector("1.2", "2") == remaining.next()
    assert Selector("1.2", "2", "2.1") == remaining.next()
    remaining.take("2.1")
    remaining.take("2.2")
    assert remaining.next() is None


def test_of_a_series_instances_are_asked_for() -> None:
    """The series itself is what broke off."""
    remaining = Remaining(Selector("1.2", "1"), {"5": "1", "6": "1"})

    assert Selector("1.2", "1", "5") == remaining.next()
    assert Selector("1.2", "1", "6") == remaining.instance("6")
    remaining.take("7")
    assert "5" in remaining
    assert "7" not in remaining


@given(
    st.dictionaries(st.sampled_from([f"1.{n}" for n in range(9)]), st.sampled_from("123")),
    st.sets(st.sampled_from([f"1.{n}" for n in range(9)])),
    st.sets(st.integers(0, 20)),
)
def test_all_that_is_missing_is_asked_for(
    instances: dict[str, str], taken: set[str], empty: set[int]
) -> None:
    """Whatever was handed out, and if answers to series come to nothing, once each, to the end."""
    remaining = Remaining(STUDY, instances)
    for uid in taken:
        remaining.take(uid)
    brought: list[str] = []
    turn = 0
    while (selector := remaining.next()) is not None:
        turn += 1
        found = [
            uid
            for uid, series in instances.items()
            if series == selector.series and selector.instance in (None, uid)
        ]
        if selector.instance is None and turn in empty:
            found = []
        for uid in found:
            remaining.take(uid)
        brought += found

    assert sorted(instances.keys() - taken) == sorted(brought)


def frame(number: int) -> Frame:
    """A frame."""
    return Frame(memoryview(b""), number, "application/octet-stream", None)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data())
def test_frames_that_are_missing(asked: list[int], data: st.DataObject) -> None:
    """A frame asked for twice comes twice; the order is that asked for."""
    frames = Frames(asked)
    count = data.draw(st.integers(0, len(asked)))
    for _ in range(count):
        frames.take(frame(frames.expected() or 0), named=data.draw(st.booleans()))

    assert tuple(asked[:count]) == tuple(frames.arrived)
    assert count == len(frames.ready)
    assert len(asked) - count == len(frames.missing)
    rest = frames.ask()
    assert sorted(asked) == sorted([*frames.arrived, *rest])
    assert (rest[0] if rest else None) == frames.expected()
    for number in rest:
        frames.take(frame(number), named=data.draw(st.booleans()))
    assert frames.expected() is None
    assert () == frames.ask(ended=True)
    assert () == frames.missing
    assert sorted(asked) == sorted(each.number for each in frames.ready)


def resumed(asked: int, arrived: int, *, named: bool) -> Frames:
    """So many frames, of which the first came, so that the others were asked for."""
    frames = Frames(range(1, asked + 1))
    for number in range(1, arrived + 1):
        frames.take(frame(number), named=named)
    frames.ready.clear()
    frames.ask()
    return frames


def test_frames_without_names_wait_for_the_others() -> None:
    """Their places say which they are, if they are as many as were asked for."""
    frames = resumed(3, 1, named=False)
    frames.take(frame(2), named=False)
    frames.take(frame(3), named=False)

    assert not frames.ready
    assert 3 == frames.received
    assert () == frames.ask(ended=True)
    assert [2, 3] == [each.number for each in frames.ready]


def test_frames_without_names_that_are_too_few() -> None:
    """Which are missing nobody knows."""
    frames = resumed(3, 1, named=False)
    frames.take(frame(2), named=False)

    assert () == frames.ask(ended=True)
    assert not frames.ready
    assert (2, 3) == frames.missing


def test_frames_without_names_that_broke_off_again() -> None:
    """Those that were held are asked for anew."""
    frames = resumed(3, 1, named=False)
    frames.take(frame(2), named=False)

    assert (2, 3) == frames.ask()
    assert not frames.ready
    assert 2 == frames.expected()


def test_few_frames_are_held() -> None:
    """Without names they are asked for in groups; with names at once."""
    frames = resumed(40, 1, named=False)
    asked: list[int] = []
    for size in (16, 16, 7):
        for _ in range(size):
            frames.take(frame(frames.expected() or 0), named=False)
        assert frames.expected() is None
        frames.ask(ended=True)
        asked += [frames.ready.popleft().number for _ in range(size)]

    assert [*range(2, 41)] == asked
    assert [*range(2, 41)] == [*resumed(40, 1, named=True).ask()]


def test_names_that_end() -> None:
    """A server that named the first frames and not the others doesn't fill the memory."""
    frames = resumed(40, 1, named=True)
    for _ in range(16):
        frames.take(frame(frames.expected() or 0), named=False)

    assert frames.expected() is None


def test_frames_with_wrong_names() -> None:
    """An answer with other frames is not asked for again, for ever."""
    frames = resumed(2, 1, named=True)
    frames.take(frame(1), named=True)

    assert () == frames.ask(ended=True)
    assert (2,) == frames.missing


# --- octets --------------------------------------------------------------------------------------

TAG = {"ETag": '"a"', "Content-Type": "image/png", "Content-Length": "100"}
REQUEST = Request(
    "GET", URL.parse("http://a/b"), Headers({"Accept": "*/*", "Accept-Encoding": "x"})
)


def whole(**changed: str) -> Response:
    """A response with all octets; an empty field is none."""
    fields = {**TAG, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return Response(200, Headers({name: value for name, value in fields.items() if value}))


def part(content_range: str, **changed: str) -> Response:
    """A response with some."""
    return Response(206, whole(Content_Range=content_range, Content_Length="", **changed).headers)


DATES = {"Date": "Tue, 02 Jan 2024 10:01:00 GMT", "ETag": ""}


@pytest.mark.parametrize(
    ("response", "validator"),
    [
        (whole(), '"a"'),
        (whole(ETag='W/"a"'), None),
        (whole(ETag="a"), None),
        (whole(ETag=""), None),
        (whole(**DATES, Last_Modified="Tue, 02 Jan 2024 10:00:00 GMT"), True),
        (whole(**DATES, Last_Modified="Tue, 02 Jan 2024 10:00:01 GMT"), None),
        (whole(**DATES, Last_Modified="yesterday"), None),
        (whole(**DATES), None),
        (
            whole(ETag='W/"a"', Date=DATES["Date"], Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT"),
            None,
        ),
        (whole(Content_Encoding="gzip"), None),
        (whole(Content_Encoding="identity"), '"a"'),
        (whole(Content_Type="multipart/related; boundary=b"), None),
        (part("bytes 5-9/20"), '"a"'),
        (part("bytes 9-5/20"), None),
        (part(""), None),
        (Response(204, whole().headers), None),
    ],
)
def test_what_can_be_put_together(response: Response, validator: str | bool | None) -> None:
    """A strong entity tag, or a date well before the response's own (RFC 9110 §8.8.2.2)."""
    stretch = Stretch.of(response)
    if validator is True:
        validator = response.headers["Last-Modified"]

    assert validator == (stretch and stretch.validator)


def test_the_request_for_the_rest() -> None:
    """``Range`` from where the octets ended to where they were to end (RFC 9110 §13.1.5)."""
    stretch = Stretch.of(whole())
    assert stretch is not None
    expected = {
        "Accept": "*/*",
        "Range": "bytes=40-99",
        "If-Range": '"a"',
        "Accept-Encoding": "identity",
    }
    assert expected == dict(stretch.request(REQUEST, 40).headers.items())

    unknown = Stretch.of(whole(Content_Length=""))
    assert unknown is not None
    assert "bytes=40-" == unknown.request(REQUEST, 40).headers["Range"]
    within = Stretch.of(part("bytes 20-29/100"))
    assert within is not None
    assert "bytes=25-29" == within.request(REQUEST, 5).headers["Range"]


@pytest.mark.parametrize(
    ("response", "skipped"),
    [
        (part("bytes 40-99/100"), 0),
        (part("bytes 40-99/*"), 0),
        (part("bytes 40-99/100", Content_Type=""), 0),
        (part("bytes 40-99/100", Content_Type="image/gif"), None),
        (part("bytes 40-99/100", ETag=""), None),
        (part("bytes 40-99/100", ETag="", Last_Modified='"a"'), None),
        (part("bytes 40-99/100", ETag='"b"'), None),
        (part("bytes 40-99/100", ETag='W/"a"'), None),
        (part("bytes 40-89/100"), 0),
        (part("bytes 40-89/*"), 0),
        (part("bytes 40-100/*"), None),
        (part("bytes 39-99/100"), None),
        (part("bytes 40-99/101"), None),
        (part("bytes 40-99/100", Content_Encoding="gzip"), None),
        (part("bytes 40-99/100", Content_Type="multipart/byteranges; boundary=b"), None),
        (part(""), None),
        (whole(), 40),
        (whole(ETag='"b"'), None),
        (whole(ETag=""), None),
        (whole(Content_Type="image/gif"), None),
        (whole(Content_Length=""), 40),
        (whole(Content_Length="99"), None),
        (whole(Content_Length="101"), None),
    ],
)
def test_octets_that_belong_together(response: Response, skipped: int | None) -> None:
    """The same representation, from just where it ended, or all of it (HTP-71, HTP-74)."""
    stretch = Stretch.of(whole())
    assert stretch is not None

    assert skipped == stretch.skipped(response, 40)


@pytest.mark.parametrize(
    ("response", "skipped", "length"),
    [
        (part("bytes 40-99/100"), 0, 100),
        (part("bytes 40-49/100"), 0, 100),
        (part("bytes 40-99/*"), None, None),
        (whole(), 40, 100),
        (whole(Content_Length=""), 40, None),
        (whole(Content_Length="39"), None, 39),
    ],
)
def test_where_the_octets_end(response: Response, skipped: int | None, length: int | None) -> None:
    """What the first answer didn't tell, a later one does, or can't be trusted to be the rest."""
    stretch = Stretch.of(whole(Content_Length=""))
    assert stretch is not None

    assert skipped == stretch.skipped(response, 40)
    assert length == stretch.completed(response).length


@pytest.mark.parametrize(
    ("response", "until"),
    [(part("bytes 25-27/100"), 8), (part("bytes 25-29/*"), 10), (whole(Content_Length=""), 10)],
)
def test_how_far_an_answer_leads(response: Response, until: int) -> None:
    """Octets of all that come, once it is over; a whole leads to the end."""
    stretch = Stretch.of(part("bytes 20-29/100"))
    assert stretch is not None

    assert until == stretch.until(response)


def test_a_range_is_not_made_of_the_whole() -> None:
    """Who asked for a range and gets all octets has others than those asked for."""
    for content_range in ("bytes 20-29/100", "bytes 0-29/100", "bytes 0-29/*"):
        stretch = Stretch.of(part(content_range))
        assert stretch is not None

        assert stretch.skipped(whole(), 5) is None
        assert stretch.skipped(whole(Content_Length=""), 5) is None


MODIFIED = "Tue, 02 Jan 2024 10:00:00 GMT"


@pytest.mark.parametrize(
    ("fields", "skipped"),
    [
        ({"Last_Modified": MODIFIED}, 0),
        ({"Last_Modified": "Tue, 02 Jan 2024 10:00:30 GMT"}, None),
        ({}, None),
        ({"ETag": MODIFIED}, None),
    ],
)
def test_octets_with_the_same_date(fields: dict[str, str], skipped: int | None) -> None:
    """A date proves as much as a tag, if the rest has it too (RFC 9110 §15.3.7.3)."""
    stretch = Stretch.of(whole(**DATES, Last_Modified=MODIFIED))
    assert stretch is not None

    assert skipped == stretch.skipped(part("bytes 40-99/100", **{**DATES, **fields}), 40)


@pytest.mark.parametrize(
    ("status", "value", "ends"),
    [
        (416, "bytes */40", True),
        (416, "bytes */41", False),
        (416, "bytes 0-1/40", False),
        (416, "", False),
        (404, "bytes */40", False),
    ],
)
def test_nothing_behind_what_came(status: int, value: str, *, ends: bool) -> None:
    """416 tells how long the whole is (RFC 9110 §15.5.17)."""
    stretch = Stretch.of(whole(Content_Length=""))
    assert stretch is not None
    headers = Headers({"Content-Range": value} if value else {})

    refusal = StatusError.for_status(status)(status=status, headers=headers)
    assert ends is stretch.ends_at(40, refusal)
    known = Stretch.of(whole())
    assert known is not None
    assert not known.ends_at(40, refusal), "there were to be more"
