"""Workitems between keyword JSON and datasets in the DICOM JSON model (PS3.18 Annex F)."""

from collections.abc import Mapping
from typing import Any

from dicom_service.worklist.fields import BY_NAME, CHARACTER_SET, CHARACTER_SET_TAG, FIELDS, STEPS_TAG, Field, Value

Dataset = dict[str, Any]

PN_GROUP_NAMES = ("Alphabetic", "Ideographic", "Phonetic")
"""Of the component groups of a PN, in order (PS3.18 section F.2.2)."""


def dataset_of(workitem: Mapping[str, Value]) -> Dataset:
    """The workitem's dataset: every attribute of the table in tag order, the empty ones with their VR alone."""
    top: Dataset = {CHARACTER_SET_TAG: element("CS", [CHARACTER_SET])}
    step: Dataset = {}
    for field in FIELDS:
        value = workitem.get(field.name)
        if field.default and value in (None, field.default):
            continue
        values = value if isinstance(value, list) else [value]
        (step if field.in_step else top)[field.tag] = element(
            field.vr, [_encoded(field, one) for one in values if one is not None]
        )
    top[STEPS_TAG] = element("SQ", [in_tag_order(step)])
    return in_tag_order(top)


def keywords_of(dataset: Dataset) -> dict[str, Value]:
    """Plain keyword JSON of a dataset in normal form: the shape that `POST /workitems` takes, without what is empty."""
    workitem: dict[str, Value] = {}
    for field in FIELDS:
        values = values_of(dataset, field)
        if values:
            workitem[field.name] = values if field.many and len(values) > 1 else values[0]
    return workitem


def values_of(dataset: Dataset, field: Field) -> list[Any]:
    """A field's values in a dataset in normal form, of the first scheduled step where it stands in one."""
    return values_in(steps_of(dataset)[0] if field.in_step else dataset, field)


def values_in(attributes: Dataset, field: Field) -> list[Any]:
    """A field's values among the attributes that it stands in; person names as text."""
    values = attributes.get(field.tag, {}).get("Value", [])
    return [person_name(value) for value in values] if field.vr == "PN" else list(values)


def study_uid_of(dataset: Dataset) -> str:
    """The Study Instance UID of a dataset in normal form; empty where it has none."""
    return str(next(iter(values_of(dataset, BY_NAME["StudyInstanceUID"])), ""))


def steps_of(dataset: Dataset) -> list[Dataset]:
    """The scheduled procedure steps of a dataset in normal form; there is always one."""
    steps: list[Dataset] = dataset[STEPS_TAG]["Value"]
    return steps


def element(vr: str, values: list[Any]) -> dict[str, Any]:
    """A data element; without `Value` where it is empty (PS3.18 section F.2.5)."""
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def in_tag_order(attributes: Dataset) -> Dataset:
    """The same attributes, ordered by tag."""
    return dict(sorted(attributes.items()))


def person_name_groups(text: str) -> dict[str, str]:
    """A person name as DICOM JSON has it, from its component groups joined by `=`."""
    groups = zip(PN_GROUP_NAMES, text.split("="), strict=False)
    return {name: group for name, group in groups if group}


def person_name(groups: Mapping[str, str]) -> str:
    """A person name's component groups joined by `=`."""
    return "=".join(groups.get(name, "") for name in PN_GROUP_NAMES).rstrip("=")


def _encoded(field: Field, value: str | int) -> Any:
    return person_name_groups(str(value)) if field.vr == "PN" else value
