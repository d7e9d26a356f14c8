"""One object of an upload on its way to the PACS, from wherever its bytes lie."""

from dicom_service.errors import PacsError, RequestTooLarge
from dicom_service.exams.part10 import Part10
from dicom_service.exams.patients.ownership import NOT_THE_PATIENTS, belongs_to
from dicom_service.exams.storing.store import store_object
from dicom_service.exams.uploads.rows import Outcome
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody


def stored_object(session: PacsSession, content: bytes | SizedBody, identity: Part10, patient_id: str = "") -> Outcome:
    """Stores an object and says what became of it; raises PacsError where the PACS fails or has no room.

    Where a Patient ID is given, an object of another patient is refused.
    """
    if patient_id and not belongs_to(session, dialect(), patient_id, content, identity):
        return Outcome("REFUSED", NOT_THE_PATIENTS)
    try:
        outcome = store_object(session, dialect(), content, identity)
    except RequestTooLarge as error:
        return Outcome("REFUSED", error.detail)
    if outcome.stored:
        changed = f"the PACS holds it with changes in {', '.join(outcome.changed)}" if outcome.changed else ""
        return Outcome("STORED", changed, outcome.response)
    if outcome.out_of_resources:
        raise PacsError(f"The PACS did not store the object: {outcome.reason}")
    return Outcome("REFUSED", outcome.reason, outcome.response)
