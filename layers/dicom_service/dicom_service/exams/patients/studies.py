"""Whose a study is, as the PACS lists it: each environment remembers it for a while."""

import time
from collections.abc import Callable

from dicom_service.errors import ServiceError
from dicom_service.faults import log_fault
from dicom_service.pacs.dialects import Dialect, dialect
from dicom_service.pacs.search import patients_of_study
from dicom_service.pacs.session import PacsSession, pacs_session

REMEMBERED_SECONDS = 120.0
MOST_REMEMBERED = 10_000

WHOSE_SECONDS = 3.0

_remembered: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}


def study_patients(
    session: PacsSession, dialect: Dialect, study_uid: str, clock: Callable[[], float] = time.monotonic
) -> frozenset[str]:
    """The Patient IDs of the study's rows, empty for a row that states none; none where the PACS has no such study.

    Raises what searching does.
    """
    key, now = (session.address, study_uid), clock()
    until, patients = _remembered.get(key, (0.0, frozenset()))
    if now < until:
        return patients
    patients = frozenset(patients_of_study(session, dialect, study_uid))
    if patients:  # one that is not there may come at any moment, and be anyone's
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        _remembered[key] = (now + REMEMBERED_SECONDS, patients)
    return patients


def patients_if_told(study_uid: str) -> frozenset[str]:
    """The same for the audit trail, which does without where the PACS does not tell in a few seconds."""
    try:
        return study_patients(pacs_session(WHOSE_SECONDS), dialect(), study_uid)
    except ServiceError as error:
        log_fault(error)
        return frozenset()
