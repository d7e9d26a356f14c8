"""Who keeps the worklist: the PACS, or the service itself for a PACS that has none."""

from dicom_service import settings
from dicom_service.worklist.protocol import Worklist


def worklist() -> Worklist:
    """The worklist that WORKLIST_BACKEND names; for one invocation, whose time its calls share."""
    if settings.choice("WORKLIST_BACKEND", ("pacs", "dynamodb"), "pacs") == "dynamodb":
        from dicom_service.worklist.table import TableWorklist

        return TableWorklist()
    from dicom_service.worklist.pacs_worklist import pacs_worklist

    return pacs_worklist()
