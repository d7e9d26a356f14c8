"""Zip files of studies: each entry that is a DICOM object goes to the PACS, each other one is told why it does not.

Nothing is written under an entry's name, and no more is held than one entry of moderate size.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from dicom_service.errors import NotDicom
from dicom_service.exams.part10 import PREFIX, PREFIX_AT, Part10, identify, identify_file
from dicom_service.exams.reading.budget import Budget, of_worker
from dicom_service.exams.uploads.objects import stored_object
from dicom_service.exams.uploads.rows import Outcome, UploadRow, put_entry, read_upload
from dicom_service.exams.uploads.zip_entries import (
    CORRUPT,
    LEFT_OUT,
    ZIP_STARTS,
    Entry,
    is_folder,
    why_no_object,
    why_not_opened,
)
from dicom_service.exams.uploads.zip_headers import open_zip
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody

START_BYTES = PREFIX_AT + len(PREFIX)

MOST_ENTRIES = 5000
MOST_UNPACKED_BYTES = 20 * 1024**3
MOST_RATIO = 100
RATIO_COUNTS_FROM = 100 * 1024 * 1024
"""Exams shrink to a third, at the best to a twentieth. Below this many bytes no ratio does harm."""

HELD_BYTES = 32 * 1024 * 1024
"""Entries up to here are unpacked once, into memory; larger ones twice, piece by piece."""

CANNOT_BE_UNPACKED = "it is corrupt and cannot be unpacked"


class OutOfTime(Exception):
    """The rest of the entries is for another invocation."""


def is_zip(start: bytes) -> bool:
    """Whether what begins so (START_BYTES of it) is a zip file, and no DICOM object all the same."""
    return start.startswith(ZIP_STARTS) and start[PREFIX_AT : PREFIX_AT + len(PREFIX)] != PREFIX


def store_entries(
    row: UploadRow, file: io.BufferedReader, session: PacsSession, deadline: float, clock: Callable[[], float]
) -> Outcome:
    """Stores the entries that have no outcome yet, notes each, and gives the zip file's own.

    It is STORED where all of its DICOM objects are. Raises OutOfTime after the deadline, and what the PACS's fault is.
    """
    try:
        archive = open_zip(file)
    except (*CORRUPT, struct.error):
        return Outcome("REFUSED", "it is a zip file that is cut off or corrupt")
    with archive:
        infos = [info for info in archive.infolist() if not is_folder(info)]
        too_much = _too_much(infos, file.seek(0, io.SEEK_END))
        if too_much:
            return Outcome("REFUSED", too_much)
        prefix = f"{row.file_id}/"
        known = {
            found.file_id: found.outcome for found in read_upload(row.upload_id) if found.file_id.startswith(prefix)
        }
        outcomes, budget = [], of_worker()
        for number, info in enumerate(infos, start=1):
            outcome = known.get(f"{prefix}{number:05}")
            if outcome is None:
                if clock() > deadline:
                    raise OutOfTime
                entry = Entry(archive, info)
                outcome = _store_entry(entry, session, budget, row)
                put_entry(row, number, entry.name[:255], outcome, clock())
            outcomes.append(outcome)
    return _of_all(outcomes)


def _too_much(infos: list[zipfile.ZipInfo], packed: int) -> str:
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MOST_ENTRIES:
        return f"it is a zip file of more than {MOST_ENTRIES} entries"
    if unpacked > MOST_UNPACKED_BYTES:
        return f"it is a zip file of more than {MOST_UNPACKED_BYTES} bytes when unpacked"
    if unpacked > RATIO_COUNTS_FROM and unpacked > packed * MOST_RATIO:
        return "it is a zip file that unpacks to far more than exams do: a zip bomb"
    return ""


def _of_all(outcomes: list[Outcome]) -> Outcome:
    stored = sum(outcome.state == "STORED" for outcome in outcomes)
    left_out = sum(outcome.reason in LEFT_OUT for outcome in outcomes)
    if not stored:
        return Outcome("REFUSED", "none of its entries is stored")
    if stored + left_out < len(outcomes):
        return Outcome("REFUSED", f"{stored} of its {len(outcomes)} entries are stored; others are refused")
    return Outcome("STORED", f"{left_out} of its {len(outcomes)} entries are no DICOM objects" if left_out else "")


def _store_entry(entry: Entry, session: PacsSession, budget: Budget, row: UploadRow) -> Outcome:
    try:
        wrong = why_not_opened(entry) or why_no_object(entry)
        if wrong:
            return Outcome("REFUSED", wrong)
        body, identity = _unpacked(entry, budget)
    except NotDicom as error:
        return Outcome("REFUSED", error.detail)
    except CORRUPT:
        return Outcome("REFUSED", CANNOT_BE_UNPACKED)
    try:
        return stored_object(session, body, identity, row)
    except (zipfile.BadZipFile, zlib.error, EOFError):  # of an entry that is unpacked while it is sent
        return Outcome("REFUSED", CANNOT_BE_UNPACKED)


def _unpacked(entry: Entry, budget: Budget) -> tuple[bytes | SizedBody, Part10]:
    if len(entry) > HELD_BYTES:
        with entry.open() as content:
            return entry, identify_file(content, len(entry), budget)
    held = b"".join(entry)
    return held, identify(held, budget)
