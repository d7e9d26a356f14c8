"""One object into the PACS: after a refusal, or an answer that was lost, the service looks what the PACS holds.

Repeating an upload is thus always safe: what the PACS took the first time is stored, whatever it says of a second copy.
"""

from collections.abc import Iterator

from dicom_service import metrics
from dicom_service.errors import (
    PacsDown,
    PacsError,
    PacsObjectUnknown,
    PacsRefusedCredentials,
    PacsTimeout,
    PacsUnreachable,
    RequestTooLarge,
)
from dicom_service.exams.part10 import Part10
from dicom_service.exams.storing.comparison import Comparison, compared
from dicom_service.exams.storing.fingerprint import fingerprint
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance, stream_instance
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.store import StoreOutcome, accepted, refused, store_instance
from dicom_service.pacs.streams import SizedBody

LOOKING_SECONDS = 3.0
"""What a look may take beyond the session's budget, which a lost answer may have used up."""

CANNOT_LOOK = "whether the PACS holds the object could not be seen"


def store_object(session: PacsSession, dialect: Dialect, content: bytes | SizedBody, identity: Part10) -> StoreOutcome:
    """Stores an object; one that the PACS holds already is stored, with what the PACS has changed of it.

    Raises PacsError and RequestTooLarge as `store_instance` does where the PACS does not hold it, and PacsError where a
    refused object cannot be looked for at the moment.
    """
    outcome = _store(session, dialect, content, identity)
    metrics.add(metrics.OBJECTS_STORED if outcome.stored else metrics.OBJECTS_REFUSED)
    if outcome.stored:
        metrics.add(metrics.BYTES_STORED, len(content))
    return outcome


def _store(session: PacsSession, dialect: Dialect, content: bytes | SizedBody, identity: Part10) -> StoreOutcome:
    try:
        outcome = store_instance(session, dialect, content, identity.sop_class_uid, identity.sop_instance_uid)
    except (PacsRefusedCredentials, PacsDown):
        raise
    except (PacsError, RequestTooLarge) as error:
        return _after_lost_answer(error, session, dialect, content, identity)
    return outcome if outcome.stored else _after_refusal(outcome, session, dialect, content, identity)


def _after_lost_answer(
    error: PacsError | RequestTooLarge,
    session: PacsSession,
    dialect: Dialect,
    content: bytes | SizedBody,
    identity: Part10,
) -> StoreOutcome:
    try:
        held = _look(session, dialect, content, identity)
    except PacsError:
        raise error from None
    if held is None:
        raise error
    return _outcome(held, refused(identity.sop_class_uid, identity.sop_instance_uid, held.why), identity)


def _after_refusal(
    outcome: StoreOutcome, session: PacsSession, dialect: Dialect, content: bytes | SizedBody, identity: Part10
) -> StoreOutcome:
    try:
        held = _look(session, dialect, content, identity)
    except (PacsTimeout, PacsUnreachable, PacsDown):
        raise
    except PacsError:
        return StoreOutcome(outcome.response, f"{outcome.reason}; {CANNOT_LOOK}")
    return _outcome(held, StoreOutcome(outcome.response, held.why), identity) if held else outcome


def _outcome(held: Comparison, other: StoreOutcome, identity: Part10) -> StoreOutcome:
    if not held.same:
        return other
    response = accepted(identity.sop_class_uid, identity.sop_instance_uid, coerced=bool(held.changed))
    return StoreOutcome(response, changed=held.changed)


def _look(session: PacsSession, dialect: Dialect, content: bytes | SizedBody, identity: Part10) -> Comparison | None:
    """What the PACS holds where the object belongs against the object; None where it holds nothing there."""
    instance = Instance(identity.study_uid, identity.series_uid, identity.sop_instance_uid)
    try:
        with stream_instance(session.prolonged(LOOKING_SECONDS), dialect, instance) as stored:
            held = fingerprint(stored.pieces)
    except PacsObjectUnknown:
        return None
    return compared(fingerprint(_pieces(content)), held)


def _pieces(content: bytes | SizedBody) -> Iterator[bytes]:
    return iter([content]) if isinstance(content, bytes) else iter(content)
