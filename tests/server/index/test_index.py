from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.errors import ConfigurationError, Part10Error, RemoteProtocolError
from aiodicomweb.server.index import finding
from aiodicomweb.server.index.attributes import describe
from aiodicomweb.server.index.database import SCHEMA_VERSION
from aiodicomweb.server.index.index import Counts, FileNote, Found, Index
from aiodicomweb.services import Selector

from ...support.entries import CT, EXPLICIT, an_entry, search_request
from ...support.instances import a_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

    from aiodicomweb.server import Matches

STUDIES, SERIES, INSTANCES = Selector(study=""), Selector(series=""), Selector(instance="")


@pytest.fixture(params=["memory", "file"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    """An empty index."""
    opened = Index.open(None if request.param == "memory" else tmp_path / "index.sqlite3")
    yield opened
    opened.close()


def search(index: Index, selector: Selector = STUDIES, most: int = 100, **asked: Any) -> Matches:
    """What a search finds."""
    load = asked.pop("load", None)
    return index.search(search_request(selector, **asked), most, load)


def found(index: Index, selector: Selector = STUDIES, **asked: Any) -> list[str]:
    """The UIDs of what a search finds."""
    names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
    datasets = search(index, selector, **asked).datasets
    return [next(str(data[name].value) for name in names if name in data) for data in datasets]


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


# --- what follows of the instances --------------------------------------------------------------


def test_computed_attributes(index: Index) -> None:
    """What is about the archive follows of what it has."""
    index.add(
        [
            an_entry("1.1", "1.2.3", Modality="CT"),
            an_entry("1.2", "1.2.3", Modality="CT"),
            an_entry("1.3", "1.2.4", Modality="SR", sop_class="1.2.840.10008.5.1.4.1.1.88.22"),
        ]
    )

    (study,) = search(index, fields=["SOPClassesInStudy"]).datasets
    assert ["CT", "SR"] == study.ModalitiesInStudy
    assert (2, 3) == (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances)
    assert [CT, "1.2.840.10008.5.1.4.1.1.88.22"] == study.SOPClassesInStudy
    series = search(index, SERIES).datasets
    assert [2, 1] == [one.NumberOfSeriesRelatedInstances for one in series]
    instance = search(index, INSTANCES).datasets[0]
    assert ("ONLINE", EXPLICIT) == (
        instance.InstanceAvailability,
        instance.AvailableTransferSyntaxUID,
    )

    index.remove(["1.3"])
    (study,) = search(index).datasets
    assert ("CT", 1, 2) == (
        study.ModalitiesInStudy,
        study.NumberOfStudyRelatedSeries,
        study.NumberOfStudyRelatedInstances,
    )


def test_computed_keys(index: Index) -> None:
    """QID-27: these attributes are keys as well."""
    index.add([an_entry("1.1", "1.2.3", Modality="CT"), an_entry("1.2", "1.2.4", Modality="MR")])
    index.add([an_entry("1.3", "1.3.3", "1.3", Modality="MR")])

    assert ["1.2"] == found(index, filters={"ModalitiesInStudy": "CT"})
    assert ["1.3"] == found(index, filters={"NumberOfStudyRelatedInstances": "1"})
    assert ["1.2"] == found(index, filters={"NumberOfStudyRelatedSeries": "2"})
    assert {"1.2", "1.3"} == set(found(index, filters={"InstanceAvailability": "ONLINE"}))
    assert {"1.2", "1.3"} == set(found(index, filters={"SOPClassesInStudy": CT}))
    syntax = {"AvailableTransferSyntaxUID": EXPLICIT}
    assert 3 == len(found(index, INSTANCES, filters=syntax))


def test_instances_that_disagree(index: Index) -> None:
    """What is said of a study last counts, but an empty value gives way."""
    index.add([an_entry("1.1", StudyDescription="first", PatientID="old", PatientSex=None)])
    index.add([an_entry("1.2", StudyDescription=None, PatientID="new", PatientSex="F")])

    (study,) = search(index, fields=["StudyDescription"]).datasets
    assert ("first", "new", "F") == (study.StudyDescription, study.PatientID, study.PatientSex)


def test_corrected_instances(index: Index) -> None:
    """Where no instance says it any longer, it is gone: a name that was taken out of the files."""
    index.add([an_entry("1.1", PatientName="Doe"), an_entry("1.2", PatientName="Doe")])
    index.add([an_entry("1.1", PatientName=None)])
    assert ["1.2"] == found(index, filters={"PatientName": "Doe"})

    index.add([an_entry("1.2", PatientName=None)])
    assert [] == found(index, filters={"PatientName": "Doe"})
    assert "" == search(index).datasets[0].PatientName


# --- searches -----------------------------------------------------------------------------------


def test_order(index: Index) -> None:
    """QID-52: the newest studies come first; the order is always the same."""
    index.add(
        [
            an_entry("1.1", "1.1.3", "1.1", StudyDate="20200101"),
            an_entry("1.2", "1.2.3", "1.2", StudyDate="20210101", StudyTime="0900"),
            an_entry("1.3", "1.3.3", "1.3", StudyDate="20210101", StudyTime="1000"),
            an_entry("1.5", "1.5.3", "1.5"),
            an_entry("1.4", "1.4.3", "1.4"),
        ]
    )

    assert ["1.3", "1.2", "1.1", "1.4", "1.5"] == found(index)
    assert ["1.3", "1.2", "1.1", "1.4", "1.5"] == found(index, filters={"Modality": "*"})


@pytest.mark.parametrize("filters", [{}, {"PatientID": "4*"}])
def test_paging(index: Index, filters: dict[str, str]) -> None:
    """QID-03, QID-04: pages put together are the whole, and say whether there is more."""
    uids = [f"1.{number}" for number in range(2, 9)]
    index.add([an_entry(f"{uid}.1", f"{uid}.2", uid, PatientID="4711") for uid in uids])
    pages = [search(index, filters=filters, limit=3, offset=offset) for offset in (0, 3, 6, 9)]

    assert uids == [str(data.StudyInstanceUID) for page in pages for data in page.datasets]
    assert [True, True, False, False] == [page.remaining for page in pages]


def test_limits(index: Index) -> None:
    """QID-54: the lower of both limits counts, also if it is none."""
    index.add([an_entry("1.1.1", "1.1.2", "1.1"), an_entry("1.2.1", "1.2.2", "1.2")])

    assert 1 == len(search(index, most=1, limit=2).datasets)
    assert 1 == len(search(index, most=2, limit=1).datasets)
    nothing = search(index, limit=0)
    assert ([], True) == (nothing.datasets, nothing.remaining)
    assert not search(index, most=2).remaining
    assert [] == found(index, offset=10**18 - 1)


def test_resources(index: Index) -> None:
    """QID-45: UIDs of the path have to match as well."""
    index.add([an_entry("1.1", "1.2.3"), an_entry("1.2", "1.2.4"), an_entry("1.3", "1.3.3", "1.3")])

    assert ["1.2.3", "1.2.4"] == found(index, Selector("1.2", ""))
    assert ["1.1", "1.2"] == found(index, Selector("1.2", instance=""))
    assert ["1.2"] == found(index, Selector("1.2", "1.2.4", ""))
    assert [] == found(index, Selector("1.3", "1.2.4", ""))
    assert 3 == len(found(index, INSTANCES))


def test_keys_of_higher_levels(index: Index) -> None:
    """QID-27: series and instances are found by attributes of the levels above."""
    index.add([an_entry("1.1", PatientID="A", Modality="CT"), an_entry("1.2", "1.3.3", "1.3")])
    filters = {"PatientID": "A", "Modality": "CT"}

    assert ["1.2.3"] == found(index, SERIES, filters=filters)
    assert ["1.1"] == found(index, INSTANCES, filters=filters)


def test_keys_of_lower_levels(index: Index) -> None:
    """QID-28: a key that the level does not have is ignored, and that is said."""
    index.add([an_entry(Modality="CT")])

    matches = search(index, filters={"Modality": "MR", "PatientID": "*"})
    assert 1 == len(matches.datasets)
    assert ("Modality cannot be searched for at this level and was ignored.",) == matches.warnings
    assert "Modality" not in matches.datasets[0]


def test_character_set_is_no_key(index: Index) -> None:
    """QID-40: it is passed over without a word."""
    index.add([an_entry()])
    matches = search(index, filters={"00080005": "ISO_IR 100"})

    assert (1, ()) == (len(matches.datasets), matches.warnings)


def test_timezone_is_no_key(index: Index) -> None:
    """QID-26: it says how dates and times of the request are meant, at each level."""
    index.add([an_entry(TimezoneOffsetFromUTC="-0500"), an_entry("1.1", "1.3.3", "1.3")])
    filters = {"TimezoneOffsetFromUTC": "+0100"}

    assert ["1.2", "1.3"] == found(index, filters=filters)
    assert ["1.2.3", "1.3.3"] == found(index, SERIES, filters=filters)
    assert ["1.2.3.4", "1.1"] == found(index, INSTANCES, filters=filters)


@pytest.mark.parametrize(
    "keyword",
    [
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
        "TransferSyntaxUID",
        "AffectedSOPClassUID",
    ],
)
def test_what_is_not_searched(index: Index, keyword: str) -> None:
    """QID-28, JSN-20: pixels, and what no data set has, are no keys and no fields."""
    files = Files(a_dataset("1.1"))
    files.add_to(index)

    ways: list[tuple[dict[str, Any], str]] = [
        ({"filters": {keyword: "1.2"}}, "searched for"),
        ({"fields": [keyword]}, "returned"),
    ]
    for asked, verb in ways:
        matches = search(index, INSTANCES, load=files.load, **asked)
        assert [False] == [keyword in dataset for dataset in matches.datasets]
        assert (f"{keyword} cannot be {verb} at this level and was ignored.",) == matches.warnings
    assert [] == files.read


def test_fields_of_lower_levels(index: Index) -> None:
    """QID-28: they are ignored, and that is said."""
    index.add([an_entry(SliceThickness="1")])
    matches = search(index, fields=["SliceThickness", "PatientAge"])

    warning = "SliceThickness cannot be returned at this level and was ignored."
    assert (warning,) == matches.warnings
    assert "SliceThickness" not in matches.datasets[0]


@pytest.mark.parametrize("keyword", ["SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveURL"])
def test_fields_of_the_answer(index: Index, keyword: str) -> None:
    """QID-77: what the answer has by itself, or needs not have, is asked for without a warning."""
    index.add([an_entry()])

    assert () == search(index, fields=[keyword]).warnings


def test_many_warnings(index: Index) -> None:
    """GEN-03: attributes beyond the first ten are not named, since fields of a header are few."""
    index.add([an_entry()])
    names = [f"0018{number:04X}" for number in range(0x9000, 0x9100)]
    warnings = search(index, fields=names).warnings

    assert 11 == len(warnings)
    assert "Further attributes were ignored." == warnings[-1]


def test_refused_key(index: Index) -> None:
    """QID-M6: a date that is none is the asker's fault."""
    with pytest.raises(RemoteProtocolError) as raised:
        search(index, filters={"StudyDate": "today"})

    assert 400 == raised.value.status_hint


# --- attributes that are read from the files ----------------------------------------------------


class Files:
    """Data sets by SOP Instance UID, and how many were read."""

    def __init__(self, *datasets: Dataset) -> None:
        self._datasets = {str(dataset.SOPInstanceUID): dataset for dataset in datasets}
        self.read: list[str] = []

    def load(self, one: Found) -> Dataset:
        self.read.append(one.instance)
        if one.instance not in self._datasets:
            raise Part10Error("broken")
        return self._datasets[one.instance]

    def add_to(self, index: Index) -> None:
        for uid, dataset in self._datasets.items():
            said = describe(dataset)
            entry = an_entry(uid)
            index.add([type(entry)(said, entry.content, entry.transfer_syntax, "v1")])


def with_private(instance: str, value: str) -> Dataset:
    """A data set with a private attribute."""
    dataset = a_dataset(instance, PixelData=None)
    dataset.private_block(0x0023, "Other", create=True).add_new(0x01, "LO", "wrong")
    dataset.private_block(0x0023, "Acme", create=True).add_new(0x01, "LO", value)
    return dataset


def test_private_keys(index: Index) -> None:
    """QID-24: private attributes are matched, and returned with their creator as they are."""
    files = Files(with_private("1.1", "yes"), with_private("1.2", "no"))
    files.add_to(index)
    filters = {"00230010": "Acme", "00231001": "yes"}

    (match,) = search(index, INSTANCES, filters=filters, load=files.load).datasets
    assert "1.1" == match.SOPInstanceUID
    assert ("Acme", "yes") == (match[0x00230011].value, match[0x00231101].value)
    assert 0x00230010 not in match
    (study,) = search(index, filters=filters, load=files.load).datasets
    assert "yes" == study[0x00231101].value


def test_unusual_keys(index: Index) -> None:
    """Attributes that are not noted are read, of instances that match the others."""
    files = Files(a_dataset("1.1", Manufacturer="A"), a_dataset("1.2", AcquisitionContrast="T1"))
    files.add_to(index)
    filters = {"AcquisitionContrast": "T?", "SOPInstanceUID": ["1.2", "1.3"]}

    (match,) = search(index, INSTANCES, filters=filters, load=files.load).datasets
    assert ("1.2", "T1") == (match.SOPInstanceUID, match.AcquisitionContrast)
    assert ["1.2"] == files.read


def test_unusual_fields(index: Index) -> None:
    """QID-02: what is only to be returned is read of results, and not of those behind them."""
    files = Files(a_dataset("1.1", AcquisitionContrast="T1"), a_dataset("1.2"))
    files.add_to(index)
    asked = {"fields": ["AcquisitionContrast"], "load": files.load}

    results = search(index, INSTANCES, limit=1, **asked).datasets
    assert ["T1"] == [data.AcquisitionContrast for data in results]
    assert ["1.1"] == files.read
    assert "AcquisitionContrast" not in search(index, STUDIES, **asked).datasets[0]


def test_all_fields(index: Index) -> None:
    """QID-111: all of an instance is what there is of text and numbers."""
    files = Files(
        a_dataset("1.1", AcquisitionContrast="T1", RedPaletteColorLookupTableData=b"\0\1")
    )
    files.add_to(index)

    (match,) = search(index, INSTANCES, fields=["all"], load=files.load).datasets
    assert ("T1", "Doe^Jane", 2) == (match.AcquisitionContrast, match.PatientName, match.Rows)
    assert "PixelData" not in match
    assert "RedPaletteColorLookupTableData" not in match


def test_unreadable_files(index: Index) -> None:
    """An instance whose file cannot be read has none of these attributes."""
    index.add([an_entry("1.1")])
    load = Files().load

    assert [] == found(index, INSTANCES, filters={"AcquisitionContrast": "T1"}, load=load)
    assert ["1.1"] == found(index, INSTANCES, fields=["AcquisitionContrast"], load=load)


def test_without_files(index: Index) -> None:
    """Where nothing can be read, such a key is ignored, and that is said."""
    index.add([an_entry("1.1")])
    matches = search(index, INSTANCES, filters={"AcquisitionContrast": "T1"})

    assert 1 == len(matches.datasets)
    assert ["AcquisitionContrast"] == [text.partition(" ")[0] for text in matches.warnings]


def test_too_broad(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """QID-M7: a search that would read too many files is refused."""
    monkeypatch.setattr(finding, "MOST_READ", 2)
    files = Files(*(a_dataset(f"1.{number}") for number in range(1, 4)))
    files.add_to(index)

    with pytest.raises(RemoteProtocolError) as raised:
        search(index, INSTANCES, filters={"AcquisitionContrast": "T1"}, load=files.load)
    assert 413 == raised.value.status_hint
    assert 2 == len(files.read)


# --- the file of the index ----------------------------------------------------------------------


def test_open_again(tmp_path: Path) -> None:
    """An index is there again, and a new one says that nothing is in it."""
    path = tmp_path / "folder" / "index.sqlite3"
    first = Index.open(path)
    first.add([an_entry()])
    first.close()
    second = Index.open(path)

    assert (True, False) == (first.stale, second.stale)
    assert Counts(1, 1, 1) == second.counts()
    assert 0 == path.stat().st_mode & 0o077
    second.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"SQLite format 3\0" + b"x" * 5000])
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    """What is no database is made anew."""
    path = tmp_path / "index.sqlite3"
    path.write_bytes(content)
    index = Index.open(path)

    assert index.stale
    assert Counts(0, 0, 0) == index.counts()
    index.close()


@pytest.mark.parametrize("start", [100, 4096, 8192, 20_000])
def test_damaged_file(tmp_path: Path, start: int) -> None:
    """A database that is damaged somewhere is made anew, or sound where it matters."""
    path = tmp_path / "index.sqlite3"
    index = Index.open(path)
    index.add([an_entry(f"1.{number}", PatientComments="x" * 500) for number in range(100)])
    index.close()
    octets = bytearray(path.read_bytes())
    octets[start : start + 3000] = b"\xff" * 3000
    path.write_bytes(octets)

    index = Index.open(path)

    assert index.stale
    assert [] == found(index)
    index.close()


def test_other_version(tmp_path: Path) -> None:
    """An index of another version is made anew."""
    path = tmp_path / "index.sqlite3"
    Index.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    index = Index.open(path)

    assert index.stale
    index.close()


def test_foreign_database(tmp_path: Path) -> None:
    """A database of something else is left alone."""
    path = tmp_path / "precious.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE thesis (chapter TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="another database"):
        Index.open(path)
    assert before == path.read_bytes()


def test_breaking_while_open(tmp_path: Path) -> None:
    """Whatever SQLite says is an error of the system, without a word of what was searched."""
    path = tmp_path / "index.sqlite3"
    index = Index.open(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE study")
    connection.close()

    with pytest.raises(OSError, match="the index cannot be used") as raised:
        search(index, filters={"PatientName": "Doe"})
    assert "Doe" not in repr(raised.value)
    assert raised.value.__cause__ is None
    index.close()


def test_no_folder(tmp_path: Path) -> None:
    """An index that cannot be made is an error of the system."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FileExistsError):
        Index.open(tmp_path / "file" / "index.sqlite3")


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


def test_reads_while_written(tmp_path: Path) -> None:
    """A search that has begun sees what was there, whatever is stored meanwhile."""
    index = Index.open(tmp_path / "index.sqlite3")
    files = Files(a_dataset("1.1"), a_dataset("1.2"))
    files.add_to(index)

    def load(one: Found) -> Dataset:
        index.remove(["1.2"])
        return files.load(one)

    matches = search(index, INSTANCES, fields=["AcquisitionContrast"], load=load)
    assert ["1.1", "1.2"] == [data.SOPInstanceUID for data in matches.datasets]
    assert Counts(1, 1, 1) == index.counts()
    index.close()
