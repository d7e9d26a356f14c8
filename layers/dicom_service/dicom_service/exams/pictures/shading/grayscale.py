"""The grayscale pipeline: stored values, modality LUT, VOI LUT or window, polarity (PS3.4 Annex N.2)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from dicom_service.exams.pictures.decoding.frames import Samples, as_numbers
from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.reading.functional_groups import FrameAttributes
from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.shading.lut import Lut, grey_lut
from dicom_service.exams.pictures.shading.window import Window, apply_window, percentile_window

XRAY_ANGIOGRAPHIC_AND_FLUOROSCOPIC = ("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2")
SAMPLES = 2**16
"""Of a frame, for its percentiles; every so many pixels, an odd number, so that all columns are met."""
type Greys = NDArray[np.uint8]
type Shade = Callable[[Samples], Greys]
"""From values of any shape to as many shades, 0 black."""


@dataclass(frozen=True)
class GrayscaleFrame:
    """The stored values of a frame, of shape (rows, columns), and what says how to show them."""

    values: Samples
    layout: PixelLayout
    attributes: FrameAttributes

    def shade(self, wanted: tuple[float, float] | None) -> Shade:
        """What makes shades of stored values, 0 black; `wanted` (centre, width) goes before what the object says."""
        stated = self._stated(wanted)
        shade = stated or self._spread()

        def shades(stored: Samples) -> Greys:
            greys = shade(self._modality_values(stored))
            padded = None if stated else self._padding(stored)
            if padded is not None:
                greys[padded] = 255 if self.layout.photometric == "MONOCHROME1" else 0
            return np.invert(greys) if self.layout.photometric == "MONOCHROME1" else greys

        return shades

    def _stated(self, wanted: tuple[float, float] | None) -> Shade | None:
        if wanted:
            return partial(apply_window, window=Window(*wanted, step=self._step()))
        for holder in self.attributes.holders("FrameVOILUTSequence"):
            for item in holder.items("VOILUTSequence"):
                lowest, highest = sorted(self._modality_values(np.array(self.layout.reach)).tolist())
                lut = grey_lut(item, (lowest, highest))
                if lut:
                    return lut.shades
            window = window_of(holder, self._step())
            if window:
                return partial(apply_window, window=window)
        return None

    def _padding(self, stored: Samples) -> NDArray[np.bool_] | None:
        return padding(self.attributes.dataset, self.layout, stored)

    def _spread(self) -> Shade:
        padded = self._padding(self.values)
        shown = self.values if padded is None or padded.all() else self.values[~padded]
        sample = shown.reshape(-1)[:: shown.size // SAMPLES | 1]
        return partial(apply_window, window=percentile_window(self._modality_values(sample), self.layout))

    def _modality_values(self, stored: Samples) -> Samples:
        """Modality LUT, rescale or neither (PS3.3 C.11.1, C.7.6.16.2.9)."""
        if self._modality_lut:
            return self._modality_lut[stored]
        rescale = self._rescale
        return stored * np.float64(rescale[0]) + rescale[1] if rescale else stored

    @cached_property
    def _modality_lut(self) -> Lut | None:
        dataset = self.attributes.dataset
        if _is_for_measuring_only(dataset):
            return None
        luts = (grey_lut(item, self.layout.reach) for item in dataset.items("ModalityLUTSequence"))
        return next(filter(None, luts), None)

    @cached_property
    def _rescale(self) -> tuple[float, float] | None:
        """Slope and intercept; one of them that is no number leaves the other as it is."""
        for holder in self.attributes.holders("PixelValueTransformationSequence"):
            slope, intercept = holder.number("RescaleSlope"), holder.number("RescaleIntercept")
            if slope or ("RescaleSlope" in holder and intercept is not None):
                return slope or 1.0, intercept or 0.0
        return None

    def _step(self) -> float:
        """How far apart the values are that a window is about, where they are closer than whole numbers."""
        if self.layout.floating:
            return 0.0
        return min(1.0, abs(self._rescale[0])) if self._rescale and not self._modality_lut else 1.0


def signed_values(samples: Samples, layout: PixelLayout) -> Samples:
    """Stored bits as numbers: bits above the stored ones cleared, the sign extended (PS3.5 section 8.1.1).

    Codecs that know signs (JPEG 2000) answer signed samples already.
    """
    native = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    return as_numbers(native, layout.bits_stored, layout.signed) if native.dtype.kind == "u" else native


def padding(dataset: Attributes, layout: PixelLayout, stored: Samples) -> NDArray[np.bool_] | None:
    """Where the stored values are padding, None when the object names no padding value (PS3.3 C.7.5.1.1.2)."""
    prefix = {32: "Float", 64: "DoubleFloat"}[layout.bits_allocated] if layout.floating else ""
    value = dataset.number(f"{prefix}PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.number(f"{prefix}PixelPaddingRangeLimit")
    ends = [_stored_value(each, layout) for each in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _stored_value(value: float, layout: PixelLayout) -> float:
    if layout.floating:
        return value
    bits = int(value) & ((1 << layout.bits_stored) - 1)
    return bits - (1 << layout.bits_stored) if layout.signed and bits >> (layout.bits_stored - 1) else bits


def window_of(holder: Attributes, step: float = 1.0) -> Window | None:
    """The first usable window of a dataset or functional group, None without one."""
    for centre, width in zip(holder.numbers("WindowCenter"), holder.numbers("WindowWidth"), strict=False):
        if math.isfinite(centre) and math.isfinite(width) and width > 0:
            return Window(centre, width, holder.text("VOILUTFunction").upper() or "LINEAR", step)
    return None


def _is_for_measuring_only(dataset: Attributes) -> bool:
    """The modality LUT of an XA or XRF image leads back to intensities and is not shown (PS3.3 C.8.7.1.1.2)."""
    relationship = dataset.text("PixelIntensityRelationship")
    return dataset.text("SOPClassUID") in XRAY_ANGIOGRAPHIC_AND_FLUOROSCOPIC and relationship in ("LOG", "DISP")
