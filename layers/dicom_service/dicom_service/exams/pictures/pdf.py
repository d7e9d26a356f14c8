"""The first page of an Encapsulated PDF (PS3.3 A.45.1 and C.24.2)."""

import time
from collections.abc import Callable
from contextlib import closing
from threading import Lock
from typing import Any

from PIL import Image

from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.undrawable import Undrawable

type Clock = Callable[[], float]

WHITE = (255, 255, 255, 255)
LONGEST_SHAPE = 20.0
"""How many times its width a page may be high, or the other way round; beyond it there would be nothing to see."""

DRAWING_SECONDS = 2.0
"""A page of text takes a few milliseconds, a small file of a million lines a minute."""

one_at_a_time = Lock()
"""PDFium is not safe between threads."""


def draw_first_page(document: bytes, wanted: PictureRequest, clock: Clock = time.monotonic) -> bytes:
    """A JPEG of the page on white, its longest side `wanted.size`; annotations are drawn, form fields are not.

    clock: seconds. Raises Undrawable for a page of no believable shape or one that takes longer than two seconds, and
    whatever pypdfium2 raises over a document that is broken, locked or empty.
    """
    import pypdfium2

    with one_at_a_time, closing(pypdfium2.PdfDocument(document)) as pdf, closing(pdf[0]) as page:
        width, height = page.get_size()
        if not 0 < max(width, height) <= LONGEST_SHAPE * min(width, height):
            raise Undrawable("its first page has no believable shape")
        scale = wanted.size / max(width, height)
        image = _drawn(page, max(1, round(width * scale)), max(1, round(height * scale)), clock)
        return encode_jpeg(image, wanted.quality)


def _drawn(page: Any, width: int, height: int, clock: Clock) -> Image.Image:
    """Draw in steps, between which PDFium asks whether to pause (fpdf_progressive.h)."""
    from pypdfium2 import PdfBitmap, raw

    last = clock() + DRAWING_SECONDS
    pause = raw.IFSDK_PAUSE(version=1)
    pause.NeedToPauseNow = type(pause.NeedToPauseNow)(lambda _pause: clock() > last)
    bitmap = PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGR)
    bitmap.fill_rect(WHITE, 0, 0, width, height)
    unrotated, flags = 0, raw.FPDF_ANNOT
    state = raw.FPDF_RenderPageBitmap_Start(bitmap, page, 0, 0, width, height, unrotated, flags, pause)
    raw.FPDF_RenderPage_Close(page)
    if state != raw.FPDF_RENDER_DONE:
        raise Undrawable("its first page cannot be drawn in time")
    image: Image.Image = bitmap.to_pil()
    return image
