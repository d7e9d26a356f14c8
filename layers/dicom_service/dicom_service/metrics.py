"""What is counted, as CloudWatch metrics: a line of the log at the end of an invocation, in the embedded format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Each has the dimension `service`, the stack's name, and those of the PACS its dialect too. They are numbers alone.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

NAMESPACE = "DicomService"


@dataclass(frozen=True)
class Metric:
    """A sum over an invocation, or each of its values where it is `timed`; with the `dialect` where it is `of_pacs`."""

    name: str
    unit: MetricUnit = MetricUnit.Count
    timed: bool = False
    of_pacs: bool = False


REQUESTS = Metric("Requests")
CLIENT_ERRORS = Metric("ClientErrors")
SERVER_ERRORS = Metric("ServerErrors")
PACS_LATENCY = Metric("PacsLatency", MetricUnit.Milliseconds, timed=True, of_pacs=True)
PACS_FAILURES = Metric("PacsFailures", of_pacs=True)
PACS_SPARED = Metric("PacsSpared", of_pacs=True)
PICTURES = Metric("Pictures")
PLACEHOLDERS = Metric("Placeholders")
OBJECTS_STORED = Metric("ObjectsStored")
OBJECTS_REFUSED = Metric("ObjectsRefused")
BYTES_STORED = Metric("BytesStored", MetricUnit.Bytes)
EVENTS_RECEIVED = Metric("EventsReceived")
DELIVERIES_MADE = Metric("DeliveriesMade")
DELIVERIES_FAILED = Metric("DeliveriesFailed")
DELIVERIES_GIVEN_UP = Metric("DeliveriesGivenUp")
AUDIT_RECORDS = Metric("AuditRecords")

METRICS = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

_kept: dict[str, dict[Metric, list[float]]] = defaultdict(lambda: defaultdict(list))
"""By dialect, which is empty for what has none."""

_keeping = Lock()


def add(metric: Metric, value: float = 1.0, dialect: str = "") -> None:
    """Counts; threads may, too. The dialect is that of the PACS, for a metric that is of one."""
    with _keeping:
        values = _kept[dialect][metric]
        if metric.timed or not values:
            values.append(value)
        else:
            values[0] += value


def flush() -> None:
    """Writes what was counted since the last time, if anything."""
    with _keeping:
        counted = dict(_kept)
        _kept.clear()
    for dialect, found in counted.items():
        _write(dialect, found)


def _write(dialect: str, counted: Mapping[Metric, list[float]]) -> None:
    line = EphemeralMetrics(namespace=NAMESPACE)
    if dialect:
        line.add_dimension("dialect", dialect)
    for metric, values in counted.items():
        for value in values:
            line.add_metric(metric.name, metric.unit, value)
    if line.metric_set:  # a hundred values are written at once
        line.flush_metrics()
