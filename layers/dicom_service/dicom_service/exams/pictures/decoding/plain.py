"""Which compressed frames are known to be cheap before they are decoded, by what their own headers say.

Decoders believe those headers: a few bytes can ask for any number of pixels, tiles, layers or scans.
"""

import struct
from collections.abc import Callable

from dicom_service.exams.pictures.reading.layout import PixelLayout
from dicom_service.exams.pictures.reading.room import Room
from dicom_service.exams.pictures.undrawable import TooCostly

type Check = Callable[[bytes, int], bool]
"""Of a stream, and of how many samples it may have."""

WORKING_BYTES = 3
"""What a sample takes at the least while it is decoded."""

SHORT_RLE = 2**20
"""Bytes; PackBits makes 64 times as many of them at the most."""

MOST_SEGMENTS = 64
SEQUENTIAL_FRAMES = frozenset((0xC0, 0xC1, 0xC3, 0xF7))
"""Of Huffman-coded DCT, lossless JPEG and JPEG-LS: each scan passes over its components once."""
OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA

CODING_STYLE, START_OF_TILE, START_OF_DATA, END_OF_CODESTREAM = 0xFF52, 0xFF90, 0xFF93, 0xFFD9
MAIN_HEADER = frozenset((0xFF50, 0xFF55, 0xFF56, 0xFF57, 0xFF58, 0xFF59, 0xFF5C, 0xFF5D, 0xFF63, 0xFF64))
"""Segments that change neither how much is decoded nor in what order (T.800 Table A.2)."""
TILE_HEADER = frozenset((0xFF58, 0xFF5C, 0xFF5D, 0xFF64))
MOST_TILES, MOST_TILE_PARTS, MOST_LAYERS, MOST_LEVELS, MOST_COMPONENTS = 1024, 4096, 64, 10, 4
SMALLEST_BLOCK, SMALLEST_PRECINCT = 2, 5
"""Exponents of two as T.800 Table A.18 counts them, from 4 and from 1 pixel."""


def require_plain(stream: bytes, check: Check | None, layout: PixelLayout, room: Room) -> None:
    """Raise TooCostly for a compressed frame that is not known to fit into a room that nobody else keeps."""
    require_small(layout, room)
    if not room.confined and not (check and check(stream, room.decoded // WORKING_BYTES)):
        raise TooCostly


def require_small(layout: PixelLayout, room: Room) -> None:
    """Raise TooCostly where the samples of a frame, once unpacked, are more than there is room for."""
    if layout.pixels * layout.samples * max(WORKING_BYTES, layout.bits_allocated // 8) > room.decoded:
        raise TooCostly


def always(_stream: bytes, _samples: int) -> bool:
    """What its decoder itself makes no more of than the layout declares."""
    return True


def short(stream: bytes, _samples: int) -> bool:
    """Whether RLE cannot make much of it."""
    return len(stream) <= SHORT_RLE


def plain_jpeg(stream: bytes, samples: int) -> bool:
    """Whether a JPEG or JPEG-LS has one scan with all its components (ITU-T T.81 section B.2, T.87 section C.2)."""
    position, components = stream.find(b"\xff\xd8") + 2, 0
    for _ in range(MOST_SEGMENTS):
        if position < 2 or position > len(stream) - 10 or stream[position] != 0xFF:
            return False
        marker, length, _, rows, columns, count = struct.unpack_from(">xBHBHHB", stream, position)
        if marker in SEQUENTIAL_FRAMES:
            components = count
            if rows * columns * count > samples:
                return False
        elif marker in OTHER_FRAMES:
            return False
        elif marker == START_OF_SCAN:
            return components > 0 and stream[position + 4] == components
        position += 2 + length
    return False


def plain_jpeg2000(stream: bytes, samples: int) -> bool:
    """Whether a codestream has few tiles and layers, blocks of the usual sizes, and nothing that changes them."""
    position = stream.find(b"\xff\x4f\xff\x51") + 2
    if position < 2 or len(stream) < position + 50 or not _plain_size(stream, position, samples):
        return False
    styled = False
    for _ in range(MOST_SEGMENTS):
        position += 2 + int.from_bytes(stream[position + 2 : position + 4])
        marker = int.from_bytes(stream[position : position + 2])
        if marker == START_OF_TILE:
            return styled and _plain_tiles(stream, position)
        if marker == CODING_STYLE:
            styled = _plain_style(
                stream[position + 4 : position + 2 + int.from_bytes(stream[position + 2 : position + 4])]
            )
            if not styled:
                return False
        elif marker not in MAIN_HEADER:
            return False
    return False


def _plain_size(stream: bytes, position: int, samples: int) -> bool:
    """The size segment (T.800 A.5.1)."""
    right, bottom, left, top, width, height, tiles_left, tiles_top, count = struct.unpack_from(
        ">8IH", stream, position + 6
    )
    if not width or not height or count > MOST_COMPONENTS or (right - left) * (bottom - top) * count > samples:
        return False
    steps = stream[position + 40 : position + 40 + 3 * count]
    if any(step != 1 for place, step in enumerate(steps) if place % 3):
        return False
    tiles: int = -(-(right - tiles_left) // width) * -(-(bottom - tiles_top) // height)
    return tiles <= MOST_TILES


def _plain_style(segment: bytes) -> bool:
    """The coding style segment without its length (T.800 A.6.1)."""
    if len(segment) < 10:
        return False
    style, _, layers, _, levels, width, height = struct.unpack_from(">BBHBBBB", segment)
    precincts = segment[10 : 11 + levels] if style & 1 else b""
    return (
        layers <= MOST_LAYERS
        and levels <= MOST_LEVELS
        and min(width, height) >= SMALLEST_BLOCK
        and all(min(each & 15, each >> 4) >= SMALLEST_PRECINCT for each in precincts)
    )


def _plain_tiles(stream: bytes, position: int) -> bool:
    """The tile-parts' headers, up to the end of the codestream (T.800 A.4.2)."""
    for _ in range(MOST_TILE_PARTS):
        marker = int.from_bytes(stream[position : position + 2])
        if marker == END_OF_CODESTREAM or position >= len(stream):
            return True
        if marker != START_OF_TILE or len(stream) < position + 12 or not _plain_tile_header(stream, position + 12):
            return False
        length = int.from_bytes(stream[position + 6 : position + 10])
        if not length:
            return True
        position += length
    return False


def _plain_tile_header(stream: bytes, position: int) -> bool:
    for _ in range(MOST_SEGMENTS):
        marker = int.from_bytes(stream[position : position + 2])
        if marker == START_OF_DATA:
            return True
        if marker not in TILE_HEADER:
            return False
        position += 2 + int.from_bytes(stream[position + 2 : position + 4])
    return False
