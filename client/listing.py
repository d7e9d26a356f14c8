"""`worklist` and `events`: what there is to see."""

import json
import sys
import time
from typing import Any

from rich.table import Table

from client.service import Service

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


def worklist(service: Service, **filters: str) -> Table:
    """The workitems that fit the filters, the earliest first; raises Refusal."""
    found: list[dict[str, Any]] = service.get("/workitems", format="simple", **filters).json()
    table = Table(*COLUMNS, caption=f"{len(found)} workitems")
    for workitem in sorted(found, key=lambda one: [str(one.get(COLUMNS[name], "")) for name in ("Date", "Time")]):
        table.add_row(*(str(workitem.get(keyword, "")) for keyword in COLUMNS.values()))
    return table


def print_events(service: Service, after: str, *, follow: bool) -> str:
    """Prints a line of JSON for each event, the oldest first, and goes on for ever where it is to follow.

    Gives the cursor to go on from; raises Refusal.
    """
    while True:
        page = service.get("/exam-events", after=after).json()
        for event in page["events"]:
            sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        after = page["next"] or after
        if page["next"] is None:
            if not follow:
                return after
            time.sleep(POLL_SECONDS)
