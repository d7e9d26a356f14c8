"""What was uploaded before, so that an upload that was cut off goes on where it was."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock


@dataclass(frozen=True)
class Remembered:
    """A file as it was then, the upload that it went into (empty for the small way), and whether it is stored."""

    size: int
    modified: float
    upload_id: str
    stored: bool


def default_path() -> Path:
    """`~/.local/state/dicom-service/uploads.json`, or where XDG_STATE_HOME says."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(state) / "dicom-service/uploads.json"


class Memory:
    """A JSON file, by service and path; readable by its owner alone, since paths may name patients."""

    def __init__(self, path: Path, service: str) -> None:
        self._path = path
        self._service = service
        self._lock = Lock()
        self._known: dict[str, dict[str, object]] = json.loads(path.read_text()) if path.exists() else {}

    def recall(self, path: Path) -> Remembered | None:
        """What is known of a file that has not changed since."""
        found = self._known.get(self._key(path))
        if found is None:
            return None
        remembered = Remembered(**found)  # type: ignore[arg-type]  # as written below
        facts = path.stat()
        return remembered if (remembered.size, remembered.modified) == (facts.st_size, facts.st_mtime) else None

    def remember(self, path: Path, upload_id: str, *, stored: bool) -> None:
        """Notes it on the disk."""
        facts = path.stat()
        with self._lock:
            self._known[self._key(path)] = asdict(Remembered(facts.st_size, facts.st_mtime, upload_id, stored))
            self._write()

    def forget(self, path: Path) -> None:
        """Next time the file is new."""
        with self._lock:
            if self._known.pop(self._key(path), None):
                self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._path.with_suffix(".part")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._known, file)
        unfinished.replace(self._path)

    def _key(self, path: Path) -> str:
        return f"{self._service} {path.resolve()}"
