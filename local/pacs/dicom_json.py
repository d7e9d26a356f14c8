"""Datasets as the DICOM JSON model (PS3.18 Annex F)."""

import json
import logging
import math
import warnings
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

MAX_INLINE_BYTES = 1024
PYDICOM_MODULES = r"pydicom(\.|$)"
CHARACTER_SET_TAG = "00080005"

type Attributes = dict[str, dict[str, Any]]
"""A dataset in DICOM JSON: tags of eight upper case hexadecimal digits to `vr` and `Value`."""


def quiet_pydicom() -> None:
    """Keeps pydicom from warning and logging: real objects break rules, and its messages quote patients' values.

    Checked before each reading, because warning filters are global and come and go (a test runner sets its own).
    """
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    modules = (module for _, _, _, module, _ in warnings.filters)
    if not any(getattr(module, "pattern", module) == PYDICOM_MODULES for module in modules):
        warnings.filterwarnings("ignore", module=PYDICOM_MODULES)


def tag(keyword: str) -> str:
    """The tag of a keyword as in DICOM JSON: `PatientID` is `00100020`."""
    number = tag_for_keyword(keyword)
    if number is None:
        raise ValueError(f"{keyword} is no keyword of PS3.6")
    return f"{number:08X}"


def value_representation(keyword: str) -> str:
    """The VR of a keyword in PS3.6."""
    return dictionary_VR(keyword)


def element(keyword: str, *values: object) -> tuple[str, dict[str, Any]]:
    """One attribute as a pair of tag and JSON element; no value at all leaves the `vr` alone."""
    vr = value_representation(keyword)
    return tag(keyword), {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def first_value(attributes: Attributes, keyword: str) -> Any:
    """The first value of an attribute, or None."""
    return next(iter(attributes.get(tag(keyword), {}).get("Value", ())), None)


def in_tag_order(elements: Iterable[tuple[str, dict[str, Any]]]) -> Attributes:
    """The elements as one dataset, sorted by tag."""
    return dict(sorted(elements))


def serialize(content: object) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(errors="replace")


def to_dicom_json(dataset: Dataset) -> Attributes:
    """The dataset without bulk data: what is longer than 1024 bytes of binary, and elements that cannot be converted.

    Text is Unicode in JSON, so Specific Character Set becomes ISO_IR 192, as PS3.18 F.2.2 wants it.
    """
    elements = dict(pair for pair in map(_element, _readable(dataset)) if pair)
    if CHARACTER_SET_TAG in elements:
        elements |= [element("SpecificCharacterSet", "ISO_IR 192")]
    return in_tag_order(elements.items())


def _readable(dataset: Dataset) -> Iterable[DataElement]:
    for key in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts, and may raise on, each element
        try:
            yield dataset[key]
        except Exception:  # noqa: BLE001, S112 - pydicom raises whatever a broken value provokes
            continue


def _element(data_element: DataElement) -> tuple[str, dict[str, Any]] | None:
    name = f"{int(data_element.tag):08X}"
    if data_element.VR == "SQ":
        items = [to_dicom_json(item) for item in data_element.value]
        return name, {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if isinstance(data_element.value, bytes) and len(data_element.value) > MAX_INLINE_BYTES:
        return None
    try:
        converted = data_element.to_json_dict(bulk_data_element_handler=None, bulk_data_threshold=0)
    except Exception:  # noqa: BLE001 - as above
        return None
    return name, _without_empty_values(converted)


def _without_empty_values(converted: dict[str, Any]) -> dict[str, Any]:
    if "Value" not in converted:
        return converted
    values = [None if isinstance(v, float) and not math.isfinite(v) else v for v in converted["Value"]]
    if all(value in (None, "") for value in values):
        return {"vr": converted["vr"]}
    return {"vr": converted["vr"], "Value": [None if value == "" else value for value in values]}
