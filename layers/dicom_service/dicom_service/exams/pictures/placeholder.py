"""What stands in for an object that has no picture: a symbol and the name of its kind on a plain ground."""

from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.kinds import Kind, Symbol
from dicom_service.exams.pictures.request import PictureRequest

GROUND, LINE, NAME = (38, 43, 51), (138, 150, 166), (214, 220, 228)
SUPERSAMPLING = 4
UNIT = 64
LEGIBLE = 64
"""The smallest picture, in pixels, that a name can be read in."""

type Points = tuple[tuple[float, float], ...]

OUTLINES: dict[Symbol, tuple[Points, ...]] = {
    Symbol.PAGE: (
        ((16, 8), (38, 8), (48, 18), (48, 56), (16, 56), (16, 8)),
        ((38, 8), (38, 18), (48, 18)),
        ((23, 28), (41, 28)),
        ((23, 36), (41, 36)),
        ((23, 44), (35, 44)),
    ),
    Symbol.LIST: (
        ((12, 16), (16, 16)),
        ((24, 16), (52, 16)),
        ((12, 32), (16, 32)),
        ((24, 32), (52, 32)),
        ((12, 48), (16, 48)),
        ((24, 48), (44, 48)),
    ),
    Symbol.FILM: (
        ((8, 12), (56, 12), (56, 52), (8, 52), (8, 12)),
        ((26, 22), (42, 32), (26, 42), (26, 22)),
    ),
    Symbol.CURVE: (
        ((4, 36), (16, 36), (20, 30), (24, 36), (28, 36), (31, 10), (35, 54), (38, 36), (44, 36), (49, 29), (54, 36)),
        ((54, 36), (60, 36)),
    ),
    Symbol.TARGET: (
        ((32, 4), (32, 20)),
        ((32, 44), (32, 60)),
        ((4, 32), (20, 32)),
        ((44, 32), (60, 32)),
        ((22, 14), (42, 14), (50, 22), (50, 42), (42, 50), (22, 50), (14, 42), (14, 22), (22, 14)),
    ),
    Symbol.SOLID: (
        ((32, 6), (54, 18), (54, 44), (32, 58), (10, 44), (10, 18), (32, 6)),
        ((10, 18), (32, 31), (54, 18)),
        ((32, 31), (32, 58)),
    ),
    Symbol.IMAGE: (
        ((8, 12), (56, 12), (56, 52), (8, 52), (8, 12)),
        ((8, 46), (23, 30), (34, 42), (43, 33), (56, 46)),
        ((40, 20), (45, 20), (47, 23), (45, 27), (40, 27), (38, 23), (40, 20)),
    ),
}
"""Lines on a square of 64 units."""


@lru_cache(maxsize=64)
def placeholder(kind: Kind, wanted: PictureRequest) -> bytes:
    """A square JPEG, `wanted.size` pixels a side, with the kind's symbol and, where it can be read, its name."""
    size = wanted.size
    image = Image.new("RGB", (size, size), GROUND)
    named = size >= LEGIBLE
    side = size * 2 // 5 if named else size * 3 // 4
    image.paste(LINE, ((size - side) // 2, size // 5 if named else (size - side) // 2), _symbol(kind.symbol, side))
    if named:
        _write(image, kind.name)
    return encode_jpeg(image, wanted.quality)


def _symbol(symbol: Symbol, side: int) -> Image.Image:
    """A mask of the symbol, drawn large and shrunk so that its lines are smooth."""
    large = side * SUPERSAMPLING
    mask = Image.new("L", (large, large), 0)
    pencil = ImageDraw.Draw(mask)
    for outline in OUTLINES[symbol]:
        points = [(x * large / UNIT, y * large / UNIT) for x, y in outline]
        pencil.line(points, fill=255, width=max(SUPERSAMPLING, large * 3 // UNIT), joint="curve")
    return mask.resize((side, side), Image.Resampling.LANCZOS)


def _write(image: Image.Image, name: str) -> None:
    pencil, size = ImageDraw.Draw(image), image.width
    font_size = size / 11
    while font_size > size / 18 and pencil.textlength(name, ImageFont.load_default(font_size)) > size * 0.9:
        font_size *= 0.9
    font = ImageFont.load_default(font_size)
    lines = _lines(name, lambda line: pencil.textlength(line, font) <= size * 0.9)
    pencil.multiline_text((size / 2, size * 0.76), "\n".join(lines[:3]), NAME, font, anchor="mm", align="center")


def _lines(name: str, fits: Callable[[str], bool]) -> list[str]:
    lines = [""]
    for word in name.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer) or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
