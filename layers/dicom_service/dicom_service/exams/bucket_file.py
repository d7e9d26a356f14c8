"""An object of the bucket as a file: read from where it is asked, never held, and read on where a connection breaks."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dicom_service import settings
from dicom_service.errors import NotFound, StoreUnavailable
from dicom_service.stores import client, translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody

PATIENCE_SECONDS = 60.0
"""For one answer of the bucket: of many megabytes, or of a copy that it has to put together first."""

BUFFER_BYTES = 256 * 1024
PIECE_BYTES = 1024 * 1024
SKIPPED_BYTES = 4 * 1024 * 1024
"""Up to here it is cheaper to read over a gap than to ask anew."""

MOST_TRIES = 4


MOST_AT_ONCE = 8 * 1024 * 1024


class BucketObject:
    """One version of an object in TRANSFER_BUCKET, as a body to be sent and as a file to be read; `size` in bytes.

    Reading raises StoreUnavailable where the bucket does not give it, or gives another version by now.
    """

    def __init__(self, key: str) -> None:
        """Raises NotFound where there is no such object."""
        self._place: dict[str, Any] = {"Bucket": settings.required("TRANSFER_BUCKET"), "Key": key}
        s3 = client("s3", PATIENCE_SECONDS)
        try:
            with translated("look at an object of its bucket", "404"):
                found = s3.head_object(**self._place)
        except s3.exceptions.ClientError as error:
            raise NotFound("There is no such object in the bucket") from error
        self.size = found["ContentLength"]
        self._place["IfMatch"] = found["ETag"]

    def open(self) -> "BucketReader":
        """The object as a file of its own position."""
        return BucketReader(BucketFile(self._place, self.size))

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        """All of it in pieces of a megabyte."""
        with BucketFile(self._place, self.size) as file:
            while piece := file.next_bytes(PIECE_BYTES):
                yield piece


class BucketReader(io.BufferedReader):
    """A BucketFile behind a buffer, for parsers; what a file makes them ask for too much of at once, it keeps back."""

    def __init__(self, file: "BucketFile") -> None:
        super().__init__(file, BUFFER_BYTES)

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ValueError where more than MOST_AT_ONCE is asked for."""
        if size is not None and size > MOST_AT_ONCE:
            raise ValueError("more is read at once than a parser needs")
        return super().read(size)


class BucketFile(io.RawIOBase):
    """An object of the bucket that is read from where it is sought; `place` names it and its version."""

    name = ""
    """pydicom asks a file for one."""

    def __init__(self, place: dict[str, Any], size: int) -> None:
        self._place = place
        self._size = size
        self._position = 0
        self._body: StreamingBody | None = None
        self._body_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        content = self.next_bytes(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._give_up()
        super().close()

    def next_bytes(self, most: int) -> bytes:
        """What follows; empty at the end."""
        if self._position >= self._size:
            return b""
        for attempt in range(1, MOST_TRIES + 1):
            try:
                content = self._read(most)
            except StoreUnavailable:
                self._give_up()
                if attempt == MOST_TRIES:
                    raise
            else:
                self._position += len(content)
                self._body_at = self._position
                return content
        return b""

    def _read(self, most: int) -> bytes:
        with translated("read an object of its bucket"):
            content = self._opened().read(most)
        if not content:
            raise StoreUnavailable("The bucket's answer ended too early")
        return content

    def _opened(self) -> "StreamingBody":
        gap = self._position - self._body_at
        if self._body and 0 <= gap <= SKIPPED_BYTES:
            while gap > 0 and (skipped := self._body.read(gap)):
                gap -= len(skipped)
            return self._body
        self._give_up()
        here: Any = {"Range": f"bytes={self._position}-"} if self._position else {}
        self._body = client("s3", PATIENCE_SECONDS).get_object(**self._place, **here)["Body"]
        return self._body

    def _give_up(self) -> None:
        if self._body:
            self._body.close()
        self._body = None
