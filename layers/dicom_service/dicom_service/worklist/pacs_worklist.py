"""The worklist that the PACS keeps, whatever protocol it is spoken to in: one workitem per Study Instance UID."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from dicom_service.errors import ConfigurationError, Conflict, NotFound, ServiceError
from dicom_service.pacs.dialects import Dialect, WorklistKind, dialect
from dicom_service.pacs.session import PacsSession, pacs_session
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.claims import Claims
from dicom_service.worklist.conversation import NOT_CHANGED
from dicom_service.worklist.mapper import Dataset, study_uid_of
from dicom_service.worklist.mwl_json import MwlJson
from dicom_service.worklist.mwlitems import MwlItems
from dicom_service.worklist.orthanc_worklists import OrthancWorklists
from dicom_service.worklist.protocol import EXISTS, UNKNOWN
from dicom_service.worklist.ups_rs import UpsRs

CHANGING = "The workitem is being changed by another request: try again in a moment"


class Protocolled(Protocol):
    """A worklist as its PACS speaks it. Datasets are Modality Worklist items in normal form."""

    def add(self, dataset: Dataset) -> None:
        """Creates an item, asking once; raises Conflict, or PacsRejected where nothing was created for certain."""

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        """At least the items that match; every filter that the protocol knows is passed on."""

    def remove(self, study_uid: str) -> None:
        """Removes the study's item; raises NotFound."""

    def change(self, old: Dataset, new: Dataset) -> None:
        """Puts the new item in the place of the old one; raises InvalidRequest for what it cannot change."""


PROTOCOLS: dict[WorklistKind, Callable[[PacsSession, Dialect], Protocolled]] = {
    "mwl-json": MwlJson,
    "mwlitems": MwlItems,
    "orthanc-worklists": OrthancWorklists,
    "ups-rs": UpsRs,
}


class PacsWorklist:
    """Items in the PACS; creations and changes of one Study Instance UID are kept apart by claims."""

    in_order: ClassVar = False

    def __init__(self, spoken: Protocolled, claims: Claims) -> None:
        self._spoken = spoken
        self._claims = claims

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:
        """Creates the item where the UID has none. After a fault that leaves this open, the claim stays for its lease.

        A fresh UID is nobody else's: it needs neither a claim nor a look at the PACS.
        """
        if fresh:
            self._spoken.add(dataset)
            return
        claim = self._claims.take(study_uid)
        with self._claims.released_after(claim, ServiceError):
            if self._of_study(study_uid):
                raise Conflict(EXISTS)
        with self._claims.released_after(claim, *NOT_CHANGED):
            self._spoken.add(dataset)

    def items(self, search: WorkitemSearch) -> list[Dataset]:
        """The items that the PACS answers when it is asked so: it may know none of the filters."""
        return self._spoken.items(search)

    def change(self, study_uid: str, changed: Callable[[Dataset], Dataset]) -> Dataset:
        """Changes the item under a claim of its own: its creation's claim may still stand."""
        claim = self._claims.take(f"{study_uid} change", CHANGING)
        try:
            found = self._of_study(study_uid)
            if not found:
                raise NotFound(UNKNOWN)
            new = changed(found[0])
            self._spoken.change(found[0], new)
            return new
        finally:
            self._claims.release(claim)

    def delete(self, study_uid: str) -> None:
        """Deletes the item, and the claim that its creation left, so that the UID can be used again at once."""
        left = self._claims.held(study_uid)
        self._spoken.remove(study_uid)
        if left:
            self._claims.release(left)

    def _of_study(self, study_uid: str) -> list[Dataset]:
        return [item for item in self.items(WorkitemSearch.of_study(study_uid)) if study_uid_of(item) == study_uid]


def pacs_worklist() -> PacsWorklist:
    """The worklist of the PACS that the environment names; raises ConfigurationError for a PACS that has none."""
    chosen = dialect()
    paths = (chosen.workitem_creation, chosen.workitem_retrieval, chosen.workitem_deletion)
    if chosen.worklist == "none":
        raise ConfigurationError("The PACS of this PACS_DIALECT has no worklist: set WORKLIST_BACKEND to dynamodb")
    if not all(paths) or (chosen.worklist == "mwlitems" and not chosen.patient_creation):
        raise ConfigurationError("The worklist has no path: set PACS_WORKITEM_CREATION_ENDPOINT and its companions")
    return PacsWorklist(PROTOCOLS[chosen.worklist](pacs_session(), chosen), Claims())
