"""Attributes that an enhanced multi-frame object gives frame by frame (PS3.3 C.7.6.16)."""

from collections.abc import Iterator
from dataclasses import dataclass

from dicom_service.exams.pictures.reading.attributes import Attributes


@dataclass(frozen=True)
class FrameAttributes:
    """The attributes of one frame: its functional groups, those of all frames, and the dataset itself."""

    groups: list[Attributes]
    dataset: Attributes

    def holders(self, macro: str) -> Iterator[Attributes]:
        """Where to look for the attributes of a macro, the nearest first: this frame's, all frames', the dataset.

        macro: keyword of the macro's sequence, such as FrameVOILUTSequence.
        """
        for group in self.groups:
            yield from group.items(macro)
        yield self.dataset


def frame_attributes(dataset: Attributes, index: int) -> FrameAttributes:
    """The attributes of a frame by its index, from 0; other frames' groups are passed over unread."""
    per_frame = dataset.items("PerFrameFunctionalGroupsSequence", slice(index, index + 1))
    return FrameAttributes(per_frame + dataset.items("SharedFunctionalGroupsSequence"), dataset)
