"""The worklist as Orthanc's worklists plugin has it: items by keyword, under identifiers of its own."""

import json
import uuid
from typing import Any

from flask import Blueprint, Response, request
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from werkzeug.exceptions import BadRequest, NotFound

from local.pacs.answers import Rules, blueprint, json_answer
from local.pacs.database import Database
from local.pacs.entries import Entries, Entry

Tags = dict[str, Any]


class OrthancWorklists:
    """The items of one Orthanc."""

    def __init__(self, database: Database) -> None:
        self._items = Entries(database, "orthanc-worklists")

    def create(self) -> Response:
        tags, identifier = _tags(request.get_data()), str(uuid.uuid4())
        self._items.add(identifier, tags.get("StudyInstanceUID", ""), tags.get("PatientID", ""), json.dumps(tags))
        return json_answer({"ID": identifier, "Path": f"/worklists/{identifier}"})

    def listed(self) -> Response:
        return json_answer([_shown(entry) for entry in self._items.find()])

    def show(self, identifier: str) -> Response:
        entry = self._items.get(identifier)
        if not entry:
            raise NotFound("Worklist not found")
        return json_answer(_shown(entry))

    def modify(self, identifier: str) -> Response:
        tags = _tags(request.get_data())
        if not self._items.replace(
            identifier, tags.get("StudyInstanceUID", ""), tags.get("PatientID", ""), json.dumps(tags)
        ):
            raise NotFound("Worklist not found")
        return json_answer({"ID": identifier, "Path": f"/worklists/{identifier}"})

    def delete(self, identifier: str) -> Response:
        if not self._items.remove(identifier):
            raise NotFound("Worklist not found")
        return json_answer({})


def orthanc_worklist_routes(database: Database) -> Blueprint:
    """Create, list without any filter, show, modify, delete. A study may have any number of items."""
    served = OrthancWorklists(database)
    rules: Rules = (
        ("POST", "/worklists/create", served.create),
        ("GET", "/worklists", served.listed),
        ("GET", "/worklists/<identifier>", served.show),
        ("PUT", "/worklists/<identifier>", served.modify),
        ("DELETE", "/worklists/<identifier>", served.delete),
    )
    return blueprint("orthanc_worklists", rules)


def _tags(body: bytes) -> Tags:
    """The body's `Tags`. Raises BadRequest where there are none, or one that the dictionary does not know."""
    try:
        tags: Tags = json.loads(body)["Tags"]
        _full(tags)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest("the body holds no Tags that are known") from error
    return tags


def _shown(entry: Entry) -> dict[str, Any]:
    tags: Tags = json.loads(entry.content)
    return {"ID": entry.name, "Tags": _full(tags) if request.args.get("format") == "Full" else tags}


def _full(tags: Tags) -> Tags:
    """Orthanc's format `Full`: `{"0010,0020": {"Name": "PatientID", "Type": "String", "Value": "P1"}}`."""
    return dict(_full_tag(keyword, value) for keyword, value in sorted(tags.items()))


def _full_tag(keyword: str, value: Any) -> tuple[str, dict[str, Any]]:
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    name = f"{number >> 16:04x},{number & 0xFFFF:04x}"
    if dictionary_VR(number) == "SQ":
        return name, {"Name": keyword_for_tag(number), "Type": "Sequence", "Value": [_full(item) for item in value]}
    kind = "String" if value else "Null"
    return name, {"Name": keyword_for_tag(number), "Type": kind, "Value": str(value) if value else None}
