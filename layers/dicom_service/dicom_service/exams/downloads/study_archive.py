"""A study as a zip file, made while its objects come from the PACS and written into the bucket as it is made."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import IO, Any, cast

from dicom_service.audit.record import Agent
from dicom_service.bucket import signed_url
from dicom_service.errors import NotFound, PacsError, ServiceError
from dicom_service.exams import queue
from dicom_service.exams.bucket_writer import BucketWriter
from dicom_service.exams.downloads.media_directory import DIRECTORY_NAME, MediaDirectory, file_ids
from dicom_service.exams.downloads.rows import QUEUED_LEASE_SECONDS, Download, begin, read, write
from dicom_service.exams.opened import Opened, each_opened
from dicom_service.exams.patients.belonging import patients_instances
from dicom_service.exams.patients.objects import with_patient
from dicom_service.pacs.attributes import first_value, whole_number
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.patients import unpadded
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.search import SERIES_UID, SOP_UID, find_study, series_of
from dicom_service.pacs.session import PacsSession

HELD_BYTES = 16 * 1024 * 1024
"""Objects up to here are held before they are packed, so that one that breaks off can be fetched again."""

BEGINNING_BYTES = 1024 * 1024
ARCHIVE = "archive"
WITH_DIRECTORY = "dicomdir"
NUMBER_OF_INSTANCES = "00201208"
REPORT_SECONDS = 2.0
FASTEST = 1
"""Uncompressed images shrink to a half at deflate's fastest level; its 60 MB/s are what a PACS and a bucket carry."""


def archive_of(study_uid: str, patient_id: str, *, with_directory: bool) -> tuple[str, ...]:
    """What a download of the patient's objects of a study is, as `begin_archive` takes it."""
    return (ARCHIVE, study_uid, unpadded(patient_id), *((WITH_DIRECTORY,) if with_directory else ()))


def begin_archive(
    session: PacsSession, dialect: Dialect, what: tuple[str, ...], asked_by: Agent, clock: Callable[[], float]
) -> Download:
    """The archive of a patient's study: ready, under way, or asked of a worker now.

    One that is ready is used again for an hour by whoever asks for the same patient, as long as the study has as many
    instances: by the PACS's count or, where it gives none, by ours. Raises NotFound where the study holds nothing of
    the patient.
    """
    total = _total(session, dialect, *what[1:3])
    name = hashlib.sha256(json.dumps([*what, total]).encode()).hexdigest()[:32]
    now = clock()
    wanted = Download(name, what, "QUEUED", "", now + QUEUED_LEASE_SECONDS, total=total)
    download, mine = begin(wanted, now)
    if mine:
        queue.ask_for_download(download.download_id, asked_by)
    return download


def find_archive(archive_id: str, may_see: Callable[[str, str], bool] = lambda _patient, _study: True) -> Download:
    """An archive that was asked for, of a patient and study that `may_see` lets through.

    Raises NotFound where there is none, PacsError where it could not be made.
    """
    download = read(archive_id)
    if not may_see(*(download.what[2:0:-1] if download and download.what[0] == ARCHIVE else ("", ""))):
        download = None
    if download is None or download.what[0] != ARCHIVE:
        raise NotFound("There is no such archive, or it is older than a day")
    if download.state == "FAILED":
        raise PacsError(f"The archive could not be made: {download.reason}")
    return download


def told(download: Download) -> tuple[dict[str, Any], str]:
    """What a client is told of an archive, and the URL, for five minutes, of one that is ready; else an empty text."""
    instances = {"done": download.done, "total": download.total}
    status = {"archiveId": download.download_id, "state": download.state, "instances": instances}
    return status, signed_url(download.key) if download.state == "READY" else ""


def write_archive(session: PacsSession, dialect: Dialect, download: Download, clock: Callable[[], float]) -> None:
    """Packs the patient's objects of the study; raises where one of them does not come whole.

    An object that states another patient is left out, whatever the PACS's row says of it.

    Entries are called `SERIES/INSTANCE.dcm` by their UIDs, and by their File IDs where a DICOMDIR lists them.
    """
    _, study_uid, patient_id, *options = download.what
    instances = _instances(session, dialect, study_uid, patient_id)
    if not instances:
        raise NotFound("The PACS does not know the study any more")
    directory = MediaDirectory() if WITH_DIRECTORY in options else None
    names = file_ids(instances) if directory else [f"{each.series_uid}/{each.instance_uid}.dcm" for each in instances]
    reported = 0.0
    with (
        BucketWriter(download.key, "application/zip", f"{study_uid}.zip") as writer,
        zipfile.ZipFile(cast("IO[bytes]", writer), "w", zipfile.ZIP_DEFLATED, compresslevel=FASTEST) as archive,
        closing(each_opened(session, dialect, instances, HELD_BYTES)) as objects,
    ):
        for done, (name, found) in enumerate(zip(names, objects, strict=True)):
            if clock() >= reported + REPORT_SECONDS:
                reported = clock()
                _report(download, done, len(instances), reported)
            stated, found = with_patient(found)
            if stated not in ("", patient_id):
                continue
            beginning = _pack(archive, name, found)
            if directory:
                directory.add(beginning, name)
        if directory:
            archive.writestr(_entry(DIRECTORY_NAME), directory.encoded())
    _report(download, len(instances), len(instances), clock())


def _total(session: PacsSession, dialect: Dialect, study_uid: str, patient_id: str) -> int:
    study = find_study(session, dialect, patient_id, study_uid)
    counted = whole_number(study, NUMBER_OF_INSTANCES) if study else None
    total = counted or len(_instances(session, dialect, study_uid, patient_id))
    if not total:
        raise NotFound("The patient has no such study")
    return total


def _instances(session: PacsSession, dialect: Dialect, study_uid: str, patient_id: str) -> list[Instance]:
    series = dict.fromkeys(str(first_value(row, SERIES_UID)) for row in series_of(session, dialect, study_uid))
    return [
        Instance(study_uid, series_uid, str(first_value(row, SOP_UID)))
        for series_uid in series
        for row in patients_instances(session, dialect, patient_id, study_uid, series_uid)
    ]


def _pack(archive: zipfile.ZipFile, name: str, found: Opened) -> bytes:
    """Packs an object; its first MiB, or all of one that is held."""
    info, beginning = _entry(name), b""
    info.file_size = found.size
    with archive.open(info, "w", force_zip64=not found.size) as entry:
        for piece in found.pieces():
            entry.write(piece)
            if len(beginning) < BEGINNING_BYTES:
                beginning += piece
    return beginning


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


def _report(download: Download, done: int, total: int, now: float) -> None:
    if not write(replace(download, done=done, total=total), now):
        raise ServiceError("Another worker makes the archive by now")
