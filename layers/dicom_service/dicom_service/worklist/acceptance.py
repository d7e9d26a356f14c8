"""What a client may write for a field of a workitem, and what of it goes into the dataset."""

from collections.abc import Callable, Sequence

from dicom_service.uid import is_existing_uid
from dicom_service.worklist.fields import BY_NAME, Field, Value
from dicom_service.worklist.values import unpadded, wrong

MOST_VALUES = 100
"""Of a field of VM 1-n: more than any order has, and small enough for every store."""


def accepted(field: Field, given: object) -> Value | None:
    """The value as it goes into a dataset, without padding; None where nothing is given for an optional field.

    Nothing is an empty string, null or, where several values may stand, an empty array. Raises ValueError with what is
    wrong.
    """
    value = unpadded(field.vr, given) if isinstance(given, str) else given
    if value is None or value == "" or (field.many and value == []):
        if field.required:
            raise ValueError("must not be empty")
        return None
    if field.vr == "US":
        return _number(field, value)
    if field.many and isinstance(value, list):
        return _several(field, value)
    return _text(field, value)


def _number(field: Field, given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given not in field.terms:
        raise ValueError(f"must be one of the numbers {_listed(field.terms)}")
    return given


def _several(field: Field, given: list[object]) -> Value:
    if len(given) > MOST_VALUES:
        raise ValueError(f"must have at most {MOST_VALUES} values")
    texts = [_text(field, one) for one in given]
    return texts if len(texts) > 1 else texts[0]


def _text(field: Field, given: object) -> str:
    if not isinstance(given, str):
        raise ValueError("must be a string or an array of strings" if field.many else "must be a string")  # noqa: TRY004
    text = unpadded(field.vr, given)
    if any(character in text for character in field.forbidden):
        raise ValueError(f"must not contain {_listed(field.forbidden)}")
    if field.terms and text not in field.terms:
        raise ValueError(f"must be {_listed(field.terms)}")
    found = wrong(field.vr, text)
    if found:
        raise ValueError(found)
    return text


def _listed(choices: Sequence[object]) -> str:
    *others, last = map(str, choices)
    return f"{', '.join(others)} or {last}"


def filter_value(name: str) -> Callable[[str], str]:
    """A check of what a search asks for in the field of that name: one value of its VR; raises ValueError."""
    return _existing_uid if BY_NAME[name].vr == "UI" else lambda given: _text(BY_NAME[name], given)


def _existing_uid(given: str) -> str:
    if not is_existing_uid(given):
        raise ValueError("must be a UID: up to 64 digits and dots")
    return given
