"""The sweep: publishes stored events that never got out, because a stream forgets its records after a day."""

import time
from collections.abc import Callable

from dicom_service.errors import ServiceError
from dicom_service.events.outbox import waiting_since
from dicom_service.events.topic import publish_event
from dicom_service.faults import log_fault

PATIENCE_SECONDS = 120
"""For so long the stream is left to do it."""

MOST_SECONDS = 20


def sweep(clock: Callable[[], float] = time.time) -> int:
    """Publishes the events that have waited for more than two minutes, the oldest first; gives how many.

    One that cannot be published is left for the next sweep, and so is what remains after 20 s. Raises StoreUnavailable
    where the table does not answer.
    """
    started, published = clock(), 0
    for event_id in waiting_since(started - PATIENCE_SECONDS):
        if clock() > started + MOST_SECONDS:
            break
        try:
            publish_event(event_id)
            published += 1
        except ServiceError as error:
            log_fault(error)
    return published
