"""Lists of a PACS that come in pages."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from dicom_service.errors import PacsError
from dicom_service.pacs.dialects import PAGE
from dicom_service.pacs.session import PacsSession

MOST_RESULTS = 100_000
HEADERS = {"Accept": "application/dicom+json"}
FOUND = (200, 204, 206)


def every_result(
    session: PacsSession,
    path: str,
    query: Mapping[str, str],
    identity: Callable[[dict[str, Any]], str],
    empty: Collection[int] = (),
    asked: int = PAGE,
) -> list[dict[str, Any]]:
    """Every dataset of a DICOM JSON list, each once by its `identity`; a status among `empty` means none.

    `asked` for at a time: more than PAGE only of a PACS that takes it; that it gives fewer is no end of the list.
    Goes on while a page is full or says that there is more (Warning 299, PS3.18 section 8.3.4.4); ends where a page
    brings nothing new, as it does from a PACS that knows no offset. Raises PacsError where there is no end to it.
    """
    found: dict[str, dict[str, Any]] = {}
    received = 0
    while True:
        paging = {"limit": str(asked), "offset": str(received)}
        answer = session.send(
            "GET", path, query={**query, **paging}, headers=HEADERS, repeatable=True, answers=(*FOUND, *empty)
        )
        page = [] if answer.status in empty else answer.dicom_json()
        known = len(found)
        for dataset in page:
            found.setdefault(identity(dataset), dataset)
        received += len(page)
        more = len(page) >= PAGE or "299" in answer.headers.get("Warning", "")
        if not more or len(found) == known:
            return list(found.values())
        if received > MOST_RESULTS:
            raise PacsError(f"The PACS answered more than {MOST_RESULTS} results")
