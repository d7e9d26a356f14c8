"""Waveforms as curves on ruled paper (PS3.3 C.10.9)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.reading.attributes import Attributes
from dicom_service.exams.pictures.request import PictureRequest

PAPER, RULES, MARKS, INK = (255, 251, 246), (252, 230, 222), (244, 196, 184), (36, 40, 52)
SECONDS = 5.0
MOST_CHANNELS = 12
ROWS_OF_A_COLUMN = 6
SUPERSAMPLING = 3
SAMPLE_TYPES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4", "SV": "i8", "UV": "u8"}
"""By Waveform Sample Interpretation (PS3.3 C.10.9.1.5); the companded audio ones are not drawn."""


@dataclass(frozen=True)
class Curves:
    """Samples of shape (samples, channels), at most five seconds of at most twelve channels."""

    samples: NDArray[Any]


def read_curves(dataset: Attributes) -> Curves | None:
    """The beginning of the first multiplex group, None when it has no samples that can be read."""
    for group in dataset.items("WaveformSequence"):
        kind = SAMPLE_TYPES.get(group.text("WaveformSampleInterpretation"))
        data, channels = group.content("WaveformData"), group.whole("NumberOfWaveformChannels", 0)
        if kind is None or channels < 1:
            continue
        dtype = np.dtype(kind).newbyteorder(group.encoding.order)
        length = int((group.number("SamplingFrequency") or 0) * SECONDS) or group.whole("NumberOfWaveformSamples", 0)
        length = min(length, len(data) // dtype.itemsize // channels)
        if length > 1:
            samples = np.frombuffer(data, dtype, length * channels).reshape(length, channels)
            return Curves(samples[:, :MOST_CHANNELS].astype(np.float32))
    return None


def draw_curves(curves: Curves, name: str, wanted: PictureRequest) -> bytes:
    """A JPEG of 4 to 3: the channels one below the other, in two columns when there are many, and the kind's name."""
    size, large = wanted.size, wanted.size * SUPERSAMPLING
    sheet = Image.new("RGB", (large, large * 3 // 4), PAPER)
    pencil = ImageDraw.Draw(sheet)
    _rule(pencil, sheet.size)
    channels = curves.samples.shape[1]
    columns = 2 if channels > ROWS_OF_A_COLUMN else 1
    rows = -(-channels // columns)
    width, height = sheet.width / columns, sheet.height * 0.9 / rows
    for channel in range(channels):
        left, top = channel // rows * width, sheet.height * 0.08 + channel % rows * height
        points = _curve(curves.samples[:, channel], width, height)
        pencil.line([(left + x, top + y) for x, y in points], INK, max(2, large // 200), joint="curve")
    image = sheet.resize((size, max(1, size * 3 // 4)), Image.Resampling.LANCZOS)
    font = ImageFont.load_default(max(9.0, size / 20))
    ImageDraw.Draw(image).text((size / 40, size / 60), name, INK, font)
    return encode_jpeg(image, wanted.quality)


def _rule(pencil: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    small = size[0] / 50
    for number_of_line in range(51):
        colour, place = MARKS if number_of_line % 5 == 0 else RULES, number_of_line * small
        pencil.line((place, 0, place, size[1]), colour, SUPERSAMPLING // 2 + 1)
        pencil.line((0, place, size[0], place), colour, SUPERSAMPLING // 2 + 1)


def _curve(samples: NDArray[Any], width: float, height: float) -> list[tuple[float, float]]:
    """Points of one channel within its box: the highest and lowest sample of every step, so that no spike is lost."""
    steps = np.array_split(samples, min(len(samples), max(2, int(width / SUPERSAMPLING))))
    low, high = float(samples.min()), float(samples.max())
    scale = 0.85 * height / ((high - low) or 1.0)
    points = []
    for place, step in enumerate(steps):
        x = (place + 0.5) * width / len(steps)
        ends = sorted((int(step.argmin()), int(step.argmax())))
        points += [(x, height - (float(step[end]) - low) * scale) for end in ends]
    return points
