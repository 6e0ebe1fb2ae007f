"""Values that the verbs give."""

from __future__ import annotations

import pickle

import pytest

from aiodicomweb import FailedInstance, Frame, StoredInstance, StoreFailed, StoreReport
from aiodicomweb.services import StoreResponse

STORED = StoredInstance("1.2.840", "1.2.1")
FAILED = FailedInstance("1.2.840", "1.2.2", 0x0110)


def test_a_frame_is_its_octets() -> None:
    """``bytes`` copies, ``len`` counts, ``repr`` shows no payload."""
    frame = Frame(memoryview(b"secret"), 3, "image/jpeg", None, "/studies/secret")

    assert (b"secret", 6) == (bytes(frame), len(frame))
    assert "Frame(number=3, media_type='image/jpeg', transfer_syntax=None)" == repr(frame)


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (StoreReport(StoreResponse(202, failed=(FAILED,))), "1 failed"),
        (StoreReport(StoreResponse(200, other_failures=(272,))), "1 other failures"),
        (StoreReport(StoreResponse(200), ("1.2.3", "1.2.4")), "2 unreported"),
        (
            StoreReport(StoreResponse(200, stored=(STORED,), failed=(FAILED,)), ("1.2.3",)),
            "1 stored, 1 failed, 1 unreported",
        ),
        (StoreReport(StoreResponse(200, stored=(STORED,)), sent=2), "1 stored, 2 sent"),
        (StoreReport(StoreResponse(200), sent=1), "1 sent"),
    ],
)
def test_what_is_not_stored_is_an_error(report: StoreReport, text: str) -> None:
    """A report counts what is not stored; the error carries it, and can be pickled."""
    assert not report.complete
    with pytest.raises(StoreFailed, match=f": {text}$") as caught:
        report.raise_for_failures()

    assert report == caught.value.report
    assert report == pickle.loads(pickle.dumps(caught.value)).report


def test_a_duplicate_of_ones_own_is_told_apart() -> None:
    """What was refused as known, and may have been sent twice, is failed and perhaps stored."""
    known = [FailedInstance("1.2.840", f"1.2.{n}", code) for n, code in enumerate((0x0111, 0xB00E))]
    response = StoreResponse(202, failed=(*known, FAILED))
    report = StoreReport(response, repeated=("1.2.0", "1.2.1", "1.2.2"))

    assert tuple(known) == report.perhaps_stored
    assert (*known, FAILED) == report.failed
    assert () == StoreReport(response).perhaps_stored


def test_what_is_stored_is_none() -> None:
    """A report of which everything is stored raises nothing; skipped files are no failure."""
    report = StoreReport(StoreResponse(200, stored=(STORED,), warnings=("slow",)), skipped=("x",))

    assert report.complete
    report.raise_for_failures()
    assert ((STORED,), (), (), ("slow",)) == (
        report.stored,
        report.failed,
        report.other_failures,
        report.warnings,
    )
