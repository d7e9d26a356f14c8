"""The objects as files, byte for byte as they were received."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

START_BYTES = 132
"""The preamble and the prefix (PS3.10 section 7.1)."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage: the SHA-256 of its bytes in hexadecimal, which names it, and its length in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Received:
    """Bytes that came and are not kept yet: the file they lie in, and the first of them, as far as `START_BYTES`."""

    path: Path
    file: StoredFile
    start: bytes

    def forget(self) -> None:
        """Removes the file, where it is not kept."""
        self.path.unlink(missing_ok=True)


class Storage:
    """Files under a folder, named by their SHA-256: no name comes from a client, and nothing is overwritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the bytes with this digest are kept."""
        return self._folder / sha256[:2] / f"{sha256}.dcm"

    def receive(self, pieces: Iterable[bytes]) -> Received:
        """Writes bytes to a file of their own as they come; they are not kept yet. Raises OSError."""
        digest, size, start = hashlib.sha256(), 0, b""
        descriptor, name = tempfile.mkstemp(suffix=".part", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    start += piece[: START_BYTES - len(start)]
                    file.write(piece)
        except BaseException:
            Path(name).unlink()
            raise
        return Received(Path(name), StoredFile(digest.hexdigest(), size), start)

    def keep(self, received: Received) -> StoredFile:
        """Keeps what was received; on return bytes and name are on disk, and survive a power cut. Raises OSError."""
        path = self.path(received.file.sha256)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            with received.path.open("rb") as file:
                os.fsync(file.fileno())
            received.path.replace(path)
            _sync_folder(self._folder)
        _sync_folder(path.parent)
        return received.file

    def remove(self, sha256: str) -> None:
        """Forgets the bytes with this digest, where they are kept."""
        self.path(sha256).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
