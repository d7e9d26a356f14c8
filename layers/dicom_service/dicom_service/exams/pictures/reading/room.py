"""How much reading and decoding one object may take."""

import sys
from dataclasses import dataclass

from dicom_service.exams.pictures.undrawable import TooCostly


class Steps:
    """Counts the elements, items and fragments that are read of one object, wherever in it they lie."""

    def __init__(self, most: int = sys.maxsize) -> None:
        self.left = most

    def spend(self, steps: int) -> None:
        """Raises TooCostly where the object has more than it may."""
        self.left -= steps
        if self.left < 0:
            raise TooCostly


UNCOUNTED = Steps()


@dataclass(frozen=True)
class Room:
    """Limits for one object.

    steps: elements, items and fragments that are read.
    inflated: bytes of a deflated dataset.
    decoded: bytes of a frame that is made from compressed or packed pixel data.
    confined: the system ends the process that draws, so that decoders may be given what is not known to be cheap.
    """

    steps: int
    inflated: int
    decoded: int
    confined: bool


HERE = Room(steps=200_000, inflated=8 * 2**20, decoded=64 * 2**20, confined=False)
"""In the process of the function: 0.2 s and 350 MB at the most. Ordinary objects stay far below."""

APART = Room(steps=sys.maxsize, inflated=256 * 2**20, decoded=2**30, confined=True)
"""In a process whose memory and time the system keeps."""
