"""Single-use tokens of the viewer."""

import json
import re
from typing import Literal

from dicom_service import settings
from dicom_service.errors import PacsError
from dicom_service.pacs.session import BUDGET_SECONDS, PacsSession

Role = Literal["patient", "diagnostic"]

ROLE_SETTINGS: dict[Role, str] = {"patient": "VIEWER_ROLE_PATIENT", "diagnostic": "VIEWER_ROLE_DIAGNOSTIC"}
PLAIN_TOKEN = re.compile(r"[!-~]{1,4096}")


def viewer_session() -> PacsSession:
    """A session with the viewer that the environment names, with the viewer's own key."""
    url, key = settings.url("DICOM_VIEWER_URL"), settings.header("VIEWER_AUTHORIZATION_TOKEN")
    return PacsSession(url, key, name="viewer", budget=BUDGET_SECONDS)


def viewer_token(session: PacsSession, study_uid: str, patient_id: str, user: str, role: Role) -> str:
    """A token that opens the study in the viewer once; asked for once, since each answer is a new one.

    `user` and the viewer's own names of the roles come from the configuration where the request has none. Raises
    PacsError where the viewer answers neither a token in plain text nor one in JSON.
    """
    query = {
        "username": user or settings.optional("VIEWER_DEFAULT_USER", "dicom-service"),
        "role": settings.optional(ROLE_SETTINGS[role], role),
        "studyUID": study_uid,
    }
    if patient_id:
        query["patientID"] = patient_id
    path = settings.path("VIEWER_GET_TOKEN_ENDPOINT", "/ngv/obscurl")
    answer = session.send("GET", path, query=query, headers={"Accept": "text/plain, application/json"})
    return _token(answer.body)


def _token(body: bytes) -> str:
    """Plain text, a JSON string or number, or `token` of a JSON object; a byte order mark before it means nothing."""
    text = body.decode("utf-8-sig", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if type(value) in (int, float):  # digits in plain text, which may have zeros in front
        value = text
    if isinstance(value, dict):
        value = value.get("token")
        value = str(value) if type(value) is int else value
    if not isinstance(value, str) or not PLAIN_TOKEN.fullmatch(value) or value[0] in "<{[":
        raise PacsError("The viewer answered something that is no token")
    return value
