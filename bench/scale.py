"""What the event path and the service's own worklist ask of DynamoDB, as units by key, and the ceilings that follow.

    python -m bench.scale            # about three minutes
    python -m bench.scale 20000      # with so many workitems

The functions' own code runs against the emulated AWS; bench/ledger.py charges each call by AWS's rules. What a key can
take is documented: 1,000 write units and 3,000 read units a second, index keys alike. Nothing here is a time of this
machine. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

import json
import os
import sys
from collections.abc import Iterator

from bench.event_backlog import configure
from bench.ledger import Ledger, Meter
from dicom_service.events import feed
from dicom_service.events.delivery import deliver
from dicom_service.events.exam_event import announcement
from dicom_service.events.fan_out import fan_out
from dicom_service.events.feed import Cursor
from dicom_service.events.messages import DeliveryMessage
from dicom_service.events.outbox import store_event
from dicom_service.events.subscribers import subscribers
from dicom_service.events.topic import publish_events
from dicom_service.events.webhook import Sender
from dicom_service.faults import logger
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import dataset_of
from dicom_service.worklist.search import date_range, workitems
from dicom_service.worklist.table import TableWorklist
from local.aws import Aws
from tests.scripted import Answer, ScriptedPacs

WRITES_OF_A_KEY = 1000
EVENTS = 490
BATCH = 49
WORKITEMS = 3000
MODALITIES = ("CT", "MR", "US", "XR")


def main() -> None:
    """Prints both tables."""
    logger.setLevel("CRITICAL")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WORKITEMS
    aws = Aws()
    aws.start()
    try:
        with ScriptedPacs(by=lambda _: Answer(204)) as subscriber:
            configure(aws, ",".join(f"{subscriber.url}/{number}" for number in range(5)))
            os.environ |= {"CALLBACK_ALLOW_INSECURE": "true", "WORKLIST_BACKEND": "dynamodb"}
            print("\n".join([*events(Meter()), "", *worklist(Meter(), count)]))
    finally:
        aws.stop()


def events(meter: Meter) -> Iterator[str]:
    """Of one event: calls, write and read units, and what its hottest key lets through in a second."""
    yield f"| {EVENTS} events | calls each | write units each | read units each | hottest key | a second |"
    yield "| --- | ---: | ---: | ---: | --- | ---: |"
    stored: list[str] = []
    with meter.counting() as accepted:
        stored += [_accepted(number) for number in range(EVENTS)]
    yield _row("accepted", accepted, EVENTS)
    with meter.counting() as published:
        for first in range(0, EVENTS, BATCH):
            if publish_events(stored[first : first + BATCH]):
                raise RuntimeError("an event was not published")
    yield _row(f"published and numbered, {BATCH} together", published, EVENTS)
    bodies = [(json.dumps({"eventId": each, "receivedAt": "2026-01-15T09:30:00.000Z"}), {}) for each in stored]
    with meter.counting() as fanned:
        for first in range(0, EVENTS, 10):
            fan_out(bodies[first : first + 10])
    yield _row("fanned out to five, ten together", fanned, EVENTS)
    some = stored[:50]
    with meter.counting() as delivered:
        for event_id in some:
            for key in subscribers():
                deliver(DeliveryMessage(event_id, key, 0), Sender())
    yield _row("a delivery", delivered, len(some) * len(subscribers()))
    with meter.counting() as read:
        found = len(feed.read(Cursor(), 200).entries)
    yield _row(f"the feed, of each of {found} entries", read, found)
    with meter.counting() as of_study:
        feed.read(Cursor(), 200, study_instance_uid="1.2.3.7")
    yield _row("the feed of one study, a request", of_study, 1)


def worklist(meter: Meter, count: int) -> Iterator[str]:
    """Read units of each search, with a hundredth of the workitems and with all."""
    kept = TableWorklist()
    few = dict.fromkeys(SEARCHES, 0.0)
    for number in range(count):
        if number == count // 100:
            few = {name: _units(meter, kept, search) for name, search in SEARCHES.items()}
        uid, day = f"1.2.4.{number}", number // 500
        values = {
            "PatientID": f"P{number}", "AccessionNumber": f"A{number}", "Modality": MODALITIES[number % 4],
            "ScheduledProcedureStepStartDate": f"2030{1 + day // 28:02}{1 + day % 28:02}",
            "ScheduledProcedureStepStartTime": f"{number % 24:02}{number % 60:02}",
        }  # fmt: skip
        with meter.counting() as written:
            kept.create(uid, dataset_of({**EXAMPLE, "StudyInstanceUID": uid, **values}), fresh=True)
    yield f"| read units | of {count // 100} workitems | of {count} |"
    yield "| --- | ---: | ---: |"
    for name, search in SEARCHES.items():
        yield f"| {name} | {few[name]:g} | {_units(meter, kept, search):g} |"
    yield f"| an order written, in write units with its five indexes | | {written.write_units:g} |"


SEARCHES: dict[str, WorkitemSearch] = {
    "one modality's day": WorkitemSearch({"Modality": "MR"}, date_range("20300101")),
    "a station's day": WorkitemSearch({"ScheduledStationAETitle": "CT9"}, date_range("20300101")),
    "an accession number": WorkitemSearch({"AccessionNumber": "A7"}),
    "a patient": WorkitemSearch({"PatientID": "P7"}),
    "a study": WorkitemSearch.of_study("1.2.4.7"),
    "`limit=10`": WorkitemSearch(limit=10),
}


def _units(meter: Meter, kept: TableWorklist, search: WorkitemSearch) -> float:
    with meter.counting() as ledger:
        workitems(kept, search)
    if "Scan" in ledger.calls:
        raise RuntimeError("a search scans")
    return ledger.read_units


def _accepted(number: int) -> str:
    pacs_event = {"StudyInstanceUID": f"1.2.3.{number % 50}", "EventType": "COMPLETED", "n": number}
    return str(store_event(json.dumps(pacs_event).encode(), announcement(pacs_event)))


def _row(name: str, ledger: Ledger, count: int) -> str:
    (table, _), units = ledger.hottest()
    ceiling = f"{WRITES_OF_A_KEY * count / units:,.0f}" if units else "-"
    each = [f"{value / count:.2f}" for value in (ledger.calls.total(), ledger.write_units, ledger.read_units)]
    return f"| {name} | {' | '.join(each)} | {table.partition('-')[2].removeprefix('service-')} | {ceiling} |"


if __name__ == "__main__":
    main()
