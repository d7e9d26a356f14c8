"""Bytes that are read forward, of which a window is held: of a content in memory, a file, or a deflated data set."""

import zlib
from typing import BinaryIO

from dicom_service.errors import NotDicom
from dicom_service.exams.reading.budget import Budget

WINDOW_BYTES = 64 * 1024
INFLATED_BYTES = 256 * 1024
PADDING = b"\0\r\n "
"""What writers, and forms on a file's way, put behind its end."""


class Source:
    """A content in memory. `window` holds the bytes from `start` on; no place before it is asked for again."""

    def __init__(self, content: bytes = b"") -> None:
        self.window = content
        self.start = 0
        self.size: int | None = len(content)

    def reach(self, place: int, count: int) -> int:  # noqa: ARG002 - all of it is in the window
        """Has `count` bytes from `place` on in the window, or all that there are; gives how many it has.

        That is negative where the end lies before `place`. Raises NotDicom where the bytes cannot be had.
        """
        return self.start + len(self.window) - place

    def bytes_at(self, place: int, count: int) -> bytes:
        """So many bytes, or all that there are."""
        present = self.reach(place, count)
        return self.window[place - self.start :][:count] if present > 0 else b""

    def find(self, pattern: bytes, place: int) -> int:
        """Where the pattern is from `place` on; -1 where it is not."""
        while self.reach(place, len(pattern)) >= len(pattern):
            offset = self.window.find(pattern, place - self.start)
            if offset >= 0:
                return self.start + offset
            place = self.start + len(self.window) - len(pattern) + 1
        return -1

    def is_padding(self, place: int) -> bool:
        """Whether nothing but padding follows."""
        while (present := self.reach(place, 1)) > 0:
            if self.window[place - self.start :].strip(PADDING):
                return False
            place += present
        return True


class FileSource(Source):
    """A file of `size` bytes that can be sought."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self.size = size

    def reach(self, place: int, count: int) -> int:
        present = super().reach(place, count)
        if present >= count:
            return present
        kept = self.window[place - self.start :] if present > 0 else b""
        end = place + len(kept)
        reached = min(self._file.seek(end), self.size or 0)
        if reached < end:  # also an entry of a zip file that is shorter than it says
            return reached - place
        self.start, self.window = place, kept + self._file.read(WINDOW_BYTES)
        return len(self.window)


class InflatedSource(Source):
    """A deflated data set (PS3.5 section A.5), inflated as far as it is asked for."""

    def __init__(self, deflated: Source, place: int, budget: Budget) -> None:
        super().__init__()
        self.size = None
        self._deflated, self._place, self._budget = deflated, place, budget
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def reach(self, place: int, count: int) -> int:
        while (present := super().reach(place, count)) < count and (piece := self._piece()):
            kept = self.window[place - self.start :] if present > 0 else b""
            self.start += len(self.window) - len(kept)
            self.window = kept + piece
        return present

    def _piece(self) -> bytes:
        """What follows; empty at its end."""
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed()
            try:
                piece = self._inflater.decompress(packed, INFLATED_BYTES)
            except zlib.error as error:
                raise NotDicom("its deflated data set is corrupt: it does not inflate") from error
            self._budget.spend_inflated(len(piece))
            if piece:
                return piece
        return b""

    def _packed(self) -> bytes:
        packed = self._deflated.bytes_at(self._place, WINDOW_BYTES)
        if not packed:
            raise NotDicom("it is cut off: its deflated data set does not inflate to its end")
        self._place += len(packed)
        return packed
