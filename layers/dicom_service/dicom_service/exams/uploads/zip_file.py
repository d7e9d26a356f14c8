"""Zip files of studies: each entry that is a DICOM object goes to the PACS, each other one is told why it does not.

Nothing is written under an entry's name, and no more is held than one entry of moderate size.
"""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from dicom_service.errors import NotDicom
from dicom_service.exams.part10 import PREFIX, PREFIX_AT, Part10, identify, identify_file
from dicom_service.exams.uploads.objects import store_object
from dicom_service.exams.uploads.rows import Outcome, UploadRow, put_entry, read_upload
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.streams import SizedBody

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
ARCHIVE_STARTS = (
    *ZIP_STARTS,
    b"\x1f\x8b",
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
)
"""Of zip, gzip, bzip2, 7z, RAR, xz and Zstandard."""

MEDIA_DIRECTORY = b"1.2.840.10008.1.3.10"
"""The SOP class of a DICOMDIR (PS3.3 section F), near the beginning of its file meta information."""

START_BYTES = PREFIX_AT + len(PREFIX)
TAR_AT, TAR = 257, b"ustar"
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

MOST_ENTRIES = 5000
MOST_UNPACKED_BYTES = 20 * 1024**3
MOST_RATIO = 100
RATIO_COUNTS_FROM = 100 * 1024 * 1024
"""Exams shrink to a third, at the best to a twentieth. Below this many bytes no ratio does harm."""

HELD_BYTES = 32 * 1024 * 1024
"""Entries up to here are unpacked once, into memory; larger ones twice, piece by piece."""

PIECE_BYTES = 1024 * 1024

NO_OBJECT = "it is no DICOM object"
A_DIRECTORY = "it lists objects and is none itself"
LEFT_OUT = (NO_OBJECT, A_DIRECTORY)
"""Reasons that leave a zip file as good as stored."""


class OutOfTime(Exception):
    """The rest of the entries is for another invocation."""


@dataclass(frozen=True)
class Entry:
    """An entry of an archive, as a body to be sent."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self) -> BinaryIO:
        """The unpacked content; reading it raises BadZipFile or zlib.error where it is corrupt."""
        return self.archive.open(self.info)  # type: ignore[return-value]  # typed as IO[bytes]

    def __len__(self) -> int:
        return self.info.file_size

    def __iter__(self) -> Iterator[bytes]:
        with self.open() as content:
            while piece := content.read(PIECE_BYTES):
                yield piece


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
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return Outcome("REFUSED", "it is a zip file that is cut off or corrupt")
    with archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        too_much = _too_much(infos, file.seek(0, io.SEEK_END))
        if too_much:
            return Outcome("REFUSED", too_much)
        prefix = f"{row.file_id}/"
        known = {
            found.file_id: found.outcome for found in read_upload(row.upload_id) if found.file_id.startswith(prefix)
        }
        outcomes = []
        for number, info in enumerate(infos, start=1):
            outcome = known.get(f"{prefix}{number:05}")
            if outcome is None:
                if clock() > deadline:
                    raise OutOfTime
                outcome = _store_entry(Entry(archive, info), session)
                put_entry(row, number, info.filename[:255], outcome, clock())
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


def _store_entry(entry: Entry, session: PacsSession) -> Outcome:
    wrong = _wrong(entry.info)
    if wrong:
        return Outcome("REFUSED", wrong)
    try:
        with entry.open() as content:
            wrong = _not_an_object(content.read(TAR_AT + len(TAR)))
        if wrong:
            return Outcome("REFUSED", wrong)
        body, identity = _unpacked(entry)
        return store_object(session, body, identity)
    except NotDicom as error:
        return Outcome("REFUSED", error.detail)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return Outcome("REFUSED", "it is corrupt and cannot be unpacked")


def _unpacked(entry: Entry) -> tuple[bytes | SizedBody, Part10]:
    with entry.open() as content:
        if len(entry) > HELD_BYTES:
            return entry, identify_file(content, len(entry))
        held = content.read()
    return held, identify(held)


def _wrong(info: zipfile.ZipInfo) -> str:
    """Why an entry is not even looked into; empty where it is."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or ":" in parts[0]:
        return "its name leads out of the archive"
    if info.flag_bits & 1:
        return "it is encrypted"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.compress_type not in PACKINGS:
        return "it is packed in a way that is not taken: only stored and deflated entries are"
    return ""


def _not_an_object(start: bytes) -> str:
    if start[PREFIX_AT : PREFIX_AT + len(PREFIX)] == PREFIX:
        return A_DIRECTORY if MEDIA_DIRECTORY in start else ""
    if start.startswith(ARCHIVE_STARTS) or start[TAR_AT:] == TAR:
        return "it is an archive within the archive, which is not unpacked"
    return NO_OBJECT
