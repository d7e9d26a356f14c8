"""What is kept of the emulated AWS: records in one SQLite file.

Each is on disk before the request that made it is answered.
"""

import base64
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal

FORMAT = 1
"""Of the file and what is in its records: a version that writes another one has a file of another name."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (kind, key));
"""

Kind = Literal["item", "stream", "message", "object", "multipart", "part"]


@dataclass(frozen=True)
class Record:
    """Something of a store (a table and its version, a queue, a bucket); `content` is JSON, with bytes and datetimes.

    `key` is unique among the records of a kind; without `content` it is to be forgotten.
    """

    kind: Kind
    store: str
    key: str
    content: dict[str, Any] | None = None


class Records:
    """The file in a folder that is made for it. Every thread may use it."""

    def __init__(self, folder: Path) -> None:
        """Raises sqlite3.DatabaseError where the file is damaged, and OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        self._connection = sqlite3.connect(file_of(folder), isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)
        damage = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)

    def write(self, records: Sequence[Record]) -> None:
        """All of them in one transaction. A record that is there keeps its place in the order."""
        if not records:
            return
        with self._lock, self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for record in records:
                if record.content is None:
                    connection.execute("DELETE FROM record WHERE kind = ? AND key = ?", (record.kind, record.key))
                else:
                    connection.execute(
                        "INSERT INTO record (kind, store, key, content) VALUES (?, ?, ?, ?)"
                        " ON CONFLICT (kind, key) DO UPDATE SET store = excluded.store, content = excluded.content",
                        (record.kind, record.store, record.key, json.dumps(record.content, default=_tagged)),
                    )

    def of(self, kind: Kind) -> Iterator[Record]:
        """The records of a kind in the order in which they were first written."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT store, key, content FROM record WHERE kind = ? ORDER BY id", (kind,)
            ).fetchall()
        for store, key, content in rows:
            yield Record(kind, store, key, json.loads(content, object_hook=_untagged))


def file_of(folder: Path) -> Path:
    """The file of this version."""
    return folder / f"aws-{FORMAT}.sqlite"


def files_of_other_versions(folder: Path) -> list[Path]:
    """Files that are left as they are."""
    return sorted(path for path in folder.glob("aws-*.sqlite") if path != file_of(folder))


def _tagged(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"\0bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"\0time": value.isoformat()}
    raise TypeError(type(value).__name__)


def _untagged(value: dict[str, Any]) -> Any:
    if "\0bytes" in value:
        return base64.b64decode(value["\0bytes"])
    return datetime.fromisoformat(value["\0time"]) if "\0time" in value else value
