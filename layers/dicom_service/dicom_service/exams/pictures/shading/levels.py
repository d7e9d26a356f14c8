"""Shading each level of a frame once instead of each of its pixels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.frames import Samples

MOST_BYTES = 4


def by_level[Shade: np.generic](values: Samples, shade: Callable[[Samples], NDArray[Shade]]) -> NDArray[Shade]:
    """The shades of an array of any shape; each level between its extremes is shaded once where those are fewer."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize > MOST_BYTES:
        return shade(values)
    lowest, highest = int(values.min()), int(values.max())
    if highest - lowest >= values.size:
        return shade(values)
    levels = shade(np.arange(lowest, highest + 1))
    places = (values - values.dtype.type(lowest)).view(f"u{values.dtype.itemsize}")
    shades: NDArray[Shade] = np.take(levels, places, mode="wrap")
    return shades
