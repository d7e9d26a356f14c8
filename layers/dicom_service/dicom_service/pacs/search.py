"""Searching by QIDO-RS (PS3.18 section 10.6): every page, and no patient but the one that was asked for."""

from collections.abc import Mapping
from typing import Any

from dicom_service.errors import PacsError
from dicom_service.pacs.attributes import INSTANCE, SERIES, STUDY, completed, first_value
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.paging import every_result
from dicom_service.pacs.session import PacsSession

PATIENT_ID = "00100020"
STUDY_UID = "0020000D"
SERIES_UID = "0020000E"
SOP_UID = "00080018"

Datasets = list[dict[str, Any]]


def search_studies(session: PacsSession, dialect: Dialect, patient_id: str) -> Datasets:
    """The patient's studies, with the attributes of PS3.18 Table 10.6.3-3."""
    found = _all_pages(session, dialect.searching, {"PatientID": patient_id}, STUDY_UID)
    return [completed(dataset, STUDY) for dataset in found if _is_of(dataset, patient_id)]


def search_series(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> Datasets:
    """The series of a study (Table 10.6.3-4), none where the study is not the patient's."""
    if find_study(session, dialect, patient_id, study_uid) is None:
        return []
    return [completed(dataset, SERIES) for dataset in series_of(session, dialect, study_uid)]


def search_instances(
    session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series_uid: str
) -> Datasets:
    """The instances of a series (Table 10.6.3-5), none where the study is not the patient's."""
    if find_study(session, dialect, patient_id, study_uid) is None:
        return []
    return [completed(dataset, INSTANCE) for dataset in instances_of(session, dialect, study_uid, series_uid)]


def find_study(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> dict[str, Any] | None:
    """The study, None where it is not the patient's: PatientID is no key that a PACS must match below study level."""
    query = {"PatientID": patient_id, "StudyInstanceUID": study_uid}
    found = _all_pages(session, dialect.searching, query, STUDY_UID)
    his = (one for one in found if first_value(one, STUDY_UID) == study_uid and _is_of(one, patient_id))
    return next(his, None)


def series_of(session: PacsSession, dialect: Dialect, study_uid: str) -> Datasets:
    """The series of a study, whoever's it is; none where the PACS knows no such study."""
    return _all_pages(session, f"{dialect.searching}/{study_uid}/series", {}, SERIES_UID)


def instances_of(session: PacsSession, dialect: Dialect, study_uid: str, series_uid: str) -> Datasets:
    """The instances of a series, whoever's it is; none where the PACS knows no such series."""
    return _all_pages(session, f"{dialect.searching}/{study_uid}/series/{series_uid}/instances", {}, SOP_UID)


def _is_of(dataset: dict[str, Any], patient_id: str) -> bool:
    """Whether the dataset says itself that it is the patient's; some PACS match in any case, or by prefix."""
    said = first_value(dataset, PATIENT_ID)
    if said is None:
        raise PacsError("The PACS answered studies without their Patient ID")
    return str(said).strip() == patient_id.strip()


def _all_pages(session: PacsSession, path: str, query: Mapping[str, str], key: str) -> Datasets:
    """Every result, each once by the UID in `key`. An unknown study or series has no results."""

    def uid(dataset: dict[str, Any]) -> str:
        value = first_value(dataset, key)
        if not isinstance(value, str):
            raise PacsError("The PACS answered results without their UID")
        return value

    return every_result(session, path, query, uid, empty=(404,))
