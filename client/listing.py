"""`worklist` and `events`: what there is to see."""

import time
from typing import Any

from client.endings import Ending, Refusal
from client.output import json_text, print_lines
from client.service import Service, understood

POLL_SECONDS = 2.0
COLUMNS = {
    "Date": "ScheduledProcedureStepStartDate",
    "Time": "ScheduledProcedureStepStartTime",
    "Station": "ScheduledStationAETitle",
    "Modality": "Modality",
    "Patient": "PatientName",
    "Patient ID": "PatientID",
    "Procedure": "ScheduledProcedureStepDescription",
    "Study": "StudyInstanceUID",
}


def worklist(service: Service, **filters: str) -> list[dict[str, Any]]:
    """The workitems that fit the filters, the earliest first; raises Refusal."""
    workitems: list[dict[str, Any]] = service.get_json(list, "/workitems", format="simple", **filters)
    with understood():
        return sorted(workitems, key=lambda one: [str(one.get(COLUMNS[name], "")) for name in ("Date", "Time")])


def rows(workitems: list[dict[str, Any]]) -> list[list[object]]:
    """Of each workitem the values of COLUMNS."""
    return [[workitem.get(keyword, "") for keyword in COLUMNS.values()] for workitem in workitems]


def all_events(service: Service, after: str) -> dict[str, Any]:
    """Every event behind the cursor as one page of the feed, `next` being where to go on; raises Refusal."""
    events: list[Any] = []
    while True:
        page = _page(service, after)
        events += page["events"]
        if page["next"] is None:
            return {"events": events, "next": after}
        after = page["next"]


def print_events(service: Service, after: str, *, follow: bool) -> None:
    """Prints a line of JSON for each event, the oldest first, and goes on for ever where it is to follow.

    Raises NotWritten, and an Ending that names the cursor to go on from for a Refusal or Ctrl-C after the first page.
    """
    begun = after
    try:
        while True:
            page = _page(service, after)
            print_lines(json_text(event) for event in page["events"])
            after = page["next"] or after
            if page["next"] is None:
                if not follow:
                    return
                time.sleep(POLL_SECONDS)
    except Refusal as refusal:
        if after == begun:
            raise
        raise Ending(f"{refusal.reason}; --after {after} goes on from here") from refusal
    except KeyboardInterrupt as end:
        raise Ending(f"ended; --after {after} goes on from here") from end


def _page(service: Service, after: str) -> dict[str, Any]:
    page = service.get_json(dict, "/exam-events", after=after)
    with understood():
        if not isinstance(page["events"], list) or not isinstance(page["next"], str | None):
            raise TypeError
    return page
