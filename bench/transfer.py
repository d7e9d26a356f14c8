"""MB/s of every way into and out of the service, against a direct STOW and WADO to the same PACS in the same run.

`python -m bench.transfer` brings the whole stack up on this machine: the PACS, the emulated AWS and the functions share
its cores, so the figures compare the ways with each other; they are not those of a deployment.
"""

import hashlib
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import requests
from rich.console import Console
from rich.table import Table

from client.bucket import send
from client.memory import Memory
from client.service import Service
from client.upload import upload
from local.stack import LocalStack, Settings
from tests.pacs.large import write_large_object
from tests.pacs.objects import make_object, uids
from tests.pacs.objects import send as stow

CT_SIDE = 512
CT_COUNT = 200
LARGE_FRAMES = 25
PACS_KEY = "bench"
ROUNDS = 3


def ct_study() -> list[bytes]:
    """CT images of 525 kB of one study, with noise that compresses as real ones do."""
    pixels = np.random.default_rng(1).normal(1000, 40, (CT_SIDE, CT_SIDE)).astype("<u2").tobytes()
    study, series = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    facts = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "PatientID": "BENCH", "PixelData": pixels}
    return [make_object(**facts, Rows=CT_SIDE, Columns=CT_SIDE, InstanceNumber=n) for n in range(1, CT_COUNT + 1)]


