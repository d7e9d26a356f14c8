"""The index of what is stored: studies, their series, their instances."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from sqlite3 import Connection

from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, first_value, serialize, tag
from local.pacs.levels import INSTANCE, REQUEST_KEYS, SERIES, STUDY, Level
from local.pacs.matching import stored_form
from local.pacs.part10 import InstanceHeader
from local.pacs.storage import StoredFile

FROM = "FROM study JOIN series ON series.study_id = study.id JOIN instance ON instance.series_id = series.id"


class Added(Enum):
    """What became of an object that was to be indexed."""

    NEW = "new"
    SAME = "same"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class StoredInstance:
    """Where an instance is in the hierarchy, and its file."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    file: StoredFile


class Index:
    """Studies, series and instances in the database.

    With `quiet_seconds` each new instance makes its study due to be announced that long after.
    """

    def __init__(self, database: Database, quiet_seconds: float | None) -> None:
        self._database = database
        self._quiet_seconds = quiet_seconds

    def add(self, header: InstanceHeader, file: StoredFile, source_ae_title: str) -> Added:
        """Indexes an object whose file is on disk; the first object of a SOP Instance UID stays."""
        with self._database.write() as connection:
            known = connection.execute(
                "SELECT sha256 FROM instance WHERE SOPInstanceUID = ?", [header.sop_instance_uid]
            ).fetchone()
            if known:
                return Added.SAME if known["sha256"] == file.sha256 else Added.CONFLICT
            study_id = _study_id(connection, header)
            series_id = _series_id(connection, study_id, header, source_ae_title)
            columns = _columns(INSTANCE, header.attributes) | {
                "series_id": series_id,
                "attributes": serialize(header.attributes).decode(),
                "transfer_syntax_uid": header.transfer_syntax_uid,
                "sha256": file.sha256,
                "size": file.size,
            }
            _insert(connection, "instance", columns)
            if self._quiet_seconds is not None:
                _announce_later(connection, study_id, time.time() + self._quiet_seconds)
        return Added.NEW

    def instances(self, study_uid: str, series_uid: str = "", sop_instance_uid: str = "") -> list[StoredInstance]:
        """The instances of a study, of one of its series, or the one named; empty where there is none."""
        return self._stored(*_below(study_uid, series_uid, sop_instance_uid))

    def of_series(self, series_id: int) -> list[StoredInstance]:
        """The instances of a series of one patient, by the number of its row."""
        return self._stored(f"{FROM} WHERE series.id = ? ORDER BY instance.id", [series_id])

    def _stored(self, sql: str, values: Sequence[object]) -> list[StoredInstance]:
        columns = "StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, transfer_syntax_uid, sha256, size"
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {columns} {sql}", values).fetchall()
        return [StoredInstance(row[0], row[1], row[2], row[3], StoredFile(row[4], row[5])) for row in rows]

    def metadata(self, study_uid: str, series_uid: str = "", sop_instance_uid: str = "") -> list[str]:
        """The attributes of the same instances, each a DICOM JSON text."""
        sql, values = _below(study_uid, series_uid, sop_instance_uid)
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT instance.attributes {sql}", values).fetchall()
        return [row[0] for row in rows]


def _below(study_uid: str, series_uid: str, sop_instance_uid: str) -> tuple[str, list[str]]:
    wanted = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid, "SOPInstanceUID": sop_instance_uid}
    given = {column: uid for column, uid in wanted.items() if uid}
    return (
        f"{FROM} WHERE {' AND '.join(f'{column} = ?' for column in given)} ORDER BY series.id, instance.id",
        list(given.values()),
    )


def _study_id(connection: Connection, header: InstanceHeader) -> int:
    """The study of the object's patient: like Orthanc, a UID under which two patients have objects is two studies."""
    described = _described(STUDY, header.attributes)
    known = connection.execute(
        "SELECT id FROM study WHERE StudyInstanceUID = ? AND PatientID = ?",
        [header.study_instance_uid, described["PatientID"]],
    ).fetchone()
    return known["id"] if known else _insert(connection, "study", described)


def _series_id(connection: Connection, study_id: int, header: InstanceHeader, source_ae_title: str) -> int:
    known = connection.execute(
        "SELECT id FROM series WHERE study_id = ? AND SeriesInstanceUID = ?", [study_id, header.series_instance_uid]
    ).fetchone()
    if known:
        return known["id"]
    columns = _described(SERIES, header.attributes)
    series_id = _insert(connection, "series", columns | {"study_id": study_id, "source_ae_title": source_ae_title})
    for item in header.attributes.get(tag("RequestAttributesSequence"), {}).get("Value", ()):
        keys = {keyword: stored_form(keyword, first_value(item, keyword)) for keyword in REQUEST_KEYS}
        _insert(connection, "request", keys | {"series_id": series_id})
    return series_id


def _columns(level: Level, attributes: Attributes) -> dict[str, object]:
    return {keyword: stored_form(keyword, first_value(attributes, keyword)) for keyword in level.keys}


def _described(level: Level, attributes: Attributes) -> dict[str, object]:
    tags = sorted(map(tag, level.attributes))
    kept = {name: attributes[name] for name in tags if name in attributes}
    return _columns(level, attributes) | {"attributes": serialize(kept).decode()}


def _insert(connection: Connection, table: str, columns: dict[str, object]) -> int:
    names, places = ", ".join(columns), ", ".join("?" * len(columns))
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names come from levels.py
    return connection.execute(sql, list(columns.values())).lastrowid or 0


def _announce_later(connection: Connection, study_id: int, due: float) -> None:
    connection.execute(
        "INSERT INTO announcement (study_id, due, changes) VALUES (?, ?, 1)"
        " ON CONFLICT (study_id) DO UPDATE SET due = excluded.due, changes = changes + 1",
        [study_id, due],
    )
