"""Scheduling: a client's values become a complete workitem in the worklist, and change it later."""

import secrets
from collections.abc import Mapping

from dicom_service.errors import FieldError, InvalidRequest, NotFound, ServiceError
from dicom_service.faults import log_fault
from dicom_service.pacs.patients import unpadded
from dicom_service.uid_registry import hand_out_uid
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.fields import FIELDS, STEPS_TAG, Value
from dicom_service.worklist.mapper import Dataset, dataset_of, element, in_tag_order, keywords_of, steps_of
from dicom_service.worklist.protocol import UNKNOWN, Worklist
from dicom_service.worklist.search import workitems

STEP_TAGS = frozenset(field.tag for field in FIELDS if field.in_step)


def schedule(worklist: Worklist, given: Mapping[str, Value]) -> dict[str, str]:
    """Creates the workitem and gives the identifiers that it is found by, by their fields' names.

    A StudyInstanceUID that was not given is generated, and so are the two IDs that are of Type 1 (PS3.4 Table K.6-1).
    Raises Conflict where the given UID has a workitem already.
    """
    study_uid = str(given.get("StudyInstanceUID") or hand_out_uid())
    identifiers = {
        "StudyInstanceUID": study_uid,
        "ScheduledProcedureStepID": str(given.get("ScheduledProcedureStepID") or _short_id()),
        "RequestedProcedureID": str(given.get("RequestedProcedureID") or _short_id()),
        "AccessionNumber": str(given["AccessionNumber"]),
    }
    dataset = dataset_of({**given, **identifiers})
    worklist.create(study_uid, dataset, fresh="StudyInstanceUID" not in given)
    return identifiers


def reschedule(
    worklist: Worklist, study_uid: str, change: Mapping[str, Value | None], patient_id: str = ""
) -> dict[str, Value]:
    """Changes the fields given, takes away those that are None, and gives the workitem as it is then.

    Where a Patient ID is given, another patient's workitem is as unknown as one that is not there. Raises
    InvalidRequest where nothing is given or this worklist cannot change a field, NotFound where there is no such
    workitem, Conflict where another change comes between.
    """
    if not change:
        raise InvalidRequest("The request changes nothing", [FieldError("body", "must hold at least one field")])

    def changed(item: Dataset) -> Dataset:
        _check_patient(item, patient_id)
        return _changed(item, change)

    return keywords_of(worklist.change(study_uid, changed))


def remove(worklist: Worklist, study_uid: str, patient_id: str = "") -> list[str]:
    """Deletes a workitem, where a Patient ID is given only that patient's; gives whose it was, where that is told.

    Raises NotFound where there is none.
    """
    try:
        found = workitems(worklist, WorkitemSearch.of_study(study_uid))
    except ServiceError as error:
        if patient_id:
            raise
        log_fault(error)
        found = []
    patients = [unpadded(str(keywords_of(item).get("PatientID", ""))) for item in found]
    if patient_id and patient_id not in patients:
        raise NotFound(UNKNOWN)
    worklist.delete(study_uid)
    return patients


def _check_patient(item: Dataset, patient_id: str) -> None:
    if patient_id and unpadded(str(keywords_of(item).get("PatientID", ""))) != patient_id:
        raise NotFound(UNKNOWN)


def _changed(item: Dataset, change: Mapping[str, Value | None]) -> Dataset:
    """The item with the change made; attributes and further steps that no field stands for are kept."""
    values = {name: value for name, value in {**keywords_of(item), **change}.items() if value is not None}
    new = dataset_of(values)
    first, *others = steps_of(item)
    without_own = {tag: content for tag, content in first.items() if tag not in STEP_TAGS}
    steps = [in_tag_order(without_own | steps_of(new)[0]), *others]
    return in_tag_order(item | new | {STEPS_TAG: element("SQ", steps)})


def _short_id() -> str:
    """64 random bits in the 16 characters of an SH."""
    return secrets.token_hex(8).upper()
