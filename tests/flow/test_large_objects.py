"""A gigabyte through the whole stack: up in parts, into the PACS, back byte for byte, and never held by a function."""

import contextlib
import hashlib
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests

from local.stack import LocalStack, Settings
from tests.pacs.large import digest_of, write_large_object

MOST_MEMORY = 250 * 1024 * 1024
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def large_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: what its functions' processes have held is what these tests made them hold."""
    with LocalStack(Settings(data_dir=tmp_path_factory.mktemp("pacs"))) as stack:
        yield stack


def in_the_real_runtime(function: str) -> list[int]:
    """The processes that were started with the function's name in their environment."""
    name, found = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode(), []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if name in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
    return found


def most_memory(function: str) -> int:
    """The most that any process of a function had resident, in bytes: what getrusage calls ru_maxrss."""
    pids = [process.pid for process in multiprocessing.active_children() if process.name == function]
    pids += in_the_real_runtime(function)
    assert pids, f"{function} has not run"
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return max(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def send_in_parts(url: str, path: Path, digest: str) -> str:
    """Announces a file and sends it, two parts at a time; the upload's identifier."""
    announcement = {"name": path.name, "size": path.stat().st_size, "sha256": digest}
    begun = requests.post(f"{url}/exams/uploads", json={"files": [announcement], "multipart": True}, timeout=30).json()
    (file,) = begun["files"]

    def send(number: int) -> str:
        with path.open("rb") as source:
            source.seek(sum(part["size"] for part in file["parts"][:number]))
            part = file["parts"][number]
            answer = requests.put(part["url"], data=source.read(part["size"]), timeout=60)
        return f"<Part><PartNumber>{number + 1}</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>"

    with ThreadPoolExecutor(2) as threads:
        parts = "".join(threads.map(send, range(len(file["parts"]))))
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    assert requests.post(file["complete"]["url"], data=body, timeout=60).status_code == 200
    return str(begun["uploadId"])


def outcome(url: str, upload_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        (file,) = requests.get(f"{url}/exams/uploads/{upload_id}", timeout=30).json()["files"]
        if file["state"] not in ("WAITING", "STORING"):
            return dict(file)
        time.sleep(0.5)
    raise AssertionError(f"not stored within {PATIENCE_SECONDS} s: {file}")


def digest_of_retrieved(url: str, facts: pydicom.Dataset) -> str:
    """Of the object as it comes back, however often it has to be asked for."""
    path = (
        f"/exams/studies/{facts.StudyInstanceUID}/series/{facts.SeriesInstanceUID}/instances/{facts.SOPInstanceUID}"
        "?fileType=application/dicom"
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with requests.get(url + path, timeout=60, stream=True) as answer:
            if answer.status_code == 200:
                assert [redirect.status_code for redirect in answer.history] == [303]
                digest = hashlib.sha256()
                for piece in answer.iter_content(1 << 20):
                    digest.update(piece)
                return digest.hexdigest()
            assert answer.status_code == 202, answer.text
            time.sleep(float(answer.headers["Retry-After"]))
    raise AssertionError("not retrieved in time")


@pytest.mark.large
@pytest.mark.parametrize("frames", [128, 25], ids=["1 GB", "200 MB"])
def test_an_object_of_any_size_goes_up_and_comes_back_unheld(
    large_stack: LocalStack, tmp_path: Path, frames: int
) -> None:
    # given an object that a worker fetches, and one that the request itself does
    path = tmp_path / "large.dcm"
    facts = write_large_object(path, frames)
    digest = digest_of(path)
    # when
    stored = outcome(large_stack.url, send_in_parts(large_stack.url, path, digest))
    # then
    assert stored["state"] == "STORED", stored
    assert stored["result"]["00081199"]["Value"][0]["00081155"]["Value"] == [facts.SOPInstanceUID]
    assert digest_of_retrieved(large_stack.url, facts) == digest
    for function in ("store_upload", "retrieve_exam", "prepare_download"):
        print(f"{function}: {most_memory(function) / 1024**2:.0f} MiB at the most")
        assert most_memory(function) < MOST_MEMORY
