"""The worklist as dcm4chee-arc has it: `/mwlitems` of patients that the archive knows, found by study and step ID."""

import secrets

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from local.pacs.answers import DICOM_JSON, Rules, blueprint
from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, element, first_value, serialize
from local.pacs.entries import Entries
from local.pacs.worklist import parsed_dataset, parsed_item

ARCHIVE = "/dcm4chee-arc/aets/<aet>/rs"
STEPS = "ScheduledProcedureStepSequence"


class MwlItems:
    """The items and patients of one archive."""

    def __init__(self, database: Database) -> None:
        self._items, self._patients = Entries(database, "mwlitems"), Entries(database, "patients")

    def create_patient(self, aet: str) -> Response:  # noqa: ARG002 - of the path
        patient, text = parsed_dataset(request.get_data())
        patient_id = str(first_value(patient, "PatientID"))
        if not self._patients.add(patient_id, "", patient_id, text):
            self._patients.replace(patient_id, "", patient_id, text)
        return Response(text, content_type=DICOM_JSON)

    def create(self, aet: str) -> Response:  # noqa: ARG002 - of the path
        item, _ = parsed_item(request.get_data())
        patient_id = str(first_value(item, "PatientID"))
        if not self._patients.get(patient_id):
            raise NotFound("Patient does not exist.")
        step = _step(item)
        if not first_value(step, "ScheduledProcedureStepID"):
            step |= [element("ScheduledProcedureStepID", f"SPS-{secrets.token_hex(4)}")]
        if not first_value(step, "ScheduledProcedureStepStatus"):
            step |= [element("ScheduledProcedureStepStatus", "SCHEDULED")]
        study_uid, text = str(first_value(item, "StudyInstanceUID")), serialize(item).decode()
        name = f"{study_uid}/{first_value(step, 'ScheduledProcedureStepID')}"
        if not self._items.add(name, study_uid, patient_id, text):
            self._items.replace(name, study_uid, patient_id, text)
        return Response(text, content_type=DICOM_JSON)

    def search(self, aet: str) -> Response:
        if aet != "WORKLIST":
            raise NotFound("No Web Application with MWL_RS service class found for this Application Entity")
        found = self._items.find(request.args.get("StudyInstanceUID", ""), request.args.get("PatientID", ""))
        offset = int(request.args.get("offset", 0))
        page = found[offset : offset + int(request.args.get("limit", len(found)))]
        if not page:
            return Response(status=204)
        return Response(f"[{','.join(entry.content for entry in page)}]", content_type=DICOM_JSON)

    def delete(self, aet: str, study_uid: str, step_id: str) -> Response:  # noqa: ARG002 - of the path
        if not self._items.remove(f"{study_uid}/{step_id}"):
            raise NotFound("There is no such item.")
        return Response(status=204)


def mwlitems_routes(database: Database) -> Blueprint:
    """Items and patients. An item whose study and step ID are known replaces that one: there is never a 409."""
    served = MwlItems(database)
    rules: Rules = (
        ("POST", f"{ARCHIVE}/patients", served.create_patient),
        ("POST", f"{ARCHIVE}/mwlitems", served.create),
        ("GET", f"{ARCHIVE}/mwlitems", served.search),
        ("DELETE", f"{ARCHIVE}/mwlitems/<study_uid>/<step_id>", served.delete),
    )
    return blueprint("mwlitems", rules)


def _step(item: Attributes) -> Attributes:
    """The item's first step; an empty one, put into it, where it has none."""
    steps = item.get("00400100", {}).get("Value") or [{}]
    item |= [element(STEPS, *steps)]
    found: Attributes = item["00400100"]["Value"][0]
    return found
