"""Scheduling: a client's values become a complete workitem in the worklist."""

import secrets
from collections.abc import Mapping

from dicom_service.uid_registry import hand_out_uid
from dicom_service.worklist.backends import Worklist
from dicom_service.worklist.fields import Value
from dicom_service.worklist.mapper import dataset_of


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


def _short_id() -> str:
    """64 random bits in the 16 characters of an SH."""
    return secrets.token_hex(8).upper()
