"""What came back from the PACS, and which fault a status is."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

from dicom_service.errors import (
    PacsConflict,
    PacsError,
    PacsObjectUnknown,
    PacsRefusedCredentials,
    PacsRejected,
    PacsTimeout,
    PacsUnreachable,
)

SUCCESS = range(200, 300)

FAULTS: dict[int, type[PacsError]] = {
    401: PacsRefusedCredentials,
    403: PacsRefusedCredentials,
    404: PacsObjectUnknown,
    408: PacsTimeout,
    409: PacsConflict,
    410: PacsObjectUnknown,
    502: PacsUnreachable,
    503: PacsUnreachable,
    504: PacsTimeout,
}
FAULTS_OF_GET: dict[int, type[PacsError]] = {
    400: PacsRejected,
    **{status: fault for status, fault in FAULTS.items() if fault is not PacsConflict},
}
"""What only reads is in nobody's way: a conflict there is nonsense."""

MEANINGS: dict[type[PacsError], str] = {
    PacsRefusedCredentials: "refused our credentials",
    PacsObjectUnknown: "does not know the object",
    PacsConflict: "has such an object already",
    PacsTimeout: "did not answer in time",
}


class HasStatus(Protocol):
    """An answer, its body read or still to come."""

    @property
    def status(self) -> int: ...


@dataclass(frozen=True)
class PacsAnswer:
    """What came back: the status, the headers (names in any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def dicom_json(self) -> list[dict[str, Any]]:
        """The datasets of a DICOM JSON body (PS3.18 Annex F), whatever its content type says.

        None for 204 and for an empty body. What JSON cannot hold (NaN, a number beyond doubles) becomes null, halves
        of surrogate pairs U+FFFD. Raises PacsError where it is anything else.
        """
        if self.status == 204 or not self.body.strip():
            return []
        try:
            text = _paired(self.body.decode("utf-8-sig"))
            datasets = json.loads(text, parse_float=_finite, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise PacsError("The PACS answered something that is no DICOM JSON") from error
        datasets = [datasets] if isinstance(datasets, dict) else datasets
        if not isinstance(datasets, list) or not all(isinstance(dataset, dict) for dataset in datasets):
            raise PacsError("The PACS answered something that is no DICOM JSON")
        return datasets


def accepted[Answer: HasStatus](
    answer: Answer, answers: Container[int], faults: Mapping[int, type[PacsError]], name: str
) -> Answer:
    """The answer where its status is among `answers`; raises the status's fault where it is not.

    `name` is what the error text calls the other side.
    """
    if answer.status in answers:
        return answer
    fault = faults.get(answer.status, PacsError)
    meaning = MEANINGS.get(fault, f"answered with status {answer.status}")
    raise fault(f"The {name} {meaning}")


def _finite(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


def _paired(text: str) -> str:
    """JSON text in which U+FFFD stands for each half of a surrogate pair that is alone (RFC 8259 section 8.2)."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    halves = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")
