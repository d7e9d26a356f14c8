"""Storing objects by STOW-RS (PS3.18 section 10.5)."""

from dataclasses import dataclass
from typing import Any

from dicom_service.errors import PacsError, PacsObjectUnknown, PacsRejected, RequestTooLarge
from dicom_service.pacs.answers import PacsAnswer
from dicom_service.pacs.attributes import first_value
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.failure_reasons import OUT_OF_RESOURCES, in_words
from dicom_service.pacs.multipart import related_body
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody

REFERENCED_SOPS = "00081199"
FAILED_SOPS = "00081198"
SOP_CLASS_UID = "00081150"
SOP_INSTANCE_UID = "00081155"
WARNING_REASON = "00081196"
FAILURE_REASON = "00081197"

STORE_ANSWERS = frozenset({200, 201, 202, 400, 409, 413, 415})
PROCESSING_FAILURE = 0x0110
COERCION = 0xB000
"""Coercion of data elements (PS3.18 Table I.2-1)."""


@dataclass(frozen=True)
class StoreOutcome:
    """What became of one object: `response` is its STOW-RS response in DICOM JSON (PS3.18 Annex I).

    `reason` says in words why it was refused; it is empty where the object is stored. `changed` names the attributes
    that the PACS is seen to have changed of one that it holds.
    """

    response: dict[str, Any]
    reason: str = ""
    changed: tuple[str, ...] = ()

    @property
    def stored(self) -> bool:
        """Whether the PACS said that it holds the object."""
        return not self.reason

    @property
    def out_of_resources(self) -> bool:
        """Whether the PACS refused the object for want of room: it may take it later."""
        return any(reason in OUT_OF_RESOURCES for reason in _named(self.response, FAILED_SOPS).values() if reason)


def store_instance(
    session: PacsSession, dialect: Dialect, part10: bytes | SizedBody, sop_class_uid: str, sop_instance_uid: str
) -> StoreOutcome:
    """Sends one object in a request of its own, and believes that it is stored only where the answer names it.

    Never repeated: a second copy could be stored. Raises PacsError where the PACS claims success but does not name the
    object, and what PacsSession.send raises.
    """
    body, content_type = related_body(part10, "application/dicom")
    headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
    try:
        answer = session.send("POST", dialect.storing, headers=headers, body=body, answers=STORE_ANSWERS)
    except PacsObjectUnknown as error:
        raise PacsRejected("The PACS takes no objects on the path that is configured") from error
    if answer.status == 413:
        raise RequestTooLarge("The PACS takes no object of this size")
    response = _response(answer)
    if sop_instance_uid in _named(response, REFERENCED_SOPS):
        return StoreOutcome(response)
    failed = _named(response, FAILED_SOPS)
    if not failed and answer.status < 400:
        raise PacsError("The PACS answered success but did not say that it stored the object")
    reason = failed.get(sop_instance_uid, next(iter(failed.values()), None))
    return StoreOutcome(_refusal(response, sop_class_uid, sop_instance_uid), in_words(reason))


def accepted(sop_class_uid: str, sop_instance_uid: str, *, coerced: bool) -> dict[str, Any]:
    """The STOW-RS response for an object that is known to be stored, with a warning where it was `coerced`."""
    item: dict[str, Any] = {
        SOP_CLASS_UID: {"vr": "UI", "Value": [sop_class_uid]},
        SOP_INSTANCE_UID: {"vr": "UI", "Value": [sop_instance_uid]},
    }
    if coerced:
        item[WARNING_REASON] = {"vr": "US", "Value": [COERCION]}
    return {REFERENCED_SOPS: {"vr": "SQ", "Value": [item]}}


def refused(sop_class_uid: str, sop_instance_uid: str, reason: str) -> StoreOutcome:
    """The outcome of an object that could not be sent to the PACS, as a PACS would say it."""
    return StoreOutcome(_refusal({}, sop_class_uid, sop_instance_uid), reason)


def _response(answer: PacsAnswer) -> dict[str, Any]:
    """The response's dataset; an empty one where a refusal has none, or none in JSON."""
    try:
        datasets = answer.dicom_json()
    except PacsError:
        if answer.status >= 400:
            return {}
        raise
    return datasets[0] if datasets else {}


def _named(response: dict[str, Any], sequence: str) -> dict[str, int | None]:
    """The failure reason by SOP Instance UID of one of the response's sequences."""
    found: dict[str, int | None] = {}
    element = response.get(sequence)
    items = element.get("Value") if isinstance(element, dict) else None
    for item in filter(_is_dataset, items if isinstance(items, list) else []):
        uid = first_value(item, SOP_INSTANCE_UID)
        reason = first_value(item, FAILURE_REASON)
        if isinstance(uid, str):
            found[uid] = reason if isinstance(reason, int) else None
    return found


def _is_dataset(item: object) -> bool:
    return isinstance(item, dict)


def _refusal(response: dict[str, Any], sop_class_uid: str, sop_instance_uid: str) -> dict[str, Any]:
    if _named(response, FAILED_SOPS):
        return response
    item = {
        SOP_CLASS_UID: {"vr": "UI", "Value": [sop_class_uid]},
        SOP_INSTANCE_UID: {"vr": "UI", "Value": [sop_instance_uid]},
        FAILURE_REASON: {"vr": "US", "Value": [PROCESSING_FAILURE]},
    }
    return {**response, FAILED_SOPS: {"vr": "SQ", "Value": [item]}}
