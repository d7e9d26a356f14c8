"""Attributes that an enhanced multi-frame object gives frame by frame (PS3.3 C.7.6.16)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from dicom_service.exams.pictures.values import items


def holders(dataset: Dataset, index: int, macro: str) -> Iterator[Dataset]:
    """Where to look for the attributes of a macro, the nearest first: this frame's, all frames', the dataset itself.

    macro: keyword of the macro's sequence, such as FrameVOILUTSequence; index: of the frame, from 0.
    """
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")[index : index + 1]
    for group in per_frame + items(dataset, "SharedFunctionalGroupsSequence"):
        yield from items(group, macro)
    yield dataset
