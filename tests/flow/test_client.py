"""The command-line client against the whole stack, each command in a process of its own."""

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import requests

from client.bucket import send
from client.endings import Refusal
from client.memory import Facts, Memory
from client.service import Service
from client.upload import upload
from local.stack import LocalStack
from tests.command_line import client
from tests.file_sets import file_set
from tests.pacs.large import digest_of, write_large_object
from tests.pacs.objects import make_object, uids


def run(stack: LocalStack, tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return client(stack.url, tmp_path, *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study: a small object, a larger one, a zip file, a text file and a hidden one in folders."""
    first = make_object(PatientID="CLIENT")
    study = uids(first)[0]
    pixels = bytes(range(256)) * 25_000
    larger = make_object(PatientID="CLIENT", StudyInstanceUID=study, Rows=2000, Columns=1600, PixelData=pixels)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in.dcm", make_object(PatientID="CLIENT", StudyInstanceUID=study))
    place = tmp_path / "exam"
    (place / "series").mkdir(parents=True)
    (place / "small.dcm").write_bytes(first)
    (place / "series/larger.dcm").write_bytes(larger)
    (place / "series/zip.zip").write_bytes(packed.getvalue())
    (place / ".hidden").write_bytes(b"x")
    (place / "study").write_text(study)
    return place


def test_a_folder_goes_up_and_its_study_comes_back(stack: LocalStack, tmp_path: Path, folder: Path) -> None:
    # given a folder with a file that is no DICOM
    study = (folder / "study").read_text()
    # when
    done = run(stack, tmp_path, "upload", folder)
    # then
    assert done.returncode == 1, done.stderr
    assert "3 of 4 files are stored" in done.stdout
    assert done.stdout.count("REFUSED") == 1
    # when it is no longer there, and the same is asked again
    (folder / "study").unlink()
    again = run(stack, tmp_path, "upload", folder)
    # then
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("before") == 3
    # when
    fetched = run(stack, tmp_path, "download", study, "--patient", "CLIENT", "--to", tmp_path / "out")
    # then
    assert fetched.returncode == 0, fetched.stderr
    with zipfile.ZipFile(fetched.stdout.strip()) as archive:
        assert len(archive.namelist()) == 3
        assert (folder / "small.dcm").read_bytes() in [archive.read(name) for name in archive.namelist()]
    # when the same is asked for with a directory
    fetched = run(stack, tmp_path, "download", study, "--patient", "CLIENT", "--to", tmp_path / "disc", "--dicomdir")
    # then
    assert fetched.returncode == 0, fetched.stderr
    with zipfile.ZipFile(fetched.stdout.strip()) as archive:
        assert len(archive.namelist()) == 4
        archive.extractall(tmp_path / "mounted")
    assert len(file_set(tmp_path / "mounted")) == 3
    # when the disc comes back
    returned = run(stack, tmp_path, "upload", tmp_path / "mounted")
    # then
    assert returned.returncode == 0, returned.stdout
    assert "3 of 3 files are stored" in returned.stdout


def test_an_upload_that_was_cut_off_goes_on_where_it_was(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an upload of a large object that ended after its second part
    path = tmp_path / "large.dcm"
    write_large_object(path, 14)
    memory = Memory(tmp_path / "memory.json", stack.url)
    facts = {"name": path.name, "size": path.stat().st_size, "sha256": digest_of(path)}
    begun = requests.post(f"{stack.url}/exams/uploads", json={"files": [facts], "multipart": True}, timeout=10).json()
    parts = begun["files"][0]["parts"]
    with path.open("rb") as file:
        for part in parts[:2]:
            requests.put(part["url"], data=file.read(part["size"]), timeout=30).raise_for_status()
    memory.remember(path, Facts.of(path), begun["uploadId"], stored=False)
    # when
    sent: list[str] = []
    put = requests.put
    monkeypatch.setattr(requests, "put", lambda url, **content: sent.append(url) or put(url, **content))
    from rich.console import Console

    (outcome,) = upload(Service(stack.url), [path], Memory(tmp_path / "memory.json", stack.url), 1, Console(quiet=True))
    # then
    assert (outcome.state, outcome.reason) == ("STORED", "")
    assert len(sent) == len(parts) - 2


def test_a_bucket_that_refuses_is_told(stack: LocalStack, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with pytest.raises(Refusal, match="status 404"):
        send({"upload": {"url": f"{stack.aws.url}/no-such-bucket", "fields": {"key": "a"}}}, path, 1, lambda _: None)


def test_events_and_the_worklist_are_printed(stack: LocalStack, tmp_path: Path) -> None:
    workitem = {
        "PatientID": "CLIENT-W",
        "PatientName": "ROSSI^MARIO",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepDescription": "CT of the head",
        "ScheduledProcedureStepStartDate": "20300115",
        "ScheduledProcedureStepStartTime": "101500",
        "Modality": "CT",
        "AccessionNumber": "A1",
    }
    assert requests.post(f"{stack.url}/workitems", json=workitem, timeout=10).status_code == 200
    listed = run(stack, tmp_path, "worklist", "--patient", "CLIENT-W")
    assert listed.returncode == 0, listed.stderr
    study = requests.get(f"{stack.url}/workitems?patientID=CLIENT-W&format=simple", timeout=10).json()[0][
        "StudyInstanceUID"
    ]
    row = ["20300115", "101500", "CT1", "CT", "ROSSI^MARIO", "CLIENT-W", "CT of the head", study]
    assert listed.stdout == "\t".join(row) + "\n"
    printed = run(stack, tmp_path, "events")
    assert printed.returncode == 0, printed.stderr
    assert all("eventId" in json.loads(line) for line in printed.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["upload", "/no/such/file"], "there is no /no/such/file"),
        (["download", "1.2.3", "--patient", "NOBODY"], "The patient has no such study"),
        (["download", "1..2", "--patient", "NOBODY"], "studyUID"),
        (["worklist", "--date", "yesterday"], "ScheduledProcedureStepStartDate"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_with_2(
    stack: LocalStack, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = run(stack, tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
