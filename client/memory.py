"""What was uploaded before, so that an upload that was cut off goes on where it was."""

import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from client.output import say

SAVE_SECONDS = 1.0
"""A kill costs at most what became stored within this time: it is asked for, or sent, once more."""


@dataclass(frozen=True)
class Facts:
    """A file as it was: size in bytes, and when it was changed, in nanoseconds."""

    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> "Facts":
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Remembered:
    """The upload that a file went into (empty for the small way), and whether the service said that it is stored."""

    size: int
    modified: int
    upload_id: str
    stored: bool

    @property
    def facts(self) -> Facts:
        return Facts(self.size, self.modified)


def default_path() -> Path:
    """`~/.local/state/dicom-service/uploads.json`, or where XDG_STATE_HOME says."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path("/", state, "dicom-service/uploads.json")


class Memory:
    """A JSON file, by service and path; readable by its owner alone, since paths may name patients.

    Without it every upload works all the same: where it cannot be read or written, that is said once. Several clients
    at a time may share it: each writes its own changes into what is there.
    """

    def __init__(self, path: Path, service: str) -> None:
        self._path = Path(os.path.realpath(path))
        self._service = service
        self._lock = Lock()
        self._changes: dict[str, dict[str, Any] | None] = {}
        self._saved = time.monotonic()
        self._usable = True
        self._known: dict[str, Any] = {}
        with self._forgiving():
            self._known = self._read()

    def recall(self, path: Path) -> Remembered | None:
        """What is known of a file that has not changed since."""
        try:
            remembered = Remembered(**self._known[self._key(path)])
        except (KeyError, TypeError):
            return None
        return remembered if remembered.facts == Facts.of(path) else None

    def remember(self, path: Path, facts: Facts, upload_id: str, *, stored: bool) -> None:
        """Notes what became of the file that had those facts; on the disk at once where an upload begins."""
        self._change(path, asdict(Remembered(facts.size, facts.modified, upload_id, stored)), at_once=not stored)

    def forget(self, path: Path) -> None:
        """Next time the file is new."""
        if self._key(path) in self._known:
            self._change(path, None, at_once=False)

    def close(self) -> None:
        """Writes what is not on the disk yet; nothing is noted afterwards."""
        with self._lock:
            self._save()
            self._usable = False

    def _change(self, path: Path, entry: dict[str, Any] | None, *, at_once: bool) -> None:
        with self._lock:
            key = self._key(path)
            self._changes[key] = entry
            if entry is None:
                self._known.pop(key, None)
            else:
                self._known[key] = entry
            if at_once or time.monotonic() - self._saved > SAVE_SECONDS:
                self._save()

    def _save(self) -> None:
        with self._forgiving():
            if not (self._usable and self._changes):
                return
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _locked(self._path.parent):
                known = self._read() | self._changes
                _write(self._path, {key: entry for key, entry in known.items() if entry is not None})
            self._changes.clear()
            self._saved = time.monotonic()

    def _read(self) -> dict[str, Any]:
        """What the file holds; one that holds something else is put aside. Raises OSError."""
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):
                raise OSError(0, "it is no file")
        except FileNotFoundError:
            return {}
        try:
            known = json.loads(self._path.read_bytes())
        except (ValueError, RecursionError):
            known = None
        if isinstance(known, dict):
            return known
        aside = self._path.with_name(self._path.name + ".broken")
        self._path.replace(aside)
        say(f"{self._path} held no memory of uploads: it is called {aside.name} now, and every file counts as new")
        return {}

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Says why the file is of no use, and lets the upload go on without."""
        try:
            yield
        except OSError as error:
            if self._usable:
                reason = error.strerror or type(error).__name__
                say(f"{self._path} cannot be used ({reason}): what is stored now will not be remembered")
            self._usable = False

    def _key(self, path: Path) -> str:
        return f"{self._service} {path.resolve()}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One client at a time."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, known: dict[str, Any]) -> None:
    """All of it or nothing; mkstemp's file is its owner's alone."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(known, file)
        Path(unfinished).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(unfinished).unlink()
        raise
