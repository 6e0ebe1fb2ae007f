"""All that reads octets of a peer, each behind one function that takes any octets at all.

A target may return, or raise an error of our tree. Anything else is a finding: another exception,
an error that cannot be shown or pickled, a value that was read and reads otherwise when it is
written again, a result that depends on how the network cut the octets.
"""

from __future__ import annotations

import warnings

from aiodicomweb.errors import DicomWebError

from . import dicom_targets, http_targets, service_targets, wire_targets
from .judging import Attempt

__all__ = ["TARGETS", "judge"]

TARGETS = (
    http_targets.TARGETS | wire_targets.TARGETS | dicom_targets.TARGETS | service_targets.TARGETS
)
"""Functions by name."""


def judge(target: str, octets: bytes) -> str:
    """Give octets to a target.

    Returns:
        What became of them: inputs that make something new of a target are worth keeping.

    Raises:
        Exception: Anything but an error of our tree: a finding.
    """
    attempt = Attempt()
    with warnings.catch_warnings(action="ignore"):  # pydicom warns of what is odd
        try:
            TARGETS[target](octets, attempt)
        except DicomWebError as error:
            attempt.refused(error)
    return " | ".join(sorted(set(attempt.outcomes)))
