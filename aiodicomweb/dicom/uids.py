"""UIDs: their syntax, the transfer syntaxes, and which of them a bulk data media type implies."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ConfigurationError

__all__ = [
    "DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN",
    "EXPLICIT_VR_BIG_ENDIAN",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "MAX_UID_LENGTH",
    "check_uid",
    "default_transfer_syntax",
    "is_uid",
]

MAX_UID_LENGTH: Final = 64
"""Characters that a UID may have (PS3.5 §9.1)."""

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

# No rule about the root or about leading zeros: archives hold many UIDs that break them.
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")

_JPEG = "1.2.840.10008.1.2.4.70"
_JPEG_LS = "1.2.840.10008.1.2.4.80"
_JPEG_2000 = "1.2.840.10008.1.2.4.90"
_RLE = "1.2.840.10008.1.2.5"
_MPEG2 = "1.2.840.10008.1.2.4.101"

_DEFAULTS: Final[dict[str, str]] = {
    "application/octet-stream": EXPLICIT_VR_LITTLE_ENDIAN,
    "application/dicom": EXPLICIT_VR_LITTLE_ENDIAN,
    "image/jpeg": _JPEG,
    "image/dicom-rle": _RLE,
    "image/jls": _JPEG_LS,
    "image/jp2": _JPEG_2000,
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/jxl": "1.2.840.10008.1.2.4.110",
    "video/mpeg": _MPEG2,
    "video/mp4": "1.2.840.10008.1.2.4.102",
    "video/h265": "1.2.840.10008.1.2.4.107",
    # Names of earlier editions and of products, still on the wire.
    "image/x-dicom-rle": _RLE,
    "image/x-jls": _JPEG_LS,
    "image/jll": _JPEG,
    "image/dicom+jpeg": _JPEG,
    "image/dicom+rle": _RLE,
    "image/dicom+jpeg-ls": _JPEG_LS,
    "image/dicom+jp2": _JPEG_2000,
    "video/mpeg2": _MPEG2,
}


def is_uid(text: str) -> bool:
    """Whether a text can be a UID: at most 64 characters, digits between single dots.

    Lenient as readers must be: components may have leading zeros, the root may be any number
    (PS3.5 §9.1 is stricter).
    """
    return len(text) <= MAX_UID_LENGTH and _UID.fullmatch(text) is not None


def check_uid(text: object, name: str) -> str:
    """Return a UID that is given as an argument, once it is known to be one.

    Args:
        text: The UID.
        name: The parameter's name, for the error.

    Raises:
        ConfigurationError: It is not a UID by :func:`is_uid`.
    """
    if not isinstance(text, str) or not is_uid(text):
        raise ConfigurationError(
            f"{name} is not a UID",
            hint="digits separated by single dots, at most 64 characters",
        )
    return text


def default_transfer_syntax(media_type: str) -> str | None:
    """The transfer syntax of a media type that comes without ``transfer-syntax`` parameter.

    Args:
        media_type: ``type/subtype`` in any case, without parameters. Names that earlier editions
            and products use are known too.

    Returns:
        The default of PS3.18 §8.7.3, Tables 8.7.3-2 to 8.7.3-5; ``None`` for other media types.
    """
    return _DEFAULTS.get(media_type.lower())
