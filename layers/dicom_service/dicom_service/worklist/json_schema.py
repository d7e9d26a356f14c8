"""What a field's value looks like, as JSON Schema: for the OpenAPI document, which `acceptance` decides as well.

The patterns are those of ECMA-262, which JSON Schema asks for. VRs: DICOM PS3.5 Table 6.2-1.
"""

from typing import Any

from dicom_service.uid import UID_MAX_LENGTH, UID_PATTERN
from dicom_service.worklist.acceptance import MOST_VALUES
from dicom_service.worklist.fields import Field
from dicom_service.worklist.values import MAX_LENGTH, PN_COMPONENTS, PN_GROUPS

_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_TEXT = rf"[^\\{_CONTROL}]"
_NOT_BLANK = rf"^{_TEXT}*[^\\\s\ufeff{_CONTROL}]{_TEXT}*$"
_LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DAY_OF_MONTH = "(0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)|02(0[1-9]|1[0-9]|2[0-8])"
_YEAR = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
DATE = f"({_YEAR}({_DAY_OF_MONTH})|{_LEAP_YEAR}0229)"
"""A date of the Gregorian calendar, of the years 1 to 9999."""

_TIME = r"^([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)? *$"
_NAME_PART = rf"[^\\=^{_CONTROL}]*"
_NAME_GROUP = rf"{_NAME_PART}(\^{_NAME_PART}){{0,{PN_COMPONENTS - 1}}}"
_OF_A_GROUP = rf"[^\\={_CONTROL}]{{0,{MAX_LENGTH['PN']}}}"

_STRINGS: dict[str, dict[str, Any]] = {
    "AE": {"pattern": r"^[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*$", "maxLength": MAX_LENGTH["AE"]},
    "CS": {"pattern": "^[A-Z0-9_ ]*[A-Z0-9_][A-Z0-9_ ]*$", "maxLength": MAX_LENGTH["CS"]},
    "DA": {"pattern": f"^{DATE}$"},
    "LO": {"pattern": _NOT_BLANK, "maxLength": MAX_LENGTH["LO"]},
    "PN": {
        "allOf": [
            {"pattern": rf"^{_NAME_GROUP}(={_NAME_GROUP}){{0,{PN_GROUPS - 1}}}$"},
            {"pattern": rf"^{_OF_A_GROUP}(={_OF_A_GROUP}){{0,{PN_GROUPS - 1}}}$"},
            {"pattern": r"[^=^\s\ufeff]"},
        ]
    },
    "SH": {"pattern": _NOT_BLANK, "maxLength": MAX_LENGTH["SH"]},
    "TM": {"pattern": _TIME},
    "UI": {"pattern": UID_PATTERN, "maxLength": UID_MAX_LENGTH},
}

EMPTY = {"DA": "^$", "PN": "^[ =]*$", "UI": "^$", "US": "^$"}
"""What is no value, where it is more or less than spaces (`values.unpadded`)."""


def value_schema(field: Field) -> dict[str, Any]:
    """The schema of one value of the field."""
    if field.vr == "US":
        return {"type": "integer", "enum": list(field.terms)}
    if field.terms:
        return {"type": "string", "enum": list(field.terms)}
    schema = {"type": "string", **_STRINGS[field.vr]}
    if field.forbidden:
        schema["not"] = {"pattern": f"[{field.forbidden}]"}
    return schema


def field_schema(field: Field, *, required: bool) -> dict[str, Any]:
    """The schema of the field in keyword JSON; one that is not required may be null or empty: not given."""
    choices = [value_schema(field)]
    if field.many:
        least = 1 if required else 0
        choices.append({"type": "array", "items": choices[0], "minItems": least, "maxItems": MOST_VALUES})
    if not required:
        choices += [{"type": "string", "pattern": EMPTY.get(field.vr, "^ *$")}, {"type": "null"}]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}
