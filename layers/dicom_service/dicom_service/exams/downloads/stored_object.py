"""An object beyond what a function can answer: from the PACS into the bucket, once, and from there by a signed URL."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from dicom_service.audit.record import NOBODY, Agent
from dicom_service.bucket import signed_url
from dicom_service.errors import NotFound, PacsError, PacsTimeout
from dicom_service.exams import queue
from dicom_service.exams.bucket_writer import BucketWriter
from dicom_service.exams.downloads.rows import (
    DIRECT_LEASE_SECONDS,
    QUEUED_LEASE_SECONDS,
    READY_SECONDS,
    Download,
    begin,
    read,
    write,
)
from dicom_service.exams.opened import Opened, opened
from dicom_service.exams.patients.belonging import checked
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession

MOST_INLINE_BYTES = 4_500_000
"""What a function can answer: 6 MB, of which base64 takes a quarter.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

MOST_DIRECT_BYTES = 250 * 1024 * 1024
"""What is known to be larger goes to a worker at once: a function has 29 s."""

WAITING_SECONDS = 20.0
POLL_SECONDS = 0.25
CONTENT_TYPE = "application/dicom"


@dataclass(frozen=True)
class World:
    """Seconds since 1970, and how to wait."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def fetch_object(
    session: PacsSession,
    dialect: Dialect,
    instance: Instance,
    world: World = World(),
    patient_id: str = "",
    asked_by: Agent = NOBODY,
) -> bytes | str | None:
    """The object itself where it is small enough to be answered, else a URL of five minutes; None if it is not ready.

    Where a Patient ID is given, an object of another patient is as unknown as one that is not there.

    Of several that ask for a large object at a time one brings it into the bucket, or has a worker bring it where it
    takes longer than a request may; the others wait for it. Raises what retrieving does.
    """
    until = world.clock() + WAITING_SECONDS
    with opened(session, dialect, instance, MOST_INLINE_BYTES) as found:
        if patient_id:
            found = checked(session, dialect, patient_id, instance, found)
        if found.whole:
            return found.beginning
        now = world.clock()
        wanted = Download(download_id(instance), _words(instance), "RUNNING", "", now + DIRECT_LEASE_SECONDS)
        download, mine = begin(wanted, now)
        if mine and not _bring(download, found, instance, until, world):
            queue.ask_for_download(download.download_id, asked_by)
    return _when_ready(download.download_id, until, world)


def write_object(
    found: Opened, download: Download, instance: Instance, go_on: Callable[[], None] = lambda: None
) -> None:
    """Copies an object into the bucket as it comes; `go_on` is called before each piece and may raise."""
    with BucketWriter(download.key, CONTENT_TYPE, f"{instance.instance_uid}.dcm") as writer:
        for piece in found.pieces():
            go_on()
            writer.write(piece)


def download_id(instance: Instance) -> str:
    """What the download of an object is called: the same for everyone who asks for it."""
    return hashlib.sha256("/".join(_words(instance)).encode()).hexdigest()[:32]


def _words(instance: Instance) -> tuple[str, ...]:
    return ("object", instance.study_uid, instance.series_uid, instance.instance_uid)


def _bring(download: Download, found: Opened, instance: Instance, until: float, world: World) -> bool:
    """False where a worker has to bring it."""
    try:
        if found.size > MOST_DIRECT_BYTES:
            raise PacsTimeout("The object is too large for one request")
        write_object(found, download, instance, lambda: _check(until, world))
    except PacsError:  # also a connection that breaks halfway: the worker begins anew
        now = world.clock()
        return not write(replace(download, state="QUEUED", until=now + QUEUED_LEASE_SECONDS), now)
    now = world.clock()
    write(replace(download, state="READY", until=now + READY_SECONDS), now)
    return True


def _check(until: float, world: World) -> None:
    if world.clock() >= until:
        raise PacsTimeout("The object takes longer than one request")


def _when_ready(download_id: str, until: float, world: World) -> str | None:
    while True:
        download = read(download_id)
        if download is None:
            raise NotFound("The object is no longer in the bucket: ask for it again")
        if download.state == "READY":
            return signed_url(download.key)
        if download.state == "FAILED":
            raise PacsError(download.reason)
        if world.clock() >= until:
            return None
        world.sleep(POLL_SECONDS)
