"""Reason codes of the Store Instances Response Module (PS3.18 Annex I.2)."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["FailureReason", "WarningReason", "describe_reason"]


class FailureReason(IntEnum):
    """Why an instance was not stored: Failure Reason (0008,1197).

    The last four are names that products use beyond the table; others are legal too.
    """

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORIZED = 0x0124
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122
    STUDY_MISMATCH = 0xA901
    MISSING_BULK_DATA = 0xA922
    ALREADY_EXISTS = 0xB00E
    BEING_CREATED = 0xB00F


class WarningReason(IntEnum):
    """What happened to an instance that was stored: Warning Reason (0008,1196)."""

    VALIDATION = 0x0001
    COERCION = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    DATA_SET_MISMATCH = 0xB007


_MEANINGS: dict[int, str] = {
    WarningReason.VALIDATION: "stored although validation found faults",
    FailureReason.PROCESSING_FAILURE: "processing failure",
    FailureReason.DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
    FailureReason.SOP_CLASS_NOT_SUPPORTED: "referenced SOP class not supported",
    FailureReason.NOT_AUTHORIZED: "not authorized",
    FailureReason.STUDY_MISMATCH: "Study Instance UID is not that of the request",
    FailureReason.MISSING_BULK_DATA: "bulk data missing",
    WarningReason.COERCION: "coercion of data elements",
    WarningReason.ELEMENTS_DISCARDED: "elements discarded",
    WarningReason.DATA_SET_MISMATCH: "data set does not match SOP class",
    FailureReason.ALREADY_EXISTS: "instance already exists",
    FailureReason.BEING_CREATED: "instance is being created",
    FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED: "referenced transfer syntax not supported",
}

_RANGES: tuple[tuple[range, str], ...] = (
    (range(0xA700, 0xA800), "refused: out of resources"),
    (range(0xA900, 0xAA00), "error: data set does not match SOP class"),
    (range(0xC000, 0xD000), "error: cannot understand"),
)


def describe_reason(code: int) -> str:
    """Say what a failure or warning reason means, for people.

    Args:
        code: The number received; any number is legal (PS3.18 Annex I.2).

    Returns:
        Four hexadecimal digits and the meaning, such as ``A700 refused: out of resources``.
    """
    meaning = _MEANINGS.get(code)
    if meaning is None:
        meaning = next((text for codes, text in _RANGES if code in codes), "unknown reason")
    return f"{code:04X} {meaning}"
