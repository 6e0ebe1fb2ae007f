"""Studies that are made up."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from pydicom import dcmread

from aiodicomweb.dicom import is_uid
from aiodicomweb.dicom.part10 import encode
from aiodicomweb.server import MemoryArchive
from aiodicomweb.testing import make_study


def test_study_has_an_ultrasound_image_and_ct_slices() -> None:
    """One study, two series, instances of different UIDs, the multi-frame image first."""
    study = make_study(slices=4, frames=3)

    assert ["US", "CT", "CT", "CT", "CT"] == [instance.Modality for instance in study]
    assert 3 == study[0].NumberOfFrames
    assert 1 == len({instance.StudyInstanceUID for instance in study})
    assert 2 == len({instance.SeriesInstanceUID for instance in study})
    assert 5 == len({instance.SOPInstanceUID for instance in study})
    assert all(is_uid(instance.SOPInstanceUID) for instance in study)


@pytest.mark.parametrize("size", [1, 5, 64])
def test_pixels_have_the_length_that_is_said(size: int) -> None:
    """Rows, columns, bits and frames make up the pixel data, which has an even length."""
    image, cut = make_study(slices=1, frames=3, size=size)

    assert 3 * size**2 + (3 * size**2) % 2 == len(image.PixelData)
    assert 2 * size**2 == len(cut.PixelData)


def test_frames_and_slices_show_discs_of_different_sizes() -> None:
    """The sphere grows and shrinks from frame to frame, and is widest in the middle slice."""
    image, *slices = make_study(slices=5, frames=4, size=64)

    starts = range(0, 4 * 64**2, 64**2)
    assert 3 == len({image.PixelData.count(0, start, start + 64**2) for start in starts})
    black = [instance.PixelData.count(0) for instance in slices]
    assert black == black[::-1]
    assert black[0] > black[1] > black[2]


def test_slices_lie_one_upon_the_other() -> None:
    """Positions differ by the thickness, so that the slices make a volume."""
    depths = [cut.ImagePositionPatient[2] for cut in make_study(slices=4, frames=0)]

    assert [25.0, 25.0, 25.0] == [upper - lower for lower, upper in pairwise(depths)]


def test_same_arguments_give_the_same_study() -> None:
    """Every octet is the same, until another seed is given."""
    one, same, other = (make_study(seed=seed) for seed in ("a", "a", "b"))

    assert list(map(encode, one)) == list(map(encode, same))
    assert one[0].StudyInstanceUID != other[0].StudyInstanceUID
    assert {i.SOPInstanceUID for i in one}.isdisjoint(i.SOPInstanceUID for i in other)


def test_any_name_survives_the_file() -> None:
    """Patients' names may have letters of any script."""
    instance = make_study(patient="Müller^Ωμέγα")[0]

    assert "Müller^Ωμέγα" == dcmread(io.BytesIO(encode(instance))).PatientName


def test_parts_of_the_study_can_be_left_out() -> None:
    """Without slices or frames there is the other alone."""
    assert ["US"] == [instance.Modality for instance in make_study(slices=0)]
    assert ["CT"] == [instance.Modality for instance in make_study(slices=1, frames=0)]


async def test_archive_takes_the_study() -> None:
    """The instances are whole, and can be told apart."""
    archive = MemoryArchive(make_study())
    await archive.open()
    counts = await archive.counts()
    await archive.aclose()

    assert (1, 2, 5) == (counts.studies, counts.series, counts.instances)
