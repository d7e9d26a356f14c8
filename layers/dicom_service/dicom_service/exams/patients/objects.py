"""Whose objects of the PACS are, by what they say themselves: each environment remembers it for a while."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from dicom_service.errors import PacsObjectUnknown
from dicom_service.exams.opened import Opened, opened
from dicom_service.exams.patients.head import read_patient_id
from dicom_service.pacs.dialects import Dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession

READERS = 4
REMEMBERED_SECONDS = 300.0
"""A PACS may correct a Patient ID."""

MOST_REMEMBERED = 20_000

_remembered: dict[tuple[str, Instance], tuple[float, str]] = {}


def patients_of(session: PacsSession, dialect: Dialect, instances: Sequence[Instance]) -> list[str]:
    """The Patient ID of each object, read from its head: empty where it does not tell, or is gone by now.

    Raises what retrieving does.
    """
    if len(instances) == 1:
        return [_patient_of(session, dialect, instances[0])]
    with ThreadPoolExecutor(READERS, "head") as threads:
        try:
            return list(threads.map(lambda instance: _patient_of(session, dialect, instance), instances))
        finally:
            threads.shutdown(cancel_futures=True)


def with_patient(found: Opened) -> tuple[str, Opened]:
    """The Patient ID that an opened object states, empty where it does not, and the object, still to be read."""
    patient_id, beginning = read_patient_id(found.rest, found.beginning)
    return patient_id, replace(found, beginning=beginning)


def _patient_of(session: PacsSession, dialect: Dialect, instance: Instance) -> str:
    key, now = (session.address, instance), time.monotonic()
    until, patient_id = _remembered.get(key, (0.0, ""))
    if until > now:
        return patient_id
    try:
        with opened(session, dialect, instance, 0) as found:
            patient_id, _ = with_patient(found)
    except PacsObjectUnknown:
        return ""
    while len(_remembered) >= MOST_REMEMBERED:
        _remembered.pop(next(iter(_remembered)), None)
    _remembered[key] = now + REMEMBERED_SECONDS, patient_id
    return patient_id
