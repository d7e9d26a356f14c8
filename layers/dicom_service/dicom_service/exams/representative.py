"""Which instance stands for its series, and which series for its study, in a picture."""

from collections.abc import Iterator
from typing import Any

from dicom_service.errors import NotFound
from dicom_service.exams.patients.belonging import is_object_of, patients_instances, patients_series
from dicom_service.pacs.attributes import first_value, whole_number
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.search import SERIES_UID, SOP_UID, Datasets, instances_of, series_of
from dicom_service.pacs.session import PacsSession

NO_STUDY = "There is no such study"
NO_SERIES = "There is no such series"
MODALITY = "00080060"
SERIES_NUMBER = "00200011"
INSTANCES_OF_SERIES = "00201209"
INSTANCE_NUMBER = "00200013"
ROWS = "00280010"

WITHOUT_IMAGES = frozenset(
    {"ANN", "ASMT", "AU", "DOC", "ECG", "EPS", "FID", "HC", "HD", "KO", "M3D", "PLAN", "PR", "REG"}
    | {"RTPLAN", "RTRECORD", "RTSTRUCT", "RWV", "SMR", "SR", "SRF", "STAIN", "VF"}
)
"""Modalities (PS3.3 section C.7.3.1.1.1) of which other series are better pictures."""


def of_study(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str) -> Instance:
    """The instance that stands for the series with the most instances, of those with images; raises NotFound.

    Of the patient's, where a Patient ID is given; else of everybody's.
    """
    if patient_id:
        series = patients_series(session, dialect, patient_id, study_uid)
    else:
        series = series_of(session, dialect, study_uid)
    if not series:
        raise NotFound(NO_STUDY)
    return of_series(session, dialect, patient_id, study_uid, str(first_value(min(series, key=_rank), SERIES_UID)))


def of_series(session: PacsSession, dialect: Dialect, patient_id: str, study_uid: str, series_uid: str) -> Instance:
    """The middle instance, by its number, of those that say that they are images, if any does; raises as `of_study`."""
    if patient_id:
        rows = patients_instances(session, dialect, patient_id, study_uid, series_uid)
    else:
        rows = instances_of(session, dialect, study_uid, series_uid)
    for instance_uid in _from_the_middle(rows):
        instance = Instance(study_uid, series_uid, instance_uid)
        if not patient_id or is_object_of(session, dialect, patient_id, instance):
            return instance
    raise NotFound(NO_SERIES)


def _from_the_middle(rows: Datasets) -> Iterator[str]:
    """The SOP Instance UIDs, those of images first, from the middle one outwards."""
    rows = sorted(rows, key=lambda row: (_number(row, INSTANCE_NUMBER), str(first_value(row, SOP_UID))))
    images = [row for row in rows if first_value(row, ROWS)]
    for level in (images, [row for row in rows if not first_value(row, ROWS)]):
        middle = len(level) // 2
        for place in sorted(range(len(level)), key=lambda place: abs(place - middle)):
            yield str(first_value(level[place], SOP_UID))


def _rank(series: dict[str, Any]) -> tuple[bool, int, int, str]:
    """Lowest for the best; the same whatever the order in which the PACS lists them."""
    return (
        first_value(series, MODALITY) in WITHOUT_IMAGES,
        -_number(series, INSTANCES_OF_SERIES),
        _number(series, SERIES_NUMBER),
        str(first_value(series, SERIES_UID)),
    )


def _number(dataset: dict[str, Any], tag: str) -> int:
    return whole_number(dataset, tag) or 0
