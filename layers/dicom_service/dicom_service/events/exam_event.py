"""What the PACS says when an exam has arrived: read for the little that the service itself needs to know of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.uid import is_existing_uid

ROUTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]{1,256}")
"""An event type, a modality or a source that a queue may be routed by; what is longer or not printable is none."""


@dataclass(frozen=True)
class Announcement:
    """The facts of an event that routing and searching go by; all but the study may be empty."""

    study_instance_uid: str
    event_type: str
    modalities: tuple[str, ...]
    source_id: str


def announcement(pacs_event: Any) -> Announcement:
    """The facts of the PACS's event as parsed JSON; raises InvalidRequest where it names no study.

    Nothing else is required: a PACS sends null, other types and fields of its own, and all of it goes on as it came.
    """
    if not isinstance(pacs_event, Mapping):
        raise InvalidRequest("The event is not a JSON object", [FieldError("body", "must be a JSON object")])
    study = pacs_event.get("StudyInstanceUID")
    if study is None:
        raise InvalidRequest("The event names no study", [FieldError("StudyInstanceUID", "is required")])
    if not isinstance(study, str) or not is_existing_uid(study):
        message = "must be a UID: digits and dots, at most 64 characters"
        raise InvalidRequest("The event names no study", [FieldError("StudyInstanceUID", message)])
    return Announcement(
        study_instance_uid=study,
        event_type=_word(pacs_event.get("EventType")),
        modalities=_words(pacs_event.get("ModalitiesInStudy")),
        source_id=_word(pacs_event.get("SourceID")),
    )


def _word(value: Any) -> str:
    return value if isinstance(value, str) and ROUTABLE.fullmatch(value) else ""


def _words(value: Any) -> tuple[str, ...]:
    """Of a list, or of one string with DICOM's own separator (PS3.5 section 6.4): each value once, in order."""
    values = value.split("\\") if isinstance(value, str) else value
    words = [_word(each) for each in values] if isinstance(values, list) else []
    return tuple(dict.fromkeys(word for word in words if word))
