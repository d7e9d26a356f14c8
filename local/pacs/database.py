"""The SQLite database behind the PACS: its schema, its connections, its transactions."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from local.pacs.levels import INSTANCE, REQUEST_KEYS, SERIES, STUDY, Level

BUSY_SECONDS = 30.0
ONE_PATIENT, PATIENTS = "UNIQUE (StudyInstanceUID)", "UNIQUE (StudyInstanceUID, PatientID)"


def _columns(level: Level) -> str:
    return ", ".join(f"{keyword} TEXT NOT NULL" for keyword in level.keys)


# The columns named by keyword hold values in the form that matching.py compares; `attributes` is DICOM JSON.
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS study (
    id INTEGER PRIMARY KEY, {_columns(STUDY)}, attributes TEXT NOT NULL,
    announced INTEGER NOT NULL DEFAULT 0,
    {PATIENTS});
CREATE INDEX IF NOT EXISTS study_of_patient ON study (PatientID);
CREATE INDEX IF NOT EXISTS study_of_order ON study (AccessionNumber);
CREATE INDEX IF NOT EXISTS study_on_date ON study (StudyDate);
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, study_id INTEGER NOT NULL REFERENCES study, {_columns(SERIES)}, attributes TEXT NOT NULL,
    source_ae_title TEXT NOT NULL,
    UNIQUE (study_id, SeriesInstanceUID));
CREATE INDEX IF NOT EXISTS series_by_uid ON series (SeriesInstanceUID);
CREATE TABLE IF NOT EXISTS request (
    series_id INTEGER NOT NULL REFERENCES series, {", ".join(f"{keyword} TEXT NOT NULL" for keyword in REQUEST_KEYS)});
CREATE INDEX IF NOT EXISTS request_of_series ON request (series_id);
CREATE TABLE IF NOT EXISTS instance (
    id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series, {_columns(INSTANCE)},
    attributes TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    UNIQUE (SOPInstanceUID));
CREATE INDEX IF NOT EXISTS instance_of_series ON instance (series_id);
CREATE TABLE IF NOT EXISTS announcement (
    study_id INTEGER PRIMARY KEY REFERENCES study, due REAL NOT NULL, changes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS workitem (
    id INTEGER PRIMARY KEY, StudyInstanceUID TEXT NOT NULL UNIQUE, PatientID TEXT NOT NULL, attributes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS workitem_of_patient ON workitem (PatientID);
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, protocol TEXT NOT NULL, name TEXT NOT NULL, StudyInstanceUID TEXT NOT NULL,
    PatientID TEXT NOT NULL, content TEXT NOT NULL, UNIQUE (protocol, name));
CREATE INDEX IF NOT EXISTS entry_of_study ON entry (protocol, StudyInstanceUID);
CREATE TABLE IF NOT EXISTS viewer_token (
    token TEXT PRIMARY KEY, study_uid TEXT NOT NULL, role TEXT NOT NULL, expires REAL NOT NULL,
    used INTEGER NOT NULL DEFAULT 0);
"""


class Database:
    """A pool of connections to one SQLite file in WAL mode, which any thread may use; readers never wait for a writer.

    A committed transaction is on disk (synchronous=FULL). Writers of this process queue at a lock, because SQLite's own
    waiting is a poll that can starve one of many; other processes are held off by SQLite for up to 30 s.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self.read() as connection:
            _divide_studies_by_patient(connection)
            connection.executescript(SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements; each sees the last committed state."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction, committed at the end and rolled back when anything is raised."""
        with self._writing, self.read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    def close(self) -> None:
        """Closes every idle connection now and each one in use when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _divide_studies_by_patient(connection: sqlite3.Connection) -> None:
    """Brings a database of an earlier version along, whose studies had one patient each (`DATA_DIR` outlives versions).

    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    known = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'study'").fetchone()
    if known is None or ONE_PATIENT not in known["sql"]:
        return
    divided = known["sql"].replace("TABLE study", "TABLE divided", 1).replace(ONE_PATIENT, PATIENTS)
    connection.executescript(
        f"BEGIN; {divided}; INSERT INTO divided SELECT * FROM study; DROP TABLE study;"  # noqa: S608 - SQLite's own
        " ALTER TABLE divided RENAME TO study; COMMIT;"
    )
