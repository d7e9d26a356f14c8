"""Whose an object is, by what it says itself: Patient ID (0010,0020), which stands before all that is large.

An answer that is not certain counts as none: a Patient ID that is misread would show an object to the wrong patient.
"""

import zlib
from collections.abc import Iterator

from dicom_service.exams.patients.character_sets import decoded
from dicom_service.exams.pictures.reading.dataset import (
    BEHIND_FILE_META,
    DEFLATED,
    FILE_META,
    PREFIX,
    encoding_of,
)
from dicom_service.exams.pictures.reading.elements import Element, walk
from dicom_service.exams.reading.headers import Encoding
from dicom_service.pacs.patients import unpadded

CHARACTER_SET, PATIENT_ID = 0x00080005, 0x00100020
TRANSFER_SYNTAX = 0x00020010
TAGS_END = 1 << 32

MOST_HEAD_BYTES = 1024 * 1024
"""Of an object, and of what a deflated one inflates to: what says nobody's name until there says none."""

LONGEST_VALUE = 1024


class _CutOff(Exception):
    """The bytes end before the answer."""


def read_patient_id(pieces: Iterator[bytes], beginning: bytes = b"") -> tuple[str, bytes]:
    """The Patient ID of a Part 10 file (PS3.10 section 7) without padding, and the bytes of it that were read.

    `pieces` follow the `beginning`; no more than MOST_HEAD_BYTES and one piece are read. The ID is empty where the
    object has none or its bytes do not tell for certain. Raises what reading the pieces does.
    """
    while True:
        try:
            return _patient_id(beginning), beginning
        except _CutOff:
            piece = next(pieces, b"") if len(beginning) <= MOST_HEAD_BYTES else b""
        except (RecursionError, zlib.error):
            piece = b""
        if not piece:
            return "", beginning
        beginning += piece


def _patient_id(beginning: bytes) -> str:
    source, start, encoding = _dataset(beginning)
    element = _element(source, start, encoding, PATIENT_ID)
    if element is None or element.length > LONGEST_VALUE:
        return ""
    value = _value(source, element)
    terms = b"" if value.isascii() else _character_set(source, start, encoding)
    return unpadded(decoded(value, terms))


def _dataset(beginning: bytes) -> tuple[bytes, int, Encoding]:
    """Where the data set begins, in which bytes, and how it is written."""
    start = PREFIX.stop if beginning[PREFIX] == b"DICM" else 0
    meta, start = walk(beginning, start, len(beginning), FILE_META, BEHIND_FILE_META)
    syntax = _value(beginning, meta[TRANSFER_SYNTAX]) if TRANSFER_SYNTAX in meta else b""
    name = syntax.strip(b"\0 ").decode("latin-1")
    source = beginning
    if name == DEFLATED:
        source, start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(beginning[start:], MOST_HEAD_BYTES), 0
    return source, start, encoding_of(source, start, name)


def _element(source: bytes, start: int, encoding: Encoding, tag: int) -> Element | None:
    """The element of the tag, at this level; None where an element behind it comes first. Raises _CutOff."""
    found, _ = walk(source, start, len(source), encoding, range(tag, TAGS_END))
    stop = next((each for each in found if each >= tag), None)
    if stop is None:
        raise _CutOff
    return found[stop] if stop == tag else None


def _character_set(source: bytes, start: int, encoding: Encoding) -> bytes:
    element = _element(source, start, encoding, CHARACTER_SET)
    return _value(source, element) if element and element.length <= LONGEST_VALUE else b""


def _value(source: bytes, element: Element) -> bytes:
    end = element.start + element.length
    if end > len(source):
        raise _CutOff
    return source[element.start : end]
