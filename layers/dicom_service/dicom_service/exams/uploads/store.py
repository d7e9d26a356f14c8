"""Storing an announced file once its bytes lie in the bucket: whole and only once, whatever its size."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote_plus

from dicom_service import correlation, settings
from dicom_service.batch import Postponed
from dicom_service.errors import NotDicom, NotFound, ServiceError
from dicom_service.exams import queue
from dicom_service.exams.bucket_file import BucketObject
from dicom_service.exams.part10 import identify_file
from dicom_service.exams.uploads.objects import stored_object
from dicom_service.exams.uploads.rows import LEASE_SECONDS, Outcome, UploadRow, claim, conclude, incoming_key, release
from dicom_service.exams.uploads.zip_file import START_BYTES, OutOfTime, is_zip, store_entries
from dicom_service.faults import log_fault
from dicom_service.pacs.session import PacsSession, pacs_session
from dicom_service.stores import client, translated

BUDGET_SECONDS = 840.0
"""For all calls to the PACS: the function ends at 900 s."""

PATIENCE_SECONDS = 30.0
UNEXPECTED = "The service failed in a way that it did not expect"
ANNOUNCED_KEY = re.compile(r"uploads/(?P<upload>[0-9a-f]{32})/(?P<file>\d{4})")
RETRY_SECONDS = (5, 15, 45, 120, 300, 900, 1800, 3600)
"""The pauses after the first failures: an outage of two hours is outlasted."""


def handle_upload_event(body: str, receipt_handle: str) -> None:
    """Handles a message of the uploads queue: the bucket's event, or one that was moved back from the dead letters.

    Should this worker be killed, the message comes again when its lease ends. Raises Postponed where it is to come
    again, and what the stores of the service raise.
    """
    queue.show_again("UPLOADS_QUEUE_URL", receipt_handle, LEASE_SECONDS)
    waits = [wait for wait in (store_incoming(*asked) for asked in _asked(body)) if wait is not None]
    if waits:
        queue.postpone("UPLOADS_QUEUE_URL", receipt_handle, min(waits))
        raise Postponed


def store_incoming(
    upload_id: str, file_id: str, again: bool = False, clock: Callable[[], float] = time.time
) -> float | None:
    """Stores one file and notes what became of it; the seconds until it is tried again, None when it is done with.

    `again` begins anew with one that was given up. Raises StoreUnavailable.
    """
    try:
        row = claim(upload_id, file_id, clock(), again=again)
    except NotFound:
        row = None
    if isinstance(row, float):
        return row
    if row is None:  # a message that comes twice, or a form that is used once more
        _forget(upload_id, file_id)
        return None
    return _attempt(row, clock)


def _attempt(row: UploadRow, clock: Callable[[], float]) -> float | None:
    correlation.resume(row.asked_by.correlation_id)
    session = pacs_session(BUDGET_SECONDS, PATIENCE_SECONDS, guarded=False)
    try:
        outcome = _stored(row, session, clock)
    except OutOfTime:
        release(row, "", clock(), attempts=0)
        return 0.0
    except ServiceError as error:
        log_fault(error)
        return _failed(row, error.detail, clock())
    except Exception as error:  # noqa: BLE001 - what no one has thought of must not come again without an end
        log_fault(error)
        return _failed(row, UNEXPECTED, clock())
    if conclude(row, outcome, clock()):
        _forget(row.upload_id, row.file_id)
    return None


def _failed(row: UploadRow, reason: str, now: float) -> float | None:
    if row.attempts > len(RETRY_SECONDS):
        queue.send("DEAD_LETTER_QUEUE_URL", {"uploadId": row.upload_id, "fileId": row.file_id})
        conclude(row, Outcome("FAILED", f"{reason}; given up after {row.attempts} attempts"), now)
        return None
    release(row, f"{reason}; it is tried again", now, attempts=row.attempts)
    return RETRY_SECONDS[row.attempts - 1]


def _stored(row: UploadRow, session: PacsSession, clock: Callable[[], float]) -> Outcome:
    try:
        incoming = BucketObject(row.key)
    except NotFound:
        return Outcome("FAILED", "its bytes are no longer in the bucket")
    if incoming.size != row.size:
        return Outcome("REFUSED", f"it has {incoming.size} bytes, not the {row.size} that were announced")
    if row.sha256 and _sha256_of(incoming) != row.sha256:
        return Outcome("REFUSED", "its SHA-256 is not the one that was announced")
    with incoming.open() as file:
        if is_zip(file.peek(START_BYTES)):
            return store_entries(row, file, session, clock() + BUDGET_SECONDS / 2, clock)
        try:
            identity = identify_file(file, incoming.size)
        except NotDicom as error:
            return Outcome("REFUSED", error.detail)
    return stored_object(session, incoming, identity, row)


def _sha256_of(incoming: BucketObject) -> str:
    digest = hashlib.sha256()
    for piece in incoming:
        digest.update(piece)
    return digest.hexdigest()


def _forget(upload_id: str, file_id: str) -> None:
    with translated("delete a stored upload"):
        client("s3").delete_object(Bucket=settings.required("TRANSFER_BUCKET"), Key=incoming_key(upload_id, file_id))


def _asked(body: str) -> Iterator[tuple[str, str, bool]]:
    """Upload, file, and whether to begin anew.

    Nothing for the test event that a bucket sends first, and for what someone has put there beside the uploads: a
    folder that was made in S3's console is an object too.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    message = json.loads(body)
    if "uploadId" in message:
        yield message["uploadId"], message["fileId"], True
    for record in message.get("Records", []):
        announced = ANNOUNCED_KEY.fullmatch(unquote_plus(record["s3"]["object"]["key"]))
        if announced:
            yield announced["upload"], announced["file"], False
