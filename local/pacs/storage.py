"""The objects as files, byte for byte as they were received."""

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StoredFile:
    """A file in the storage: the SHA-256 of its bytes in hexadecimal, which names it, and its length in bytes."""

    sha256: str
    size: int


class Storage:
    """Files under a folder, named by their SHA-256: no name comes from a client, and nothing is overwritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the bytes with this digest are kept."""
        return self._folder / sha256[:2] / f"{sha256}.dcm"

    def write(self, content: bytes) -> StoredFile:
        """Keeps the bytes; on return they and their name are on disk, and survive a power cut. Raises OSError."""
        stored = StoredFile(hashlib.sha256(content).hexdigest(), len(content))
        path = self.path(stored.sha256)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            self._write_through(path, content)
        _sync_folder(path.parent)
        return stored

    def remove(self, sha256: str) -> None:
        """Forgets the bytes with this digest, where they are kept."""
        self.path(sha256).unlink(missing_ok=True)

    def _write_through(self, path: Path, content: bytes) -> None:
        unfinished = path.with_name(f"{path.stem}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
