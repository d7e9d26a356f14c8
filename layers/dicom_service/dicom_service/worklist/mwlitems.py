"""The worklist of dcm4chee-arc: Modality Worklist items at `/mwlitems`, of patients that the archive knows.

https://github.com/dcm4che/dcm4chee-arc-light/wiki/RESTful-Services
"""

import json

from dicom_service.errors import NotFound, PacsObjectUnknown
from dicom_service.pacs.answers import SUCCESS
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.conversation import (
    DICOM_JSON,
    change_item,
    check_no_page,
    items_at,
    known_path,
    post_item,
    query_of,
    segment,
)
from dicom_service.worklist.fields import BY_NAME, CHARACTER_SET_TAG, START_DATE
from dicom_service.worklist.mapper import Dataset, study_uid_of, values_of
from dicom_service.worklist.protocol import UNKNOWN

STEPS = "ScheduledProcedureStepSequence"
KEYS = {
    "PatientID": "PatientID",
    "StudyInstanceUID": "StudyInstanceUID",
    "AccessionNumber": "AccessionNumber",
    "Modality": f"{STEPS}.Modality",
    START_DATE: f"{STEPS}.{START_DATE}",
}
"""Without the station: the archive matches an item of several by the first one alone."""

PATIENT_GROUP = "0010"
STEP_ID = BY_NAME["ScheduledProcedureStepID"]
OTHERS_PATIENT = {200, 201, 204, 409}
"""Created, or known already: between the item's refusal and the patient's creation another caller may have been."""


class MwlItems:
    """The items of one archive; one is told from another by Study Instance UID and step ID."""

    def __init__(self, session: PacsSession, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def add(self, dataset: Dataset) -> None:
        """Posts the item; only where the archive does not know the patient, creates that first.

        A patient that is known is left as it is: what a request says of one is less than the archive knows.
        """
        path = self._dialect.workitem_creation
        answer = post_item(self._session, path, dataset, answers=frozenset({404}))
        if answer.status == 404:
            self._create_patient(dataset)
            post_item(self._session, path, dataset)

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        query = query_of(search, KEYS) | {"includefield": "all"}
        return items_at(self._session, self._dialect.workitem_retrieval, query)

    def remove(self, study_uid: str) -> None:
        """Removes each of the study's items, whose step IDs are looked up first."""
        found = [item for item in self.items(WorkitemSearch.of_study(study_uid)) if study_uid_of(item) == study_uid]
        if not found:
            raise NotFound(UNKNOWN)
        for item in found:
            self._remove(study_uid, _step_id(item))

    def change(self, old: Dataset, new: Dataset) -> None:
        """Posts the item again, which is how dcm4chee changes one; removes the old one where its step ID was another's.

        The new one's patient may be one that the archive does not know.
        """
        path = self._dialect.workitem_creation
        try:
            change_item(self._session, "POST", path, new)
        except PacsObjectUnknown:
            self._create_patient(new)
            change_item(self._session, "POST", path, new)
        if _step_id(old) != _step_id(new):
            self._remove(study_uid_of(old), _step_id(old))

    def _create_patient(self, dataset: Dataset) -> None:
        patient = {
            tag: content
            for tag, content in dataset.items()
            if tag == CHARACTER_SET_TAG or tag.startswith(PATIENT_GROUP)
        }
        with known_path():
            self._session.send(
                "POST",
                self._dialect.patient_creation,
                headers=DICOM_JSON,
                body=json.dumps(patient, ensure_ascii=False).encode(),
                answers=OTHERS_PATIENT,
            )

    def _remove(self, study_uid: str, step_id: str) -> None:
        path = f"{self._dialect.workitem_deletion}/{study_uid}/{segment(step_id)}"
        check_no_page(self._session.send("DELETE", path, headers=DICOM_JSON, answers={*SUCCESS, 404}))


def _step_id(item: Dataset) -> str:
    return str(next(iter(values_of(item, STEP_ID)), ""))
