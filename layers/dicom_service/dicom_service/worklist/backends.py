"""Who keeps the worklist: the PACS, or the service itself for a PACS that has none."""

from dicom_service import settings
from dicom_service.worklist.protocol import Worklist

BACKENDS = ("pacs", "dynamodb")


def backend() -> str:
    """Who keeps the worklist, by WORKLIST_BACKEND: `pacs` unless it is set."""
    return settings.choice("WORKLIST_BACKEND", BACKENDS, "pacs")


def worklist() -> Worklist:
    """The worklist that WORKLIST_BACKEND names; for one invocation, whose time its calls share."""
    if backend() == "dynamodb":
        from dicom_service.worklist.table import TableWorklist

        return TableWorklist()
    from dicom_service.worklist.pacs_worklist import pacs_worklist

    return pacs_worklist()
