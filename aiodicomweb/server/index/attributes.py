"""Which attributes an archive knows of a study, a series and an instance (PS3.18 §10.6).

A search is answered by what was noted when an instance came in; the files stay closed. What is
noted are the attributes of the patient and study modules for the study, those of the series and
equipment modules for the series, and for the instance what tells instances of a series apart.
Together they hold the keys that must be matched (PS3.18 Tables 10.6.1-4 and 10.6.1-5), those that
are returned without being asked for (Tables 10.6.3-3 to 10.6.3-5), and the usual optional ones
(PS3.4 §C.6.1.1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ...dicom import dataset_to_json, is_uid
from ...dicom.elements import new_dataset
from ...errors import JsonModelError, Part10Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

    from ...dicom import AttributePath, JsonObject
    from ...http import FileSpan

__all__ = [
    "COMPUTED",
    "LARGEST_ATTRIBUTE",
    "NOTED",
    "RETURNED",
    "Description",
    "Entry",
    "Level",
    "describe",
    "empty_attribute",
    "level_of",
    "read_attributes",
]

LARGEST_ATTRIBUTE: Final = 16 * 1024
"""Characters that an attribute may have as JSON to be noted. Names and descriptions have tens, a
sequence of codes some hundreds; what is larger is a document that strayed into a header, and
would make every search slow."""


class Level(IntEnum):
    """A level of the Study Root model; the patient belongs to the study (PS3.4 §C.6.2)."""

    STUDY = 0
    SERIES = 1
    INSTANCE = 2


def _tags(keywords: str) -> tuple[str, ...]:
    """Names of JSON properties."""
    return tuple(f"{tag_for_keyword(keyword):08X}" for keyword in keywords.split())


_PATIENT: Final = _tags("""
    PatientName PatientID IssuerOfPatientID TypeOfPatientID IssuerOfPatientIDQualifiersSequence
    PatientBirthDate PatientBirthTime PatientSex OtherPatientIDs OtherPatientIDsSequence
    OtherPatientNames PatientBirthName PatientMotherBirthName EthnicGroup PatientComments
    PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription
    PatientBreedCodeSequence ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
    PatientIdentityRemoved DeidentificationMethod ReferencedPatientSequence
    ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName
    ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID
""")
_STUDY: Final = _tags("""
    StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence StudyInstanceUID StudyID
    StudyDescription ReferringPhysicianName ReferringPhysicianIdentificationSequence
    ConsultingPhysicianName PhysiciansOfRecord NameOfPhysiciansReadingStudy
    RequestingService ProcedureCodeSequence ReferencedStudySequence
    AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence
    ReasonForVisit ReasonForPerformedProcedureCodeSequence
    PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory
    PregnancyStatus PatientSexNeutered MedicalAlerts Allergies SmokingStatus PatientState
    AdmissionID IssuerOfAdmissionIDSequence ServiceEpisodeID
    ClinicalTrialTimePointID ClinicalTrialTimePointDescription TimezoneOffsetFromUTC
""")
_SERIES: Final = _tags("""
    Modality SeriesInstanceUID SeriesNumber SeriesDate SeriesTime SeriesDescription
    SeriesDescriptionCodeSequence Laterality BodyPartExamined ProtocolName PatientPosition
    PerformingPhysicianName OperatorsName PresentationIntentType
    PerformedProcedureStepStartDate PerformedProcedureStepStartTime
    PerformedProcedureStepEndDate PerformedProcedureStepEndTime PerformedProcedureStepID
    PerformedProcedureStepDescription PerformedProtocolCodeSequence
    ReferencedPerformedProcedureStepSequence RequestAttributesSequence
    CommentsOnThePerformedProcedureStep AnatomicalOrientationType
    Manufacturer InstitutionName InstitutionAddress InstitutionalDepartmentName StationName
    ManufacturerModelName DeviceSerialNumber SoftwareVersions
    FrameOfReferenceUID SynchronizationFrameOfReferenceUID
    ClinicalTrialSeriesID ClinicalTrialSeriesDescription TimezoneOffsetFromUTC
""")
_INSTANCE: Final = _tags("""
    SOPClassUID SOPInstanceUID InstanceNumber ImageType InstanceCreationDate
    InstanceCreationTime AcquisitionDate AcquisitionTime AcquisitionDateTime AcquisitionNumber
    ContentDate ContentTime NumberOfFrames Rows Columns BitsAllocated BitsStored
    SamplesPerPixel PhotometricInterpretation PixelSpacing SliceThickness SliceLocation
    ImagePositionPatient ImageOrientationPatient ImageLaterality ImageComments KVP
    ContrastBolusAgent BurnedInAnnotation LossyImageCompression WindowCenter WindowWidth
    ContentLabel ContentDescription ContentCreatorName PresentationCreationDate
    PresentationCreationTime DocumentTitle MIMETypeOfEncapsulatedDocument
    ConceptNameCodeSequence CompletionFlag VerificationFlag ObservationDateTime
    ReferencedSeriesSequence TimezoneOffsetFromUTC
