"""How many series and instances there are, and of which modalities, where the PACS does not say.

PS3.18 section 10.6.3.3 wants it of every PACS. What the PACS says itself stays; what it leaves out is counted at the
level below, the patient's objects alone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dicom_service.errors import FieldError, InvalidRequest
from dicom_service.exams.patients.belonging import patients_instances, patients_series
from dicom_service.pacs.attributes import first_value
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.search import SERIES_UID, STUDY_UID, Datasets
from dicom_service.pacs.session import PacsSession

MODALITY = "00080060"
MODALITIES_IN_STUDY = "00080061"
SERIES_OF_STUDY = "00201206"
INSTANCES_OF_STUDY = "00201208"
INSTANCES_OF_SERIES = "00201209"

OF_STUDY = (MODALITIES_IN_STUDY, SERIES_OF_STUDY, INSTANCES_OF_STUDY)

MOST_COUNTED = 100
"""Studies, or series, of one answer."""

AT_A_TIME = 4

Row = dict[str, Any]


def count_studies(session: PacsSession, dialect: Dialect, patient_id: str, studies: Datasets) -> Datasets:
    """The studies with modalities and numbers of series and instances; raises InvalidRequest for too many studies."""

    def counted(study: Row) -> Row:
        if all(first_value(study, tag) is not None for tag in OF_STUDY):
            return study
        series = patients_series(session, dialect, patient_id, str(first_value(study, STUDY_UID)))
        filled = _with(study, MODALITIES_IN_STUDY, "CS", sorted(_modalities(series)))
        filled = _with(filled, SERIES_OF_STUDY, "IS", [len(series)])
        if first_value(filled, INSTANCES_OF_STUDY) is None:
            sizes = [_size(session, dialect, patient_id, study, one) for one in series]
            filled = _with(filled, INSTANCES_OF_STUDY, "IS", [sum(sizes)])
        return filled

    return _each(studies, counted)


def count_series(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series: Datasets) -> Datasets:
    """The series of a study with their numbers of instances; raises InvalidRequest for too many series."""
    study = {STUDY_UID: {"vr": "UI", "Value": [study_uid]}}

    def counted(one: Row) -> Row:
        if first_value(one, INSTANCES_OF_SERIES) is not None:
            return one
        return _with(one, INSTANCES_OF_SERIES, "IS", [_size(session, dialect, patient_id, study, one)])

    return _each(series, counted)


def _each(rows: Datasets, counted: Callable[[Row], Row]) -> Datasets:
    if len(rows) > MOST_COUNTED:
        message = f"counts at most {MOST_COUNTED} in one answer, and there are {len(rows)}: ask for parts with `limit`"
        raise InvalidRequest("Too much is to be counted", [FieldError("counts", message)])
    with ThreadPoolExecutor(AT_A_TIME, "count") as threads:
        try:
            return list(threads.map(counted, rows))
        finally:
            threads.shutdown(cancel_futures=True)


def _size(session: PacsSession, dialect: Dialect, patient_id: str, study: Row, series: Row) -> int:
    stated = first_value(series, INSTANCES_OF_SERIES)
    if isinstance(stated, int):
        return stated
    uids = (str(first_value(study, STUDY_UID)), str(first_value(series, SERIES_UID)))
    return len(patients_instances(session, dialect, patient_id, *uids))


def _modalities(series: Datasets) -> set[str]:
    return {str(modality) for row in series if (modality := first_value(row, MODALITY)) is not None}


def _with(row: Row, tag: str, vr: str, values: list[Any]) -> Row:
    """The row with the values where it has none."""
    return row if first_value(row, tag) is not None or not values else {**row, tag: {"vr": vr, "Value": values}}
