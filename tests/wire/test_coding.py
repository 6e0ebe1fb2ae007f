"""gzip and deflate, decoded as they arrive."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiodicomweb.errors import (
    FramingError,
    LimitExceeded,
    RemoteProtocolError,
    UnexpectedMediaType,
)
from aiodicomweb.wire import BLOCK, Arena, Limits
from aiodicomweb.wire.coding import ContentDecoder, content_codings

from .driver import every_octet
from .test_framing import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1024 * 1024
CUTS = st.lists(st.integers(0, 200), max_size=20, unique=True).map(sorted)


def raw_deflate(octets: bytes) -> bytes:
    """Deflate without zlib's header and checksum, as some servers send it."""
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(octets) + coder.flush()


CODERS = {
    "gzip": lambda octets: gzip.compress(octets, mtime=0),
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
}


def decode(
    coding: str,
    octets: bytes,
    cuts: Iterable[int] = (),
    *,
    most: int = BLOCK,
    limits: Limits | None = None,
) -> bytes:
    """Decode a whole body that arrives in pieces."""
    source, target = Arena(), Arena()
    decoder = ContentDecoder(coding.rpartition(" ")[2], limits or Limits())
    decoded = bytearray()
    for piece in pieces(octets, cuts):
        source.write(piece)
        source.deliver(len(piece))
        while decoder.advance(source, target, most):
            assert target.available <= most
            decoded += target.octets(0, target.available)
            target.consume(target.available)
    decoder.receive_eof()
    assert decoder.idle
    return bytes(decoded)


