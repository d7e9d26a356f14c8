"""What a caller asks of a picture, and what it gets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureRequest:
    """A wanted picture of an object.

    size: longest side in pixels, 16 to 2048.
    frame: number of the frame, counted from 1; None stands for the middle one.
    window: centre and width in the units after the modality LUT (PS3.3 C.11.2.1.2); None for the object's own.
    quality: of the JPEG, 1 to 100.
    """

    size: int = 256
    frame: int | None = None
    window: tuple[float, float] | None = None
    quality: int = 85


@dataclass(frozen=True)
class Picture:
    """A baseline JPEG, grey or RGB; `placeholder` when it stands in for an object that has no picture of its own."""

    jpeg: bytes
    placeholder: bool