""")

NOTED: Final[Mapping[Level, frozenset[str]]] = {
    Level.STUDY: frozenset(_PATIENT + _STUDY),
    Level.SERIES: frozenset(_SERIES),
    Level.INSTANCE: frozenset(_INSTANCE),
}
"""What is noted of each level, as names of JSON properties."""

COMPUTED: Final[Mapping[Level, frozenset[str]]] = {
    Level.STUDY: frozenset(
        _tags("""
            InstanceAvailability ModalitiesInStudy SOPClassesInStudy NumberOfStudyRelatedSeries
            NumberOfStudyRelatedInstances
        """)
    ),
    Level.SERIES: frozenset(_tags("InstanceAvailability NumberOfSeriesRelatedInstances")),
    Level.INSTANCE: frozenset(_tags("InstanceAvailability AvailableTransferSyntaxUID")),
}
"""What no data set says, since it is about the archive (PS3.4 §C.3.4)."""


@dataclass(frozen=True, slots=True)
class _Returned:
    """What a result has of a level without being asked (PS3.18 Tables 10.6.3-3 to 10.6.3-5).

    Attributes:
        always: Present in any case, empty where nothing is known (PS3.4 §C.2.2.1).
        known: Present where known.
    """

    always: tuple[str, ...]
    known: tuple[str, ...]


RETURNED: Final[Mapping[Level, _Returned]] = {
    Level.STUDY: _Returned(
        _tags("""
            StudyDate StudyTime AccessionNumber InstanceAvailability ModalitiesInStudy
            ReferringPhysicianName PatientName PatientID PatientBirthDate PatientSex
            StudyInstanceUID StudyID NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances
        """),
        _tags("TimezoneOffsetFromUTC"),
    ),
    Level.SERIES: _Returned(
        _tags("Modality SeriesInstanceUID SeriesNumber NumberOfSeriesRelatedInstances"),
        _tags("""
            TimezoneOffsetFromUTC SeriesDescription PerformedProcedureStepStartDate
            PerformedProcedureStepStartTime RequestAttributesSequence
        """),
    ),
    Level.INSTANCE: _Returned(
        _tags("SOPClassUID SOPInstanceUID InstanceAvailability InstanceNumber"),
        _tags("""
            TimezoneOffsetFromUTC NumberOfFrames Rows Columns BitsAllocated
            AvailableTransferSyntaxUID
        """),
    ),
}
"""What a result has of each level without being asked."""


@dataclass(frozen=True, slots=True)
class Description:
    """What an instance says of its study, of its series and of itself.

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        attributes: For each level what is noted of it, as a DICOM JSON object.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    attributes: Mapping[Level, JsonObject] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an index keeps of an instance.

    Attributes:
        description: What it says.
        content: Where it is: a path relative to the archive's folder, and the piece of the file;
            ``None`` if it is not in a file.
        transfer_syntax: UID of the transfer syntax that it is stored in.
        version: Another text whenever the content is another one.
        modified: When the file was changed last, in nanoseconds of the file system's clock.
    """

    description: Description
    content: FileSpan | None
    transfer_syntax: str
    version: str
    modified: int = 0


def describe(dataset: Dataset) -> Description:
    """Take from a data set what an index notes.

    Attributes whose value is broken, or larger than :data:`LARGEST_ATTRIBUTE`, are left out.

    Args:
        dataset: A data set; its pixels are not needed.

    Raises:
        Part10Error: It lacks one of the UIDs that tell it apart.
    """
    attributes = {level: read_attributes(dataset, NOTED[level]) for level in Level}
    return Description(
        study=_uid(attributes[Level.STUDY], "0020000D", "Study Instance UID"),
        series=_uid(attributes[Level.SERIES], "0020000E", "Series Instance UID"),
        instance=_uid(attributes[Level.INSTANCE], "00080018", "SOP Instance UID"),
        sop_class=_uid(attributes[Level.INSTANCE], "00080016", "SOP Class UID"),
        attributes=attributes,
    )


def _uid(attributes: JsonObject, name: str, what: str) -> str:
    match attributes.get(name):
        case {"Value": [str(uid)]} if is_uid(uid):
            return uid
        case _:
            raise Part10Error(f"the data set has no {what}")


def read_attributes(dataset: Dataset, names: Iterable[str]) -> JsonObject:
    """Some attributes of a data set as JSON; broken and overlong ones are left out.

    Args:
        dataset: The data set.
        names: Tags as eight upper-case hexadecimal digits.
    """
    elements: dict[BaseTag, DataElement] = {}
    for name in names:
        tag = int(name, 16)
        if tag in dataset:
            try:
                element = dataset[tag]
            except Exception:  # noqa: BLE001, S112
                # What pydicom raises for a broken value is not defined.
                continue
            elements[element.tag] = element
    try:
        written = dataset_to_json(new_dataset(elements))
    except JsonModelError:
        written = {
            name: attribute
            for tag, element in elements.items()
            for name, attribute in _lone_attribute(tag, element).items()
        }
    return {name: attribute for name, attribute in written.items() if _is_small(attribute)}


def _lone_attribute(tag: BaseTag, element: DataElement) -> JsonObject:
    try:
        return dataset_to_json(new_dataset({tag: element}))
    except JsonModelError:
        return {}


def _is_small(attribute: JsonObject) -> bool:
    match attribute:
        case {"Value": [str(text)]}:
            return len(text) <= LARGEST_ATTRIBUTE
        case {"vr": "SQ", "Value": _} | {"Value": [_, _, *_]} | {"InlineBinary": _}:
            return len(json.dumps(attribute)) <= LARGEST_ATTRIBUTE
        case _:
            return True


def level_of(path: AttributePath) -> Level | None:
    """The highest level whose attribute this is.

    Returns:
        ``None`` for private attributes, which may be of any level. Whatever else is not noted is
        an attribute of instances.
    """
    tag = path.tags[0]
    if tag.is_private:
        return None
    name = f"{tag:08X}"
    for level in Level:
        if name in NOTED[level] or name in COMPUTED[level]:
            return level
    return Level.INSTANCE


def empty_attribute(name: str) -> JsonObject:
    """An attribute of the dictionary without value (PS3.18 §F.2.5)."""
    # Of "US or SS" the first: without value there is no difference.
    return {"vr": dictionary_VR(int(name, 16))[:2]}
