"""Frames, straight out of the file or decompressed (PS3.18 §10.4.1.1.6, §8.7.3.3)."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ...dicom.frame_layout import FrameLayout, extract_bits, read_frame_layout
from ...dicom.layout import Span
from ...dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_media_type
from ...errors import Part10Error
from ...http import Deferred, MediaType, OutgoingResponse
from ..problems import problem
from .answers import Part, entity_tag, multipart, not_acceptable, single_part
from .budget import Claimed, sending
from .bulk_values import bulk_data_uri
from .content import Stored
from .frame_check import check_frames
from .offers import OCTETS, choose, in_syntax, offers_of, refusal_of
from .transcode import can_decode, converting, decode_frame, swap_words, word_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...http import URL, Request, Segment
    from ...services.wado import RetrieveRequest
    from ..archive import Holding
    from .offers import Offer

__all__ = [
    "decoded_frames",
    "is_decoded",
    "offer_pixels",
    "read_frames",
    "refuse_repetition",
    "retrieve_frames",
    "stored_frame",
]

NATIVE: Final = in_syntax(OCTETS, EXPLICIT_VR_LITTLE_ENDIAN)
"""Uncompressed pixels are little endian, whatever they are stored as (PS3.18 §8.7.3.3.1)."""

_TIMES_SHIFTED: Final = 4
"""How many times its octets a frame takes while bits or words of it are moved."""

_MOST_TIMES: Final = 4
"""How often a list may name the same frame. So an answer has at most as many times the pixels."""


async def retrieve_frames(
    holding: Holding,
    numbers: Sequence[int],
    request: RetrieveRequest,
    http: Request,
    base: URL,
) -> OutgoingResponse:
    """Give frames, in the order in which they are asked for.

    Args:
        holding: The instance.
        numbers: Numbers of frames, from 1. One that is not there is not there (404), with all
            that were asked for beside it (PS3.18 Table 10.4.3-1).
        request: What was asked.
        http: The message that asked it.
        base: URL of the service.

    Raises:
        Part10Error: The instance cannot be read.
        OSError: Its file cannot be read.
    """
    return await anyio.to_thread.run_sync(partial(_retrieve, holding, numbers, request, http, base))


def _retrieve(
    holding: Holding, numbers: Sequence[int], request: RetrieveRequest, http: Request, base: URL
) -> OutgoingResponse:
    stored = Stored.read(holding)
    try:
        frames = _layout_of(stored)
    except Part10Error as error:
        return not_acceptable(f"the frames cannot be told apart: {error.message}")
    if frames is None:
        return problem(404, "the instance has no pixel data")
    refused = refuse_repetition(numbers)
    if refused is not None:
        return refused
    if max(numbers) > len(frames):
        count = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
        return problem(404, f"the instance has {count}")
    is_one = len(numbers) == 1
    offers = offer_pixels(holding.transfer_syntax, frames, is_one, is_one)
    offer = choose(request, offers)
    if offer is None:
        what = "the frame is" if is_one else "several frames are"
        return not_acceptable(refusal_of(request, what, offers))
    indices = [number - 1 for number in numbers]
    try:
        bodies = _bodies(stored, frames, indices, offer)
    except Part10Error as error:
        return not_acceptable(f"the frames are given as they are stored only: {error.message}")
    uri = bulk_data_uri(base, holding, (frames.element.tag,))
    parts = [
        Part(offer.given, body, f"{uri}/frames/{number}")
        for number, body in zip(numbers, bodies, strict=True)
    ]
    if not offer.is_single:
        return multipart(parts, offer.given.essence)
    tag = entity_tag("frames", holding.version, f"{numbers[0]}", str(offer.given))
    return single_part(parts[0], http, tag)


def refuse_repetition(numbers: Sequence[int]) -> OutgoingResponse | None:
    """A 400 for a list of frames that names one too often; ``None`` for all others."""
    number, times = Counter(numbers).most_common(1)[0]
    if times <= _MOST_TIMES:
        return None
    return problem(400, f"frame {number} is asked for {times} times; {_MOST_TIMES} is the most")


def _bodies(
    stored: Stored, frames: FrameLayout, indices: Sequence[int], offer: Offer
) -> list[tuple[Segment, ...]]:
    if is_decoded(offer, frames):
        return [(segment,) for segment in decoded_frames(stored, frames, indices)]
    return [stored_frame(stored, frames, index) for index in indices]


def read_frames(holding: Holding) -> tuple[Stored, FrameLayout | None]:
    """Look where the frames of an instance are. Blocks.

    Raises:
        Part10Error: It cannot be read, or its frames cannot be told apart.
        OSError: Its file cannot be read.
    """
    stored = Stored.read(holding)
    return stored, _layout_of(stored)


def _layout_of(stored: Stored) -> FrameLayout | None:
    with stored.open() as file:
        return read_frame_layout(file, stored.layout)


# --- what they can be given as ------------------------------------------------------------------


def offer_pixels(
    transfer_syntax: str, frames: FrameLayout, is_one: bool, is_one_decoded: bool
) -> list[Offer]:
    """What pixels can be given as (PS3.18 Tables 8.7.3-4 and 8.7.3-5): as stored first.

    Args:
        transfer_syntax: As they are stored.
        frames: Where they are.
        is_one: Whether they are a single part.
        is_one_decoded: Whether they are that once they are decompressed.
    """
    if frames.compressed is None:
        return offers_of(NATIVE, is_one=is_one)
    media_type = MediaType.parse(bulk_data_media_type(transfer_syntax))
    given = in_syntax(media_type, transfer_syntax)
    offers = offers_of(given, is_one=is_one)
    # Who takes octets in any transfer syntax wants what is stored, whatever it is.
    offers += offers_of(given, is_one=is_one, asked=in_syntax(OCTETS, "*"))
    if can_decode(transfer_syntax) and frames.pixels is not None:
        offers += offers_of(NATIVE, is_one=is_one_decoded)
    return offers


def is_decoded(offer: Offer, frames: FrameLayout) -> bool:
    """Whether compressed pixels are to be decompressed."""
    return frames.compressed is not None and offer.given == NATIVE


# --- their octets -------------------------------------------------------------------------------


def stored_frame(stored: Stored, frames: FrameLayout, index: int) -> tuple[Segment, ...]:
    """A frame as it is, little endian; not read where it can be sent from the file.

    Args:
        stored: The instance.
        frames: Where its frames are.
        index: From 0.

    Raises:
        Part10Error: There is no such frame.
    """
    if frames.compressed is not None:
        spans = frames.compressed[index]
        return tuple(chain.from_iterable(stored.segments(span) for span in spans))
    span, skipped = frames.native(index)
    bits = frames.pixels.bits if frames.pixels else 0
    if stored.layout.encoding.is_little_endian and not skipped and bits % 8 == 0:
        return stored.segments(span)
    produce = partial(_native_octets, stored, frames, index)
    return (Deferred((bits + 7) // 8, produce),)


def _native_octets(stored: Stored, frames: FrameLayout, index: int) -> bytes:
    """A frame that does not start with an octet, or whose words are big endian. Blocks."""
    span, _ = frames.native(index)
    with (
        sending(span.length).claim_for(span.length) as claim,
        converting(_TIMES_SHIFTED * span.length),
    ):
        return Claimed.of(_shifted_octets(stored, frames, index), claim)


def _shifted_octets(stored: Stored, frames: FrameLayout, index: int) -> bytes:
    element, pixels = frames.element, frames.pixels
    span, skipped = frames.native(index)
    if stored.layout.encoding.is_little_endian or pixels is None:
        octets = stored.octets(span)
    else:
        size = word_size(element.vr, element.tag, pixels.bits_allocated)
        before = (span.offset - element.value.offset) % size
        end = element.value.offset + element.value.length
        length = min(-(-(before + span.length) // size) * size, end - span.offset + before)
        words = stored.octets(Span(span.offset - before, length))
        octets = swap_words(words, size)[before : before + span.length]
    bits = pixels.bits if pixels else len(octets) * 8
    return extract_bits(octets, skipped, bits) if skipped or bits % 8 else octets


def decoded_frames(stored: Stored, frames: FrameLayout, indices: Sequence[int]) -> list[Deferred]:
    """Frames, decompressed when their turn comes; the first is made now as well.

    That, and how the others begin, shows nearly always whether it can be done. It is held of an
    instance alone only, until it is sent. Blocks.

    Raises:
        Part10Error: The first frame cannot be decompressed, or another one is none.
        OSError: The file cannot be read.
        OverloadedError: There is no room for it.
    """
    length = 0 if frames.pixels is None else frames.pixels.decoded_octets
    made = [Deferred(length, partial(_decoded, stored, frames, index)) for index in indices]
    check_frames(stored, frames, indices)
    first = _decoded(stored, frames, indices[0])
    if stored.is_alone:
        made[0] = Deferred(length, _Made(first, made[0].produce))
    return made


class _Made:
    """A frame that is there, and is let go when it is asked for; later it is made again."""

    def __init__(self, octets: bytes, again: Callable[[], bytes]) -> None:
        self._octets: bytes | None = octets
        self._again = again

    def __call__(self) -> bytes:
        octets, self._octets = self._octets, None
        return self._again() if octets is None else octets


def _decoded(stored: Stored, frames: FrameLayout, index: int) -> bytes:
    if frames.compressed is None or frames.pixels is None:
        raise Part10Error("the pixels are not described")
    octets = stored.octets(*frames.compressed[index])
    decoded = decode_frame(octets, stored.holding.transfer_syntax, frames.pixels)
    if len(decoded) != frames.pixels.decoded_octets:
        raise Part10Error("a frame has another size than the data set says")
    return decoded
