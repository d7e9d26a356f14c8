"""The end of a workitem: its exam has arrived."""

from dicom_service.errors import NotFound
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.backends import backend, worklist
from dicom_service.worklist.fields import BY_NAME, ENDED
from dicom_service.worklist.mapper import study_uid_of, values_of
from dicom_service.worklist.protocol import Worklist
from dicom_service.worklist.scheduling import reschedule
from dicom_service.worklist.search import workitems


def complete(study_uid: str, accession_number: str, patient_id: str) -> None:
    """Marks the exam's workitems as COMPLETED where the service keeps the worklist; a PACS sees to its own.

    A workitem is the exam's by its Study Instance UID. Where none has that, for a modality may have made up its own, it
    is by the accession number, and then only where the patient is the same. Both of the latter may be empty. A repeat
    changes nothing.
    """
    if backend() != "dynamodb":
        return
    kept = worklist()
    found = workitems(kept, WorkitemSearch.of_study(study_uid))
    if not found and accession_number and patient_id:
        order = {"PatientID": patient_id, "AccessionNumber": accession_number}
        found = workitems(kept, WorkitemSearch(order))
    for item in found:
        if not ENDED.intersection(values_of(item, BY_NAME["status"])):
            _mark(kept, study_uid_of(item))


def _mark(kept: Worklist, study_uid: str) -> None:
    try:
        reschedule(kept, study_uid, {"status": "COMPLETED"})
    except NotFound:
        return  # deleted since it was found
