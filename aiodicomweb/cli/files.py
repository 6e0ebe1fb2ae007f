"""Names of files, which no server can choose."""

from __future__ import annotations

__all__ = ["frame_name"]

_JPEG, _JPEG_LS, _JPEG_2000, _MPEG2, _MPEG4 = "jpg", "jls", "jp2", "mpg", "mp4"

_BY_MEDIA_TYPE = {
    "image/jpeg": _JPEG,
    "image/jls": _JPEG_LS,
    "image/jp2": _JPEG_2000,
    "image/jpx": "jpx",
    "image/jphc": "jphc",
    "image/jxl": "jxl",
    "image/dicom-rle": "rle",
    "image/gif": "gif",
    "image/png": "png",
    "video/mpeg": _MPEG2,
    "video/mp4": _MPEG4,
    "video/h265": "h265",
    # What reports and documents are rendered as.
    "application/pdf": "pdf",
    "text/html": "html",
    "text/plain": "txt",
    "text/rtf": "rtf",
    "text/xml": "xml",
    # Earlier names, which servers still send.
    "image/dicom+jpeg": _JPEG,
    "image/jll": _JPEG,
    "image/dicom+jpeg-ls": _JPEG_LS,
    "image/x-jls": _JPEG_LS,
    "image/dicom+jp2": _JPEG_2000,
    "image/dicom+rle": "rle",
    "image/x-dicom-rle": "rle",
    "video/mpeg2": _MPEG2,
}

_ROOT = "1.2.840.10008.1.2"
_BY_TRANSFER_SYNTAX = {
    **dict.fromkeys((_ROOT, f"{_ROOT}.1", f"{_ROOT}.2"), "raw"),
    f"{_ROOT}.5": "rle",
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (50, 51, 57, 70)), _JPEG),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (80, 81)), _JPEG_LS),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (90, 91)), _JPEG_2000),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (92, 93)), "jpx"),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (201, 202, 203)), "jphc"),
    **dict.fromkeys((f"{_ROOT}.4.{n}" for n in (110, 111, 112)), "jxl"),
}


def frame_name(stem: str, number: int, media_type: str, syntax: str | None) -> str:
    """Name the file of a frame or image: ``<stem>_<number>.<extension>``.

    The extension comes from the media type (PS3.18 §8.7.3); for ``application/octet-stream``, which
    may carry anything, from the transfer syntax, and without one the frame is uncompressed.

    Args:
        stem: A validated UID: the one asked for, not one that a server sent; and what becomes
            of it, such as ``1.2.3_rendered``.
        number: The frame's number, or the image's, from 1.
        media_type: The part's media type, parameters allowed.
        syntax: The part's transfer syntax UID, if it has one.
    """
    essence = media_type.partition(";")[0].strip().lower()
    extension = _BY_MEDIA_TYPE.get(essence, "bin")
    if essence == "application/octet-stream":
        extension = _BY_TRANSFER_SYNTAX.get(syntax or _ROOT, "bin")
    return f"{stem}_{number}.{extension}"
