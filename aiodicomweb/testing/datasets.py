"""Instances that nobody has to be asked for: small, valid, made of nothing but arithmetic."""

from __future__ import annotations

import math
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

__all__ = ["make_study"]

_CT_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.2"
_ULTRASOUND_MULTI_FRAME: Final = "1.2.840.10008.5.1.4.1.1.3.1"
_MILLIMETRES: Final = 100.0
"""Width, height and depth of what is shown."""
_FRAME_MILLISECONDS: Final = 40


def make_study(
    *,
    slices: int = 4,
    frames: int = 3,
    size: int = 64,
    patient: str = "Sphere^Test",
    seed: str = "",
) -> list[Dataset]:
    """Make a study of a sphere: a moving ultrasound image, and a series of CT slices.

    The data sets have file meta information and native pixel data (Explicit VR Little Endian), and
    go to :meth:`~aiodicomweb.Client.store_instances`, or into an archive, as they are. They have
    the elements that their SOP classes require (PS3.3 §A.3 and §A.7). The same arguments give the
    same study.

    Args:
        slices: Images of the CT series (``size`` x ``size``, 16 bits); 0 leaves it out.
        frames: Frames of the ultrasound image (``size`` x ``size``, 8 bits), which is the first
            instance; 0 leaves it out.
        size: Rows, and columns, of all images.
        patient: PatientName.
        seed: Another text gives a study with other UIDs.

    Returns:
        The instances, yours.
    """
    key = f"{slices} {frames} {size} {patient} {seed}"
    study = _study(key, patient)
    made = [_ultrasound(study, key, frames, size)] if frames else []
    made += [_slice(study, key, number, slices, size) for number in range(1, slices + 1)]
    return made


def _uid(*words: object) -> UID:
    return generate_uid(entropy_srcs=["aiodicomweb.testing", *map(str, words)])


def _study(key: str, patient: str) -> Dataset:
    """What all instances have in common: patient and study (PS3.3 §C.7.1.1, §C.7.2.1)."""
    study = Dataset()
    study.SpecificCharacterSet = "ISO_IR 192"
    study.StudyDate = study.SeriesDate = study.ContentDate = "20240102"
    study.StudyTime = study.SeriesTime = study.ContentTime = "030405"
    study.AccessionNumber = "A1"
    study.ReferringPhysicianName = ""
    study.StudyDescription = "Made up by aiodicomweb"
    study.PatientName = patient
    study.PatientID = "SPHERE"
    study.PatientBirthDate = ""
    study.PatientSex = "O"
    study.StudyInstanceUID = _uid(key)
    study.StudyID = "1"
    study.Manufacturer = "aiodicomweb"
    return study


def _instance(
    study: Dataset, key: str, sop_class: str, modality: str, series: int, number: int
) -> Dataset:
    """An instance of a series, still without an image."""
    instance = Dataset()
    instance.update(study)
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.SOPClassUID = UID(sop_class)
    instance.SOPInstanceUID = _uid(key, series, number)
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.Modality = modality
    instance.SeriesInstanceUID = _uid(key, series)
    instance.SeriesNumber = series
    instance.InstanceNumber = number
    instance.PatientOrientation = ""
    return instance


def _set_pixels(image: Dataset, size: int, bits: int, pixels: bytes) -> None:
    """Give an instance its pixels (PS3.3 §C.7.6.3)."""
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = size
    image.BitsAllocated = image.BitsStored = bits
    image.HighBit = bits - 1
    image.PixelRepresentation = 0
    image.add_new("PixelData", "OW" if bits > 8 else "OB", pixels)


def _ultrasound(study: Dataset, key: str, frames: int, size: int) -> Dataset:
    """The sphere, growing and shrinking (PS3.3 §A.7)."""
    image = _instance(study, key, _ULTRASOUND_MULTI_FRAME, "US", 1, 1)
    image.SeriesDescription = "Breathing"
    image.ImageType = ["ORIGINAL", "PRIMARY"]
    image.LossyImageCompression = "00"
    image.NumberOfFrames = frames
    image.FrameTime = _FRAME_MILLISECONDS
    image.FrameIncrementPointer = 0x00181063  # FrameTime
    radii = (size * (0.3 + 0.15 * math.sin(math.tau * frame / frames)) for frame in range(frames))
    pixels = b"".join(_disc(size, radius, 1) for radius in radii)
    _set_pixels(image, size, 8, pixels + bytes(len(pixels) % 2))
    return image


def _slice(study: Dataset, key: str, number: int, slices: int, size: int) -> Dataset:
    """A cut through the sphere (PS3.3 §A.3)."""
    image = _instance(study, key, _CT_IMAGE, "CT", 2, number)
    image.SeriesDescription = "Slices"
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.FrameOfReferenceUID = _uid(key, "frame of reference")
    image.PositionReferenceIndicator = ""
    image.PatientPosition = "HFS"
    image.AcquisitionNumber = None
    image.KVP = None
    thickness = _MILLIMETRES / slices
    depth = (number - 0.5) * thickness - _MILLIMETRES / 2  # from the centre
    image.ImagePositionPatient = [-_MILLIMETRES / 2, -_MILLIMETRES / 2, round(depth, 3)]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [round(_MILLIMETRES / size, 6)] * 2
    image.SliceThickness = round(thickness, 6)
    image.RescaleIntercept = -1024
    image.RescaleSlope = 1
    image.WindowCenter = 0
    image.WindowWidth = 2048
    radius = size * math.sqrt(max(0.0, 0.45**2 - (depth / _MILLIMETRES) ** 2))
    _set_pixels(image, size, 16, _disc(size, radius, 2))
    return image


def _disc(size: int, radius: float, octets: int) -> bytes:
    """Pixels of a disc that is lit from the right, on black; little-endian."""
    brightest = 255 if octets == 1 else 2047
    ramp = b"".join((x * brightest // size).to_bytes(octets, "little") for x in range(size))
    lines: list[bytes] = []
    for row in range(size):
        height = row + 0.5 - size / 2
        half = int(math.sqrt(max(0.0, radius**2 - height**2)))
        left, right = octets * (size // 2 - half), octets * (size // 2 + half)
        lines.append(bytes(left) + ramp[left:right] + bytes(len(ramp) - right))
    return b"".join(lines)
