"""Values checked against their VR (DICOM PS3.5 Table 6.2-1): what is wrong, in words that never hold the value."""

import re
import unicodedata
from collections.abc import Callable
from datetime import date

from dicom_service.uid import is_uid

Check = Callable[[str], str | None]

MAX_LENGTH = {"AE": 16, "CS": 16, "DA": 8, "LO": 64, "PN": 64, "SH": 16, "TM": 13, "UI": 64}
"""In characters, not bytes (PS3.5 section 6.1.2.5); of a PN each of its component groups."""

PN_GROUPS = 3
PN_COMPONENTS = 5

BLANKS = re.compile(r"[\s\ufeff]*")
"""Spaces of every kind. A PACS that takes them away would be asked for everything."""

UNENCODABLE = ("Cc", "Cs")
"""Unicode categories that no string VR holds: control characters, and halves of surrogate pairs, which UTF-8 lacks."""


def unpadded(vr: str, value: str) -> str:
    """The value without the spaces that mean nothing in its VR.

    They may stand on both sides in AE, CS, LO, PN and SH, behind a TM, and nowhere in DA and UI. Of a PN each component
    group is unpadded, and empty groups at its end are left out (PS3.5 section 6.2.1.1).
    """
    if vr == "PN":
        return "=".join(group.strip(" ") for group in value.split("=")).rstrip("=")
    if vr in ("AE", "CS", "LO", "SH"):
        return value.strip(" ")
    return value.rstrip(" ") if vr == "TM" else value


def wrong(vr: str, value: str) -> str | None:
    """What is wrong with a value that has no padding, or None where its VR allows it. An empty value is wrong."""
    if not value:
        return "must not be empty"
    return CHECKS[vr](value)


def _free_text(longest: int) -> Check:
    def check(value: str) -> str | None:
        if len(value) > longest:
            return f"must have at most {longest} characters"
        return _wrong_character(value)

    return check


def _wrong_character(value: str) -> str | None:
    if "\\" in value:
        return "must not contain a backslash"
    if any(unicodedata.category(character) in UNENCODABLE for character in value):
        return "must not contain control characters"
    if BLANKS.fullmatch(value):
        return "must not be blank"
    return None


def _application_entity(value: str) -> str | None:
    if not value.isascii():
        return "must have ASCII characters only"
    return _free_text(MAX_LENGTH["AE"])(value)


def _code_string(value: str) -> str | None:
    if len(value) > MAX_LENGTH["CS"]:
        return f"must have at most {MAX_LENGTH['CS']} characters"
    if not re.fullmatch("[A-Z0-9_ ]+", value):
        return "must have capital letters, digits, spaces and underscores only"
    return None


def _date(value: str) -> str | None:
    if not re.fullmatch("[0-9]{8}", value):
        return "must be a date as YYYYMMDD"
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return "must be a date that exists"
    return None


def _time(value: str) -> str | None:
    form = re.fullmatch(r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,6})?)?)?", value)
    if not form:
        return "must be a time as HH, HHMM, HHMMSS or HHMMSS.FFFFFF"
    hours, minutes, seconds = (int(part or 0) for part in form.groups())
    if hours > 23 or minutes > 59 or seconds > 60:  # 60 is a leap second
        return "must be a time that exists"
    return None


def _person_name(value: str) -> str | None:
    """PS3.5 section 6.2.1: component groups (alphabetic, ideographic, phonetic) of five components."""
    groups = value.split("=")
    if len(groups) > PN_GROUPS:
        return f"must have at most {PN_GROUPS} component groups, separated by ="
    if any(group.count("^") >= PN_COMPONENTS for group in groups):
        return f"must have at most {PN_COMPONENTS} components in a group, separated by ^"
    if any(len(group) > MAX_LENGTH["PN"] for group in groups):
        return f"must have at most {MAX_LENGTH['PN']} characters in a component group"
    if BLANKS.fullmatch(re.sub("[=^]", "", value)):
        return "must hold a name between its separators"
    return _wrong_character(value)


def _unique_identifier(value: str) -> str | None:
    return None if is_uid(value) else "must be a UID: up to 64 digits and dots, no component with a leading zero"


CHECKS: dict[str, Check] = {
    "AE": _application_entity,
    "CS": _code_string,
    "DA": _date,
    "LO": _free_text(MAX_LENGTH["LO"]),
    "PN": _person_name,
    "SH": _free_text(MAX_LENGTH["SH"]),
    "TM": _time,
    "UI": _unique_identifier,
}
