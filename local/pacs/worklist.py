"""The worklist as O3 has it: Modality Worklist items as DICOM JSON, on three separate paths."""

import json
import re
import sqlite3
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from local.pacs.answers import DICOM_JSON
from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, first_value, serialize
from local.pacs.part10 import is_uid

TAG = re.compile("[0-9A-F]{8}")
VR = re.compile("[A-Z]{2}")


def worklist_routes(database: Database) -> Blueprint:
    """Create, search and delete. One Study Instance UID has one item, which the database's unique index sees to."""
    routes = Blueprint("worklist", __name__)

    @routes.post("/o3-dpacs-wado/mwl/create")
    def create() -> Response:
        item, text = parsed_item(request.get_data())
        values = [first_value(item, "StudyInstanceUID"), str(first_value(item, "PatientID") or ""), text]
        insert = "INSERT INTO workitem (StudyInstanceUID, PatientID, attributes) VALUES (?, ?, ?)"
        try:
            with database.write() as connection:
                connection.execute(insert, values)
        except sqlite3.IntegrityError as error:
            raise Conflict("the study has an item") from error
        return Response(text, content_type=DICOM_JSON)

    @routes.get("/o3-dpacs-wado/mwl/search")
    def search() -> Response:
        patient_id = request.args.get("patientID", "")
        with database.read() as connection:
            rows = connection.execute(
                "SELECT attributes FROM workitem WHERE ? IN ('', PatientID) ORDER BY id", [patient_id]
            ).fetchall()
        return Response(f"[{','.join(row['attributes'] for row in rows)}]", content_type=DICOM_JSON)

    @routes.delete("/o3-dpacs-wado/mwl/delete/<study_uid>")
    def delete(study_uid: str) -> Response:
        with database.write() as connection:
            deleted = connection.execute("DELETE FROM workitem WHERE StudyInstanceUID = ?", [study_uid]).rowcount
        if not deleted:
            raise NotFound("the study has no item")
        return Response(status=200)

    return routes


def parsed_item(body: bytes) -> tuple[Attributes, str]:
    """The body as a dataset that names its study, and as the text to keep. Raises BadRequest."""
    item, text = parsed_dataset(body)
    if not is_uid(first_value(item, "StudyInstanceUID")):
        raise BadRequest("0020000D is missing or no UID")
    return item, text


def parsed_dataset(body: bytes) -> tuple[Attributes, str]:
    """The body as one dataset, and as the text to keep. Raises BadRequest."""
    try:
        dataset = json.loads(body)
        well_formed = _is_dataset(dataset)
        text = serialize(dataset).decode()
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not well_formed:
        raise BadRequest("the body is one dataset in the DICOM JSON model")
    return dataset, text


def _is_dataset(value: Any) -> bool:
    """Whether it has the form of PS3.18 F.2.2, in the items of sequences too."""
    return isinstance(value, dict) and all(
        TAG.fullmatch(name) and _is_element(content) for name, content in value.items()
    )


def _is_element(value: Any) -> bool:
    if not isinstance(value, dict) or not VR.fullmatch(str(value.get("vr"))):
        return False
    values = value.get("Value", [])
    return isinstance(values, list) and (value["vr"] != "SQ" or all(map(_is_dataset, values)))
