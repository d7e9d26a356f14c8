"""`upload PATHS…`: files and folders into the PACS, small ones directly, large ones and archives through the bucket."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from client.bucket import Advance, send
from client.memory import Memory
from client.service import Refusal, Service

SMALL_BYTES = 4_000_000
"""What fits into one request, with what the platform adds to it."""

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
FINAL = ("STORED", "REFUSED", "FAILED")
POLLS_SECONDS = (0.3, 0.5, 1.0, 2.0, 5.0)
TOO_LARGE = 413
REFUSALS = frozenset({400, 409, 422})


@dataclass(frozen=True)
class Outcome:
    """What became of a file: STORED, REFUSED or FAILED, and why, in words."""

    path: Path
    state: str
    reason: str = ""


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those in the folders that are; raises FileNotFoundError.

    Left out of folders are hidden files and a disc's DICOMDIR, which holds no object.
    """
    for path in paths:
        if path.is_dir():
            found = (one for one in sorted(path.rglob("*")) if not one.name.startswith(".") and one.name != "DICOMDIR")
            yield from (one for one in found if one.is_file())
        elif path.is_file():
            yield path
        else:
            raise FileNotFoundError(path)


def upload(service: Service, files: list[Path], memory: Memory, parallel: int, console: Console) -> list[Outcome]:
    """Uploads them, several at a time, with a progress bar; one outcome for each, in their order."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(parallel) as threads:
        bar = progress.add_task("uploading", total=sum(path.stat().st_size for path in files))

        def one(path: Path) -> Outcome:
            return _upload(service, path, memory, lambda size: progress.advance(bar, size))

        return list(threads.map(one, files))


def shown(outcomes: list[Outcome]) -> Table:
    """A row per file, and the sums."""
    stored = sum(outcome.state == "STORED" for outcome in outcomes)
    table = Table("File", "State", "", caption=f"{stored} of {len(outcomes)} files are stored")
    for outcome in outcomes:
        table.add_row(str(outcome.path), outcome.state, outcome.reason)
    return table


def _upload(service: Service, path: Path, memory: Memory, advance: Advance) -> Outcome:
    try:
        known = memory.recall(path)
        if known and known.stored:
            advance(known.size)
            return Outcome(path, "STORED", "before")
        if known is None and _is_small(path):
            outcome = _send_directly(service, path)
            if outcome:
                advance(path.stat().st_size)
                if outcome.state == "STORED":
                    memory.remember(path, "", stored=True)
                return outcome
        return _send_through_bucket(service, path, memory, advance)
    except Refusal as refusal:
        return Outcome(path, "FAILED", refusal.reason)
    except OSError as error:
        return Outcome(path, "FAILED", error.strerror or type(error).__name__)


def _is_small(path: Path) -> bool:
    with path.open("rb") as file:
        return path.stat().st_size <= SMALL_BYTES and not file.read(4).startswith(ZIP_STARTS)


def _send_directly(service: Service, path: Path) -> Outcome | None:
    """The outcome of `POST /exams`; None where the file is more than a request takes."""
    try:
        service.post("/exams", data=path.read_bytes(), content_type="application/dicom")
    except Refusal as refusal:
        if refusal.status == TOO_LARGE:
            return None
        return Outcome(path, "REFUSED" if refusal.status in REFUSALS else "FAILED", refusal.reason)
    return Outcome(path, "STORED")


def _send_through_bucket(service: Service, path: Path, memory: Memory, advance: Advance) -> Outcome:
    upload_id, addresses = _begun(service, path, memory)
    if "upload" in addresses or "parts" in addresses:
        send(addresses, path, advance)
    else:
        advance(path.stat().st_size)
    file = _when_final(service, upload_id)
    if file["state"] == "STORED":
        memory.remember(path, upload_id, stored=True)
    else:
        memory.forget(path)
    return Outcome(path, file["state"], "; ".join([file.get("reason", ""), *_refused_entries(file)]).strip("; "))


def _begun(service: Service, path: Path, memory: Memory) -> tuple[str, dict[str, Any]]:
    """The upload that the file is in, and where its bytes go: those that are missing of one that was begun before."""
    known = memory.recall(path)
    if known and known.upload_id:
        try:
            (file,) = service.get(f"/exams/uploads/{known.upload_id}", resume="true").json()["files"]
        except Refusal as refusal:
            if refusal.status != 404:
                raise
        else:
            if file["state"] not in ("REFUSED", "FAILED"):
                return known.upload_id, file
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    announcement = {"name": path.name[-255:], "size": path.stat().st_size, "sha256": digest}
    begun = service.post("/exams/uploads", json={"files": [announcement], "multipart": True})
    memory.remember(path, begun["uploadId"], stored=False)
    return begun["uploadId"], begun["files"][0]


def _when_final(service: Service, upload_id: str) -> dict[str, Any]:
    polls = iter(POLLS_SECONDS)
    while True:
        file: dict[str, Any] = service.get(f"/exams/uploads/{upload_id}").json()["files"][0]
        if file["state"] in FINAL:
            return file
        time.sleep(next(polls, POLLS_SECONDS[-1]))


def _refused_entries(file: dict[str, Any]) -> list[str]:
    refused = [entry for entry in file.get("entries", []) if entry["state"] != "STORED"]
    return [f"{entry['name']}: {entry.get('reason', entry['state'])}" for entry in refused[:5]]
