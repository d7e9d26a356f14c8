"""The downloads queue: what takes longer than a request may is brought into the bucket by a worker."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

from dicom_service import correlation
from dicom_service.audit.record import NOBODY, Agent, AuditRecord
from dicom_service.audit.trail import keep
from dicom_service.batch import Postponed
from dicom_service.errors import ServiceError
from dicom_service.exams import queue
from dicom_service.exams.downloads.rows import (
    QUEUED_LEASE_SECONDS,
    READY_SECONDS,
    WORKER_LEASE_SECONDS,
    Download,
    read,
    take_over,
    write,
)
from dicom_service.exams.downloads.stored_object import write_object
from dicom_service.exams.downloads.study_archive import ARCHIVE, write_archive
from dicom_service.exams.opened import opened
from dicom_service.faults import log_fault
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession, pacs_session

BUDGET_SECONDS = 840.0
"""For all calls to the PACS: the function ends at 900 s."""

PATIENCE_SECONDS = 30.0
RETRY_SECONDS = (5, 20, 60)
"""The pauses after the first failures; whoever waits for a download waits no longer than minutes."""


def handle_download(body: str, receipt_handle: str, attempt: int) -> None:
    """Handles a message for the `attempt`th time; should this worker be killed, it comes again when its lease ends.

    Raises Postponed where it is to come again, and StoreUnavailable.
    """
    queue.show_again("DOWNLOADS_QUEUE_URL", receipt_handle, WORKER_LEASE_SECONDS)
    asked = json.loads(body)
    wait = prepare(asked["downloadId"], attempt, Agent(**asked["askedBy"]) if "askedBy" in asked else NOBODY)
    if wait is not None:
        queue.postpone("DOWNLOADS_QUEUE_URL", receipt_handle, wait)
        raise Postponed


def prepare(
    download_id: str, attempt: int, asked_by: Agent = NOBODY, clock: Callable[[], float] = time.time
) -> float | None:
    """Brings a download; the seconds until it is tried again, None when it is ready or given up.

    Who asked for it is in the audit record, without which nothing is ready.
    """
    correlation.resume(asked_by.correlation_id)
    wanted = read(download_id)
    mine = take_over(wanted, clock()) if wanted else None
    if mine is None:
        return _until_another_may(download_id, clock())
    try:
        keep([_record(mine, asked_by)])
        _bring(mine, pacs_session(BUDGET_SECONDS, PATIENCE_SECONDS, guarded=False), clock)
    except ServiceError as error:
        log_fault(error)
        return _failed(mine, error, attempt, clock())
    now = clock()
    latest = read(download_id) or mine
    write(replace(latest, holder=mine.holder, state="READY", until=now + READY_SECONDS), now)
    return None


def _record(download: Download, asked_by: Agent) -> AuditRecord:
    kind, study_uid, *words = download.what
    series, instance = words[:2] if kind != ARCHIVE else ("", "")
    return AuditRecord(
        action="read",
        agent=asked_by,
        operation="prepare_download",
        status=200,
        patient=words[0] if kind == ARCHIVE else "",
        study=study_uid,
        series=series,
        instance=instance,
        request_id=download.download_id,
    )


def _until_another_may(download_id: str, now: float) -> float | None:
    latest = read(download_id)
    return max(1.0, latest.until - now) if latest and latest.state == "RUNNING" else None


def _bring(download: Download, session: PacsSession, clock: Callable[[], float]) -> None:
    kind, *words = download.what
    if kind == ARCHIVE:
        write_archive(session, dialect(), download, clock)
        return
    instance = Instance(*words)
    with opened(session, dialect(), instance, 0) as found:
        write_object(found, download, instance)


def _failed(download: Download, error: ServiceError, attempt: int, now: float) -> float | None:
    if attempt > len(RETRY_SECONDS):
        write(replace(download, state="FAILED", reason=error.detail, until=now), now)
        return None
    write(replace(download, state="QUEUED", reason=error.detail, until=now + QUEUED_LEASE_SECONDS), now)
    return RETRY_SECONDS[attempt - 1]