class Bench:
    """The ways, each as a function of new objects that gives nothing and raises where one is not stored."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._service = Service(stack.url)
        self._stow = f"{stack.pacs_url}/o3-dpacs-wado/stowRsListener/BENCH/studies"

    def direct(self, objects: Iterable[bytes]) -> None:
        for content in objects:
            answer = stow(self._stow, content, headers={"Authorization": PACS_KEY})
            assert answer.status_code == 200, answer.text

    def small(self, objects: Iterable[bytes], parallel: int = 1) -> None:
        with ThreadPoolExecutor(parallel) as threads:
            list(threads.map(lambda content: self._service.post_json(list, "/exams", data=content), objects))

    def client(self, objects: list[bytes]) -> None:
        paths = self._files(objects)
        memory = Memory(self._folder / "memory.json", "bench")
        outcomes = upload(self._service, paths, memory, 4, Console(quiet=True))
        assert all(outcome.state == "STORED" for outcome in outcomes), outcomes[0]

    def large(self, path: Path, *, in_parts: bool) -> None:
        facts = {"name": path.name, "size": path.stat().st_size}
        begun = self._service.post_json(dict, "/exams/uploads", json={"files": [facts], "multipart": in_parts})
        send(begun["files"][0], path, path.stat().st_size, lambda _: None)
        while (file := self._state(begun["uploadId"]))["state"] in ("WAITING", "STORING"):
            time.sleep(0.1)
        assert file["state"] == "STORED", file

    def zipped(self, objects: list[bytes]) -> None:
        path = self._folder / "study.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, content in enumerate(objects):
                archive.writestr(f"{number}.dcm", content)
        self.large(path, in_parts=True)

    def wado(self, content: bytes) -> None:
        study, series, instance = uids(content)
        query = {"requestType": "WADO", "studyUID": study, "seriesUID": series, "objectUID": instance}
        query |= {"contentType": "application/dicom", "transferSyntax": "original"}
        url, headers = f"{self._stack.pacs_url}/o3-dpacs-wado/wado", {"Authorization": PACS_KEY}
        with requests.get(url, params=query, headers=headers, stream=True, timeout=60) as answer:
            assert _read(answer) >= len(content)

    def retrieve(self, content: bytes) -> None:
        study, series, instance = uids(content)
        path = f"/exams/studies/{study}/series/{series}/instances/{instance}?fileType=application/dicom"
        with requests.get(self._stack.url + path, stream=True, timeout=60) as answer:
            assert _read(answer) >= len(content), answer.status_code

    def archive(self, objects: list[bytes]) -> None:
        answer = self._service.get(f"/exams/studies/{uids(objects[0])[0]}/archive", PatientId="BENCH")
        while answer.status_code == 202:
            time.sleep(0.2)
            answer = self._service.get(answer.headers["Location"])
        with requests.get(answer.headers["Location"], stream=True, timeout=60) as fetched:
            _read(fetched)

    def _files(self, objects: list[bytes]) -> list[Path]:
        place = self._folder / hashlib.sha256(objects[0]).hexdigest()
        place.mkdir()
        for number, content in enumerate(objects):
            (place / f"{number}.dcm").write_bytes(content)
        return sorted(place.iterdir())

    def _state(self, upload_id: str) -> dict[str, Any]:
        file: dict[str, Any] = self._service.get(f"/exams/uploads/{upload_id}").json()["files"][0]
        return file


def _read(answer: requests.Response) -> int:
    answer.raise_for_status()
    return sum(len(piece) for piece in answer.iter_content(1 << 20))


def seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def measured(bench: Bench, folder: Path) -> Iterable[tuple[str, float, float]]:
    """What was done, megabytes, and the seconds that they took, the best of three runs."""
    megabytes = sum(map(len, ct_study())) / 1e6

    def best(way: Callable[[list[bytes]], None]) -> float:
        studies = [ct_study() for _ in range(ROUNDS)]
        return min(seconds(lambda study=study: way(study)) for study in studies)

    yield f"{CT_COUNT} CT: STOW to the PACS, one after the other", megabytes, best(bench.direct)
    yield f"{CT_COUNT} CT: POST /exams, one after the other", megabytes, best(bench.small)
    yield f"{CT_COUNT} CT: POST /exams, four at a time", megabytes, best(lambda study: bench.small(study, 4))
    yield f"{CT_COUNT} CT: python -m client upload", megabytes, best(bench.client)
    yield f"{CT_COUNT} CT: a zip file by POST /exams/uploads", megabytes, best(bench.zipped)
    study = ct_study()
    bench.direct(study)
    yield (
        f"{CT_COUNT} CT: GET …/instances/… one after the other",
        megabytes,
        seconds(lambda: _each(bench.retrieve, study)),
    )
    yield (
        f"{CT_COUNT} CT: WADO from the PACS, one after the other",
        megabytes,
        seconds(lambda: _each(bench.wado, study)),
    )
    yield f"{CT_COUNT} CT: GET …/archive, made and fetched", megabytes, seconds(lambda: bench.archive(study))
    yield from _large(bench, folder)


def _large(bench: Bench, folder: Path) -> Iterable[tuple[str, float, float]]:
    paths = [folder / f"{number}.dcm" for number in range(3)]
    for path in paths:
        write_large_object(path, LARGE_FRAMES)
    megabytes, head = paths[0].stat().st_size / 1e6, paths[2].read_bytes()
    name = f"{megabytes:.0f} MB object"
    yield f"{name}: STOW to the PACS", megabytes, seconds(lambda: bench.direct([head]))
    yield f"{name}: a form by POST /exams/uploads", megabytes, seconds(lambda: bench.large(paths[0], in_parts=False))
    yield f"{name}: parts by POST /exams/uploads", megabytes, seconds(lambda: bench.large(paths[1], in_parts=True))
    yield f"{name}: WADO from the PACS", megabytes, seconds(lambda: bench.wado(head))
    yield f"{name}: GET …/instances/…, the first time", megabytes, seconds(lambda: bench.retrieve(head))
    yield f"{name}: GET …/instances/…, from the bucket", megabytes, seconds(lambda: bench.retrieve(head))


def _each(way: Callable[[bytes], None], objects: Iterable[bytes]) -> None:
    for content in objects:
        way(content)


def main() -> int:
    table = Table("What", "MB", "s", "MB/s")
    variables = {"PACS_AUTHORIZATION_TOKEN": PACS_KEY}
    with tempfile.TemporaryDirectory() as name, LocalStack(Settings(variables=variables)) as stack:
        folder = Path(name)
        for what, megabytes, took in measured(Bench(stack, folder), folder):
            table.add_row(what, f"{megabytes:.0f}", f"{took:.1f}", f"{megabytes / took:.0f}")
    Console(width=110).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
