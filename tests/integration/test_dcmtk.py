"""Documents of DCMTK, another implementation of the Native DICOM Model.

What DCMTK does otherwise than the standard says is asserted as it is in Debian 12: 3.6.7.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from aiodicomweb.dicom import is_dicom
from aiodicomweb.dicom.native_xml import dataset_from_xml
from aiodicomweb.dicom.vrs import little_endian

from ..support.dicom_files import samples
from ..support.native_xml import content

if TYPE_CHECKING:
    from ..support.dicom_files import Sample
    from ..support.native_xml import Content

DCM2XML = shutil.which("dcm2xml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DCM2XML is None, reason="dcm2xml of DCMTK is not installed"),
]

# Broken files, directories, and those in character sets that it cannot convert.
REFUSED = {
    "J2K_pixelrep_mismatch.dcm",
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "charset_files/chrH31.dcm",
    "charset_files/chrH32.dcm",
    "charset_files/chrJapMulti.dcm",
    "charset_files/chrJapMultiExplicitIR6.dcm",
    "charset_files/chrSQEncoding.dcm",
    "charset_files/chrSQEncoding1.dcm",
    "rtplan_truncated.dcm",
}
ITEM = b"\xfe\xff\x00\xe0"
"""How encapsulated pixel data begins, which DCMTK leaves out."""

FILES = [
    sample
    for sample in samples().values()
    if is_dicom(sample.octets) and "DICOMDIR" not in sample.name and sample.name not in REFUSED
]


@pytest.mark.parametrize("sample", FILES, ids=str)
def test_documents_of_dcmtk_are_read(sample: Sample) -> None:
    """The data set is that of the file, as pydicom reads it (XML-01..13)."""
    octets = converted(sample)
    with warnings.catch_warnings(action="ignore"):  # some values break the rules of their VR
        dataset = sample.read()
        expected = content(dataset)

    found = content(dataset_from_xml(octets))

    swap = dataset.original_encoding != (False, False)
    assert by_dcmtk(expected, found, swap=swap) == by_dcmtk(found, found, swap=False)


def by_dcmtk(expected: Content, found: Content, *, swap: bool) -> dict[Any, Any]:
    """What DCMTK makes of a data set."""
    result: dict[Any, Any] = {}
    for key, (vr, values) in expected.items():
        tag, creator, count = key
        if int(tag[3], 16) & 1 and not creator:
            continue  # it loses its block, and may then look like a private creator
        other_vr, others = found.get((tag, creator, count), (vr, []))
        if tag == "00080005" or other_vr == "UN":
            continue  # UTF-8 now; and UN, as in the file, where pydicom knows the VR
        if vr == "SQ":
            items = zip(values, [*others, *[{}] * len(values)], strict=False)
            members: list[Any] = [by_dcmtk(item, other, swap=swap) for item, other in items]
        else:
            members = [value_by_dcmtk(vr, value, swap=swap) for value in values]
        is_encapsulated = tag == "7FE00010" and values[:1] and values[0].startswith(ITEM)
        result[tag, creator, count] = ("OB", []) if is_encapsulated else (vr, members)
    return result


def value_by_dcmtk(vr: str, value: Any, *, swap: bool) -> Any:
    """One value: words are big endian, numbers short, and names repeat their groups."""
    if isinstance(value, bytes):
        return (little_endian(vr, value) if swap else value).rstrip(b"\0")
    if vr == "FD":
        return f"{float(value):.14g}"
    if vr == "FL":
        return str(float(value) + 0.0)  # no negative zero
    if vr == "PN":
        first, *others = [*value.split("="), "", ""][:3]
        return [first, others[0], others[1] or others[0]]
    return value.rstrip()


def converted(sample: Sample) -> bytes:
    """A file as DCMTK has it: binary values in line, text in UTF-8."""
    assert DCM2XML is not None
    options = ("--native-format", "+Xn", "+Eb", "+M", "+U8")
    process = subprocess.run([DCM2XML, *options, str(sample.path)], check=True, capture_output=True)
    return process.stdout