@settings(max_examples=100)
@given(octets=st.binary(max_size=300), cuts=CUTS, most=st.integers(2, 50))
@pytest.mark.parametrize("coding", CODERS)
def test_codings(coding: str, octets: bytes, cuts: list[int], most: int) -> None:
    """Each coding gives the octets back, however it is cut and into whatever blocks (HTP-80)."""
    assert octets == decode(coding, CODERS[coding](octets), cuts, most=most)


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
@pytest.mark.parametrize("coding", CODERS)
def test_block_boundaries(coding: str, size: int) -> None:
    """A body that fills its last block to the octet is as whole as others."""
    for octets in (bytes(size), bytes(range(256)) * (size // 256) + bytes(size % 256)):
        assert octets == decode(coding, CODERS[coding](octets))


@given(members=st.lists(st.binary(max_size=50), min_size=1, max_size=4), cuts=CUTS)
def test_members(members: list[bytes], cuts: list[int]) -> None:
    """Members of a gzip stream, also empty ones, are one body (HTP-80)."""
    coded = b"".join(gzip.compress(member, mtime=0) for member in members)

    assert b"".join(members) == decode("gzip", coded, cuts, most=7)


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("coding", CODERS)
def test_truncation(coding: str, *, cut: bool) -> None:
    """A coded body that is cut short is never whole, wherever it was cut (HTP-82)."""
    coded = CODERS[coding](b"some octets, some octets, some more")

    for length in range(len(coded)):
        part = coded[:length]
        with pytest.raises(FramingError, match="cut short"):
            decode(coding, part, every_octet(part) if cut else ())


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("garbage", [b"\x00", b"garbage", b"\x1f\x8b\x08", b"\x1f\x8b\x08\xff" * 9])
@pytest.mark.parametrize("coding", CODERS)
def test_garbage_behind_the_end(coding: str, garbage: bytes, *, cut: bool) -> None:
    """What follows the coded body's end and isn't another member is an error (HTP-82)."""
    coded = CODERS[coding](b"octets") + garbage

    with pytest.raises(FramingError):
        decode(coding, coded, every_octet(coded) if cut else ())


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_broken(coding: str, *, cut: bool) -> None:
    """A wrong checksum, and octets that are no code at all, are errors that show no octets."""
    coded = bytearray(CODERS[coding](b"Doe^John"))
    coded[-1] ^= 0xFF

    for broken in (bytes(coded), b"<html></html>"):
        with pytest.raises(FramingError, match=f"the {coding} coded body is broken") as caught:
            decode(coding, broken, every_octet(broken) if cut else ())
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("coding", CODERS)
def test_bomb(coding: str, *, cut: bool) -> None:
    """A body that grows without end is stopped behind the first 16 MiB (HTP-82)."""
    coded = CODERS[coding](bytes(20 * MIB))
    cuts = range(500, len(coded), 500) if cut else ()

    with pytest.raises(LimitExceeded, match=r"Limits\.expansion is 200"):
        decode(coding, coded, cuts)


def test_limit_of_expansion() -> None:
    """``Limits.expansion`` times what arrived is what may come out of it."""
    coded = gzip.compress(bytes(17 * MIB))
    ratio = 17 * MIB // len(coded)

    with pytest.raises(LimitExceeded):
        decode("gzip", coded, limits=Limits(expansion=ratio))
    assert bytes(17 * MIB) == decode("gzip", coded, limits=Limits(expansion=ratio + 1))


def test_expansion_of_small_bodies() -> None:
    """The first 16 MiB may be made from whatever is small."""
    coded = gzip.compress(bytes(16 * MIB))

    assert bytes(16 * MIB) == decode("gzip", coded, limits=Limits(expansion=1))


MEMBER = gzip.compress(b"", mtime=0)
NAMED = MEMBER[:3] + b"\x08" + MEMBER[4:10] + b"n" * 200 + b"\0" + MEMBER[10:]
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"


@pytest.mark.parametrize(
    ("coding", "start", "endless"),
    [
        ("gzip", b"", MEMBER),
        ("gzip", b"", NAMED),
        ("gzip", b"", gzip.compress(b"x", mtime=0)),
        ("gzip", b"", gzip.compress(bytes(40), mtime=0)),
        ("gzip", MEMBER[:10], EMPTY_BLOCK),
        ("gzip", MEMBER[:3] + b"\x08" + MEMBER[4:10], b"name"),
        ("deflate", b"\x78\x01", EMPTY_BLOCK),
    ],
    ids=[
        "members",
        "named members",
        "tiny members",
        "small members",
        "blocks",
        "a name",
        "zlib's blocks",
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_what_brings_nothing_ends(coding: str, start: bytes, endless: bytes, *, cut: bool) -> None:
    """Coded octets that become none, or hardly any, are not taken for ever (HTP-82)."""
    coded = start + endless * (300_000 // len(endless))
    cuts = range(1000, len(coded), 1000) if cut else ()

    with pytest.raises(RemoteProtocolError, match=f"{coding} coded body has too many") as caught:
        decode(coding, coded, cuts, limits=Limits(expansion=1))
    assert not isinstance(caught.value, FramingError)  # which could be a body that broke off


def test_the_work_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies behind a member is not copied once for each member before it (RFC 1952 §2.2)."""
    given: list[int] = []
    decompressobj = zlib.decompressobj

    class Counting:
        def __init__(self, wbits: int) -> None:
            self._inflate = decompressobj(wbits)

        def __getattr__(self, name: str) -> object:
            return getattr(self._inflate, name)

        def decompress(self, octets: bytes, most: int) -> bytes:
            given.append(len(octets))
            return self._inflate.decompress(octets, most)

    member = gzip.compress(bytes(range(256)), mtime=0)
    with monkeypatch.context() as patch:
        patch.setattr("aiodicomweb.wire.coding.zlib.decompressobj", Counting)
        assert bytes(range(256)) * 900 == decode("gzip", member * 900)

    assert sum(given) < 6 * len(member) * 900 + BLOCK


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
def test_servers_that_flush_each_octet(flush: int) -> None:
    """A coder that gives out every octet at once makes ten of it; that is legal."""
    coder = zlib.compressobj(wbits=31)
    octets = bytes(range(256)) * 120
    coded = b"".join(coder.compress(octets[i : i + 1]) + coder.flush(flush) for i in range(30_720))

    assert octets == decode("gzip", coded + coder.flush())


def test_many_members_of_some_size() -> None:
    """Objects that were coded one by one, with their commas, are one body however many they are."""
    members = [gzip.compress(part, mtime=0) for part in (bytes(range(256)), b",")] * 2000

    assert (bytes(range(256)) + b",") * 2000 == decode("gzip", b"".join(members))


@pytest.mark.parametrize(
    ("expected", "tokens"),
    [
        ([], []),
        ([], ["identity"]),
        (["gzip"], ["x-gzip"]),
        (["gzip"], ["identity", "gzip"]),
        (["deflate"], ["deflate"]),
    ],
)
def test_content_codings(expected: list[str], tokens: list[str]) -> None:
    """Codings by their names and aliases (HTP-80)."""
    assert expected == content_codings(tokens)


@pytest.mark.parametrize("tokens", [["br"], ["gzip", "gzip"], ["gzip", "deflate"], ["aws-chunked"]])
def test_unknown_codings(tokens: list[str]) -> None:
    """What can't be undone is refused by name."""
    with pytest.raises(UnexpectedMediaType) as caught:
        content_codings(tokens)

    assert f"the content coding {', '.join(reversed(tokens))} can't" in str(caught.value)
