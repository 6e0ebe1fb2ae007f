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
    "bulk_data_media_type",
    "canonical_media_type",
    "check_uid",
    "default_transfer_syntax",
    "is_encapsulated",
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

_ROOT: Final = "1.2.840.10008.1.2"

# PS3.18 Table 8.7.3-5: each media type's transfer syntaxes, its default first.
_COMPRESSED: Final[dict[str, tuple[str, ...]]] = {
    media_type: tuple(f"{_ROOT}.{suffix}" for suffix in suffixes.split())
    for media_type, suffixes in {
        "image/jpeg": "4.70 4.50 4.51 4.57",
        "image/dicom-rle": "5",
        "image/jls": "4.80 4.81",
        "image/jp2": "4.90 4.91",
        "image/jpx": "4.92 4.93",
        "image/jphc": "4.201 4.202 4.203",
        "image/jxl": "4.110 4.111 4.112",
        "video/mpeg": "4.101 4.100 4.100.1 4.101.1",
        "video/mp4": "4.102 4.102.1 4.103 4.103.1 4.104 4.104.1 4.105 4.105.1 4.106 4.106.1",
        "video/h265": "4.107 4.108",
    }.items()
}

# Names of earlier editions and of products, still on the wire.
_LEGACY: Final = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "image/jll": "image/jpeg",
    "image/dicom+jpeg": "image/jpeg",
    "image/dicom+rle": "image/dicom-rle",
    "image/dicom+jpeg-ls": "image/jls",
    "image/dicom+jp2": "image/jp2",
    "video/mpeg2": "video/mpeg",
}

_OCTETS: Final = "application/octet-stream"
_DEFAULTS: Final[dict[str, str]] = {
    _OCTETS: EXPLICIT_VR_LITTLE_ENDIAN,
    "application/dicom": EXPLICIT_VR_LITTLE_ENDIAN,
    **{media_type: syntaxes[0] for media_type, syntaxes in _COMPRESSED.items()},
}
_MEDIA_TYPES: Final = {
    syntax: media_type for media_type, syntaxes in _COMPRESSED.items() for syntax in syntaxes
}
# JPEG 2000 streams named by a URL in the data set: what is in it is no image (MED-108).
_NATIVE: Final = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        *(f"{_ROOT}.{suffix}" for suffix in ("4.94", "4.95", "4.204", "4.205")),
    }
)


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
    return _DEFAULTS.get(canonical_media_type(media_type))


def canonical_media_type(media_type: str) -> str:
    """The name in the standard of a bulk data media type that older editions name otherwise.

    Args:
        media_type: ``type/subtype`` in any case.

    Returns:
        In lower case; the same where it is no older name (PS3.18 §8.7.3.3.2).
    """
    name = media_type.lower()
    return _LEGACY.get(name, name)


def bulk_data_media_type(transfer_syntax: str) -> str:
    """The media type of pixel data in a transfer syntax (PS3.18 Tables 8.7.3-4 and 8.7.3-5).

    Returns:
        ``application/octet-stream`` for native pixel data, and for transfer syntaxes that have
        no media type of their own.
    """
    return _MEDIA_TYPES.get(transfer_syntax, _OCTETS)


def is_encapsulated(transfer_syntax: str) -> bool:
    """Whether pixel data in a transfer syntax are fragments in items (PS3.5 §A.4)."""
    return transfer_syntax not in _NATIVE
