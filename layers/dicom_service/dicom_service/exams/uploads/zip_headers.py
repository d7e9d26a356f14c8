"""Zip files as they are, not as they should be: headers whose names or extra fields are wrong are read all the same.

`zipfile` refuses a whole archive for one name that is no UTF-8 or one odd extra field, although the entries can be
unpacked without either. APPNOTE.TXT (4.3.7 local headers, 4.3.12 the directory, 4.5 extra fields) has the layout.
"""

import io
import struct
from copy import copy
from typing import BinaryIO, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

LOCAL, LOCAL_BYTES, LOCAL_FLAGS_AT = b"PK\x03\x04", 30, 6
LOCAL_NAME_LENGTH = slice(26, 28)
DIRECTORY, DIRECTORY_BYTES, DIRECTORY_FLAGS_AT = b"PK\x01\x02", 46, 8
VERSION_NEEDED_AT, LENGTHS_AT = 6, 28
NAME_IS_UTF8 = 1 << 11
ZIP64 = 1
ANY_VERSION = 45
"""Of the format: what is packed in a way that is newer is refused by its method."""

CONTROL_CHARACTERS = dict.fromkeys([*range(0x20), 0x7F], "\N{REPLACEMENT CHARACTER}")


def open_zip(file: BinaryIO) -> ZipFile:
    """The archive; raises one of several errors, `zip_entries.CORRUPT` and `struct.error`, where there is none."""
    lenient = LenientZip(file)
    archive = ZipFile(lenient)
    lenient.directory_is_read = True
    return archive


def as_its_header_calls_it(archive: ZipFile, info: ZipInfo) -> ZipInfo:
    """The entry by the name before its content, which `zipfile` holds to be the directory's; others may differ."""
    file = cast("BinaryIO", archive.fp)
    file.seek(info.header_offset)
    header = file.read(LOCAL_BYTES)
    if len(header) < LOCAL_BYTES:
        raise BadZipFile("Truncated file header")
    own = copy(info)
    own.orig_filename = file.read(int.from_bytes(header[LOCAL_NAME_LENGTH], "little")).decode("cp437")
    return own


class LenientZip(io.RawIOBase):
    """A zip file for `zipfile.ZipFile`, its headers corrected while they are read.

    No name claims to be UTF-8, so that every name is taken for bytes in code page 437: see `entry_name`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.directory_is_read = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        """The bytes as `zipfile` is to see them: it reads a local header, and the whole directory, at once."""
        content = self._file.read(-1 if size is None else size)
        if len(content) == LOCAL_BYTES and content.startswith(LOCAL):
            return bytes(_without_flag(bytearray(content), LOCAL_FLAGS_AT))
        if not self.directory_is_read and content.startswith(DIRECTORY):
            return _corrected_directory(content)
        return content


def entry_name(info: ZipInfo) -> str:
    """The entry's name as UTF-8 where its bytes are that, else as code page 437; without control characters."""
    raw = info.orig_filename.encode("cp437")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = info.orig_filename
    return name.translate(CONTROL_CHARACTERS)


def _corrected_directory(directory: bytes) -> bytes:
    corrected, start = bytearray(directory), 0
    while corrected.startswith(DIRECTORY, start) and start + DIRECTORY_BYTES <= len(corrected):
        _without_flag(corrected, start + DIRECTORY_FLAGS_AT)
        corrected[start + VERSION_NEEDED_AT] = min(corrected[start + VERSION_NEEDED_AT], ANY_VERSION)
        name, extra, comment = struct.unpack_from("<HHH", corrected, start + LENGTHS_AT)
        extra_at = start + DIRECTORY_BYTES + name
        corrected[extra_at : extra_at + extra] = _zip64_alone(bytes(corrected[extra_at : extra_at + extra]))
        start = extra_at + extra + comment
    return bytes(corrected)


def _without_flag(header: bytearray, at: int) -> bytearray:
    (flags,) = struct.unpack_from("<H", header, at)
    struct.pack_into("<H", header, at, flags & ~NAME_IS_UTF8)
    return header


def _zip64_alone(extra: bytes) -> bytes:
    """The extra fields with all but the sizes of a ZIP64 entry (4.5.3) blotted out, in as many bytes."""
    at, kept = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == ZIP64 and at + 4 + length <= len(extra):
            kept = extra[at : at + 4 + length]
        at += 4 + length
    return kept.ljust(len(extra), b"\0")
