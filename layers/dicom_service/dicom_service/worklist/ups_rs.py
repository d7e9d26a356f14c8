"""A worklist of Unified Procedure Steps over the web, UPS-RS (DICOM PS3.18 section 11)."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from dicom_service.errors import Conflict, FieldError, InvalidRequest, NotFound, PacsConflict
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.paging import every_result
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.asked import DateRange, WorkitemSearch
from dicom_service.worklist.conversation import (
    DICOM_JSON,
    change_item,
    check_no_page,
    known_path,
    post_item,
    query_of,
    segment,
)
from dicom_service.worklist.fields import BY_NAME
from dicom_service.worklist.mapper import Dataset, study_uid_of, values_of
from dicom_service.worklist.protocol import UNKNOWN
from dicom_service.worklist.ups_mapping import (
    CANCELED,
    SCHEDULED,
    Step,
    new_step,
    schedule_of,
    step_of,
    unchangeable,
)

BEGUN = "Its performer has begun or ended the step: only the performer can change it now"

KEYS = {
    "PatientID": "PatientID",
    "StudyInstanceUID": "StudyInstanceUID",
    "AccessionNumber": "ReferencedRequestSequence.AccessionNumber",
    "Modality": "ScheduledStationClassCodeSequence.CodeValue",
}
"""A station's title is the meaning of a code here, by which nobody searches."""

START = "ScheduledProcedureStepStartDateTime"
FIRST_DAY, LAST_DAY = "10000102", "99981230"
"""Between which days can be counted, with one more at each end."""


class UpsRs:
    """The steps of one worklist. A canceled step is a deleted workitem: UPS-RS knows no deletion."""

    def __init__(self, session: PacsSession, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def add(self, dataset: Dataset) -> None:
        """Creates a step under a UID of its own; raises InvalidRequest for a step that is not to be SCHEDULED."""
        _check_status(dataset, (SCHEDULED,))
        post_item(self._session, f"{self._dialect.workitem_creation}?{_new_uid()}", [new_step(dataset)])

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        return [step.item for step in self._steps(search)]

    def remove(self, study_uid: str) -> None:
        """Asks for the cancellation of each of the study's steps; raises Conflict where one has begun."""
        for step in self._of_study(study_uid):
            path = f"{self._dialect.workitem_deletion}/{segment(step.uid)}/cancelrequest"
            try:
                check_no_page(self._session.send("POST", path, headers=DICOM_JSON, body=b"[{}]"))
            except PacsConflict as error:
                raise Conflict(BEGUN) from error

    def change(self, old: Dataset, new: Dataset) -> None:
        """Changes what is scheduled, or cancels the step; raises InvalidRequest for what no step can have changed."""
        _check_status(new, (SCHEDULED, CANCELED))
        fixed = unchangeable(old, new)
        if fixed:
            message = "cannot be changed in the worklist of this PACS: delete the workitem and create another"
            raise InvalidRequest("The change is not possible", [FieldError(name, message) for name in fixed])
        if _status(new) == CANCELED:
            self.remove(study_uid_of(old))
            return
        for step in self._of_study(study_uid_of(old)):
            try:
                change_item(
                    self._session, "POST", f"{self._dialect.workitem_creation}/{segment(step.uid)}", [schedule_of(new)]
                )
            except PacsConflict as error:
                raise Conflict(BEGUN) from error

    def _of_study(self, study_uid: str) -> list[Step]:
        """The study's steps that can be changed; raises Conflict where one has begun, NotFound where there is none."""
        found = [
            step for step in self._steps(WorkitemSearch.of_study(study_uid)) if study_uid_of(step.item) == study_uid
        ]
        if not found:
            raise NotFound(UNKNOWN)
        if any(step.state != SCHEDULED for step in found):
            raise Conflict(BEGUN)
        return found

    def _steps(self, search: WorkitemSearch) -> list[Step]:
        query = query_of(search, KEYS) | {"includefield": "all"}
        if search.start_dates:
            query[START] = _moments(search.start_dates)
        with known_path():
            found = every_result(self._session, self._dialect.workitem_retrieval, query, _identity)
        steps = map(step_of, found)
        return [step for step in steps if step.state != CANCELED]


def _moments(dates: DateRange) -> str:
    """The dates as a range of date-times, a day wider at each end: a step may say its offset from UTC (PS3.5 6.2)."""
    ends = (min(max(day, FIRST_DAY), LAST_DAY) for day in (dates.first, dates.last))
    first, last = (datetime.strptime(end, "%Y%m%d") for end in ends)  # noqa: DTZ007 - days, not moments
    return f"{first - timedelta(days=1):%Y%m%d}000000-{last + timedelta(days=1):%Y%m%d}235959.999999"


def _new_uid() -> str:
    """A UID of a UUID (PS3.5 section B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def _status(item: Dataset) -> str:
    return str(next(iter(values_of(item, BY_NAME["status"])), SCHEDULED))


def _check_status(item: Dataset, possible: tuple[str, ...]) -> None:
    if _status(item) not in possible:
        message = f"must be {' or '.join(possible)} here: the other states are its performer's to set"
        raise InvalidRequest("The worklist of this PACS cannot keep this status", [FieldError("status", message)])


def _identity(step: dict[str, Any]) -> str:
    return json.dumps(step, sort_keys=True)
