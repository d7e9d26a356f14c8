"""Modality Worklist items as Unified Procedure Steps and back.

Where each attribute goes: IHE Radiology Technical Framework, Encounter-Based Imaging Workflow, Table 4.130.4.1.2-2;
what a step must hold when it is created: DICOM PS3.4 Table CC.2.5-3.
"""

from dataclasses import dataclass
from typing import Any

from dicom_service.worklist.fields import BY_NAME, FIELDS, STEPS_TAG, Field
from dicom_service.worklist.mapper import Dataset, element, in_tag_order, person_name_groups, values_of
from dicom_service.worklist.normal import normal_form

REQUESTS = "0040A370"  # Referenced Request Sequence
STATIONS = "00404025"  # Scheduled Station Name Code Sequence
STATION_CLASSES = "00404026"  # Scheduled Station Class Code Sequence
PERFORMERS = "00404034"  # Scheduled Human Performers Sequence
PERFORMER_NAME = "00404037"
START = "00404005"  # Scheduled Procedure Step Start DateTime
LABEL = "00741204"  # Procedure Step Label
STATE = "00741000"  # Procedure Step State
CODE_VALUE, CODE_SCHEME, CODE_MEANING = "00080100", "00080102", "00080104"
LOCAL_SCHEME = "L"

SCHEDULED, CANCELED = "SCHEDULED", "CANCELED"
STATUS_OF_STATE = {"SCHEDULED": SCHEDULED, "IN PROGRESS": "STARTED", "COMPLETED": "COMPLETED", "CANCELED": CANCELED}
"""Procedure Step State (PS3.4 section CC.1.1) as the worklist's own status."""

NEW_STEP: Dataset = {
    "00081195": {"vr": "UI"},  # TransactionUID: nobody has claimed the step
    STATE: {"vr": "CS", "Value": [SCHEDULED]},
    "00741200": {"vr": "CS", "Value": ["MEDIUM"]},  # ScheduledProcedureStepPriority
    "00741202": {"vr": "LO", "Value": ["WORKLIST"]},  # WorklistLabel
    "00404041": {"vr": "CS", "Value": ["READY"]},  # InputReadinessState
    "00404018": {"vr": "SQ"},  # ScheduledWorkitemCodeSequence
    "00404021": {"vr": "SQ"},  # InputInformationSequence
    "00404027": {"vr": "SQ"},  # ScheduledStationGeographicLocationCodeSequence
}
"""What every new step holds beside the item's own attributes: those of Type 1 and 2 that an item does not have."""

IN_REQUEST = frozenset(
    {
        "AccessionNumber",
        "ReferringPhysicianName",
        "RequestingPhysician",
        "RequestedProcedureDescription",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
        "StudyInstanceUID",
        "PlacerOrderNumberImagingServiceRequest",
    }
)
"""Fields that stand in the item of the Referenced Request Sequence."""

AT_TOP = frozenset(field.name for field in FIELDS if not field.in_step) - IN_REQUEST | {"StudyInstanceUID"}


@dataclass(frozen=True)
class Step:
    """A step as a worklist answered it: its own UID, its state, and the Modality Worklist item in normal form."""

    uid: str
    state: str
    item: Dataset


def new_step(item: Dataset) -> Dataset:
    """The step to be created for an item in normal form."""
    step = dict(NEW_STEP) | _plain(item, AT_TOP) | schedule_of(item)
    step[REQUESTS] = element("SQ", [in_tag_order(_plain(item, IN_REQUEST))])
    return in_tag_order(step)


def schedule_of(item: Dataset) -> Dataset:
    """What is scheduled: the only attributes that may be changed later (PS3.4 Table CC.2.5-3, N-SET)."""
    stations, name = _values(item, "ScheduledStationAETitle"), _first(item, "ScheduledStationName")
    modality, performer = _first(item, "Modality"), _first(item, "ScheduledPerformingPhysiciansName")
    performers = [{PERFORMER_NAME: element("PN", [person_name_groups(performer)])}] if performer else []
    start = _first(item, "ScheduledProcedureStepStartDate") + _first(item, "ScheduledProcedureStepStartTime")
    return {
        STATIONS: element("SQ", [_code(name or station, LOCAL_SCHEME, station) for station in stations]),
        STATION_CLASSES: element("SQ", [_code(modality, "DCM", modality)] if modality else []),
        PERFORMERS: element("SQ", performers),
        START: element("DT", [start] if start else []),
        LABEL: element("LO", _values(item, "ScheduledProcedureStepDescription")),
    }


