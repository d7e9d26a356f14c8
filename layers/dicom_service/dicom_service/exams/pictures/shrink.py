"""Making a picture that a PACS rendered fit the request."""

from io import BytesIO

from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from dicom_service.exams.pictures.encode import encode_jpeg
from dicom_service.exams.pictures.request import PictureRequest

READERS: dict[bytes, type[ImageFile.ImageFile]] = {b"\xff\xd8\xff": JpegImageFile, b"\x89PN": PngImageFile}
GREY_MODES = ("1", "L", "LA")
PIXEL_LIMIT = 100_000_000


def shrink_jpeg(picture: bytes, wanted: PictureRequest) -> bytes | None:
    """Scale a JPEG or PNG down to `wanted.size` and encode it afresh as JPEG, so that no metadata of it remains.

    None when the bytes are anything else, are cut off, or declare more than 100 million pixels. Never raises.
    """
    reader = READERS.get(picture[:3])
    if reader is None:
        return None
    try:
        with reader(BytesIO(picture)) as image:
            if image.width * image.height > PIXEL_LIMIT:
                return None
            image.draft(None, (wanted.size, wanted.size))
            return encode_jpeg(_fitted(image, wanted.size), wanted.quality)
    except (OSError, SyntaxError, ValueError):
        return None


def _fitted(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.size)
    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256)
    shown = image.convert("L" if image.mode in GREY_MODES or image.mode.startswith("I") else "RGB")
    if scale >= 1:
        return shown
    width, height = (max(1, round(side * scale)) for side in image.size)
    return shown.resize((width, height), Image.Resampling.BICUBIC)
