"""The worklist of a PACS that takes Modality Worklist items as DICOM JSON on three paths, as O3-DPACS does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from dicom_service.errors import (
    ConfigurationError,
    Conflict,
    NotFound,
    PacsConflict,
    PacsError,
    PacsObjectUnknown,
    PacsRefusedCredentials,
    PacsRejected,
    ServiceError,
)
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.paging import every_result
from dicom_service.pacs.session import FAULTS, SUCCESS, PacsAnswer, PacsSession, pacs_session
from dicom_service.worklist.backends import EXISTS, UNKNOWN
from dicom_service.worklist.claims import Claims
from dicom_service.worklist.fields import BY_NAME
from dicom_service.worklist.mapper import Dataset, values_of
from dicom_service.worklist.normal import normal_form

ACCEPT = {"Accept": "application/dicom+json, application/json;q=0.9"}
CONTENT = ACCEPT | {"Content-Type": "application/dicom+json"}

REFUSALS = frozenset(range(300, 500)) - FAULTS.keys()
"""Statuses that say for certain that nothing was created. After a 5xx or a lost answer something may have been."""

NOT_CREATED = (Conflict, PacsRejected, PacsRefusedCredentials)
MAY_EXIST = "the workitem may have been created all the same: look at the worklist before trying again"

STUDY_PLACE = "{studyInstanceUID}"
"""Where the UID stands in PACS_WORKITEM_DELETION_ENDPOINT; at the end, where it has no such place."""


class O3Worklist:
    """Items in the PACS; creations of one Study Instance UID are kept apart by claims."""

    def __init__(self, session: PacsSession, paths: tuple[str, str, str], claims: Claims) -> None:
        self._session = session
        self._creation, self._retrieval, self._deletion = paths
        self._claims = claims

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:
        """Creates the item where the UID has none. After a fault that leaves this open, the claim stays for its lease.

        A fresh UID is nobody else's: it needs neither a claim nor a look at the PACS.
        """
        if fresh:
            self._post(dataset)
            return
        claim = self._claims.take(study_uid)
        with self._claims.released_after(claim, ServiceError):
            self._refuse_second(study_uid)
        with self._claims.released_after(claim, *NOT_CREATED):
            self._post(dataset)

    def items(self, *, patient_id: str = "", study_uid: str = "") -> list[Dataset]:
        """The items that the PACS answers when it is asked for the patient or the study: it may know neither filter."""
        asked = {"patientID": patient_id, "StudyInstanceUID": study_uid}
        query = {name: value for name, value in asked.items() if value}
        with _known_path():
            return every_result(self._session, self._retrieval, query, lambda item: json.dumps(item, sort_keys=True))

    def delete(self, study_uid: str) -> None:
        """Deletes the item, and the claim that its creation left, so that the UID can be used again at once."""
        left = self._claims.held(study_uid)
        path = self._deletion if STUDY_PLACE in self._deletion else f"{self._deletion}/{STUDY_PLACE}"
        try:
            _check_no_page(self._session.send("DELETE", path.replace(STUDY_PLACE, study_uid), headers=ACCEPT))
        except PacsObjectUnknown as error:
            raise NotFound(UNKNOWN) from error
        if left:
            self._claims.release(left)

    def _refuse_second(self, study_uid: str) -> None:
        items = map(normal_form, self.items(study_uid=study_uid))
        if any(study_uid in values_of(item, BY_NAME["StudyInstanceUID"]) for item in items):
            raise Conflict(EXISTS)

    def _post(self, dataset: Dataset) -> None:
        body = json.dumps(dataset, ensure_ascii=False).encode()
        try:
            with _known_path():
                answer = self._session.send(
                    "POST", self._creation, headers=CONTENT, body=body, answers={*SUCCESS, *REFUSALS}
                )
            if answer.status in REFUSALS:
                raise PacsRejected(f"The PACS refused the workitem with status {answer.status}")
            _check_no_page(answer)
        except PacsConflict as error:
            raise Conflict(EXISTS) from error
        except NOT_CREATED:
            raise
        except PacsError as error:
            raise type(error)(f"{error.detail}; {MAY_EXIST}") from error


def o3_worklist() -> O3Worklist:
    """The worklist of the PACS that the environment names; raises ConfigurationError for a PACS that has none."""
    chosen = dialect()
    paths = (chosen.workitem_creation, chosen.workitem_retrieval, chosen.workitem_deletion)
    if not all(paths):
        raise ConfigurationError("The PACS of this PACS_DIALECT has no worklist: set WORKLIST_BACKEND to dynamodb")
    return O3Worklist(pacs_session(), paths, Claims())


@contextmanager
def _known_path() -> Iterator[None]:
    """A PACS that does not know the worklist's path is no missing workitem but a fault of the set-up."""
    try:
        yield
    except PacsObjectUnknown as error:
        raise PacsRejected("The PACS has no worklist on the path that is configured") from error


def _check_no_page(answer: PacsAnswer) -> None:
    """A web page is a proxy's or a login's answer, whatever its status."""
    if answer.body.lstrip().startswith(b"<"):
        raise PacsError("The PACS answered something that is no answer of a worklist")
