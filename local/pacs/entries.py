"""Entries of a worklist as their protocols keep them: texts under a name, found by study and patient."""

import sqlite3
from dataclasses import dataclass

from local.pacs.database import Database


@dataclass(frozen=True)
class Entry:
    """One entry: its name in its protocol, and its content as JSON text."""

    name: str
    content: str


class Entries:
    """The entries of one protocol in the database."""

    def __init__(self, database: Database, protocol: str) -> None:
        self._database = database
        self._protocol = protocol

    def add(self, name: str, study_uid: str, patient_id: str, content: str) -> bool:
        """Adds an entry; False where the name has one."""
        insert = "INSERT INTO entry (protocol, name, StudyInstanceUID, PatientID, content) VALUES (?, ?, ?, ?, ?)"
        try:
            with self._database.write() as connection:
                connection.execute(insert, [self._protocol, name, study_uid, patient_id, content])
        except sqlite3.IntegrityError:
            return False
        return True

    def replace(self, name: str, study_uid: str, patient_id: str, content: str) -> bool:
        """Gives an entry other content; False where there is none of this name."""
        update = "UPDATE entry SET StudyInstanceUID = ?, PatientID = ?, content = ? WHERE protocol = ? AND name = ?"
        with self._database.write() as connection:
            values = [study_uid, patient_id, content, self._protocol, name]
            return connection.execute(update, values).rowcount > 0

    def get(self, name: str) -> Entry | None:
        """The entry of this name."""
        return next(iter(self._select("name = ?", [name])), None)

    def find(self, study_uid: str = "", patient_id: str = "") -> list[Entry]:
        """The entries of a study, a patient, or all, in the order of their creation."""
        where = "? IN ('', StudyInstanceUID) AND ? IN ('', PatientID)"
        return self._select(where, [study_uid, patient_id])

    def remove(self, name: str) -> bool:
        """Removes an entry; False where there is none of this name."""
        with self._database.write() as connection:
            delete = "DELETE FROM entry WHERE protocol = ? AND name = ?"
            return connection.execute(delete, [self._protocol, name]).rowcount > 0

    def _select(self, where: str, values: list[str]) -> list[Entry]:
        sql = f"SELECT name, content FROM entry WHERE protocol = ? AND {where} ORDER BY id"  # noqa: S608 - of this module
        with self._database.read() as connection:
            return [Entry(*row) for row in connection.execute(sql, [self._protocol, *values]).fetchall()]
