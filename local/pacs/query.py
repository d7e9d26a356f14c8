"""The query string of a search (PS3.18 section 8.3.4) as conditions on the index."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.datadict import keyword_for_tag
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from local.pacs.dicom_json import tag, value_representation
from local.pacs.levels import DATE_TIME_PAIRS, LEVELS, REQUEST_KEYS, SERIES, STUDY, Level
from local.pacs.matching import Condition, UnmatchableError, condition, moment_condition, text_condition

ALL = "all"
TAG = re.compile("[0-9A-Fa-f]{8}")
FUZZY_NOT_SUPPORTED = "The fuzzymatching parameter is not supported. Only literal matching has been performed."
CONTROLS = frozenset(
    {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching"}
)
MODALITIES_IN_STUDY = "ModalitiesInStudy"
REQUEST_PATHS = {f"RequestAttributesSequence.{keyword}": keyword for keyword in REQUEST_KEYS}


@dataclass(frozen=True)
class Search:
    """A search, ready to be run.

    All `conditions` hold. `included` are the tags to answer besides those that the `described` levels always show, or
    ALL. `capped` tells that the page is shorter than what was asked for.
    """

    level: Level
    conditions: tuple[Condition, ...]
    included: frozenset[str]
    limit: int
    offset: int
    capped: bool
    warnings: tuple[str, ...] = ()
    described: tuple[Level, ...] = field(default=())


def levels_down_to(level: Level) -> tuple[Level, ...]:
    """The level and those above it, from the top."""
    return LEVELS[: LEVELS.index(level) + 1]


def parse_search(
    level: Level, arguments: MultiDict[str, str], within: Mapping[str, str], *, page_limit: int, relational: bool
) -> Search:
    """A search at a level below the objects whose UIDs the path names (`within`, keyword to UID).

    A search that is not `relational` matches the attributes of its own level alone and passes over those of the levels
    above. What is known to PS3.6 but not matched here is answered with a warning. Raises BadRequest for everything that
    cannot be understood.
    """
    asked = _asked(arguments)
    scope = levels_down_to(level) if relational else (level,)
    matched = {path: value for path, value in asked.items() if _is_matched(path, scope)}
    unmatched = [path for path in asked if path not in matched] if relational else []
    try:
        conditions = [*_conditions(matched), *((f"{keyword} = ?", [uid]) for keyword, uid in within.items())]
    except UnmatchableError as error:
        raise BadRequest(str(error)) from error
    limit = _number(arguments, "limit", page_limit + 1)
    return Search(
        level=level,
        conditions=tuple(conditions),
        included=frozenset(_included(arguments)) | frozenset(_tag(path.partition(".")[0]) for path in matched),
        limit=min(limit, page_limit),
        capped=limit > page_limit,
        offset=_number(arguments, "offset", 0),
        warnings=tuple(_warnings(arguments, unmatched)),
        described=tuple(at for at in levels_down_to(level) if at is level or (relational and not _named(at, within))),
    )


def _named(level: Level, within: Mapping[str, str]) -> bool:
    return level.keys[0] in within


def _asked(arguments: MultiDict[str, str]) -> dict[str, str]:
    asked: dict[str, str] = {}
    for attribute, value in arguments.items(multi=True):
        if attribute in CONTROLS:
            continue
        path = ".".join(_keyword(name) for name in attribute.split("."))
        if path in asked:
            raise BadRequest("an attribute is given twice")
        asked[path] = value
    return asked


def _keyword(name: str) -> str:
    """The keyword of a keyword or a tag; a tag unknown to PS3.6, a private one for example, stays a tag."""
    if TAG.fullmatch(name):
        return keyword_for_tag(int(name, 16)) or name.upper()
    try:
        value_representation(name)
    except (KeyError, ValueError) as error:
        raise BadRequest("the query names an attribute that PS3.6 does not know") from error
    return name


def _is_matched(path: str, scope: tuple[Level, ...]) -> bool:
    if path == MODALITIES_IN_STUDY:
        return STUDY in scope
    return (path in REQUEST_PATHS and SERIES in scope) or any(path in level.keys for level in scope)


def _conditions(matched: Mapping[str, str]) -> Iterable[Condition]:
    """Nothing at all and wild cards alone match everything (PS3.4 C.2.2.2.3, C.2.2.2.4)."""
    rest = {path: value for path, value in matched.items() if value.strip("* ")}
    if MODALITIES_IN_STUDY in rest:
        sql, values = text_condition("Modality", rest.pop(MODALITIES_IN_STUDY))
        yield (
            f"EXISTS (SELECT 1 FROM series AS any_series WHERE any_series.study_id = study.id AND any_series.{sql})",  # noqa: S608
            values,
        )
    requests = [text_condition(REQUEST_PATHS[path], rest.pop(path)) for path in REQUEST_PATHS if path in rest]
    if requests:
        sql = " AND ".join(sql for sql, _ in requests)
        yield (
            f"EXISTS (SELECT 1 FROM request WHERE series_id = series.id AND {sql})",  # noqa: S608
            [v for _, vs in requests for v in vs],
        )
    for date, clock_time in DATE_TIME_PAIRS:
        if date in rest and clock_time in rest:
            yield moment_condition(date, rest.pop(date), clock_time, rest.pop(clock_time))
    yield from (condition(keyword, value) for keyword, value in rest.items())


def _included(arguments: MultiDict[str, str]) -> Iterable[str]:
    names = [name.strip() for value in arguments.getlist("includefield") for name in value.split(",")]
    return (name if name == ALL else _tag(_keyword(name.partition(".")[0])) for name in names if name)


def _tag(name: str) -> str:
    return name if TAG.fullmatch(name) else tag(name)


def _number(arguments: MultiDict[str, str], name: str, default: int) -> int:
    value = arguments.get(name, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadRequest(f"{name} is a whole number, zero or more")
    return int(value)


def _warnings(arguments: MultiDict[str, str], unmatched: list[str]) -> Iterable[str]:
    if arguments.get("fuzzymatching") == "true":
        yield FUZZY_NOT_SUPPORTED
    if unmatched:
        yield "These attributes are not matched at this level: " + ", ".join(unmatched)
