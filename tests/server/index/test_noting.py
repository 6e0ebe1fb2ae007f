from __future__ import annotations

from typing import TYPE_CHECKING

from ...support.entries import CT, EXPLICIT, an_entry
from ...support.searching import INSTANCES, SERIES, found, search

if TYPE_CHECKING:
    from aiodicomweb.server.index.index import Index


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
