"""A circuit per subscriber: while one does not answer, its deliveries wait and only now and then one is tried.

It is a row of the deliveries table beside those of the events, with a key of its own.
"""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicom_service import settings
from dicom_service.stores import client, conditional_write, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

FAILURES_TO_OPEN = 5
SHORTEST_OPEN_SECONDS = 60
LONGEST_OPEN_SECONDS = 900
PROBE_SECONDS = 60
"""For so long a probe is taken to be under way."""

MOST_TRIES = 5
KNOWN_SECONDS = 1.0
"""For so long what was read of a circuit is taken to be so: one key is not read for every delivery."""

_known: "dict[str, tuple[float, Circuit]]" = {}
"""By subscriber: when it was read, and what."""


@dataclass(frozen=True)
class Circuit:
    """Failures in a row, and until when (seconds since 1970) nothing is tried."""

    subscriber: str
    failures: int
    open_until: float


def known_circuit(subscriber: str, now: float) -> Circuit:
    """The subscriber's circuit as it was at most a second before `now`, or is; raises StoreUnavailable."""
    read_at, circuit = _known.get(subscriber, (-KNOWN_SECONDS, Circuit(subscriber, 0, 0.0)))
    if not 0 <= now - read_at < KNOWN_SECONDS:
        circuit = read_circuit(subscriber)
        _known[subscriber] = (now, circuit)
    return circuit


def read_circuit(subscriber: str) -> Circuit:
    """The subscriber's circuit; raises StoreUnavailable."""
    with translated("read a subscriber's circuit"):
        found = client("dynamodb").get_item(TableName=_table(), Key=_key(subscriber), ConsistentRead=True)
    item = found.get("Item")
    if item is None:
        return Circuit(subscriber, 0, 0.0)
    return Circuit(subscriber, int(item["failures"]["N"]), float(item["openUntil"]["N"]))


def claim_probe(circuit: Circuit, now: float) -> bool:
    """Whether a delivery may be tried at `now`, when the circuit is open no longer; raises StoreUnavailable.

    Of those that come when the time is up one is let through as a probe; the others wait a minute for what it finds.
    """
    return circuit.failures < FAILURES_TO_OPEN or _put(circuit, circuit.failures, now + PROBE_SECONDS)


def close_circuit(subscriber: str) -> None:
    """Forgets the subscriber's failures; raises StoreUnavailable."""
    _known.pop(subscriber, None)
    with translated("close a subscriber's circuit"):
        client("dynamodb").delete_item(TableName=_table(), Key=_key(subscriber))


def note_failure(circuit: Circuit, now: float) -> None:
    """Counts a failure; from the fifth in a row the circuit opens, each time for longer. Raises StoreUnavailable.

    `circuit` is what it was when the attempt began. What was under way when the others opened it counts no more: of ten
    that fail together five open it for a minute, and the rest do not make a quarter of an hour of that.
    """
    for _ in range(MOST_TRIES):
        latest = read_circuit(circuit.subscriber)
        if latest.failures >= FAILURES_TO_OPEN and latest.failures != circuit.failures:
            return
        if _put(latest, latest.failures + 1, now + open_seconds(latest.failures + 1)):
            return


def open_seconds(failures: int) -> int:
    """How long nothing is tried after so many failures in a row: 1 minute after five, doubled up to 15."""
    if failures < FAILURES_TO_OPEN:
        return 0
    return min(SHORTEST_OPEN_SECONDS << min(failures - FAILURES_TO_OPEN, 8), LONGEST_OPEN_SECONDS)


def _put(circuit: Circuit, failures: int, open_until: float) -> bool:
    """Writes the circuit anew; False where another worker wrote it meanwhile."""
    _known.pop(circuit.subscriber, None)
    writer = uuid.uuid4().hex
    item: dict[str, AttributeValueTypeDef] = {
        "failures": {"N": str(failures)},
        "openUntil": {"N": f"{open_until:.3f}"},
        "writer": {"S": writer},
    }
    written, _ = conditional_write(
        "note a subscriber's failure",
        client("dynamodb").put_item,
        ("writer", writer),
        TableName=_table(),
        Item=_key(circuit.subscriber) | item,
        ConditionExpression="attribute_not_exists(eventId) OR (failures = :failures AND openUntil = :until)",
        ExpressionAttributeValues={
            ":failures": {"N": str(circuit.failures)},
            ":until": {"N": f"{circuit.open_until:.3f}"},
        },
    )
    return written


def _key(subscriber: str) -> "dict[str, AttributeValueTypeDef]":
    return {"eventId": {"S": f"circuit#{subscriber}"}, "subscriber": {"S": subscriber}}


def _table() -> str:
    return settings.required("DELIVERIES_TABLE")
