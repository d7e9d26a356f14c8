"""Making a picture that a PACS rendered fit the request."""

import struct
from io import BytesIO

from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from dicom_service.exams.pictures.apart.process import reply_from_apart
from dicom_service.exams.pictures.decoding.plain import plain_jpeg
from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.undrawable import Undrawable

READERS: dict[bytes, type[ImageFile.ImageFile]] = {b"\xff\xd8\xff": JpegImageFile, b"\x89PN": PngImageFile}
GREY_MODES = ("1", "L", "LA")
PIXEL_LIMIT = 100_000_000

PLAIN_SAMPLES = 20_000_000
"""Of a JPEG that is scaled down while it is decoded."""

PLAIN_PNG_PIXELS, PLAIN_PNG_BYTES = 4_000_000, 4 * 2**20
SIZE_IN_PNG = 16
"""Where the image header chunk has width and height (PNG, section 11.2.1)."""


def shrink_jpeg(picture: bytes, wanted: PictureRequest) -> bytes | None:
    """Scale a JPEG or PNG down to `wanted.size` and encode it afresh as JPEG, so that no metadata of it remains.

    None when the bytes are anything else, are cut off, declare more than 100 million pixels or cost too much to decode.
    Never raises.
    """
    if picture[:3] not in READERS:
        return None
    if not _plain(picture):
        reply = reply_from_apart("shrink", wanted, picture)
        return reply.jpeg if reply and not reply.reason else None
    try:
        return shrink(picture, wanted)
    except (OSError, SyntaxError, ValueError, Undrawable):
        return None


def shrink(picture: bytes, wanted: PictureRequest) -> bytes:
    """As `shrink_jpeg`, whatever it costs. Raises what Pillow does, and Undrawable for too many pixels."""
    with READERS[picture[:3]](BytesIO(picture)) as image:
        if image.width * image.height > PIXEL_LIMIT:
            raise Undrawable("it has more pixels than are decoded")
        image.draft(None, (wanted.size, wanted.size))
        return encode_jpeg(_fitted(image, wanted.size), wanted.quality)


def _plain(picture: bytes) -> bool:
    """Whether it is known to be cheap."""
    if not picture.startswith(b"\x89PN"):
        return plain_jpeg(picture, PLAIN_SAMPLES)
    width, height = struct.unpack_from(">II", picture.ljust(SIZE_IN_PNG + 8), SIZE_IN_PNG)
    return len(picture) <= PLAIN_PNG_BYTES and width * height <= PLAIN_PNG_PIXELS


def _fitted(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.size)
    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256)
    shown = image.convert("L" if image.mode in GREY_MODES or image.mode.startswith("I") else "RGB")
    if scale >= 1:
        return shown
    width, height = (max(1, round(side * scale)) for side in image.size)
    return shown.resize((width, height), Image.Resampling.BICUBIC)
