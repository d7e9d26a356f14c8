"""The sweep: publishes stored events that never got out, because a stream forgets its records after a day."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from dicom_service.events.outbox import READ_TOGETHER
from dicom_service.events.topic import publish_events
from dicom_service.events.waiting import ALL_LANES, waiting_since
from dicom_service.faults import log_fault

PATIENCE_SECONDS = 120
"""For so long the stream is left to do it."""

LANES_AT_ONCE = 4


def sweep(remaining: Callable[[], float], clock: Callable[[], float] = time.time) -> int:
    """Publishes the events that have waited for more than two minutes, each lane's oldest first; gives how many.

    It ends when all are out, or when `remaining` gives no second more. What cannot be published is left for the next
    sweep. Raises StoreUnavailable where the table does not answer.
    """
    before = clock() - PATIENCE_SECONDS

    def publish(lane: str) -> int:
        return sum(_publish(waiting_since(lane, before), remaining))

    with ThreadPoolExecutor(LANES_AT_ONCE) as lanes:
        return sum(lanes.map(publish, ALL_LANES))


def _publish(event_ids: Iterator[str], remaining: Callable[[], float]) -> Iterator[int]:
    """How many of each batch went out."""
    while remaining() > 0 and (batch := list(islice(event_ids, READ_TOGETHER))):
        failed = publish_events(batch)
        for error in failed.values():
            log_fault(error)
        yield len(batch) - len(failed)
