"""The entries of a zip file: what each is called, how it is unpacked, and why one is not looked into."""

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from dicom_service.exams.part10 import PREFIX, PREFIX_AT
from dicom_service.exams.uploads.zip_headers import as_its_header_calls_it, entry_name

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_START = b"\x1f\x8b"
ARCHIVE_STARTS = (
    *ZIP_STARTS,
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
)
"""Of zip, bzip2, 7z, RAR, xz and Zstandard."""

PROGRAMS = frozenset({".apk", ".ear", ".jar", ".jmod", ".war", ".whl", ".xpi"})
DOCUMENTS = frozenset({".docm", ".docx", ".epub", ".odg", ".odp", ".ods", ".odt", ".pptm", ".pptx", ".xlsm", ".xlsx"})
"""Kinds of files that are zip files themselves, as the viewer and the report of a CD are."""

MEDIA_DIRECTORY = b"1.2.840.10008.1.3.10"
"""The SOP class of a DICOMDIR (PS3.3 section F), near the beginning of its file meta information."""

TAR_AT, TAR = 257, b"ustar"
PACKED_START_BYTES = 4096
"""So much of a gzip file tells what is in it."""

PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
PATCHED = 1 << 5
"""General purpose bit flags (APPNOTE.TXT 4.4.4)."""

DRIVE = re.compile(r"[A-Za-z]:(/|$)")

PIECE_BYTES = 1024 * 1024

NO_OBJECT = "it is no DICOM object"
A_DIRECTORY = "it lists objects and is none itself"
A_PACKAGE = "it is a program or a document, and no DICOM object"
LEFT_OUT = (NO_OBJECT, A_DIRECTORY, A_PACKAGE)
"""Reasons that leave a zip file as good as stored."""


@dataclass(frozen=True)
class Entry:
    """An entry of an archive, as a body to be sent."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """As it is told to the client; nothing is written under it."""
        return entry_name(self.info)

    def open(self) -> BinaryIO:
        """The unpacked content; reading it raises one of CORRUPT where it cannot be unpacked."""
        info = as_its_header_calls_it(self.archive, self.info)
        return self.archive.open(info)  # type: ignore[return-value]  # typed as IO[bytes]

    def __len__(self) -> int:
        return self.info.file_size

    def __iter__(self) -> Iterator[bytes]:
        left = len(self)
        with self.open() as content:
            while piece := content.read(PIECE_BYTES):
                yield piece
                left -= len(piece)
        if left:
            raise EOFError


CORRUPT = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError)
"""What `zipfile` raises of an archive or an entry that is damaged."""


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Whether an entry is nothing but the name of a folder, in either kind of slash."""
    return not info.file_size and entry_name(info).endswith(("/", "\\"))


def why_not_opened(entry: Entry) -> str:
    """Why an entry is not even looked into; empty where it is."""
    info, path = entry.info, entry.name.replace("\\", "/")
    if ".." in PurePosixPath(path).parts or path.startswith("/") or DRIVE.match(path):
        return "its name leads out of the archive"
    if info.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.compress_type not in PACKINGS or info.flag_bits & PATCHED:
        return "it is packed in a way that is not taken: only stored and deflated entries are"
    return ""


def why_no_object(entry: Entry) -> str:
    """Why an entry is not a DICOM object that can be stored, as its beginning shows; empty where it may be one."""
    with entry.open() as content:
        start = content.read(PACKED_START_BYTES)
    if start[PREFIX_AT : PREFIX_AT + len(PREFIX)] == PREFIX:
        return A_DIRECTORY if MEDIA_DIRECTORY in start[: TAR_AT + len(TAR)] else ""
    if start.startswith(ZIP_STARTS) and PurePosixPath(entry.name.lower()).suffix in PROGRAMS | DOCUMENTS:
        return A_PACKAGE
    if start.startswith(ARCHIVE_STARTS) or _is_tar(start) or _holds_exams(start):
        return "it is an archive within the archive, which is not unpacked"
    return NO_OBJECT


def _is_tar(start: bytes) -> bool:
    return start[TAR_AT : TAR_AT + len(TAR)] == TAR


def _holds_exams(start: bytes) -> bool:
    """Whether what begins so is a gzip file of a DICOM object, or of a tar file that may hold some."""
    if not start.startswith(GZIP_START):
        return False
    with suppress(zlib.error):
        unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(start, PACKED_START_BYTES)
        return unpacked[PREFIX_AT : PREFIX_AT + len(PREFIX)] == PREFIX or _is_tar(unpacked)
    return False
