"""One object of an upload on its way to the PACS, from wherever its bytes lie."""

from dicom_service.audit.record import AuditRecord
from dicom_service.audit.trail import keep
from dicom_service.errors import PacsError, RequestTooLarge
from dicom_service.exams.part10 import Part10
from dicom_service.exams.patients.ownership import NOT_THE_PATIENTS, belongs_to
from dicom_service.exams.storing.store import store_object
from dicom_service.exams.uploads.rows import Outcome, UploadRow
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody


def stored_object(session: PacsSession, content: bytes | SizedBody, identity: Part10, row: UploadRow) -> Outcome:
    """Stores an object of an upload, keeps its audit record, and says what became of it.

    An object of another patient than the upload's is refused. Raises PacsError where the PACS fails or has no room, and
    StoreUnavailable where the record cannot be kept: the object is stored again then, which does no harm.
    """
    patient_id = row.patient_id
    if patient_id and not belongs_to(session, dialect(), patient_id, content, identity):
        return Outcome("REFUSED", NOT_THE_PATIENTS)
    try:
        outcome = store_object(session, dialect(), content, identity)
    except RequestTooLarge as error:
        return Outcome("REFUSED", error.detail)
    if outcome.stored:
        keep([_record(identity, row)])
        changed = f"the PACS holds it with changes in {', '.join(outcome.changed)}" if outcome.changed else ""
        return Outcome("STORED", changed, outcome.response)
    if outcome.out_of_resources:
        raise PacsError(f"The PACS did not store the object: {outcome.reason}")
    return Outcome("REFUSED", outcome.reason, outcome.response)


def _record(identity: Part10, row: UploadRow) -> AuditRecord:
    return AuditRecord(
        action="create",
        agent=row.asked_by,
        operation="store_upload",
        status=200,
        patient=identity.patient_id,
        study=identity.study_uid,
        series=identity.series_uid,
        instance=identity.sop_instance_uid,
        request_id=f"{row.upload_id}/{row.file_id}",
    )
