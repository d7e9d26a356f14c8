"""Attribute values of a dataset that may be malformed: what cannot be read counts as absent."""

import struct
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException

MALFORMED = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
)


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The numbers of an attribute; an empty list when it is absent or holds anything else.

    One of VR "US or SS" arrives as bytes from Implicit VR Little Endian (PS3.5 Annex A.1); it is read as unsigned.
    """
    try:
        value = dataset.get(keyword)
        if isinstance(value, bytes):
            value = struct.unpack(f"<{len(value) // 2}H", value)
        return [float(each) for each in _several(value)]
    except MALFORMED:
        return []


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first number of an attribute, None when it has none."""
    found = numbers(dataset, keyword)
    return found[0] if found else None


def whole(dataset: Dataset, keyword: str, default: int) -> int:
    """The first number of an attribute as an integer, `default` when it has none."""
    found = number(dataset, keyword)
    return default if found is None or abs(found) > 2**40 else int(found)


def text(dataset: Dataset, keyword: str) -> str:
    """The first string of an attribute, stripped; empty when it has none."""
    try:
        value = _several(dataset.get(keyword))
    except MALFORMED:
        return ""
    return str(value[0]).strip() if value and value[0] is not None else ""


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, an empty list when there is none."""
    try:
        value = dataset.get(keyword)
        return list(value) if value and isinstance(value[0], Dataset) else []
    except MALFORMED:
        return []


def _several(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    try:
        return list(value)
    except TypeError:
        return [value]
