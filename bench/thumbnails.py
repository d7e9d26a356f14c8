"""How long a picture takes, beside DCMTK and Orthanc on the same objects in the same run.

    python -m bench.thumbnails

Measures every file of pydicom and pydicom-data and a mammogram of 14 megapixels, and writes the tables into
docs/pictures.md and the plot beside it. Each figure is the best of its rounds, in which the programs take turns.
"""

import logging
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import pictures_report
from bench.contact_sheet import dicom_files
from bench.dcmtk import dcmtk_command
from bench.mammogram import encodings
from bench.orthanc_pictures import StoredInOrthanc
from bench.pictures_report import Measured
from bench.who_draws import compare
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.reading.dataset import read_object
from dicom_service.exams.pictures.request import PictureRequest
from tests.orthanc import running_orthanc

ROUNDS = 5
WANTED = PictureRequest()
DCMTK = ("dcmj2pnm", "dcml2pnm")


@dataclass(frozen=True)
class Rivals:
    """Where the other programs are; None and False for those that this machine does not have."""

    orthanc: str | None
    dcmtk: bool


def on_the_clock[Answer](act: Callable[[], Answer]) -> tuple[Answer, float]:
    start = time.perf_counter()
    answer = act()
    return answer, (time.perf_counter() - start) * 1000


def of_cpu(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return (time.process_time() - start) * 1000


def of_a_command(command: list[str]) -> list[float]:
    """CPU of a child process, nothing when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return [] if done.returncode else [used * 1000]


def measure(name: str, part10: bytes, rivals: Rivals, folder: Path, scalable: bool | None = None) -> Measured:
    """Let the programs take turns over one object."""
    measured = Measured(name, len(part10), draw_picture(part10, WANTED).placeholder, scalable)
    with ExitStack() as open_until_done:
        stored, command = None, []
        if rivals.orthanc and not measured.placeholder:
            stored = open_until_done.enter_context(StoredInOrthanc(rivals.orthanc, part10))
        if rivals.dcmtk and not measured.placeholder:
            source, target = folder / "object.dcm", folder / "picture.jpg"
            source.write_bytes(part10)
            command = dcmtk_command(source, target, "+oj", *_scale(part10))
        for _ in range(ROUNDS):
            measured.drawn.append(of_cpu(lambda: draw_picture(part10, WANTED)))
            if command:
                measured.dcmtk += of_a_command(command)
            if stored:
                _ask_orthanc(stored, _middle(part10), measured)
    return measured


def _ask_orthanc(stored: StoredInOrthanc, frame: int, measured: Measured) -> None:
    shown, rendered = on_the_clock(lambda: stored.rendered(frame, WANTED.size))
    if shown:
        measured.rendered.append(rendered)
        _, both = on_the_clock(lambda: draw_picture(stored.file(), WANTED))
        measured.fetched_and_drawn.append(both)


def _middle(part10: bytes) -> int:
    return max(1, read_object(part10).dataset.whole("NumberOfFrames", 1)) // 2


def _scale(part10: bytes) -> list[str]:
    dataset = read_object(part10).dataset
    rows, columns = dataset.whole("Rows", 0), dataset.whole("Columns", 0)
    if max(rows, columns) <= WANTED.size:
        return []
    return ["+Sxv" if columns >= rows else "+Syv", str(WANTED.size)]


def main() -> None:
    logging.disable(logging.WARNING)
    with ExitStack() as open_until_done:
        folder = Path(open_until_done.enter_context(tempfile.TemporaryDirectory()))
        orthanc = open_until_done.enter_context(running_orthanc(folder)) if shutil.which("Orthanc") else None
        rivals = Rivals(orthanc, all(shutil.which(tool) for tool in DCMTK))
        files = [measure(file.name, file.read_bytes(), rivals, folder) for file in dicom_files()]
        mammograms = [measure(each.name, each.part10, rivals, folder, each.scalable) for each in encodings()]
        compared = compare(orthanc)
    pictures_report.write(files, mammograms, compared)


if __name__ == "__main__":
    main()
