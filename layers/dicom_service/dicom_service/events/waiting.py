"""The events that have not gone out: those of the outbox index, each lane of it in order of time."""

from collections.abc import Iterator

from dicom_service import settings
from dicom_service.events.outbox import LANES, timestamp
from dicom_service.stores import query_rows

OUTBOX_INDEX = "unpublished"
ALL_LANES = (*LANES, "waiting")
"""Those of the version before lie in the last one."""


def waiting_since(lane: str, before: float) -> Iterator[str]:
    """The lane's events that were received before a moment (seconds since 1970), the oldest first.

    Raises StoreUnavailable.
    """
    rows = query_rows(
        "look for events that have not gone out",
        TableName=settings.required("EVENTS_TABLE"),
        IndexName=OUTBOX_INDEX,
        KeyConditionExpression="outbox = :lane AND receivedAt < :before",
        ExpressionAttributeValues={":lane": {"S": lane}, ":before": {"S": timestamp(before)}},
    )
    return (row["eventId"]["S"] for row in rows)
