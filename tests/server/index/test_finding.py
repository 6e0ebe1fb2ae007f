from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.errors import Part10Error, RemoteProtocolError
from aiodicomweb.http import URL, Request
from aiodicomweb.server.index import finding
from aiodicomweb.server.index.attributes import describe
from aiodicomweb.server.index.index import Counts, Index
from aiodicomweb.services import SearchRequest, Selector

from ...support.entries import an_entry
from ...support.instances import a_dataset
from ...support.searching import INSTANCES, SERIES, STUDIES, datasets_of, found, search

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from aiodicomweb.server.index.index import Found


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
    assert [4, 1, 0, 0] == [page.remaining for page in pages]


def test_limits(index: Index) -> None:
    """QID-54: the lower of both limits counts, also if it is none."""
    index.add([an_entry(f"1.{n}.1", f"1.{n}.2", f"1.{n}", PatientID="A") for n in (1, 2)])

    assert 1 == len(search(index, most=1, limit=2).datasets)
    assert 1 == len(search(index, most=2, limit=1).datasets)
    nothing = search(index, limit=0)
    assert ([], 2) == (nothing.datasets, nothing.remaining)
    assert 1 == search(index, limit=0, offset=1, filters={"PatientID": "?*"}).remaining
    assert 0 == search(index, most=2).remaining
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


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        (["1.1"], "ModalitiesInStudy=CT,PT&multiplevaluematching=true"),
        (["1.1"], "ModalitiesInStudy=PT%5CCT&multiplevaluematching=true"),
        (["1.1", "1.2"], "ModalitiesInStudy=CT,PT"),
        (["1.2"], "StudyDescription=%22%22&emptyvaluematching=true"),
        ([], "StudyDescription=%22%22"),
    ],
)
def test_switches(index: Index, expected: list[str], query: str) -> None:
    """QID-42, QID-43: as they come in the URL; without them several values are alternatives."""
    index.add([an_entry("1.1.1", "1.1.2", "1.1", Modality="CT", StudyDescription="a")])
    index.add([an_entry("1.1.3", "1.1.4", "1.1", Modality="PT")])
    index.add([an_entry("1.2.1", "1.2.2", "1.2", Modality="CT")])
    request = SearchRequest.from_http(Request("GET", URL.parse(f"http://h/studies?{query}")))

    studies = datasets_of(index.search(request, 10))
    assert expected == [study.StudyInstanceUID for study in studies]


@pytest.mark.parametrize("filters", [{}, {"PatientID": "A"}])
def test_more_than_is_counted(
    index: Index, monkeypatch: pytest.MonkeyPatch, filters: dict[str, str]
) -> None:
    """QID-51: how many remain is told as far as it costs little."""
    monkeypatch.setattr(finding, "MOST_COUNTED", 2)
    monkeypatch.setattr(finding, "MOST_COMPARED_TO_COUNT", 2)
    index.add([an_entry(f"1.{n}.1", f"1.{n}.2", f"1.{n}", PatientID="A") for n in range(1, 5)])

    remaining = [search(index, limit=limit, filters=filters).remaining for limit in range(1, 5)]
    assert [None, 2, 1, 0] == remaining


def test_only_matches_are_counted(index: Index) -> None:
    """QID-51: what the columns leave, but does not match, is not among what remains."""
    index.add([an_entry(f"1.{n}.1", f"1.{n}.2", f"1.{n}", PatientWeight=n) for n in (1, 2, 3)])
    index.add([an_entry("1.4.1", "1.4.2", "1.4", PatientWeight=1)])

    assert 1 == search(index, limit=1, filters={"PatientWeight": "1"}).remaining


def test_too_much_to_compare(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """QID-M7: a search that would have to look at too many rows in vain is refused."""
    monkeypatch.setattr(finding, "MOST_COMPARED", 2)
    index.add([an_entry(f"1.{number}", Rows=512) for number in range(1, 4)])

    assert ["1.1", "1.2", "1.3"] == found(index, INSTANCES, filters={"Rows": "512"})
    with pytest.raises(RemoteProtocolError, match="compared") as raised:
        search(index, INSTANCES, filters={"Rows": "1"})
    assert 413 == raised.value.status_hint


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


def test_a_full_page_is_not_too_broad(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """QID-51: no file is read to tell whether more would match; there may be some."""
    monkeypatch.setattr(finding, "MOST_READ", 2)
    files = Files(*(a_dataset(f"1.{number}", AcquisitionContrast="T1") for number in range(1, 4)))
    files.add_to(index)
    asked = {"filters": {"AcquisitionContrast": "T1"}, "load": files.load}

    assert None is search(index, INSTANCES, limit=2, **asked).remaining
    assert ["1.1", "1.2"] == files.read
    assert 0 == search(index, Selector("1.2", "1.2.3", ""), limit=3, filters={}).remaining


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
