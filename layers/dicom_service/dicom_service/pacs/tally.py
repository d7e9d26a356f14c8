"""What requests to the PACS count as, for who watches it."""

from dataclasses import dataclass
from typing import Any

from dicom_service import metrics
from dicom_service.errors import PacsDown
from dicom_service.pacs.circuit import Guard


@dataclass(frozen=True)
class Tally:
    """The counts of the PACS of that dialect; one without a dialect counts nothing."""

    dialect: str = ""

    def answered(self, seconds: float, status: int) -> None:
        """An answer has begun; one of 5xx is a failure too."""
        self._add(metrics.PACS_LATENCY, round(seconds * 1000, 1))
        if status >= 500:
            self.failed()

    def failed(self) -> None:
        """There was no answer, or not all of it."""
        self._add(metrics.PACS_FAILURES)

    def guard(self, guard: Guard) -> Guard:
        """The guard, with those requests counted that it spares the PACS."""

        def counting(ask: Any) -> Any:
            try:
                return guard(ask)
            except PacsDown:
                self._add(metrics.PACS_SPARED)
                raise

        return counting

    def _add(self, metric: metrics.Metric, value: float = 1.0) -> None:
        if self.dialect:
            metrics.add(metric, value, self.dialect)
