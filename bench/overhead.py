"""What the service adds to a PACS: upload, search and retrieval against the same requests straight to it.

    python -m bench.overhead [--rounds 60]

Brings the stack of `make run` up before a real Orthanc. Each round does every operation three times: straight with
requests, through the function's handler alone with the event that Lambda would give it, and over HTTP through the whole
stack on this machine, whose gateway and processes stand for API Gateway and Lambda. Who goes first changes from round
to round, so that all see the same machine. The ratios are of medians over the rounds; an upload sends an object of its
own each time.
"""

import argparse
import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pydicom
import requests
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from dicom_service.access.caller import ANONYMOUS, to_context
from local import template
from local.context import context_for
from local.http_api import Request, build_event, let_in, match
from local.stack import LocalStack, Settings
from tests.orthanc import AUTHORIZATION, running_orthanc

KEY = {"Authorization": AUTHORIZATION}
JSON = {"Accept": "application/dicom+json"}
OBJECT = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
SIZES = {"525 kB": 512, "4 MB": 1448}
"""Rows and columns of 16-bit images of these sizes."""

AIMS = {"525 kB": 1.15, "4 MB": 1.05}
PATIENT = "BENCH"
WARMING = 6


@dataclass(frozen=True)
class Image:
    """One file, with what it is found by."""

    content: bytes
    patient_id: str
    uids: tuple[str, str, str]


Operation = Callable[[Image], Callable[[], object]]
"""What is prepared for an image, and then timed."""


class Images:
    """CT images of one patient, each of a study of its own."""

    def __init__(self, side: int) -> None:
        self._dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        self._dataset.Rows = self._dataset.Columns = side
        pixels = np.random.default_rng(1).integers(0, 2000, side * side, dtype="<i2")
        self._dataset.PixelData = pixels.tobytes()
        self._dataset.PatientID = f"{PATIENT}{side}"

    def new(self) -> Image:
        dataset = self._dataset
        uids = (generate_uid(), generate_uid(), generate_uid())
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uids
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        written = BytesIO()
        dataset.save_as(written)
        return Image(written.getvalue(), dataset.PatientID, uids)


def later(do: Callable[[Image], None]) -> Operation:
    """What needs no preparation."""
    return lambda image: lambda: do(image)


def straight(pacs: str, session: requests.Session) -> Mapping[str, Operation]:
    """The operations as a client of the PACS would do them itself."""
    studies = f"{pacs}/dicom-web/studies"

    def upload(image: Image) -> None:
        head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        headers = {**KEY, **JSON, "Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
        answer = session.post(studies, data=head + image.content + b"\r\n--b--\r\n", headers=headers, timeout=60)
        assert answer.status_code == 200

    def search(image: Image) -> None:
        query = {"PatientID": image.patient_id, "limit": "100", "offset": "0"}
        answer = session.get(studies, params=query, headers={**KEY, **JSON}, timeout=60)
        assert answer.json()

    def retrieve(image: Image) -> None:
        study, series, instance = image.uids
        path = f"{studies}/{study}/series/{series}/instances/{instance}"
        answer = session.get(path, headers={**KEY, **OBJECT}, timeout=60)
        assert image.content in answer.content

    return {name: later(do) for name, do in (("upload", upload), ("search", search), ("retrieval", retrieve))}


def through(api: str, session: requests.Session) -> Mapping[str, Operation]:
    """The same through the service."""

    def upload(image: Image) -> None:
        headers = {"Content-Type": "application/dicom"}
        answer = session.post(f"{api}/exams", data=image.content, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text

    def search(image: Image) -> None:
        query = {"PatientId": image.patient_id}
        assert session.get(f"{api}/exams/studies", params=query, timeout=60).json()

    def retrieve(image: Image) -> None:
        study, series, instance = image.uids
        path = f"{api}/exams/studies/{study}/series/{series}/instance/{instance}"
        answer = session.get(path, params={"fileType": "application/dicom"}, timeout=60)
        assert answer.content == image.content

    return {name: later(do) for name, do in (("upload", upload), ("search", search), ("retrieval", retrieve))}


def handlers(stack: LocalStack) -> Mapping[str, Operation]:
    """The same through the functions' handlers in this process, with events as Lambda gives them."""
    routes = template.routes(stack.resources)

    def prepared(name: str, method: str, target: str, body: bytes = b"") -> Callable[[], object]:
        pairs = [("host", "localhost"), ("content-type", "application/dicom")]
        request = Request(method, target, pairs, body)
        found = match(routes, method, request.target)
        assert found
        event = let_in(build_event(request, *found), to_context(ANONYMOUS))
        handler, context = (
            importlib.import_module(f"functions.{name}.app").lambda_handler,
            context_for(found[0].function),
        )

        def call() -> None:
            assert handler(event, context)["statusCode"] == 200

        return call

    def upload(image: Image) -> Callable[[], object]:
        return prepared("upload_exam", "POST", "/exams", image.content)

    def search(image: Image) -> Callable[[], object]:
        return prepared("search_studies", "GET", f"/exams/studies?PatientId={image.patient_id}")

    def retrieve(image: Image) -> Callable[[], object]:
        study, series, instance = image.uids
        path = f"/exams/studies/{study}/series/{series}/instance/{instance}?fileType=application/dicom"
        return prepared("retrieve_exam", "GET", path)

    return {"upload": upload, "search": search, "retrieval": retrieve}


def measure(sides: Sequence[Mapping[str, Operation]], images: Images, rounds: int) -> list[str]:
    """A line for each operation: the medians, and the ratios to the first side's."""
    fixed = images.new()
    sides[0]["upload"](fixed)()
    taken: dict[str, list[list[float]]] = {name: [[] for _ in sides] for name in sides[0]}
    for number in range(-WARMING, rounds):
        for name, times in taken.items():
            for turn in range(len(sides)):
                side = (turn + number) % len(sides)
                image = images.new() if name == "upload" else fixed
                timed = sides[side][name](image)
                began = time.perf_counter()
                timed()
                if number >= 0:
                    times[side].append(time.perf_counter() - began)
    return [_line(name, [statistics.median(one) for one in times]) for name, times in taken.items()]


def _line(name: str, medians: list[float]) -> str:
    shown = (f"{seconds * 1000:8.2f} ms ({seconds / medians[0]:.2f})" for seconds in medians)
    return f"{name:<10}" + "  ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=60)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, running_orthanc(Path(folder)) as pacs:
        variables = {
            "PACS_SERVICE_URL": pacs,
            "PACS_DIALECT": "orthanc",
            "PACS_AUTHORIZATION_TOKEN": AUTHORIZATION,
        }
        with (
            redirect_stdout(StringIO()),
            LocalStack(Settings(variables=variables)) as stack,
            requests.Session() as to_pacs,
            requests.Session() as to_service,
        ):
            trail = template.functions(stack.resources)["SearchStudies"].environment["AUDIT_TABLE"]
            quiet = {"AUDIT_TABLE": trail, "POWERTOOLS_LOG_LEVEL": "CRITICAL"}
            os.environ.update(stack.aws.environment | variables | quiet)
            sides = (straight(pacs, to_pacs), handlers(stack), through(stack.url, to_service))
            for size, side in SIZES.items():
                lines = measure(sides, Images(side), rounds)
                print(f"{size}, aim {AIMS[size]:.2f}: straight, handler, stack", *lines, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
