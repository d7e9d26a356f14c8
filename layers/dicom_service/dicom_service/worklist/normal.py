"""Datasets as PACS answer them, brought into the one form that clients get.

PACS leave out what is empty, pad values, keep dates as ACR-NEMA wrote them, answer names as text. None of it is worth a
failure.
"""

from collections.abc import Mapping
from typing import Any

from dicom_service.worklist.fields import CHARACTER_SET, CHARACTER_SET_TAG, FIELDS, STEPS_TAG, Field
from dicom_service.worklist.mapper import PN_GROUP_NAMES, Dataset, element, in_tag_order, person_name_groups

PADDING = " \0"


def normal_form(dataset: Mapping[str, Any]) -> Dataset:
    """The dataset with every attribute of the table in tag order, values without padding, in UTF-8 by its own word.

    Attributes that the table does not have are kept as they are.
    """
    attributes = _with_capital_tags(dataset)
    steps = [step for step in _values(attributes.pop(STEPS_TAG, None)) if isinstance(step, Mapping)]
    normal = _normal_attributes(attributes, in_step=False)
    normal[CHARACTER_SET_TAG] = element("CS", [CHARACTER_SET])
    normal[STEPS_TAG] = element(
        "SQ", [in_tag_order(_normal_attributes(_with_capital_tags(step), in_step=True)) for step in steps or [{}]]
    )
    return in_tag_order(normal)


def _with_capital_tags(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {tag.upper(): content for tag, content in attributes.items()}


def _normal_attributes(attributes: dict[str, Any], *, in_step: bool) -> Dataset:
    own = {
        field.tag: element(field.vr, _normal_values(field, attributes.pop(field.tag, None)))
        for field in FIELDS
        if field.in_step == in_step
    }
    for field in FIELDS:
        if field.default and own.get(field.tag, {}).get("Value", [field.default]) == [field.default]:
            own.pop(field.tag, None)
    return attributes | own


def _normal_values(field: Field, content: Any) -> list[Any]:
    values = [_normal_value(field.vr, value) for value in _values(content)]
    return [value for value in values if value not in (None, "", {})]


def _values(content: Any) -> list[Any]:
    values = content.get("Value") if isinstance(content, Mapping) else None
    return values if isinstance(values, list) else []


def _normal_value(vr: str, value: Any) -> Any:
    if vr == "PN":
        return _normal_name(value)
    if not isinstance(value, (str, int, float)):
        return None
    text = str(value).strip(PADDING)
    if vr == "US":
        return int(text) if text.isascii() and text.isdigit() else None
    if vr == "DA":
        return text.replace(".", "").replace("-", "")
    if vr == "TM":
        return text.replace(":", "")
    return text


def _normal_name(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return person_name_groups(value.strip(PADDING))
    groups = value if isinstance(value, Mapping) else {}
    texts = {name: str(groups.get(name) or "").strip(PADDING) for name in PN_GROUP_NAMES}
    return {name: text for name, text in texts.items() if text}
