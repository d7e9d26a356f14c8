"""What a compressed frame is by its first bytes, which tell more than a transfer syntax that was left as it was."""

from enum import Enum, auto
from struct import Struct

RLE_BEGINNING = Struct("<II")
RLE_HEADER = 64
MOST_SEGMENTS = 15


class Family(Enum):
    """Codecs that begin alike. JPEG-LS is among JPEG: only its start of frame tells it from the others."""

    JPEG = auto()
    JPEG_2000 = auto()
    JPEG_XL = auto()
    RLE = auto()


BEGINNINGS = {
    b"\xff\xd8\xff": Family.JPEG,
    b"\xff\x4f\xff\x51": Family.JPEG_2000,
    b"\0\0\0\x0cjP  ": Family.JPEG_2000,
    b"\xff\x0a": Family.JPEG_XL,
    b"\0\0\0\x0cJXL ": Family.JPEG_XL,
}
"""ITU-T T.81 B.1.1.3, T.800 A.4.1 and I.5.1, ISO/IEC 18181-2 section 4."""


def family_of(stream: bytes) -> Family | None:
    """The family of a stream by its beginning, None for one that begins like none of them."""
    for beginning, family in BEGINNINGS.items():
        if stream.startswith(beginning):
            return family
    if len(stream) < RLE_HEADER:
        return None
    segments, first = RLE_BEGINNING.unpack_from(stream)
    return Family.RLE if 1 <= segments <= MOST_SEGMENTS and first == RLE_HEADER else None
