from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiodicomweb.server.index.index import Counts, FileNote, Found, Index
from aiodicomweb.services import Selector

from ...support.entries import CT, EXPLICIT, an_entry
from ...support.searching import SERIES, found, search


def held(index: Index, selector: Selector) -> list[str]:
    """SOP Instance UIDs of what there is."""
    return [one.instance for one in index.holdings(selector)]


# --- what there is ------------------------------------------------------------------------------


def test_holdings(index: Index) -> None:
    """Instances come in the order of series and instance numbers; without number last."""
    index.add(
        [
            an_entry("1.1", "1.2.3", SeriesNumber="10", InstanceNumber="1"),
            an_entry("1.2", "1.2.4", SeriesNumber="9", InstanceNumber=None),
            an_entry("1.3", "1.2.4", SeriesNumber="9", InstanceNumber="10"),
            an_entry("1.4", "1.2.4", SeriesNumber="9", InstanceNumber="9"),
            an_entry("1.5", "1.3.3", "1.3"),
        ]
    )

    assert ["1.4", "1.3", "1.2", "1.1"] == held(index, Selector("1.2"))
    assert ["1.4", "1.3", "1.2"] == held(index, Selector("1.2", "1.2.4"))
    assert ["1.3"] == held(index, Selector("1.2", "1.2.4", "1.3"))
    assert [] == held(index, Selector("1.3", "1.2.4", "1.3"))
    assert Counts(studies=2, series=3, instances=5) == index.counts()


def test_found(index: Index) -> None:
    """What was noted of an instance is had back."""
    index.add([an_entry(path="a/ü\udcff.dcm", size=7)])

    expected = Found("1.2", "1.2.3", "1.2.3.4", CT, EXPLICIT, "a/ü\udcff.dcm", 0, 7, "v1")
    assert [expected] == index.holdings(Selector("1.2"))
    assert [expected] == index.instances(["1.2.3.4", "9.9"])


def test_without_file(index: Index) -> None:
    """An instance need not be in a file."""
    index.add([an_entry(path=None)])

    assert [None] == [one.path for one in index.instances(["1.2.3.4"])]
    assert {} == index.files()


def test_replace(index: Index) -> None:
    """An instance that is there is replaced, also by one of another study."""
    index.add([an_entry("1.1"), an_entry("1.2", path="old.dcm", modified=1)])
    index.add([an_entry("1.2", "1.3.3", "1.3", path="new.dcm", modified=2)])

    assert ["1.1"] == held(index, Selector("1.2"))
    assert ["1.2"] == held(index, Selector("1.3"))
    assert {"1.1.dcm": (1000, 1), "new.dcm": (1000, 2)} == index.files()


def test_twice_in_one_transaction(index: Index) -> None:
    """Of two entries of one instance the last one counts."""
    index.add([an_entry(version="a"), an_entry(version="b")])

    assert ["b"] == [one.version for one in index.instances(["1.2.3.4"])]


def test_remove(index: Index) -> None:
    """No series or study without instances stays."""
    index.add([an_entry("1.1"), an_entry("1.2", "1.2.4"), an_entry("1.3", "1.2.4")])

    index.remove(["1.1", "9.9"])
    assert Counts(1, 1, 2) == index.counts()
    assert ["1.2.4"] == found(index, SERIES)

    index.remove(["1.2", "1.3"])
    assert Counts(0, 0, 0) == index.counts()
    assert [] == found(index)
    assert {} == index.files()


def test_same_series_in_two_studies(index: Index) -> None:
    """A series belongs to its study, whatever UIDs it shares with another one."""
    index.add([an_entry("1.1", "1.9", "1.2"), an_entry("1.2", "1.9", "1.3")])

    assert ["1.1"] == held(index, Selector("1.2", "1.9"))
    assert ["1.2"] == held(index, Selector("1.3", "1.9"))


def test_failing_addition(index: Index) -> None:
    """Of a transaction that fails nothing is noted, and the index can be used further."""
    broken = an_entry("1.2", Rows=object())

    with pytest.raises(TypeError):
        index.add([an_entry("1.1"), broken])

    assert Counts(0, 0, 0) == index.counts()
    index.add([an_entry("1.1")])
    assert Counts(1, 1, 1) == index.counts()


# --- files --------------------------------------------------------------------------------------


def test_files(index: Index) -> None:
    """Files are known that hold instances, and those that are of no use."""
    index.add([an_entry(path="a.dcm", size=5, modified=6)])
    index.note_files([FileNote("readme.txt", 7, 8), FileNote("copy.dcm", 5, 9, "1.2.3.4")])

    expected = {"a.dcm": (5, 6), "readme.txt": (7, 8), "copy.dcm": (5, 9)}
    assert expected == index.files()
    assert ["copy.dcm"] == index.duplicates(["1.2.3.4", "9.9"])


def test_note_becomes_content(index: Index) -> None:
    """A note of a file goes when an instance is taken from it, and the reverse."""
    index.note_files([FileNote("a.dcm", 1, 1)])
    index.add([an_entry(path="a.dcm", size=2, modified=2)])
    assert {"a.dcm": (2, 2)} == index.files()

    index.note_files([FileNote("a.dcm", 3, 3)])
    assert {"a.dcm": (3, 3)} == index.files()
    assert Counts(0, 0, 0) == index.counts()


def test_forget_files(index: Index) -> None:
    """Files take their instances with them, and free the copies of these."""
    index.add([an_entry("1.1", path="a.dcm"), an_entry("1.2", path="b.dcm")])
    index.note_files([FileNote("copy.dcm", 1, 1, "1.1"), FileNote("other.dcm", 1, 1, "1.2")])

    assert ["copy.dcm"] == index.forget_files(["a.dcm", "nothing.dcm"])
    assert {"b.dcm", "other.dcm"} == set(index.files())
    assert Counts(1, 1, 1) == index.counts()


def test_remove_with_copies(index: Index) -> None:
    """Copies of an instance that is removed are forgotten with it."""
    index.add([an_entry("1.1", path="a.dcm")])
    index.note_files([FileNote("copy.dcm", 1, 1, "1.1")])

    index.remove(["1.1"])

    assert {} == index.files()


def test_many(index: Index) -> None:
    """More UIDs and paths than SQLite takes in one statement are no trouble."""
    uids = [f"1.2.{n}" for n in range(1200)]
    index.add([an_entry(uid) for uid in uids])

    assert len(uids) == len(index.instances(uids))
    assert [] == index.duplicates(uids)
    assert [] == index.forget_files([f"{uid}.dcm" for uid in uids])
    assert Counts(0, 0, 0) == index.counts()


# --- several at the same time --------------------------------------------------------------------


def test_threads(index: Index) -> None:
    """Many read while one writes; each sees what was there before or after, and nothing between."""
    done = threading.Event()

    def read() -> set[int]:
        seen: set[int] = set()
        while not done.is_set():
            for study in search(index).datasets:
                seen.add(int(study.NumberOfStudyRelatedInstances) % 10)
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for batch in range(20):
            index.add([an_entry(f"1.{batch}.{number}") for number in range(10)])
        done.set()

    assert {0} == set().union(*(reader.result() for reader in readers), {0})
    assert Counts(1, 1, 200) == index.counts()
