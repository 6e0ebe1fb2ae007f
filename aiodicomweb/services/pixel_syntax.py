"""The transfer syntax of pixel data that are stored in parts of their own (PS3.18 §8.7.3, §10.5.2).

Media types tell it, or leave it to the compressed stream itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..dicom.codestream import CODESTREAM_SYNTAXES, Codestream, read_codestream
from ..dicom.uids import (
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    bulk_data_media_type,
    canonical_media_type,
    default_transfer_syntax,
    is_uid,
)
from ..errors import RemoteProtocolError

if TYPE_CHECKING:
    from ..dicom.codestream import ReadOctets
    from ..http import MediaType

__all__ = ["pixel_syntax", "told_syntax", "unsupported"]

_OCTETS: Final = "application/octet-stream"
_CONTAINERS: Final = {"image/jph": "image/jphc"}
"""Media types of files whose stream is what a data set has; image/jp2 has one name for both."""
_NOT_OF_THE_WEB: Final = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN})
"""Transfer syntaxes that are not used there (PS3.18 §8.7.3)."""


def told_syntax(media_type: MediaType) -> str | None:
    """The transfer syntax that a media type tells, if any.

    Raises:
        RemoteProtocolError: It is none of the web; the status hint is 415.
    """
    told = media_type.transfer_syntax
    if told is not None and (not is_uid(told) or told in _NOT_OF_THE_WEB):
        raise unsupported("a transfer syntax is none of the web")
    return told


def pixel_syntax(media_type: MediaType, read: ReadOctets) -> tuple[str, Codestream | None]:
    """The transfer syntax of a data set with such pixel data, and what their head says.

    Where the media type does not tell it, the stream does, and not the default of the media type:
    that of image/jpeg is without loss, and most images of that name are not (PS3.18 §10.5.2).

    Args:
        media_type: That of the part.
        read: Gives octets of the part.

    Returns:
        No head for what is not read as JPEG, JPEG-LS or JPEG 2000. Whether it is one of the
        transfer syntax is not checked.

    Raises:
        RemoteProtocolError: The media type has no transfer syntax that a data set can have, such
            as PNG, which would have to be transcoded; the status hint is 415.
    """
    name = canonical_media_type(media_type.essence)
    name = _CONTAINERS.get(name, name)
    told = told_syntax(media_type)
    syntax = told or default_transfer_syntax(name)
    # Octets may be anything; other names say what they are, and have to say it twice alike.
    if syntax is None or name not in (_OCTETS, bulk_data_media_type(syntax)):
        raise unsupported("pixel data are in no transfer syntax")
    codestream = read_codestream(read) if syntax in CODESTREAM_SYNTAXES else None
    if told is None and codestream is not None:
        possible = codestream.transfer_syntaxes
        syntax = next((each for each in possible if bulk_data_media_type(each) == name), syntax)
    return syntax, codestream


def unsupported(message: str) -> RemoteProtocolError:
    """The error of what is in no transfer syntax that can be stored; the status hint is 415."""
    return RemoteProtocolError(message, status_hint=415)
