"""What reading a file may cost: a small one may hold, or inflate to, far more than it seems."""

from dataclasses import dataclass

from dicom_service.errors import NotDicom

DEEPEST = 100
"""Sequences within sequences. Structured reports of hospitals have some 20."""


@dataclass
class Budget:
    """What is left of it, for one file or for all files of a request: elements, items and fragments; inflated bytes."""

    elements: int
    inflated_bytes: int

    def spend_element(self) -> None:
        """Raises NotDicom where one more is too many."""
        self.elements -= 1
        if self.elements < 0:
            raise NotDicom("it has more elements, items and fragments than are read")

    def spend_inflated(self, count: int) -> None:
        """Raises NotDicom where so many bytes are too many."""
        self.inflated_bytes -= count
        if self.inflated_bytes < 0:
            raise NotDicom("its deflated data set is larger, when inflated, than is read")


def of_request() -> Budget:
    """For all files of a request of 4.5 MB, which holds at most 560,000 elements, if none of them is deflated."""
    return Budget(elements=2_000_000, inflated_bytes=1024**3)


def of_worker() -> Budget:
    """For a file of any size: a slide of 200,000 tiles has some 3,000,000 elements."""
    return Budget(elements=20_000_000, inflated_bytes=20 * 1024**3)
