"""Writing pictures: baseline JPEG, grey or RGB, with nothing in it but the image."""

from io import BytesIO

from PIL import Image

FINE_QUALITY = 95


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Encode an image of mode L or RGB; chroma is kept in full at qualities from 95."""
    target = BytesIO()
    image.info.clear()
    image.save(target, "JPEG", quality=quality, subsampling=0 if quality >= FINE_QUALITY else 2)
    return target.getvalue()
