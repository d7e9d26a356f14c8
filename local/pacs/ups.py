"""UPS-RS: a worklist of Unified Procedure Steps (PS3.18 section 11, PS3.4 Annex CC)."""

import json
import threading
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Conflict, NotAcceptable, NotFound, UnsupportedMediaType

from local.pacs.answers import ANYTHING, DICOM_JSON, Rules, accepted, blueprint
from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, element, first_value, in_tag_order, serialize
from local.pacs.entries import Entries, Entry
from local.pacs.part10 import is_uid
from local.pacs.worklist import parsed_dataset

WORKITEMS = "/dicom-web/workitems"
SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"
AFTER = {SCHEDULED: {IN_PROGRESS}, IN_PROGRESS: {COMPLETED, CANCELED}, COMPLETED: set(), CANCELED: set()}
"""Which states may follow one another at the request of a performer: PS3.4 Table CC.1.1-2."""

REQUIRED = ("ScheduledProcedureStepPriority", "ProcedureStepLabel", "WorklistLabel", "InputReadinessState")
"""Type 1 in N-CREATE (PS3.4 Table CC.2.5-3), beside the state."""

FIXED = ("0008", "0010", "0020", "0038")
"""Groups of the patient, the visit and the study: N-SET may not change them."""


class Steps:
    """The steps in the database; each change of one is made under a lock."""

    def __init__(self, database: Database) -> None:
        self._entries = Entries(database, "ups-rs")
        self.changing = threading.Lock()

    def create(self, uid: str, step: Attributes) -> None:
        """Adds a step; raises BadRequest for what no new step may be, Conflict for a UID that is taken."""
        missing = [keyword for keyword in REQUIRED if not first_value(step, keyword)]
        if missing or first_value(step, "ProcedureStepState") != SCHEDULED or first_value(step, "TransactionUID"):
            raise BadRequest("a new step is SCHEDULED, claimed by nobody and complete")
        step = in_tag_order([*step.items(), element("SOPInstanceUID", uid)])
        if not self._entries.add(uid, _study(step), _patient(step), serialize(step).decode()):
            raise Conflict("there is a step with this UID")

    def get(self, uid: str) -> Attributes:
        """Raises NotFound."""
        entry = self._entries.get(uid)
        if not entry:
            raise NotFound("there is no such step")
        return _step(entry)

    def find(self, study_uid: str, patient_id: str) -> list[Attributes]:
        """The steps of a study, a patient, or all."""
        return [_step(entry) for entry in self._entries.find(study_uid, patient_id)]

    def put(self, uid: str, step: Attributes) -> None:
        """Keeps a step that was changed."""
        self._entries.replace(uid, _study(step), _patient(step), serialize(in_tag_order(step.items())).decode())


class Ups:
    """The transactions of one worklist."""

    def __init__(self, database: Database) -> None:
        self._steps = Steps(database)

    def create(self) -> Response:
        uid = request.args.get("workitem") or next(iter(request.args), "")
        if not is_uid(uid):
            raise BadRequest("the query is the UID of the new step")
        self._steps.create(uid, _one(request.get_data()))
        return Response(status=201, headers={"Content-Location": f"{request.base_url}/{uid}"})

    def search(self) -> Response:
        found = self._steps.find(_asked("StudyInstanceUID", "0020000D"), _asked("PatientID", "00100020"))
        offset = int(request.args.get("offset", 0))
        page = found[offset : offset + int(request.args.get("limit", len(found)))]
        return Response(serialize(page), content_type=DICOM_JSON) if page else Response(status=204)

    def retrieve(self, uid: str) -> Response:
        step = {tag: content for tag, content in self._steps.get(uid).items() if tag != "00081195"}
        return Response(serialize([step]), content_type=DICOM_JSON)

    def update(self, uid: str) -> Response:
        change = _one(request.get_data())
        if any(tag.startswith(FIXED) for tag in change) or "00741000" in change:
            raise BadRequest("the patient, the study and the state of a step are not updated")
        with self._steps.changing:
            step = self._steps.get(uid)
            state, owner = first_value(step, "ProcedureStepState"), first_value(step, "TransactionUID")
            if state not in (SCHEDULED, IN_PROGRESS) or (state == IN_PROGRESS and owner not in request.args):
                raise Conflict("the step is its performer's")
            self._steps.put(uid, step | change)
        return Response(status=200)

    def change_state(self, uid: str) -> Response:
        change = _one(request.get_data())
        wanted, transaction = first_value(change, "ProcedureStepState"), first_value(change, "TransactionUID")
        if not is_uid(transaction):
            raise BadRequest("0081195 is missing")
        with self._steps.changing:
            step = self._steps.get(uid)
            state, owner = first_value(step, "ProcedureStepState"), first_value(step, "TransactionUID")
            if wanted not in AFTER[str(state)] or owner not in (None, transaction):
                raise Conflict("the step does not go into this state by this performer")
            self._steps.put(
                uid, step | dict([element("ProcedureStepState", wanted), element("TransactionUID", transaction)])
            )
        return Response(status=200)

    def cancel(self, uid: str) -> Response:
        with self._steps.changing:
            step = self._steps.get(uid)
            if first_value(step, "ProcedureStepState") in (IN_PROGRESS, COMPLETED):
                raise Conflict("the performer has begun or ended the step")
            self._steps.put(uid, step | dict([element("ProcedureStepState", CANCELED)]))
        return Response(status=202)


def ups_routes(database: Database) -> Blueprint:
    """Create, search, retrieve, update, change state, request cancellation."""
    served = Ups(database)
    rules: Rules = (
        ("POST", WORKITEMS, served.create),
        ("GET", WORKITEMS, served.search),
        ("GET", f"{WORKITEMS}/<uid>", served.retrieve),
        ("POST", f"{WORKITEMS}/<uid>", served.update),
        ("PUT", f"{WORKITEMS}/<uid>/state", served.change_state),
        ("POST", f"{WORKITEMS}/<uid>/cancelrequest", served.cancel),
    )
    routes = blueprint("ups", rules)
    routes.before_request(_only_dicom_json)
    return routes


def _only_dicom_json() -> None:
    if not any(media_type in (DICOM_JSON, *ANYTHING) for media_type, _ in accepted(request)):
        raise NotAcceptable(f"the answer is {DICOM_JSON}")
    if request.method != "GET" and request.mimetype != DICOM_JSON:
        raise UnsupportedMediaType(f"the body is {DICOM_JSON}")


def _one(body: bytes) -> Attributes:
    """The one dataset of a body, which is an array of one. Raises BadRequest."""
    try:
        datasets: Any = json.loads(body)
    except ValueError as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(datasets, list) or len(datasets) != 1:
        raise BadRequest("the body is an array of one dataset")
    return parsed_dataset(json.dumps(datasets[0]).encode())[0]


def _asked(keyword: str, tag: str) -> str:
    return request.args.get(keyword) or request.args.get(tag, "")


def _step(entry: Entry) -> Attributes:
    step: Attributes = json.loads(entry.content)
    return step


def _study(step: Attributes) -> str:
    return str(first_value(step, "StudyInstanceUID") or "")


def _patient(step: Attributes) -> str:
    return str(first_value(step, "PatientID") or "")
