"""How large a picture is: the shape of its pixels and the size that was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from dicom_service.exams.pictures.reading.functional_groups import FrameAttributes
from dicom_service.exams.pictures.reading.layout import PixelLayout

SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Each is two numbers, the vertical one first (PS3.3 C.7.6.3.1.7, 10.7.1.3)."""

BELIEVABLE = 10.0
SQUARE_ENOUGH = 0.01


@dataclass(frozen=True)
class PictureSize:
    """Width and height of the picture, and by how much the frame is reduced to get there (below 1 it is stretched)."""

    width: int
    height: int
    reduction: float


def picture_size(layout: PixelLayout, aspect: float, size: int) -> PictureSize:
    """The size of the picture with square pixels, its longest side at most `size`.

    aspect: height of a pixel by its width. Frames that are smaller than `size` are not enlarged, other than along the
    side on which their pixels are longer.
    """
    width, height = layout.columns * max(1.0, 1 / aspect), layout.rows * max(1.0, aspect)
    scale = min(1.0, size / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    return PictureSize(width, height, min(layout.columns / width, layout.rows / height))


def pixel_aspect(attributes: FrameAttributes) -> float:
    """Height of a pixel by its width; 1 when the object says nothing believable."""
    for vertical, horizontal in _spacings(attributes):
        if vertical > 0 and horizontal > 0:
            aspect = vertical / horizontal
            plain = abs(aspect - 1) < SQUARE_ENOUGH or not 1 / BELIEVABLE <= aspect <= BELIEVABLE
            return 1.0 if plain else aspect
    return 1.0


def _spacings(attributes: FrameAttributes) -> Iterator[list[float]]:
    for holder in attributes.holders("PixelMeasuresSequence"):
        for keyword in SPACINGS:
            found = holder.numbers(keyword)
            if len(found) == 2:
                yield found