def unchangeable(old: Dataset, new: Dataset) -> list[str]:
    """The fields that differ between two items and that no step can have changed."""
    fixed = AT_TOP | IN_REQUEST
    return [field.name for field in FIELDS if field.name in fixed and values_of(old, field) != values_of(new, field)]


def step_of(dataset: Dataset) -> Step:
    """A step of a worklist, whoever created it: what it does not hold is empty in the item."""
    request = _items(dataset, REQUESTS)[:1] or [{}]
    stations = _items(dataset, STATIONS)
    titles = [title for title in (_text(code, CODE_MEANING) for code in stations) if title]
    names = [name for name in (_text(code, CODE_VALUE) for code in stations) if name not in titles]
    performers = _items(dataset, PERFORMERS)[:1] or [{}]
    start, state = _text(dataset, START), _text(dataset, STATE)
    inside = {
        "ScheduledStationAETitle": titles,
        "ScheduledStationName": names[:1],
        "Modality": [_text(code, CODE_VALUE) for code in _items(dataset, STATION_CLASSES)[:1]],
        "ScheduledProcedureStepStartDate": [start[:8]],
        "ScheduledProcedureStepStartTime": [_time(start)],
        "ScheduledPerformingPhysiciansName": _raw(performers[0], PERFORMER_NAME),
        "ScheduledProcedureStepDescription": [_text(dataset, LABEL)],
        "status": [STATUS_OF_STATE.get(state, state)],
    }
    item = {field.tag: dataset.get(field.tag, {}) for field in FIELDS if field.name in AT_TOP}
    item |= {field.tag: request[0].get(field.tag, item.get(field.tag, {})) for field in FIELDS if _requested(field)}
    step = {BY_NAME[name].tag: {"vr": BY_NAME[name].vr, "Value": values} for name, values in inside.items()}
    step[BY_NAME["ScheduledProcedureStepID"].tag] = request[0].get(BY_NAME["ScheduledProcedureStepID"].tag, {})
    return Step(_text(dataset, "00080018"), state, normal_form(item | {STEPS_TAG: {"vr": "SQ", "Value": [step]}}))


def _requested(field: Field) -> bool:
    return field.name in IN_REQUEST and not field.in_step


def _plain(item: Dataset, names: frozenset[str]) -> Dataset:
    """Attributes of an item as they are; those of its step out of the step."""
    return {
        field.tag: element(field.vr, [person_name_groups(v) if field.vr == "PN" else v for v in values_of(item, field)])
        for field in FIELDS
        if field.name in names
    }


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    texts = {CODE_VALUE: ("SH", value), CODE_SCHEME: ("SH", scheme), CODE_MEANING: ("LO", meaning)}
    return {tag: element(vr, [text]) for tag, (vr, text) in texts.items()}


def _values(item: Dataset, name: str) -> list[Any]:
    return values_of(item, BY_NAME[name])


def _first(item: Dataset, name: str) -> str:
    return str(next(iter(_values(item, name)), ""))


def _raw(dataset: Dataset, tag: str) -> list[Any]:
    content = dataset.get(tag)
    values = content.get("Value") if isinstance(content, dict) else None
    return values if isinstance(values, list) else []


def _text(dataset: Dataset, tag: str) -> str:
    return str(next(iter(_raw(dataset, tag)), "") or "").strip()


def _items(dataset: Dataset, tag: str) -> list[Dataset]:
    return [item for item in _raw(dataset, tag) if isinstance(item, dict)]


def _time(start: str) -> str:
    """The time of a DT without its offset from UTC (PS3.5 Table 6.2-1)."""
    return start[8:].partition("+")[0].partition("-")[0]
