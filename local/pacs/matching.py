"""Attribute matching (PS3.4 section C.2.2.2) as conditions in SQL.

Columns hold each value in a form that compares as text: names folded, dates and times at full length.
"""

import re
from typing import Any

from local.pacs.dicom_json import value_representation

type Condition = tuple[str, list[str]]
"""SQL for a WHERE clause and the values of its placeholders."""

DATE = re.compile(r"\d{8}")
TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
EARLIEST_TIME = "000000.000000"
LATEST_TIME = "235959.999999"
WILDCARDS = re.compile(r"[*?]")


class UnmatchableError(ValueError):
    """A value that its attribute cannot be matched with, such as a date range that holds no dates."""


def stored_form(keyword: str, json_value: Any) -> str:
    """The text that a column keeps for the first value of an attribute in DICOM JSON; empty for none."""
    vr = value_representation(keyword)
    if json_value is None:
        return ""
    if vr == "PN":
        groups = (json_value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic"))
        names = [_folded(group) for group in groups]
        return f"={'='.join(names)}=" if any(names) else ""
    text = str(json_value).strip()
    if vr == "DA":
        return text.replace(".", "")
    if vr == "TM":
        return _padded(text.replace(":", ""), EARLIEST_TIME)
    return text


def condition(keyword: str, value: str) -> Condition:
    """What a column must fulfil to match the value, by the attribute's VR. Raises UnmatchableError."""
    match value_representation(keyword):
        case "UI":
            return _one_of(keyword, [uid.strip() for uid in re.split(r"[,\\]", value)])
        case "DA":
            return _between(keyword, *date_range(value))
        case "TM":
            return _between(keyword, *time_range(value))
        case "PN":
            return f"{keyword} GLOB ?", [f"*={_pattern(_folded(value))}=*"]
        case "IS":
            return f"{keyword} = ?", [_integer(value)]
        case _:
            return text_condition(keyword, value)


def text_condition(column: str, value: str) -> Condition:
    """Single value and wild card matching; the case counts."""
    value = value.strip()
    return (f"{column} GLOB ?", [_pattern(value)]) if WILDCARDS.search(value) else (f"{column} = ?", [value])


def moment_condition(date_keyword: str, dates: str, time_keyword: str, times: str) -> Condition:
    """Date and time matched as one moment, from the first day's time to the last day's (PS3.4 C.2.2.2.5.4)."""
    first_day, last_day = date_range(dates)
    first_time, last_time = time_range(times)
    first = first_day + (first_time or EARLIEST_TIME) if first_day else ""
    last = last_day + (last_time or LATEST_TIME) if last_day else ""
    return _between(f"{date_keyword} || {time_keyword}", first, last)


def date_range(value: str) -> tuple[str, str]:
    """First and last day of `YYYYMMDD` or of a range with one open end, which is empty. Raises UnmatchableError."""
    first, last = _ends(value)
    if not all(DATE.fullmatch(day) for day in (first, last) if day):
        raise UnmatchableError("a date is YYYYMMDD, a range of dates YYYYMMDD-YYYYMMDD")
    return first, last


def time_range(value: str) -> tuple[str, str]:
    """First and last microsecond of a time or a range at full length: `10` is an hour. Raises UnmatchableError."""
    first, last = _ends(value)
    if not all(TIME.fullmatch(time) for time in (first, last) if time):
        raise UnmatchableError("a time is HH[MM[SS[.F]]], a range of times two of them with a hyphen")
    return first and _padded(first, EARLIEST_TIME), last and _padded(last, LATEST_TIME)


def _ends(value: str) -> tuple[str, str]:
    first, hyphen, last = (part.strip() for part in value.partition("-"))
    if not first and not last:
        raise UnmatchableError("a range has at least one end")
    return (first, last) if hyphen else (first, first)


def _padded(time: str, limit: str) -> str:
    return time + limit[len(time) :] if time else ""


def _between(expression: str, first: str, last: str) -> Condition:
    bounds = [(f"{expression} >= ?", first)] if first else [(f"{expression} != ?", "")]
    bounds += [(f"{expression} <= ?", last)] if last else []
    return " AND ".join(sql for sql, _ in bounds), [bound for _, bound in bounds]


def _one_of(column: str, values: list[str]) -> Condition:
    return f"{column} IN ({', '.join('?' * len(values))})", values


def _integer(value: str) -> str:
    try:
        return str(int(value))
    except ValueError as error:
        raise UnmatchableError("a number has digits only") from error


def _folded(name: str) -> str:
    return "=".join(group.strip().rstrip("^").strip() for group in name.casefold().split("="))


def _pattern(value: str) -> str:
    return value.replace("[", "[[]")
