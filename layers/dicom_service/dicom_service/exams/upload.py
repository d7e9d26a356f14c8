"""An upload: which files a request holds, and what the PACS says of each."""

from dataclasses import dataclass
from typing import Any

from dicom_service.errors import (
    FieldError,
    InvalidRequest,
    NotDicom,
    PacsError,
    PacsRefusedCredentials,
    PatientRefused,
    RequestTooLarge,
)
from dicom_service.exams.part10 import Part10, identify
from dicom_service.exams.patients.ownership import NOT_THE_PATIENTS, belongs_to
from dicom_service.exams.reading.budget import of_request
from dicom_service.exams.storing.store import store_object
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.multipart import is_multipart, split_parts
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.store import StoreOutcome, refused


@dataclass(frozen=True)
class UploadedFile:
    """One file of a request: what an error calls it, and its bytes."""

    name: str
    content: bytes


def read_files(content_type: str, body: bytes) -> list[UploadedFile]:
    """The files of a `multipart/form-data` or `multipart/related` body, or of a bare `application/dicom` one.

    Raises InvalidRequest where there is none.
    """
    if not is_multipart(content_type):
        if not body:
            raise InvalidRequest("The body is empty", [FieldError("body", "must hold at least one DICOM file")])
        return [UploadedFile("body", body)]
    files = [
        UploadedFile(f"file {number}" if not part.file_name else f"file {number} ({part.file_name[:64]})", part.content)
        for number, part in enumerate(split_parts(content_type, body), start=1)
    ]
    if not files:
        raise InvalidRequest("The body has no part", [FieldError("body", "must hold at least one DICOM file")])
    return files


def identify_all(files: list[UploadedFile]) -> list[Part10]:
    """What each file holds; raises one NotDicom that names every file that is no DICOM object, and why."""
    identities: list[Part10] = []
    wrong: list[FieldError] = []
    budget = of_request()
    for file in files:
        try:
            identities.append(identify(file.content, budget))
        except NotDicom as error:
            wrong.append(FieldError(file.name, error.detail))
    if wrong:
        raise NotDicom("Nothing was stored: the request holds files that are no DICOM objects", wrong)
    return identities


def store_files(
    session: PacsSession, dialect: Dialect, files: list[UploadedFile], identities: list[Part10], patient_id: str = ""
) -> list[StoreOutcome]:
    """Stores each file in a request of its own, in the order sent.

    Nothing where a Patient ID is given and one of them is another patient's. A PACS that fails halfway leaves some
    stored: the rest is then said to be refused, with the failure in words. Raises the failure where nothing is stored.
    """
    if patient_id:
        _check_patient(session, dialect, patient_id, files, identities)
    outcomes: list[StoreOutcome] = []
    failures: list[PacsError | RequestTooLarge] = []
    for file, identity in zip(files, identities, strict=True):
        try:
            outcome = store_object(session, dialect, file.content, identity)
        except (PacsError, RequestTooLarge) as error:
            failures.append(error)
            outcome = refused(identity.sop_class_uid, identity.sop_instance_uid, _in_doubt(error))
        outcomes.append(outcome)
    if failures and not any(outcome.stored for outcome in outcomes):
        raise failures[0]
    return outcomes


def _check_patient(
    session: PacsSession, dialect: Dialect, patient_id: str, files: list[UploadedFile], identities: list[Part10]
) -> None:
    others = [
        FieldError(file.name, NOT_THE_PATIENTS)
        for file, identity in zip(files, identities, strict=True)
        if not belongs_to(session, dialect, patient_id, file.content, identity)
    ]
    if others:
        raise PatientRefused("Nothing was stored: the request holds files of another patient", others)


def responses(files: list[UploadedFile], outcomes: list[StoreOutcome]) -> list[dict[str, Any]]:
    """One STOW-RS response per file, in the order sent; where there is more to say, which one it is in `file`.

    A refused one says why in `reason`, a stored one names in `changed` what the PACS has changed of it.
    """
    return [_response(file, outcome) for file, outcome in zip(files, outcomes, strict=True)]


def _response(file: UploadedFile, outcome: StoreOutcome) -> dict[str, Any]:
    if not outcome.stored:
        return {**outcome.response, "file": file.name, "reason": outcome.reason}
    if outcome.changed:
        return {**outcome.response, "file": file.name, "changed": list(outcome.changed)}
    return outcome.response


def _in_doubt(error: PacsError | RequestTooLarge) -> str:
    if isinstance(error, PacsRefusedCredentials | RequestTooLarge):
        return error.detail
    return f"{error.detail}; whether it stored the object is not known"
