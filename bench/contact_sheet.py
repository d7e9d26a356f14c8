"""One PNG sheet of the pictures of every test file of pydicom and pydicom-data, or of the files given.

    python -m bench.contact_sheet SHEET.png [FILE ...]

Tiny pictures are enlarged, captions of placeholders are yellow. Prints the CPU time per picture and the files that got
a placeholder.
"""

import logging
import math
import statistics
import sys
import time
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest

CELL, CAPTION, COLUMNS = 160, 14, 12
PREAMBLE = 132


def dicom_files() -> list[Path]:
    """The DICOM files that come with pydicom and pydicom-data: those with the prefix, or named .dcm."""
    import data_store
    import pydicom.data

    folders = [Path(pydicom.data.__file__).parent / "test_files", Path(data_store.__file__).parent / "data"]
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    return [file for file in files if file.suffix == ".dcm" or file.read_bytes()[128:PREAMBLE] == b"DICM"]


def main(arguments: list[str]) -> None:
    """Draw the sheet at the first argument."""
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    target, *named = arguments
    files = [Path(name) for name in named] or dicom_files()
    for file in files:
        draw_picture(file.read_bytes(), PictureRequest())
    sheet = Image.new("RGB", (COLUMNS * CELL, math.ceil(len(files) / COLUMNS) * (CELL + CAPTION)), "#202020")
    pencil, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    milliseconds = []
    for number, file in enumerate(files):
        data = file.read_bytes()
        start = time.process_time()
        picture = draw_picture(data, PictureRequest())
        milliseconds.append((time.process_time() - start) * 1000)
        with Image.open(BytesIO(picture.jpeg)) as opened:
            image: Image.Image = opened
            enlarged = max(1, (CELL - 4) // max(image.size))
            image = image.resize((image.width * enlarged, image.height * enlarged), Image.Resampling.NEAREST)
            image.thumbnail((CELL - 4, CELL - 4))
            left, top = number % COLUMNS * CELL, number // COLUMNS * (CELL + CAPTION)
            sheet.paste(image, (left + (CELL - image.width) // 2, top + (CELL - image.height) // 2))
        pencil.text((left + 2, top + CELL), file.name[:30], "#f0c060" if picture.placeholder else "#c0c0c0", font)
        if picture.placeholder:
            print("placeholder", file.name)
    sheet.save(target, optimize=True)
    slowest = sorted(zip(milliseconds, files, strict=True))[-8:]
    print("slowest", ", ".join(f"{file.name} {ms:.1f} ms" for ms, file in slowest))
    quantiles = statistics.quantiles(milliseconds, n=20)
    print(f"{len(files)} files, CPU ms per picture: median {quantiles[9]:.2f}, 95th percentile {quantiles[18]:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
