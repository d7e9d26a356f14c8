"""`download STUDY`: a whole study as a zip file."""

import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

from client.endings import NOT_WRITTEN, Ending, NotWritten, Refusal
from client.service import Service, retry_after, understood

PIECE_BYTES = 1 << 20
READY = 303
POLL_SECONDS = 3.0


def download(service: Service, study_uid: str, folder: Path, console: Console, **parameters: str) -> Path:
    """Waits until the archive is made, fetches it into the folder, and gives its path.

    parameters: of the archive, `PatientId` among them. Raises Refusal, and NotWritten where it does not get onto the
    disk; then nothing is left of it.
    """
    _check_folder(folder)
    url = _when_ready(service, f"/exams/studies/{study_uid}/archive", parameters, console)
    path = folder / f"{study_uid}.zip"
    unfinished = folder / f"{study_uid}.{os.getpid()}.part"
    with _removed_unless_moved(unfinished):
        _fetch(url, unfinished, path, console)
        if not zipfile.is_zipfile(unfinished):
            raise Refusal(0, "what came is no zip file: something else than the bucket answered")
        try:
            unfinished.replace(path)
        except OSError as error:
            raise NotWritten(path, error) from error
    return path


def _check_folder(folder: Path) -> None:
    """Before the service makes an archive for nothing. Raises Ending."""
    existing = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not existing.is_dir():
        raise Ending(f"{existing} is no folder", NOT_WRITTEN)


@contextmanager
def _removed_unless_moved(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _fetch(url: str, unfinished: Path, path: Path, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    try:
        with (
            requests.get(url, stream=True, timeout=(5, 60)) as answer,
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ):
            if not answer.ok:
                raise Refusal(answer.status_code, f"the bucket answered with status {answer.status_code}")
            size = answer.headers.get("Content-Length", "")
            bar = progress.add_task("fetching", total=int(size) if size.isdecimal() else None)
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                for piece in answer.iter_content(PIECE_BYTES):
                    file.write(piece)
                    progress.advance(bar, len(piece))
    except requests.RequestException as error:
        raise Refusal(0, f"the archive did not come whole ({type(error).__name__})") from error
    except OSError as error:
        raise NotWritten(path, error) from error


def _when_ready(service: Service, path: str, parameters: dict[str, str], console: Console) -> str:
    answer = service.get(path, **parameters)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("packing instances", total=None)
        while answer.status_code != READY:
            with understood():
                instances = service.json_of(dict, answer)["instances"]
                progress.update(bar, completed=instances["done"], total=instances["total"] or None)
            time.sleep(retry_after(answer, POLL_SECONDS))
            answer = service.get(service.where(answer))
        progress.update(bar, completed=progress.tasks[0].total or 0)
    return service.where(answer)
