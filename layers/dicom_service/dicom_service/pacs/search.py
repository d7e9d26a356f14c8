"""Searching by QIDO-RS (PS3.18 section 10.6): every page, and of each row whose it is, where the PACS tells."""

from collections.abc import Mapping
from typing import Any

from dicom_service.errors import PacsError, PacsRejected
from dicom_service.pacs.attributes import STUDY, completed, first_value
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.lacking import is_known_to_lack, remember_lacking
from dicom_service.pacs.paging import every_result
from dicom_service.pacs.patients import PATIENT_ID, is_of, patient_of
from dicom_service.pacs.session import PacsSession
from dicom_service.uid import is_existing_uid

STUDY_UID = "0020000D"
SERIES_UID = "0020000E"
SOP_UID = "00080018"
UIDS = (STUDY_UID, SERIES_UID, SOP_UID)

Datasets = list[dict[str, Any]]


def search_studies(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str = "") -> Datasets:
    """The patient's studies, with the attributes of PS3.18 Table 10.6.3-3; the one of that UID where one is given."""
    rows = _studies(session, dialect, patient_id, {"StudyInstanceUID": study_uid} if study_uid else {})
    return [completed(row, STUDY) for row in rows if study_uid in ("", first_value(row, STUDY_UID))]


def patients_of_study(session: PacsSession, dialect: Dialect, study_uid: str) -> set[str]:
    """The Patient IDs that the PACS lists the study under, empty for a row without one; none of an unknown study."""
    rows = _all_pages(session, dialect, dialect.searching, {"StudyInstanceUID": study_uid}, STUDY_UID)
    return {patient_of(row) or "" for row in rows if first_value(row, STUDY_UID) == study_uid}


def find_study(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> dict[str, Any] | None:
    """The study as the PACS lists it for the patient, None where it does not.

    The study may hold objects of another patient too, and a PACS that lists it for one patient alone may hold some of
    this one's: each object has to be looked at.
    """
    studies = _studies(session, dialect, patient_id, {"StudyInstanceUID": study_uid})
    return next((row for row in studies if first_value(row, STUDY_UID) == study_uid), None)


def series_of(session: PacsSession, dialect: Dialect, study_uid: str) -> Datasets:
    """The series of a study, whoever's they are; none where the PACS knows no such study."""
    rows = _rows_with_patients(session, dialect, f"{dialect.searching}/{study_uid}/series", SERIES_UID)
    return [row for row in rows if _is_below(row, STUDY_UID, study_uid)]


def instances_of(session: PacsSession, dialect: Dialect, study_uid: str, series_uid: str) -> Datasets:
    """The instances of a series, whoever's they are; none where the PACS knows no such series."""
    path = f"{dialect.searching}/{study_uid}/series/{series_uid}/instances"
    rows = _rows_with_patients(session, dialect, path, SOP_UID)
    return [row for row in rows if _is_below(row, STUDY_UID, study_uid) and _is_below(row, SERIES_UID, series_uid)]


def _studies(session: PacsSession, dialect: Dialect, patient_id: str, query: Mapping[str, str]) -> Datasets:
    """The rows that say themselves that they are the patient's; some PACS match in any case, or by prefix."""
    rows = _all_pages(session, dialect, dialect.searching, {"PatientID": patient_id, **query}, STUDY_UID)
    if any(patient_of(row) is None for row in rows):
        raise PacsError("The PACS answered studies without their Patient ID")
    return [row for row in rows if is_of(row, patient_id)]


def _rows_with_patients(session: PacsSession, dialect: Dialect, path: str, key: str) -> Datasets:
    """Every row, with its Patient ID where the PACS gives one: below the study it need not, and takes being asked."""
    if not is_known_to_lack(session, "includefield"):
        try:
            return _all_pages(session, dialect, path, {"includefield": PATIENT_ID}, key)
        except PacsRejected:
            rows = _all_pages(session, dialect, path, {}, key)
            remember_lacking(session, ["includefield"])
            return rows
    return _all_pages(session, dialect, path, {}, key)


def _is_below(row: dict[str, Any], tag: str, uid: str) -> bool:
    """Whether the row belongs to what was asked for, if it says to what it belongs."""
    return first_value(row, tag) in (None, uid)


def _all_pages(session: PacsSession, dialect: Dialect, path: str, query: Mapping[str, str], key: str) -> Datasets:
    """Every result, each once by the UID in `key` and its patient. An unknown study or series has no results.

    Under one UID two patients may have a row each, as Orthanc answers a study that holds objects of both.
    """

    def identity(row: dict[str, Any]) -> str:
        _clean_uids(row)
        uid = first_value(row, key)
        if uid is None:
            raise PacsError("The PACS answered results without their UID")
        return f"{uid} {patient_of(row) or ''}"

    return every_result(session, path, query, identity, empty=(404,), asked=dialect.page)


def _clean_uids(row: dict[str, Any]) -> None:
    """Takes padding off the row's UIDs, which become parts of paths and of names; raises PacsError for what is none."""
    for tag in UIDS:
        value = first_value(row, tag)
        if value is None:
            continue
        uid = value.strip("\0 ") if isinstance(value, str) else ""
        if not is_existing_uid(uid):
            raise PacsError("The PACS answered a UID that is none")
        row[tag] = {**row[tag], "Value": [uid]}
