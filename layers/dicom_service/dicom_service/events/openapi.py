"""What the OpenAPI document says of new-exam events."""

from typing import Any

from dicom_service.http.parameters import EXAMPLE_STUDY
from dicom_service.uid import UID_MAX_LENGTH, UID_PATTERN

_NULL = {"type": "null"}
_TEXT = {"anyOf": [{"type": "string"}, _NULL]}
_TEXTS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, _NULL]}
_COUNT = {"anyOf": [{"type": "integer"}, _NULL]}

EXAM_EVENT: dict[str, Any] = {
    "title": "ExamEvent",
    "description": "What the PACS tells of a new exam. Only `StudyInstanceUID` is required; further fields are kept",
    "type": "object",
    "required": ["StudyInstanceUID"],
    "additionalProperties": True,
    "properties": {
        "SourceID": _TEXT,
        "StudyInstanceUID": {"type": "string", "pattern": UID_PATTERN, "maxLength": UID_MAX_LENGTH},
        "AccessionNumber": _TEXT,
        "PatientID": _TEXT,
        "IssuerOfPatientID": _TEXT,
        "NumberOfStudyRelatedSeries": _COUNT,
        "NumberOfStudyRelatedInstances": _COUNT,
        "ModalitiesInStudy": _TEXTS,
        "AeTitles": _TEXTS,
        "StationNames": _TEXTS,
        "EventType": {**_TEXT, "description": "`COMPLETED` or `INSTANCES_ADDED`"},
        "StudyDate": _TEXT,
        "StudyTime": _TEXT,
        "StudyID": _TEXT,
        "ReferringPhysicianName": _TEXT,
        "StudyDescription": _TEXT,
        "PatientName": _TEXT,
        "PatientBirthDate": _TEXT,
        "PatientSex": _TEXT,
        "Report": {},
        "HolterUsername": _TEXT,
        "Series": {
            "anyOf": [{"type": "array", "items": {"type": "object"}}, _NULL],
            "description": "each may hold a thumbnail",
        },
    },
}

EXAM_EVENT_EXAMPLE: dict[str, Any] = {
    "SourceID": "PACS-1",
    "StudyInstanceUID": EXAMPLE_STUDY,
    "AccessionNumber": "NDS83JF784N209D2",
    "PatientID": "SDJ38WMD1MS01",
    "NumberOfStudyRelatedSeries": 2,
    "NumberOfStudyRelatedInstances": 240,
    "ModalitiesInStudy": ["CT"],
    "AeTitles": ["NGV"],
    "StationNames": ["CT-ROOM-1"],
    "EventType": "COMPLETED",
    "StudyDate": "20240117",
    "StudyTime": "101530",
    "StudyID": None,
    "ReferringPhysicianName": "BIANCHI^ANNA",
    "StudyDescription": "CT CHEST",
    "PatientName": "ROSSI^MARIO",
    "PatientBirthDate": "19600101",
    "PatientSex": "M",
}

EXAM_EVENT_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": EXAM_EVENT,
            "examples": {
                "completed": {"summary": "A study is complete", "value": EXAM_EVENT_EXAMPLE},
                "least": {"summary": "The least that is accepted", "value": {"StudyInstanceUID": EXAMPLE_STUDY}},
            },
        }
    },
}
