"""What is printed while the stack runs: one readable line per event, from the JSON that functions log."""

import json
import sys
import time
from threading import Lock
from typing import Any

UNREMARKABLE = frozenset(
    {
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "request_id",
        "correlation_id",
        "status",
        "milliseconds",
        "xray_trace_id",
    }
)
"""What a line of Powertools' Logger has anyway."""

_printing = Lock()


def say(source: str, text: str) -> None:
    """Prints `12:30:59 source text`."""
    with _printing:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {source} {text}\n")
        sys.stdout.flush()


def is_metrics(line: str) -> bool:
    """Whether a line holds metrics for CloudWatch, which say nothing to who reads along."""
    return line.startswith('{"_aws":')


def readable(line: str) -> str:
    """A line that a function logged, without what is the same on every line; text that is no JSON stays as it is.

    `POST /workitems 200 12 ms`; from a warning upwards the level comes first, and any detail last as `name=value`.
    """
    try:
        record: dict[str, Any] = json.loads(line)
        level, message = record["level"], record["message"]
    except (ValueError, TypeError, KeyError):
        return line
    words = [] if level in ("DEBUG", "INFO") else [level]
    words.append(message if isinstance(message, str) else json.dumps(message))
    if "status" in record:
        words.append(str(record["status"]))
    if "milliseconds" in record:
        words.append(f"{record['milliseconds']} ms")
    words += [f"{name}={value}" for name, value in record.items() if name not in UNREMARKABLE and value is not None]
    return " ".join(words)
