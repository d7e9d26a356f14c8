"""What every worklist over HTTP has in common: which answers are certain, and which leave open what has happened."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from dicom_service.errors import (
    Conflict,
    PacsConflict,
    PacsDown,
    PacsError,
    PacsObjectUnknown,
    PacsRefusedCredentials,
    PacsRejected,
)
from dicom_service.pacs.answers import FAULTS, SUCCESS, PacsAnswer
from dicom_service.pacs.paging import every_result
from dicom_service.pacs.session import PacsSession
from dicom_service.worklist.asked import LATEST, WorkitemSearch
from dicom_service.worklist.fields import START_DATE
from dicom_service.worklist.mapper import Dataset
from dicom_service.worklist.normal import normal_form
from dicom_service.worklist.protocol import EXISTS

DICOM_JSON = {"Accept": "application/dicom+json", "Content-Type": "application/dicom+json"}

REFUSALS = frozenset(range(300, 500)) - FAULTS.keys()
"""Statuses that say for certain that nothing was changed. After a 5xx or a lost answer something may have been."""

NOT_CHANGED = (Conflict, PacsRejected, PacsRefusedCredentials, PacsDown)
MAY_EXIST = "the workitem may have been created all the same: look at the worklist before trying again"


def post_item(
    session: PacsSession,
    path: str,
    content: Any,
    headers: Mapping[str, str] = DICOM_JSON,
    answers: frozenset[int] = frozenset(),
) -> PacsAnswer:
    """The answer to a creation, of a success or of a status among `answers`; sent once, whatever comes.

    Raises Conflict where the PACS has such an item, PacsRejected where it took nothing for certain; any other PacsError
    says that the item may exist.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    try:
        with known_path():
            answer = session.send("POST", path, headers=headers, body=body, answers={*SUCCESS, *REFUSALS, *answers})
        if answer.status in REFUSALS:
            raise PacsRejected(f"The PACS refused the workitem with status {answer.status}")
        check_no_page(answer)
    except PacsConflict as error:
        raise Conflict(EXISTS) from error
    except NOT_CHANGED:
        raise
    except PacsError as error:
        raise type(error)(f"{error.detail}; {MAY_EXIST}") from error
    return answer


def change_item(
    session: PacsSession, method: str, path: str, content: Any, headers: Mapping[str, str] = DICOM_JSON
) -> None:
    """Sends an item's new content, which may be sent again without harm."""
    body = json.dumps(content, ensure_ascii=False).encode()
    answer = session.send(method, path, headers=headers, body=body, answers={*SUCCESS, *REFUSALS})
    if answer.status in REFUSALS:
        raise PacsRejected(f"The PACS refused the change with status {answer.status}")
    check_no_page(answer)


def items_at(session: PacsSession, path: str, query: Mapping[str, str]) -> list[Dataset]:
    """Every item that the PACS answers, in normal form."""
    with known_path():
        found = every_result(session, path, query, lambda item: json.dumps(item, sort_keys=True))
    return [normal_form(item) for item in found]


def query_of(search: WorkitemSearch, keys: Mapping[str, str]) -> dict[str, str]:
    """The search's filters by the keys that a PACS knows for some fields, ranges of dates as PS3.4 C.2.2.2.5 has them.

    What the PACS makes of them is checked again; a part of the whole is never asked for, which only then is known.
    """
    asked = dict(search.equal)
    if search.start_dates:
        first, last = search.start_dates.first, search.start_dates.last
        asked[START_DATE] = first if first == last else f"{first}-{'' if last == LATEST else last}"
    return {keys[name]: value for name, value in asked.items() if name in keys}


def segment(identifier: str) -> str:
    """An identifier that the PACS gave, as one segment of a path; raises PacsError where it leads to another path."""
    plain = identifier.strip("\0 ")
    if not plain.strip("."):
        raise PacsError("The PACS answered an item with an identifier that is none")
    return quote(plain, safe="")


@contextmanager
def known_path() -> Iterator[None]:
    """A PACS that does not know the worklist's path is no missing workitem but a fault of the set-up."""
    try:
        yield
    except PacsObjectUnknown as error:
        raise PacsRejected("The PACS has no worklist on the path that is configured") from error


def check_no_page(answer: PacsAnswer) -> None:
    """A web page is a proxy's or a login's answer, whatever its status."""
    if answer.body.lstrip().startswith(b"<"):
        raise PacsError("The PACS answered something that is no answer of a worklist")
