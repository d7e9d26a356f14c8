"""What any worklist can do, whoever keeps it, and what it says when it cannot."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.mapper import Dataset

EXISTS = "There is a workitem with this StudyInstanceUID already"
UNKNOWN = "There is no workitem with this StudyInstanceUID"


class Worklist(Protocol):
    """What any worklist can do. Datasets are in the DICOM JSON model; a Study Instance UID has one item at the most.

    `in_order` tells whether items come in the order of their start, and no more of them are read than are taken.
    """

    in_order: ClassVar[bool]

    def create(self, study_uid: str, dataset: Dataset, *, fresh: bool) -> None:
        """Adds an item; `fresh` where the UID was just generated. Raises Conflict where the UID has an item."""

    def items(self, search: WorkitemSearch) -> Iterable[Dataset]:
        """At least the items that match, whatever part of them is asked for; others may be among them."""

    def change(self, study_uid: str, changed: Callable[[Dataset], Dataset]) -> Dataset:
        """Puts what `changed` makes of the item in its place, and gives that; raises NotFound where there is none.

        Raises Conflict where another change comes between, InvalidRequest for what this worklist cannot change.
        """

    def delete(self, study_uid: str) -> None:
        """Removes the item; raises NotFound where there is none."""
