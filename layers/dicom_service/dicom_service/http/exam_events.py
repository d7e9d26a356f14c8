"""New-exam events as the API shows them: schemas, examples, and what handlers read without a model."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path

from dicom_service.access.bounds import Subject
from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.http.parameters import EXAMPLE_STUDY
from dicom_service.http.problem import suggestion
from dicom_service.uid import EXISTING_UID_PATTERN, UID_MAX_LENGTH

_TEXT = {"description": "Text"}
_TEXTS = {"description": "An array of texts"}
_COUNT = {"description": "A whole number"}

EXAM_EVENT: dict[str, Any] = {
    "title": "ExamEvent",
    "description": "What the PACS tells of a new exam. Only `StudyInstanceUID` is required and checked. The other "
    "fields are what a PACS usually sends; they are passed on as they came, as are further fields and nulls",
    "type": "object",
    "required": ["StudyInstanceUID"],
    "additionalProperties": True,
    "properties": {
        "SourceID": _TEXT,
        "StudyInstanceUID": {"type": "string", "pattern": EXISTING_UID_PATTERN, "maxLength": UID_MAX_LENGTH},
        "AccessionNumber": _TEXT,
        "PatientID": _TEXT,
        "IssuerOfPatientID": _TEXT,
        "NumberOfStudyRelatedSeries": _COUNT,
        "NumberOfStudyRelatedInstances": _COUNT,
        "ModalitiesInStudy": _TEXTS,
        "AeTitles": _TEXTS,
        "StationNames": _TEXTS,
        "EventType": {"description": "`COMPLETED` or `INSTANCES_ADDED`"},
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
        "Series": {"description": "An array of objects; each may hold a thumbnail"},
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
            "schema": {"$ref": "#/components/schemas/ExamEvent"},
            "examples": {
                "completed": {"summary": "A study is complete", "value": EXAM_EVENT_EXAMPLE},
                "least": {"summary": "The least that is accepted", "value": {"StudyInstanceUID": EXAMPLE_STUDY}},
            },
        }
    },
}

EVENT_ID = "0b2f6d0e5c1a4f7e9d3c8b7a6f5e4d3c"

EventId = Annotated[str, Path(alias="eventId", description="Event", pattern="^[0-9a-f]{32}$", examples=[EVENT_ID])]

COMPONENTS: dict[str, Any] = {
    "ExamEvent": EXAM_EVENT,
    "ReceivedExamEvent": {
        "title": "ReceivedExamEvent",
        "description": "An event as it was received. One too large for an answer has `pacsEvent` null and a signed "
        "`pacsEventUrl`, good for 15 minutes",
        "type": "object",
        "required": ["eventId", "receivedAt", "pacsEvent"],
        "properties": {
            "eventId": {"type": "string", "description": "the `webhook-id` of its deliveries"},
            "receivedAt": {"type": "string", "format": "date-time"},
            "pacsEvent": {"anyOf": [{"$ref": "#/components/schemas/ExamEvent"}, {"type": "null"}]},
            "pacsEventUrl": {"type": "string", "format": "uri"},
        },
    },
    "ExamEventPage": {
        "title": "ExamEventPage",
        "description": "Events in the order in which they went out",
        "type": "object",
        "required": ["events", "next"],
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/ReceivedExamEvent"}},
            "next": {
                "type": ["string", "null"],
                "description": "`after` of the next request; null where nothing lies behind: ask again later with the "
                "same `after`. Events may be empty beside a cursor where a filter finds few",
            },
        },
    },
}
"""Schemas of answers that no model validates, because the PACS's JSON is put into them as it came."""

REDELIVERY_BODY: dict[str, Any] = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "url": {"type": "string", "description": "one of CALLBACK_URLS; all where it is left out"}
                },
            },
            "example": {"url": "https://ris.example/events"},
        }
    },
}

RECEIVED_EXAMPLE = {"eventId": EVENT_ID, "receivedAt": "2024-01-17T10:15:31.482Z", "pacsEvent": EXAM_EVENT_EXAMPLE}


def schema_answer(description: str, name: str, example: dict[str, Any]) -> dict[int, Any]:
    """The `responses` entry of a 200 that holds one of the components."""
    media = {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": example}
    return {200: {"description": description, "content": {"application/json": media}}}


def redelivery_url(body: Any) -> str:
    """The `url` of a redelivery's JSON body, empty where it names none; raises InvalidRequest for all else in it."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body is not a JSON object", [FieldError("body", "must be a JSON object")])
    wrong = [FieldError(name, "is not a known field" + suggestion(name, ["url"])) for name in body if name != "url"]
    url = body.get("url", "")
    if not isinstance(url, str):
        wrong.append(FieldError("url", "must be one string"))
    if wrong:
        raise InvalidRequest("The request is invalid", wrong)
    return str(url)


def subjects_of(answers: Iterable[Mapping[str, Any]]) -> list[Subject]:
    """Whose the events of an answer are, by what the PACS said of them."""
    told = [answered.get("pacsEvent") or {} for answered in answers]
    return [Subject(_text(event.get("PatientID")), _text(event.get("StudyInstanceUID"))) for event in told]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
