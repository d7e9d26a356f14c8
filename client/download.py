"""`download STUDY`: a whole study as a zip file."""

import time
from pathlib import Path

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn

from client.service import Refusal, Service

PIECE_BYTES = 1 << 20
READY = 303


def download(service: Service, study_uid: str, folder: Path, console: Console, **asked: str) -> Path:
    """Waits until the archive is made, fetches it into the folder, and gives its path; raises Refusal.

    asked: the query parameters of the archive, `PatientId` among them.
    """
    url = _when_ready(service, f"/exams/studies/{study_uid}/archive", asked, console)
    path = folder / f"{study_uid}.zip"
    unfinished = path.with_suffix(".part")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    try:
        with requests.get(url, stream=True, timeout=(5, 60)) as answer, Progress(*columns, console=console) as progress:
            if not answer.ok:
                raise Refusal(answer.status_code, f"the bucket answered with status {answer.status_code}")
            bar = progress.add_task("fetching", total=int(answer.headers.get("Content-Length", 0)) or None)
            folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                for piece in answer.iter_content(PIECE_BYTES):
                    file.write(piece)
                    progress.advance(bar, len(piece))
    except requests.RequestException as error:
        raise Refusal(0, f"the archive did not come whole ({type(error).__name__})") from error
    return unfinished.replace(path)


def _when_ready(service: Service, path: str, asked: dict[str, str], console: Console) -> str:
    answer = service.get(path, **asked)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("packing instances", total=None)
        while answer.status_code != READY:
            instances = answer.json()["instances"]
            progress.update(bar, completed=instances["done"], total=instances["total"] or None)
            time.sleep(float(answer.headers.get("Retry-After", 3)))
            answer = service.follow(answer.headers["Location"])
        progress.update(bar, completed=progress.tasks[0].total or 0)
    return answer.headers["Location"]
