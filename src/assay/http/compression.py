"""Bodies that come compressed: unpacked piece by piece, so that a limit on what comes out holds while unpacking."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from assay.errors import InvalidInput, Malformed
from assay.http.wire import Scope, header

ACCEPTED = "gzip or deflate, or no Content-Encoding"
PIECE_BYTES = 256 * 1024
_FIELD = "Content-Encoding"
_GZIP, _ZLIB, _BARE = 31, 15, -15


class UnknownEncoding(InvalidInput):
    """A Content-Encoding that is not unpacked here (HTTP 415)."""

    code = "encoding"


class BrokenEncoding(Malformed):
    """A body that is not what its Content-Encoding says."""


class Unpacker:
    """Unpacks one body. encoding: gzip or deflate; the latter with zlib's head or without."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._started = False
        self._inner = zlib.decompressobj(_GZIP)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """What comes out of `data`, in pieces of at most PIECE_BYTES."""
        if not data:
            return
        if not self._started:
            self._started = True
            if self._encoding == "deflate":
                self._inner = zlib.decompressobj(_ZLIB if _has_head(data) else _BARE)
        while data:
            if self._inner.eof:
                # What follows the end of one gzip member is the next.
                self._inner = zlib.decompressobj(_GZIP if self._encoding == "gzip" else _ZLIB)
            try:
                piece = self._inner.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise self._broken(str(error)) from None
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> Iterator[bytes]:
        """What is left when all was given; raises BrokenEncoding for a body that was cut off."""
        while not self._inner.eof:
            piece = self._inner.decompress(self._inner.unconsumed_tail, PIECE_BYTES)
            if not piece:
                raise self._broken("it ends too early")
            yield piece

    def _broken(self, reason: str) -> BrokenEncoding:
        return BrokenEncoding(_FIELD, self._encoding, f"a body that is {self._encoding} ({reason})")


def _has_head(data: bytes) -> bool:
    """Whether deflated data begin with the two bytes that zlib puts before them."""
    return data[0] & 0x0F == 8 and (len(data) < 2 or int.from_bytes(data[:2], "big") % 31 == 0)


def unpacker(scope: Scope) -> Unpacker | None:
    """For the body of a request; None when it comes as it is. Raises UnknownEncoding."""
    value = header(scope, b"content-encoding")
    if not value:
        return None
    encoding = value.decode("latin-1").strip().lower().removeprefix("x-")
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "deflate"):
        raise UnknownEncoding(_FIELD, encoding, ACCEPTED)
    return Unpacker(encoding)
