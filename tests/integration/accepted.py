"""Which of pydicom's files both archives take, and why not the others."""

from __future__ import annotations

from ..support.dicom_files import samples

NOT_DICOM = {
    "charset_files/FileInfo.txt",
    "crayons.icc",
    "dicomdirtests/README.txt",
    "dicomdirtests/TINY_ALPHA/README",
    "no_meta.dcm",
    "palettes/README.md",
    "README.txt",
    "rtplan.dump",
    "rtstruct.dump",
    "test1.json",
    "test_PN.json",
    "zipMR.gz",
}
BROKEN = {
    "MR_truncated.dcm",
    "SC_rgb_jpeg.dcm",
    "rtdose_rle.dcm",
    "rtdose_rle_1frame.dcm",
    "rtplan_truncated.dcm",
}
"""Ends early, or has lengths that can't be."""

ACCEPTED = [
    each
    for each in samples().values()
    if each.is_identified and each.name not in NOT_DICOM | BROKEN
]
"""All others lack a UID, as palettes and directories do: Orthanc needs three."""

BARE = [each for each in ACCEPTED if each.octets[128:132] != b"DICM"]
"""Data sets without a head, which are made files of by those who keep to PS3.10 §7."""

ALIKE = {each.name for each in ACCEPTED if "/TINY_ALPHA/" in each.name}
"""Fifty instances of one study, tested together; one by one, one of them will do."""
ONE_BY_ONE = [each for each in ACCEPTED if each.name not in sorted(ALIKE)[1:]]
FILES = [each for each in ONE_BY_ONE if each not in BARE]

HELD = list({each.instance: each for each in reversed(ACCEPTED)}.values())
"""Of those that have a SOP Instance UID in common the first."""
