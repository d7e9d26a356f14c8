"""What any worklist can do, whoever keeps it, and what it says when it cannot."""

from collections.abc import Callable
from typing import Protocol

from dicom_service.worklist.mapper import Dataset

EXISTS = "There is a workitem with this StudyInstanceUID already"
UNKNOWN = "There is no workitem with this StudyInstanceUID"


class Worklist(Protocol):
    """What any worklist can do. Datasets are in the DICOM JSON model; a Study Instance UID has one item at the most."""

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:
        """Adds an item; `fresh` where the UID was just generated. Raises Conflict where the UID has an item."""

    def items(self, *, patient_id: str = "", study_uid: str = "") -> list[Dataset]:
        """All items, or at least those of the patient or the study; others may be among them."""

    def change(self, study_uid: str, changed: Callable[[Dataset], Dataset]) -> Dataset:
        """Puts what `changed` makes of the item in its place, and gives that; raises NotFound where there is none.

        Raises Conflict where another change comes between, InvalidRequest for what this worklist cannot change.
        """

    def delete(self, study_uid: str) -> None:
        """Removes the item; raises NotFound where there is none."""
