"""What of a study is a patient's. A study, and a series, may hold objects of several patients: merges gone wrong.

PatientID is no key that a PACS must match below the study (PS3.18 Table 10.6.1-5), so it is asked to give it with each
row. A row that says that it is the patient's is believed; a series that says it is another's, or nothing, is judged by
its instances, an instance that says nothing by its object.
"""

from typing import Any

from dicom_service.errors import Conflict, NotFound, PacsObjectUnknown
from dicom_service.exams.opened import Opened
from dicom_service.exams.patients.objects import patients_of, with_patient
from dicom_service.pacs.attributes import INSTANCE, SERIES, completed, first_value
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.patients import is_of, patient_of, unpadded
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.search import SERIES_UID, SOP_UID, STUDY_UID, Datasets, instances_of, series_of
from dicom_service.pacs.session import PacsSession

SAME_FOR_ALL = ("00080005", "00080060", STUDY_UID, SERIES_UID)
"""What a series has in common whoever's its objects are: character set, modality, UIDs (PS3.3 section C.7.3.1)."""

NUMBER_OF_INSTANCES = "00201209"
UNKNOWN = "The PACS does not know the object"


def search_series(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> Datasets:
    """The series of a study that hold objects of the patient (PS3.18 Table 10.6.3-4)."""
    return [completed(row, SERIES) for row in patients_series(session, dialect, patient_id, study_uid)]


def search_instances(
    session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series_uid: str
) -> Datasets:
    """The patient's instances of a series (PS3.18 Table 10.6.3-5)."""
    rows = patients_instances(session, dialect, patient_id, study_uid, series_uid)
    return [completed(row, INSTANCE) for row in rows]


def patients_series(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> Datasets:
    """The rows of the series that hold objects of the patient.

    Of a series whose row describes another patient's object too, no more is told than all its objects have in common.
    """
    rows = series_of(session, dialect, study_uid)
    own = {first_value(row, SERIES_UID): row for row in rows if is_of(row, patient_id)}
    for row in rows:
        series_uid = str(first_value(row, SERIES_UID))
        if series_uid in own:
            continue
        mine, others = _divided(session, dialect, patient_id, study_uid, series_uid)
        if mine:
            own[series_uid] = _common(row, len(mine)) if others or patient_of(row) else row
    return list(own.values())


def patients_instances(
    session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series_uid: str
) -> Datasets:
    """The rows of the patient's instances of a series."""
    return _divided(session, dialect, patient_id, study_uid, series_uid)[0]


def check_whole_study(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> None:
    """Raises NotFound where the study holds nothing of the patient, and Conflict where it holds another's too."""
    divided = [
        _divided(session, dialect, patient_id, study_uid, str(first_value(row, SERIES_UID)))
        for row in series_of(session, dialect, study_uid)
    ]
    if not any(mine for mine, _ in divided):
        raise NotFound("The patient has no such study")
    if any(others for _, others in divided):
        raise Conflict("The study holds objects that are not the patient's: it is not opened as a whole")


def is_object_of(session: PacsSession, dialect: Dialect, patient_id: str, instance: Instance) -> bool:
    """Whether the object is the patient's, by its own head; False also where it is not there."""
    [stated] = patients_of(session, dialect, [instance])
    return _is_patients(session, dialect, patient_id, instance, stated)


def check_object(session: PacsSession, dialect: Dialect, patient_id: str, instance: Instance) -> None:
    """Raises PacsObjectUnknown, as for an object that is not there, where it is not the patient's."""
    if not is_object_of(session, dialect, patient_id, instance):
        raise PacsObjectUnknown(UNKNOWN)


def checked(session: PacsSession, dialect: Dialect, patient_id: str, instance: Instance, found: Opened) -> Opened:
    """The opened object; raises as `check_object` does."""
    stated, found = with_patient(found)
    if not _is_patients(session, dialect, patient_id, instance, stated):
        raise PacsObjectUnknown(UNKNOWN)
    return found


def _is_patients(session: PacsSession, dialect: Dialect, patient_id: str, instance: Instance, stated: str) -> bool:
    """By what the object states; the PACS's word for one that states nothing."""
    if stated:
        return stated == unpadded(patient_id)
    rows = instances_of(session, dialect, instance.study_uid, instance.series_uid)
    return any(first_value(row, SOP_UID) == instance.instance_uid and is_of(row, patient_id) for row in rows)


def _divided(
    session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series_uid: str
) -> tuple[Datasets, Datasets]:
    """The rows of the patient's instances of a series, and those of all others."""
    rows = instances_of(session, dialect, study_uid, series_uid)
    silent = [row for row in rows if not patient_of(row)]
    instances = [Instance(study_uid, series_uid, str(first_value(row, SOP_UID))) for row in silent]
    stated = dict(zip(map(id, silent), patients_of(session, dialect, instances), strict=True)) if silent else {}
    mine: Datasets = []
    others: Datasets = []
    for row in rows:
        patient = stated[id(row)] if id(row) in stated else patient_of(row)
        (mine if patient == unpadded(patient_id) != "" else others).append(row)
    return mine, others


def _common(row: dict[str, Any], count: int) -> dict[str, Any]:
    counted = {"vr": "IS", "Value": [count]}
    return {tag: row[tag] for tag in SAME_FOR_ALL if tag in row} | {NUMBER_OF_INSTANCES: counted}
