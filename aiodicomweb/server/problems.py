"""What a server says when it can't do what it was asked: a status and one line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError, UnexpectedMediaType
from ..http import Headers, OutgoingResponse, Response

if TYPE_CHECKING:
    from ..errors import DicomWebError

__all__ = ["problem", "refusal", "status_of"]


def problem(status: int, text: str, headers: Headers | None = None) -> OutgoingResponse:
    """A refusal, or a failure (PS3.18 §8.6.3).

    Args:
        status: Status code.
        text: What is wrong, in one line, without data of patients.
        headers: Further header fields, such as ``Allow``.
    """
    headers = (headers or Headers()).add("Content-Type", "text/plain; charset=utf-8")
    return OutgoingResponse.of(Response(status, headers, f"{text}\n".encode()))


def refusal(error: DicomWebError) -> OutgoingResponse:
    """The answer to a request that has a fault, which the error names."""
    return problem(status_of(error), error.describe())


def status_of(error: DicomWebError) -> int:
    """The status to answer a faulty request with (RFC 9110 §15.5)."""
    match error:
        case ProtocolError():
            return error.status_hint
        case UnexpectedMediaType():
            return 415
        case _:
            return 400
