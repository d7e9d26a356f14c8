"""Whether the service still has what was uploaded before: the PACS behind it may have been emptied since."""

import logging
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, Any

from client.endings import Refusal
from client.service import Service

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
SOP_INSTANCE_UID = "00080018"
READING = Lock()
"""Filters of warnings, which quote values, belong to the whole process."""

KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass(frozen=True)
class Identity:
    """Of an object: whose it is, and its place in the PACS."""

    patient: str
    study: str
    series: str
    instance: str


class StoredObjects:
    """What the service has, asked once for each series."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._series: dict[tuple[str, str, str], set[str]] = {}
        self._lock = Lock()

    def holds(self, path: Path) -> bool:
        """Whether the service has the object of the file, or each object of a zip file.

        False where that cannot be told: then the file is sent once more. Raises OSError, and Refusal where the service
        does not answer.
        """
        identities = list(_identities(path))
        return bool(identities) and all(identity is not None and self._holds(identity) for identity in identities)

    def _holds(self, identity: Identity) -> bool:
        place = (identity.patient, identity.study, identity.series)
        with self._lock:
            if place not in self._series:
                self._series[place] = self._instances(*place)
            return identity.instance in self._series[place]

    def _instances(self, patient: str, study: str, series: str) -> set[str]:
        try:
            rows = self._service.get_json(list, f"/exams/studies/{study}/series/{series}/instances", PatientId=patient)
        except Refusal as refusal:
            if refusal.http_status in (400, 404):
                return set()
            raise
        return {uid for row in rows for uid in _values(row, SOP_INSTANCE_UID)}


def is_zip(path: Path) -> bool:
    """Whether it begins as a zip file does; raises OSError."""
    with path.open("rb") as file:
        return file.read(4).startswith(ZIP_STARTS)


def _identities(path: Path) -> Iterator[Identity | None]:
    """Of each DICOM object of the file; None for one that does not tell. Raises OSError."""
    if not is_zip(path):
        with path.open("rb") as file:
            yield _identity(file)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    if file.read(132).endswith(b"DICM"):
                        file.seek(0)
                        yield _identity(file)
    except Exception:  # noqa: BLE001 - whatever zipfile and its decompressors raise over odd bytes
        yield None


def _identity(file: IO[bytes]) -> Identity | None:
    import pydicom

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    try:
        with READING, warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(KEYWORDS))
            values = [str(dataset.get(keyword) or "") for keyword in KEYWORDS]
    except Exception:  # noqa: BLE001 - whatever pydicom raises over odd bytes
        return None
    return Identity(*values) if all(values) and all(_is_uid(value) for value in values[1:]) else None


def _is_uid(value: str) -> bool:
    return set(value) <= set("0123456789.")


def _values(row: Any, tag: str) -> list[str]:
    element = row.get(tag) if isinstance(row, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
