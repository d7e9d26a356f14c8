"""What an announced exam is called, for whoever keeps a list of exams to come."""

import json
from dataclasses import dataclass
from typing import Any

from dicom_service.errors import InvalidRequest
from dicom_service.events.outbox import load_event


@dataclass(frozen=True)
class Arrival:
    """What an exam is known by; all but the study may be empty."""

    study_uid: str
    accession_number: str
    patient_id: str


def arrival(body: str) -> Arrival:
    """The exam of one of the topic's messages; one that was too large to be in the message is looked up.

    Raises InvalidRequest for what is no event, NotFound and StoreUnavailable.
    """
    try:
        message: Any = json.loads(body)
        event_id = str(message["eventId"])
        pacs_event = message.get("pacsEvent") or json.loads(load_event(event_id).payload())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidRequest("The message is no event") from error
    names = ("StudyInstanceUID", "AccessionNumber", "PatientID")
    return Arrival(*(_text(pacs_event.get(name)) for name in names))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
