"""Heads of compressed images, of 7 columns and 5 rows; what would follow them is missing."""

from __future__ import annotations

import struct

__all__ = [
    "BASELINE",
    "EXTENDED",
    "JPEG_LS",
    "LOSSLESS",
    "PROGRESSIVE",
    "boxed",
    "jpeg",
    "jpeg_2000",
]

BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
"""Kinds of frames (ITU-T T.81 Table B.1, T.87 Table C.1)."""


def _segment(marker: int, octets: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(octets) + 2) + octets


def jpeg(
    kind: int = BASELINE,
    parameter: int = 0,
    *,
    samples: int = 1,
    bits: int = 8,
    transform: int | None = None,
    sampling: int = 0x11,
    names: bytes = b"\1\2\3\4",
) -> bytes:
    """JPEG or JPEG-LS (T.81 §B.2, T.87 §C.2).

    Args:
        kind: Marker of the frame.
        parameter: The predictor, or NEAR.
        samples: Components.
        bits: Of a sample.
        transform: What Adobe's marker says; ``None`` for no such marker.
        sampling: Horizontal and vertical factors of the first component.
        names: Those of the components.
    """
    adobe = b"" if transform is None else _segment(0xEE, b"Adobe" + bytes(6) + bytes([transform]))
    components = b"".join(
        bytes([names[number], 0x11 if number else sampling, 0]) for number in range(samples)
    )
    frame = _segment(kind, struct.pack(">BHHB", bits, 5, 7, samples) + components)
    selected = b"".join(bytes([names[number], 0]) for number in range(samples))
    scan = _segment(0xDA, bytes([samples]) + selected + bytes([parameter, 0, 0]))
    return b"\xff\xd8" + adobe + frame + scan


def jpeg_2000(
    *,
    reversible: bool = True,
    samples: int = 1,
    bits: int = 8,
    signed: bool = False,
    transform: int = 0,
    part_2: bool = False,
    high_throughput: bool = False,
    progression: int = 0,
    levels: int = 5,
    tile_lengths: bool = False,
    coarse: int | None = None,
) -> bytes:
    """JPEG 2000 (ITU-T T.800 §A.4).

    Args:
        reversible: Whether its wavelet loses nothing.
        samples: Components.
        bits: Of a sample.
        signed: Whether samples are signed.
        transform: Whether colours are transformed.
        part_2: Whether it needs extensions (T.801).
        high_throughput: Whether it has the block coder of T.814.
        progression: The order of packets; 2 is by resolution.
        levels: Of decomposition.
        tile_lengths: Whether it has a TLM segment.
        coarse: A component with a wavelet of its own, that loses.
    """
    capabilities = (0x8000 if part_2 else 0) | (0x4000 if high_throughput else 0)
    depth = bytes([(0x80 if signed else 0) | bits - 1, 1, 1])
    size = struct.pack(">H8LH", capabilities, 7, 5, 0, 0, 7, 5, 0, 0, samples) + depth * samples
    coding = struct.pack(">BBHB", 0, progression, 1, transform)
    wavelet = bytes([levels, 4, 4, 0])
    segments = [_segment(0x51, size)]
    if high_throughput:
        segments.append(_segment(0x50, struct.pack(">LH", 0x00020000, 0)))
    segments.append(_segment(0x52, coding + wavelet + bytes([reversible])))
    if coarse is not None:
        segments.append(_segment(0x53, bytes([coarse, 0]) + wavelet + b"\0"))
    if tile_lengths:
        segments.append(_segment(0x55, bytes(2)))
    return b"\xff\x4f" + b"".join(segments) + _segment(0x90, bytes(8))


def boxed(codestream: bytes, *, length: int | None = None, behind: bytes = b"") -> bytes:
    """A JP2 or JPH file (T.800 §I.4).

    Args:
        codestream: What is in it.
        length: What its box says of its length, such as 0 for up to the end.
        behind: What follows.
    """
    signature = b"\0\0\0\x0cjP  \r\n\x87\n"
    kind = struct.pack(">L4s4sL4s", 20, b"ftyp", b"jp2 ", 0, b"jp2 ")
    told = len(codestream) + 8 if length is None else length
    header = struct.pack(">L4s", told, b"jp2c")
    if told == 1:
        header += struct.pack(">Q", len(codestream) + 16)
    return signature + kind + header + codestream + behind
