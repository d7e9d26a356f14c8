"""The Image Pixel module: how the samples of a frame are laid out (PS3.3 C.7.6.3)."""

from dataclasses import dataclass, replace

from dicom_service.exams.pictures.reading.dataset import StoredObject
from dicom_service.exams.pictures.reading.dictionary import DOUBLE_PIXELS, FLOAT_PIXELS
from dicom_service.exams.pictures.undrawable import Undrawable

SAMPLE_LIMIT = 512_000_000
"""Samples of one frame that are still decoded; beyond it the declared size is taken for an attack."""

MISMATCH = 2
"""How many times the declared pixels a compressed frame may have: some writers round sizes up or crop in the header."""

MOST_SAMPLES = 4
ALLOCATED = (*range(1, 25), 32, 64)
"""Bits of a sample that are decoded: since 2001 the standard has 1 and multiples of 8, before that any number."""
FLOATING_BITS = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}


@dataclass(frozen=True)
class PixelLayout:
    """Shape and encoding of every frame; bits as the standard counts them, `high_bit` from 0.

    supplemented: the upper stored values of a grey image have colours of their own (PS3.3 C.8.16.2.1.1.1).
    """

    rows: int
    columns: int
    samples: int
    frames: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    floating: bool
    supplemented: bool

    @property
    def indexed(self) -> bool:
        """Whether samples are positions in a palette, which must not be averaged."""
        return self.supplemented or self.photometric == "PALETTE COLOR"

    @property
    def reach(self) -> tuple[float, float]:
        """The lowest and the highest value that a sample can have."""
        if self.floating:
            return -(2.0**31), 2.0**31
        half = 2.0 ** (self.bits_stored - 1)
        return (-half, half - 1) if self.signed else (0.0, 2 * half - 1)

    @property
    def container_bits(self) -> int:
        """Bits of the smallest integer that holds a sample."""
        return next(bits for bits in (8, 16, 32, 64) if bits >= self.bits_allocated)

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.rows * self.columns

    def require_room(self, rows: int, columns: int, samples: int) -> None:
        """Raise Undrawable for a compressed frame that says it is far larger than this layout."""
        if rows * columns > MISMATCH * self.pixels or samples > MOST_SAMPLES:
            raise Undrawable("its compressed frame is larger than it declares")

    def of_one_frame(self) -> "PixelLayout":
        """The same layout for data that holds a single frame."""
        return replace(self, frames=1)


def pixel_layout(stored: StoredObject) -> PixelLayout:
    """Read the layout, with what is missing filled in as most writers mean it.

    Raises Undrawable without Rows or Columns, over 512 million samples a frame, and for sample sizes no one defines.
    """
    dataset = stored.dataset
    photometric = dataset.text("PhotometricInterpretation").upper() or "MONOCHROME2"
    samples = dataset.whole("SamplesPerPixel", 3 if photometric[:3] in ("RGB", "YBR") else 1)
    floating = stored.pixels.tag in FLOATING_BITS if stored.pixels else False
    allocated = FLOATING_BITS[stored.pixels.tag] if stored.pixels and floating else dataset.whole("BitsAllocated", 8)
    bits = min(dataset.whole("BitsStored", allocated), allocated)
    bits = bits if bits > 0 else allocated
    layout = PixelLayout(
        rows=dataset.whole("Rows", 0),
        columns=dataset.whole("Columns", 0),
        samples=samples,
        frames=max(1, dataset.whole("NumberOfFrames", 1)),
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=bits,
        high_bit=min(dataset.whole("HighBit", bits - 1), allocated - 1),
        signed=dataset.whole("PixelRepresentation", 0) == 1,
        planar=dataset.whole("PlanarConfiguration", 0) == 1 and samples > 1,
        floating=floating,
        supplemented=dataset.text("PixelPresentation") == "COLOR" and "RedPaletteColorLookupTableDescriptor" in dataset,
    )
    _check(layout)
    return layout


def _check(layout: PixelLayout) -> None:
    if layout.rows < 1 or layout.columns < 1:
        raise Undrawable("it does not say how many rows and columns it has")
    if layout.samples not in (1, 3):
        raise Undrawable("it has neither one nor three samples a pixel")
    if layout.pixels * layout.samples > SAMPLE_LIMIT:
        raise Undrawable("it declares more pixels than are decoded")
    if layout.bits_allocated not in ALLOCATED:
        raise Undrawable("its samples have a size that is not decoded")
