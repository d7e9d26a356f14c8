"""What a thumbnail costs where the PACS draws it, and where the object is fetched and drawn here."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file

from bench.mammogram import encodings
from dicom_service.errors import PacsError
from dicom_service.exams.opened import opened
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.shrink import shrink_jpeg
from dicom_service.exams.thumbnail import MOST_DRAWN_BYTES
from dicom_service.pacs.dialects import DIALECTS, Dialect
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession
from dicom_service.pacs.store import store_instance
from local.pacs.server import EmbeddedPacs, PacsSettings
from tests.orthanc import AUTHORIZATION

FILES = {
    "MR 64 × 64": "MR_small.dcm",
    "CT 128 × 128": "CT_small.dcm",
    "CT 512 × 512": "693_UNCR.dcm",
    "MR 1024 × 1024": "MR2_UNCR.dcm",
    "US 640 × 480, JPEG 2000": "US1_J2KR.dcm",
    "CR 1955 × 1841": "RG1_UNCR.dcm",
}
ROUNDS = 9
WANTED = PictureRequest()


@dataclass(frozen=True)
class Compared:
    """Milliseconds on the clock, over loopback: by the PACS, none where it cannot, and fetched and drawn here."""

    pacs: str
    object: str
    size: int
    by_pacs: list[float]
    here: list[float]


def compare(orthanc: str | None) -> list[Compared]:
    """The embedded PACS, and Orthanc where there is one, with objects from 10 kB to 29 MB."""
    objects = {name: Path(str(get_testdata_file(file))).read_bytes() for name, file in FILES.items()}
    objects |= {f"MG 4664 × 3064, {encoding.name}": encoding.part10 for encoding in encodings()[:2]}
    with ExitStack() as open_until_done:
        folder = Path(open_until_done.enter_context(tempfile.TemporaryDirectory()))
        embedded = open_until_done.enter_context(EmbeddedPacs(PacsSettings(folder)))
        places = [("embedded PACS", PacsSession(f"{embedded.url}/dicom-web", "", budget=3600), DIALECTS["dicomweb"])]
        if orthanc:
            places.append(("Orthanc", PacsSession(orthanc, AUTHORIZATION, budget=3600), DIALECTS["orthanc"]))
        return [
            _compare(pacs, name, part10, session, dialect)
            for name, part10 in objects.items()
            for pacs, session, dialect in places
        ]


def _compare(pacs: str, name: str, part10: bytes, session: PacsSession, dialect: Dialect) -> Compared:
    dataset = dcmread(BytesIO(part10), stop_before_pixels=True)
    sop_class, sop_instance = dataset.SOPClassUID, dataset.SOPInstanceUID
    store_instance(session, dialect, part10, sop_class, sop_instance)
    instance = Instance(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, sop_instance)
    place = f"{instance.study_uid}/series/{instance.series_uid}/instances/{instance.instance_uid}"
    picture = f"{dialect.retrieving}/{place}/rendered?viewport={WANTED.size},{WANTED.size}&quality={WANTED.quality}"

    def by_pacs() -> bool:
        answer = session.send("GET", picture, headers={"Accept": "image/jpeg"})
        return shrink_jpeg(answer.body, WANTED) is not None

    def here() -> None:
        with opened(session, dialect, instance, MOST_DRAWN_BYTES) as found:
            draw_picture(found.beginning, WANTED)

    compared = Compared(pacs, name, len(part10), [], [])
    shown = _shows(by_pacs)
    for _ in range(ROUNDS):
        compared.here.append(_on_the_clock(here))
        if shown:
            compared.by_pacs.append(_on_the_clock(by_pacs))
    return compared


def _shows(by_pacs: Callable[[], bool]) -> bool:
    try:
        return by_pacs()
    except PacsError:
        return False


def _on_the_clock(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000
