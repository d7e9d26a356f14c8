"""A multi-frame object of any size, written to a file without being held."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pydicom

from tests.pacs.objects import make_object

SIDE = 2048
FRAME_BYTES = SIDE * SIDE * 2


def write_large_object(path: Path, frames: int) -> pydicom.Dataset:
    """Writes an object of so many frames of 8 MiB, each of them another; gives its attributes without the pixels."""
    facts = {"Rows": SIDE, "Columns": SIDE, "NumberOfFrames": frames, "PatientID": "LARGE"}
    head = make_object(**facts, PixelData=b"\0\0")[:-6]
    noise = os.urandom(FRAME_BYTES - 8)
    with path.open("wb") as file:
        file.write(head + (frames * FRAME_BYTES).to_bytes(4, "little"))
        for frame in range(frames):
            file.write(frame.to_bytes(8, "little"))
            file.write(noise)
    return pydicom.dcmread(BytesIO(head + bytes(4)), stop_before_pixels=True)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
