"""Writing pictures: baseline JPEG, grey or RGB, with nothing in it but the image."""

from io import BytesIO

from PIL import Image

FINE_QUALITY = 95
TINY = 64
"""Pixels along the longest side below which halved chroma would mix what little there is."""


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Encode an image of mode L or RGB; chroma is kept in full at qualities from 95 and in tiny pictures."""
    target = BytesIO()
    image.info.clear()
    full = quality >= FINE_QUALITY or max(image.size) < TINY
    image.save(target, "JPEG", quality=quality, subsampling=0 if full else 2)
    return target.getvalue()
