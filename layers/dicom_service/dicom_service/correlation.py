"""The identifier that ties together what a request sets off: in the log, at the PACS, at the subscribers.

It is the caller's own where it sends a UUID, and the platform's for the request otherwise. Nothing else is taken from a
caller: it goes into the log, where no patient's identifier may be.
"""

import re
from contextvars import ContextVar

from dicom_service.faults import logger

HEADER = "X-Correlation-Id"
ACCEPTED = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

_current: ContextVar[str] = ContextVar("correlation", default="")


def begin(own: str, stated: str = "") -> None:
    """From here on everything belongs together: under `stated` where it is a UUID, else under `own`."""
    resume(stated if ACCEPTED.fullmatch(stated) else own)


def resume(identifier: str) -> None:
    """From here on everything belongs to what was kept under the identifier, if there is one."""
    if identifier:
        _current.set(identifier)
        logger.append_keys(correlation_id=identifier)


def current() -> str:
    """The identifier of what is being done, empty where nobody asked for it."""
    return _current.get()


def headers() -> dict[str, str]:
    """What a request to others carries."""
    return {HEADER: current()} if current() else {}
