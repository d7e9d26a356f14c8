"""The event that the PACS sends to its webhook, with the fields of O3's image availability message."""

import base64
import json
from sqlite3 import Row
from typing import Any

from local.pacs.archive import Archive
from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, first_value
from local.pacs.pictures import Wanted

SOURCE_ID = "EMBEDDED-PACS"
THUMBNAIL_SIDE = 96
THUMBNAIL_QUALITY = 60

STUDY_FIELDS = (
    "AccessionNumber",
    "PatientID",
    "IssuerOfPatientID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
)
PATIENT_FIELDS = ("PatientBirthDate", "PatientSex")
NAME_FIELDS = ("ReferringPhysicianName", "PatientName")
SERIES_FIELDS = (
    "SeriesInstanceUID",
    "Modality",
    "BodyPartExamined",
    "SeriesDescription",
    "StationName",
    "ContainerIdentifier",
)


def study_event(database: Database, archive: Archive, study_id: int, event_type: str) -> dict[str, Any]:
    """The event of a study in its present state, with one small picture for each series that has one."""
    with database.read() as connection:
        study = connection.execute("SELECT * FROM study WHERE id = ?", [study_id]).fetchone()
        rows = connection.execute(
            "SELECT *, (SELECT count(*) FROM instance WHERE series_id = series.id) AS instances"
            " FROM series WHERE study_id = ? ORDER BY id",
            [study_id],
        ).fetchall()
    attributes: Attributes = json.loads(study["attributes"])
    series = [_series(archive, row) for row in rows]
    return {
        "SourceID": SOURCE_ID,
        "StudyInstanceUID": study["StudyInstanceUID"],
        **{field: first_value(attributes, field) for field in (*STUDY_FIELDS, *PATIENT_FIELDS)},
        **{field: _name(first_value(attributes, field)) for field in NAME_FIELDS},
        "NumberOfStudyRelatedSeries": len(series),
        "NumberOfStudyRelatedInstances": sum(one["NumberOfSeriesRelatedInstances"] for one in series),
        "ModalitiesInStudy": _distinct(series, "Modality"),
        "AeTitles": _distinct(series, "AeTitle"),
        "StationNames": _distinct(series, "StationName"),
        "EventType": event_type,
        "Report": None,
        "HolterUsername": None,
        "Series": series,
    }


def _series(archive: Archive, row: Row) -> dict[str, Any]:
    attributes: Attributes = json.loads(row["attributes"])
    return {
        **{field: first_value(attributes, field) for field in SERIES_FIELDS},
        "NumberOfSeriesRelatedInstances": row["instances"],
        "AeTitle": row["source_ae_title"] or None,
        "Thumbnail": _thumbnail(archive, row["id"]),
    }


def _thumbnail(archive: Archive, series_id: int) -> str | None:
    instances = archive.index.of_series(series_id)
    wanted = Wanted(THUMBNAIL_SIDE, THUMBNAIL_SIDE, quality=THUMBNAIL_QUALITY)
    jpeg = archive.picture(instances[len(instances) // 2], wanted)
    return base64.b64encode(jpeg).decode() if jpeg else None


def _name(value: dict[str, str] | None) -> str | None:
    return value.get("Alphabetic") if value else None


def _distinct(series: list[dict[str, Any]], field: str) -> list[str]:
    return list(dict.fromkeys(one[field] for one in series if one[field]))
