"""Which of pydicom's files Orthanc takes, and why not the others."""

from __future__ import annotations

from ..support.dicom_files import samples

NOT_DICOM = {
    "charset_files/FileInfo.txt",
    "crayons.icc",
    "dicomdirtests/README.txt",
    "dicomdirtests/TINY_ALPHA/README",
    "palettes/README.md",
    "README.txt",
    "rtplan.dump",
    "rtstruct.dump",
    "test1.json",
    "test_PN.json",
    "zipMR.gz",
}
BARE = {"ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "no_meta.dcm", "rtstruct.dcm"}
"""Data sets without preamble and file meta information, which is not a DICOM file (PS3.10 §7.1)."""
BARE_BUT_ACCEPTED = BARE - {"no_meta.dcm"}
"""Of these, what Orthanc takes all the same. The only difference to what the client lets pass."""
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
