"""`upload PATHS…`: files and folders into the PACS, small ones directly, large ones and archives through the bucket."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from client.bucket import Advance, send
from client.endings import Refusal
from client.memory import Facts, Memory
from client.output import readable
from client.parallel import each
from client.service import Service, understood
from client.stored import StoredObjects, is_zip

SMALL_BYTES = 4_000_000
"""What fits into one request, with what the platform adds to it."""

FINAL = ("STORED", "REFUSED", "FAILED")
POLLS_SECONDS = (0.3, 0.5, 1.0, 2.0, 5.0)
BAD_REQUEST, NOT_FOUND, TOO_LARGE = 400, 404, 413
REFUSALS = frozenset({400, 409, 422})
LONGEST_NAME = 255
REFERENCED_SOPS = "00081199"
CHANGED = "the file changed while it was sent; send it again"


@dataclass(frozen=True)
class Outcome:
    """What became of a file: STORED, REFUSED or FAILED, and why, in words."""

    path: Path
    state: str
    reason: str = ""


def upload(service: Service, files: list[Path], memory: Memory, parallel: int, console: Console) -> list[Outcome]:
    """Uploads them, several at a time, with a progress bar on a terminal; one outcome for each, in their order."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("uploading", total=sum(_size(path) for path in files))
        uploader = Uploader(service, memory, lambda size: progress.advance(bar, size))
        return each(uploader.upload, files, parallel)


class Uploader:
    """Uploads one file after the other; may be used from several threads."""

    def __init__(self, service: Service, memory: Memory, advance: Advance) -> None:
        self._service = service
        self._memory = memory
        self._stored = StoredObjects(service)
        self._advance = advance

    def upload(self, path: Path) -> Outcome:
        """Whatever happens to a file is its outcome."""
        try:
            return self._upload(path, Facts.of(path))
        except Refusal as refusal:
            return Outcome(path, "FAILED", refusal.reason)
        except OSError as error:
            return Outcome(path, "FAILED", f"the file cannot be read ({error.strerror or type(error).__name__})")

    def _upload(self, path: Path, facts: Facts) -> Outcome:
        known = self._memory.recall(path)
        if known and known.stored:
            if self._stored.holds(path):
                self._advance(facts.size)
                return Outcome(path, "STORED", "before")
            self._memory.forget(path)
            known = None
        if known is None and facts.size <= SMALL_BYTES and not is_zip(path):
            outcome = self._send_directly(path, facts)
            if outcome:
                self._advance(facts.size)
                return outcome
        return self._send_through_bucket(path, facts, known.upload_id if known else "")

    def _send_directly(self, path: Path, facts: Facts) -> Outcome | None:
        """The outcome of `POST /exams`; None where the file is more than a request takes."""
        content = path.read_bytes()
        if Facts.of(path) != facts:
            return Outcome(path, "FAILED", CHANGED)
        try:
            answers = self._service.post_json(list, "/exams", data=content, content_type="application/dicom")
        except Refusal as refusal:
            if refusal.http_status == TOO_LARGE:
                return None
            refused = refusal.explained and refusal.http_status in REFUSALS
            return Outcome(path, "REFUSED" if refused else "FAILED", refusal.reason)
        with understood():
            (response,) = answers
            if not response[REFERENCED_SOPS]["Value"]:
                raise ValueError
        self._memory.remember(path, facts, "", stored=True)
        return Outcome(path, "STORED")

    def _send_through_bucket(self, path: Path, facts: Facts, upload_id: str) -> Outcome:
        upload_id, file = self._begun(path, facts, upload_id)
        if "upload" in file or "parts" in file:
            with understood():
                send(file, path, facts.size, self._advance)
        else:
            self._advance(facts.size)
        file = self._when_final(upload_id)
        unchanged = Facts.of(path) == facts
        if file["state"] == "STORED" and unchanged:
            self._memory.remember(path, facts, upload_id, stored=True)
            return Outcome(path, "STORED", _reasons(file))
        self._memory.forget(path)
        return Outcome(path, file["state"], _reasons(file)) if unchanged else Outcome(path, "FAILED", CHANGED)

    def _begun(self, path: Path, facts: Facts, upload_id: str) -> tuple[str, dict[str, Any]]:
        """The upload that the file is in, and where its bytes go: the missing ones of an upload that was cut off."""
        if upload_id:
            file = self._resumed(path, upload_id)
            if file is not None:
                return upload_id, file
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        announcement = {"name": readable(path.name)[-LONGEST_NAME:], "size": facts.size, "sha256": digest}
        begun = self._service.post_json(dict, "/exams/uploads", json={"files": [announcement], "multipart": True})
        file = _file(begun)
        upload_id = str(begun.get("uploadId", ""))
        self._memory.remember(path, facts, upload_id, stored=False)
        return upload_id, file

    def _resumed(self, path: Path, upload_id: str) -> dict[str, Any] | None:
        """An earlier upload as it stands; None where the file is to be announced anew."""
        try:
            file = _file(self._service.get_json(dict, f"/exams/uploads/{upload_id}", resume="true"))
        except Refusal as refusal:
            if refusal.http_status in (BAD_REQUEST, NOT_FOUND):
                return None
            raise
        if file["state"] in ("REFUSED", "FAILED") or (file["state"] == "STORED" and not self._stored.holds(path)):
            return None
        return file

    def _when_final(self, upload_id: str) -> dict[str, Any]:
        polls = iter(POLLS_SECONDS)
        while True:
            file = _file(self._service.get_json(dict, f"/exams/uploads/{upload_id}"))
            if file["state"] in FINAL:
                return file
            time.sleep(next(polls, POLLS_SECONDS[-1]))


def _file(answer: dict[str, Any]) -> dict[str, Any]:
    """The one file of an upload, as the service tells of it; raises Refusal for what it would not tell."""
    with understood():
        (file,) = answer["files"]
        return {"state": "WAITING", **file}


def _reasons(file: dict[str, Any]) -> str:
    with understood():
        refused = [entry for entry in file.get("entries", []) if entry["state"] != "STORED"]
        entries = [f"{entry['name']}: {entry.get('reason', entry['state'])}" for entry in refused[:5]]
        return "; ".join([file.get("reason", ""), *entries]).strip("; ")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
