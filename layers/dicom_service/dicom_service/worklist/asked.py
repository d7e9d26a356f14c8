"""What is asked of a worklist."""

from collections.abc import Mapping
from dataclasses import dataclass, field

EARLIEST, LATEST = "", "99999999"


@dataclass(frozen=True)
class DateRange:
    """Dates as YYYYMMDD, both ends included."""

    first: str
    last: str


@dataclass(frozen=True)
class WorkitemSearch:
    """What is asked for: `equal` values by field name, start dates, and which part of the found items."""

    equal: Mapping[str, str] = field(default_factory=dict)
    start_dates: DateRange | None = None
    offset: int = 0
    limit: int | None = None

    @classmethod
    def of_study(cls, study_uid: str) -> "WorkitemSearch":
        """For the study's item."""
        return cls({"StudyInstanceUID": study_uid})
