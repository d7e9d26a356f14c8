"""What became of an upload, as it is told to the client."""

from collections.abc import Callable
from typing import Any

from dicom_service.errors import NotFound
from dicom_service.exams.uploads.announce import addresses_to_resume
from dicom_service.exams.uploads.rows import UploadRow, read_upload


def upload_status(
    upload_id: str, may_see: Callable[[str], bool] = lambda _patient: True, *, resume: bool
) -> dict[str, Any]:
    """`uploadId` and `files`, each with `id`, `name`, `state`, and `result` or `reason`; a zip file has `entries` too.

    An upload that was begun for another patient than `may_see` lets through is as unknown as one that is not there.

    With `resume`, files that are awaited have the addresses of `begin_upload` again. Raises NotFound, StoreUnavailable.
    """
    files: dict[str, dict[str, Any]] = {}
    rows = list(read_upload(upload_id))
    if not may_see(rows[0].patient_id if rows else ""):
        rows = []
    for row in rows:
        file_id, _, entry = row.file_id.partition("/")
        if entry:
            files[file_id].setdefault("entries", []).append({"name": row.name, **_outcome(row)})
            continue
        files[file_id] = {"id": file_id, "name": row.name, **_outcome(row)}
        if resume and row.outcome.state == "WAITING":
            files[file_id] |= addresses_to_resume(row)
    if not files:
        raise NotFound("There is no such upload, or it is older than a week")
    return {"uploadId": upload_id, "files": list(files.values())}


def _outcome(row: UploadRow) -> dict[str, Any]:
    told: dict[str, Any] = {"state": row.outcome.state}
    if row.outcome.result:
        told["result"] = row.outcome.result
    if row.outcome.reason:
        told["reason"] = row.outcome.reason
    return told
