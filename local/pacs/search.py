"""Runs a search on the index and shapes what it finds as PS3.18 Tables 10.6.3-3 to 10.6.3-5 require."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from local.pacs.database import Database
from local.pacs.dicom_json import Attributes, element, in_tag_order, tag, value_representation
from local.pacs.levels import INSTANCE, SERIES, STUDY, Level
from local.pacs.query import ALL, Search, levels_down_to

FROM = {
    STUDY: "study",
    SERIES: "study JOIN series ON series.study_id = study.id",
    INSTANCE: "study JOIN series ON series.study_id = study.id JOIN instance ON instance.series_id = series.id",
}

# What is counted for an answer, beside the attributes that were kept
COUNTED = {
    STUDY: {
        "NumberOfStudyRelatedSeries": "(SELECT count(*) FROM series AS s WHERE s.study_id = study.id)",
        "NumberOfStudyRelatedInstances": "(SELECT count(*) FROM instance AS i JOIN series AS s ON s.id = i.series_id"
        " WHERE s.study_id = study.id)",
        "ModalitiesInStudy": "(SELECT json_group_array(DISTINCT s.Modality) FROM series AS s"
        " WHERE s.study_id = study.id AND s.Modality != '')",
    },
    SERIES: {"NumberOfSeriesRelatedInstances": "(SELECT count(*) FROM instance AS i WHERE i.series_id = series.id)"},
    INSTANCE: {},
}

type Link = Callable[[tuple[str, ...]], str]
"""The retrieve URL of what the UIDs name: a study, a series in it, an instance in that."""


@dataclass(frozen=True)
class Page:
    """Datasets in the order in which the objects came, and how many further ones match behind them."""

    datasets: list[Attributes]
    remaining: int


def run_search(database: Database, search: Search, link: Link) -> Page:
    """The page that the search asks for."""
    conditions = " AND ".join(sql for sql, _ in search.conditions) or "TRUE"
    source = f"FROM {FROM[search.level]} WHERE {conditions}"
    values: list[Any] = [value for _, some in search.conditions for value in some]
    page = f"SELECT {_columns(search)} {source} ORDER BY {search.level.name}.id LIMIT ? OFFSET ?"
    with database.read() as connection:
        rows = connection.execute(page, [*values, search.limit, search.offset]).fetchall()
        total = connection.execute(f"SELECT count(*) {source}", values).fetchone()[0]
    return Page([_dataset(row, search, link) for row in rows], max(0, total - search.offset - len(rows)))


def _columns(search: Search) -> str:
    above = levels_down_to(search.level)
    columns = [f"{level.name}.attributes AS {level.name}_attributes" for level in above]
    columns += [level.keys[0] for level in above]
    columns += [f"{sql} AS {keyword}" for level in search.described for keyword, sql in COUNTED[level].items()]
    return ", ".join(columns)


def _dataset(row: Row, search: Search, link: Link) -> Attributes:
    above = levels_down_to(search.level)
    uids = tuple(row[level.keys[0]] for level in above)
    elements = dict(
        [
            element("SpecificCharacterSet", "ISO_IR 192"),
            element("InstanceAvailability", "ONLINE"),
            element("RetrieveURL", link(uids)),
            *(element(level.keys[0], uid) for level, uid in zip(above, uids, strict=True)),
        ]
    )
    for level in above:
        kept = json.loads(row[f"{level.name}_attributes"])
        elements |= _asked_for(kept, search.included)
        if level in search.described:
            elements |= _by_default(level, kept) | dict(_counted(level, row))
    return in_tag_order(elements.items())


def _asked_for(kept: Attributes, included: frozenset[str]) -> Attributes:
    if ALL in included:
        return {name: value for name, value in kept.items() if name != tag("SpecificCharacterSet")}
    return {name: kept[name] for name in included & kept.keys()}


def _by_default(level: Level, kept: Attributes) -> Attributes:
    shown = {tag(keyword): {"vr": value_representation(keyword)} for keyword in level.required}
    names = [tag(keyword) for keyword in (*level.required, *level.conditional)]
    return shown | {name: kept[name] for name in names if name in kept}


def _counted(level: Level, row: Row) -> Iterable[tuple[str, dict[str, Any]]]:
    for keyword in COUNTED[level]:
        value = row[keyword]
        yield element(keyword, *(json.loads(value) if isinstance(value, str) else [value]))
