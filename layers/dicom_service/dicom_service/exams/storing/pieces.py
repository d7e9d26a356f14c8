"""Bytes that come in pieces, read forward: little of them is held, however many there are."""

import zlib
from collections.abc import Callable, Iterator

INFLATED_BYTES = 256 * 1024


class Unreadable(Exception):
    """What is read is no data set that is understood, or ends too early."""


class Pieces:
    """A content in pieces; `place` is how many bytes of it have been taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0
        self.place = 0

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer where the content ends before."""
        while len(self._held) - self._at < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held, self._at = self._held[self._at :] + piece, 0
        return self._held[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """The next bytes, which are few; raises Unreadable where they are not there."""
        taken = self.peek(count)
        if len(taken) < count:
            raise Unreadable
        self._at += count
        self.place += count
        return taken

    def pass_on(self, count: int, to: Callable[[bytes], object]) -> None:
        """Gives the next bytes to a consumer piece by piece; raises Unreadable where they are not there."""
        while count:
            here = self.peek(1) and self._held[self._at : self._at + count]
            if not here:
                raise Unreadable
            to(here)
            self._at += len(here)
            self.place += len(here)
            count -= len(here)

    def rest(self) -> Iterator[bytes]:
        """All that follows."""
        yield self._held[self._at :]
        yield from self._pieces


def inflated(deflated: Iterator[bytes]) -> Iterator[bytes]:
    """A deflated data set (PS3.5 section A.5), inflated piece by piece; raises Unreadable where it is corrupt."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for received in deflated:
            packed = received
            while packed and not inflater.eof:
                piece = inflater.decompress(packed, INFLATED_BYTES)
                if piece:
                    yield piece
                packed = inflater.unconsumed_tail
    except zlib.error as error:
        raise Unreadable from error
    if not inflater.eof:
        raise Unreadable
