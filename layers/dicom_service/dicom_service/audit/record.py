"""What the audit trail keeps of one deed: who did what to whose data, when, from where, and how it ended."""

import os
import time
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["query", "read", "create", "update", "delete", "execute"]


@dataclass(frozen=True)
class Agent:
    """Who asked: a subject that an issuer knows by that name, the address that it asked from, and in which request.

    `correlation_id` is what that request set off belongs to.
    """

    subject: str
    name: str = ""
    issuer: str = ""
    address: str = ""
    correlation_id: str = ""


NOBODY = Agent("unknown")
"""Who is not known any more."""


@dataclass(frozen=True)
class AuditRecord:
    """One deed to one patient's data; every text may be empty where it is not known.

    `operation` is the route's key or the worker's name, `query` the request's path and query as they were sent,
    `status` the HTTP status that ended it, `request_id` the platform's, `recorded_at` epoch milliseconds.
    """

    action: Action
    agent: Agent
    operation: str
    status: int
    patient: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    accession: str = ""
    server: str = ""
    query: str = ""
    request_id: str = ""
    recorded_at: int = field(default_factory=lambda: int(time.time() * 1000))
    record_id: str = ""


def record_id_at(milliseconds: int, rest: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562 section 5.7): it sorts by its time; `rest` are its other 74 bits, or random."""
    if rest is None:
        rest = int.from_bytes(os.urandom(10)) & LARGEST_REST
    high, low = rest >> 62, rest & ((1 << 62) - 1)
    number = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


LARGEST_REST = (1 << 74) - 1
