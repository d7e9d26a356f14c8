"""A worklist of Modality Worklist items as DICOM JSON on three paths, as O3-DPACS has it."""

from dicom_service.errors import NotFound, PacsError, PacsObjectUnknown
from dicom_service.pacs.dialects import STUDY_PLACE, Dialect
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.conversation import NOT_CHANGED, check_no_page, items_at, post_item, query_of
from dicom_service.worklist.mapper import Dataset, study_uid_of
from dicom_service.worklist.protocol import UNKNOWN

ACCEPT = {"Accept": "application/dicom+json, application/json;q=0.9"}
CONTENT = ACCEPT | {"Content-Type": "application/dicom+json"}
KEYS = {"PatientID": "patientID", "StudyInstanceUID": "StudyInstanceUID"}


class MwlJson:
    """The items at the dialect's three paths."""

    def __init__(self, session: PacsSession, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def add(self, dataset: Dataset) -> None:
        post_item(self._session, self._dialect.workitem_creation, dataset, headers=CONTENT)

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        """The items that the PACS answers when it is asked for the patient or the study: it may know neither filter."""
        return items_at(self._session, self._dialect.workitem_retrieval, query_of(search, KEYS))

    def remove(self, study_uid: str) -> None:
        path = self._dialect.workitem_deletion
        path = path if STUDY_PLACE in path else f"{path}/{STUDY_PLACE}"
        try:
            check_no_page(self._session.send("DELETE", path.replace(STUDY_PLACE, study_uid), headers=ACCEPT))
        except PacsObjectUnknown as error:
            raise NotFound(UNKNOWN) from error

    def change(self, old: Dataset, new: Dataset) -> None:
        """Deletes the item and creates it anew, for want of a way to change one; puts the old one back if need be."""
        self.remove(study_uid_of(old))
        try:
            self.add(new)
        except NOT_CHANGED:
            self.add(old)
            raise
        except PacsError as error:
            raise type(error)(f"{error.detail}; if it was not, the workitem is gone: create it again") from error
