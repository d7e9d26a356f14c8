"""What the command-line client remembers, and what it asks the service instead of believing it."""

import io
import json
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from client.bucket import send
from client.endings import Refusal
from client.files import files_in
from client.memory import Facts, Memory
from tests.command_line import client
from tests.pacs.objects import header, make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs

JSON = {"Content-Type": "application/json"}


class Archive:
    """A service that keeps the identifiers of what it is sent by `POST /exams`, and of zip files by the bucket."""

    def __init__(self) -> None:
        self.instances: set[tuple[str, str]] = set()
        self.asked: list[str] = []
        self.zipped: list[bytes] = []
        self.url = ""

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(f"{asked.method} {asked.path.split('/')[-1]}")
        if asked.path == "/exams":
            self._store(asked.body)
            return Answer(body=b'[{"00081199": {"vr": "SQ", "Value": [{}]}}]', headers=JSON)
        if asked.path == "/bucket":
            for content in self.zipped:
                self._store(content)
            return Answer(204)
        if asked.path.endswith("/instances"):
            known = [uid for patient, uid in self.instances if patient in asked.query["PatientId"]]
            return Answer(body=json.dumps([{"00080018": {"vr": "UI", "Value": [uid]}} for uid in known]).encode())
        form = {"url": f"{self.url}/bucket", "fields": {}}
        state = "WAITING" if asked.method == "POST" else "STORED"
        files = [{"id": "0001", "state": state, **({"upload": form} if asked.method == "POST" else {})}]
        return Answer(201, json.dumps({"uploadId": "a" * 32, "files": files}).encode(), JSON)

    def _store(self, content: bytes) -> None:
        self.instances.add((str(header(content).PatientID), uids(content)[2]))


def memory_file(state: Path) -> Path:
    return state / "dicom-service/uploads.json"


def test_what_is_still_stored_is_not_sent_again_and_what_is_gone_is(tmp_path: Path) -> None:
    # given a folder of three objects of a series, and a zip file of two
    study = {"PatientID": "KEPT", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
    (tmp_path / "exam").mkdir()
    for number in range(3):
        (tmp_path / f"exam/{number}.dcm").write_bytes(make_object(**study))
    archive = Archive()
    archive.zipped = [make_object(**study), make_object(**study)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as entries:
        entries.writestr("README.txt", "none")
        for number, content in enumerate(archive.zipped):
            entries.writestr(f"{number}", content)
    (tmp_path / "exam/x.zip").write_bytes(packed.getvalue())
    with ScriptedPacs(by=archive) as service:
        archive.url = service.url
        assert client(service.url, tmp_path, "upload", "exam").returncode == 0
        # when all is there
        archive.asked.clear()
        again = client(service.url, tmp_path, "upload", "exam")
        # then one question is enough
        assert (again.returncode, again.stdout.count("STORED\tbefore")) == (0, 4), again.stdout
        assert archive.asked == ["GET instances"]
        # when one object is gone, which the zip file has
        archive.instances.remove(("KEPT", uids(archive.zipped[1])[2]))
        archive.asked.clear()
        again = client(service.url, tmp_path, "upload", "exam")
        # then
        assert (again.returncode, again.stdout.count("STORED\tbefore")) == (0, 3), again.stdout
        assert archive.asked == ["GET instances", "POST uploads", "POST bucket", f"GET {'a' * 32}"]
        # when all are gone
        archive.instances.clear()
        again = client(service.url, tmp_path, "upload", "exam")
        # then
        assert (again.returncode, again.stdout.count("before")) == (0, 0), again.stdout
        assert len(archive.instances) == 5


def test_an_upload_that_ended_with_the_client_away_is_asked_for_too(tmp_path: Path) -> None:
    # given
    content = make_object(PatientID="AWAY")
    archive = Archive()
    archive.zipped = [content]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as entries:
        entries.writestr("1", content)
    with ScriptedPacs(by=archive) as service:
        archive.url = service.url
        memory = Memory(memory_file(tmp_path), service.url)
        memory.remember(tmp_path / "x.zip", Facts.of(tmp_path / "x.zip"), "a" * 32, stored=False)
        # when the upload says STORED, and the PACS has nothing
        done = client(service.url, tmp_path, "upload", "x.zip")
    # then
    assert done.returncode == 0, done.stderr
    assert ("AWAY", uids(content)[2]) in archive.instances


@pytest.mark.parametrize(
    "content", [make_object(PatientID=""), make_object(PatientID=None), make_object(PatientID="A\\B")]
)
def test_what_cannot_be_asked_for_is_sent_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.dcm").write_bytes(content)

    def answer(asked: Asked) -> Answer:
        if asked.path == "/exams":
            return Answer(body=b'[{"00081199": {"vr": "SQ", "Value": [{}]}}]', headers=JSON)
        return Answer(400, b'{"detail": "no"}', JSON)

    with ScriptedPacs(by=answer) as service:
        for _ in range(2):
            done = client(service.url, tmp_path, "upload", "1.dcm")
            assert (done.returncode, done.stdout) == (0, "1.dcm\tSTORED\t\n1 of 1 files are stored\n")


def a_list(path: Path) -> None:
    path.write_text("[]")


def cut_off(path: Path) -> None:
    path.write_text('{"a": {"size"')


def empty(path: Path) -> None:
    path.write_text("")


def bytes_of_something(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("x")


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def below_proc(path: Path) -> None:
    path.parent.rmdir()
    path.parent.symlink_to("/proc/nowhere")


def of_another_version(path: Path) -> None:
    file = path.parents[1] / "1.dcm"
    wrong = [{"size": 1, "more": 2}, [], 5, None, {"size": "x", "modified": 1, "upload_id": "a", "stored": True}]
    path.write_text(json.dumps({f"http://{n} {file}": entry for n, entry in enumerate(wrong)}))


BROKEN: dict[Callable[[Path], None], str] = {
    a_list: "held no memory of uploads",
    cut_off: "held no memory of uploads",
    empty: "held no memory of uploads",
    bytes_of_something: "held no memory of uploads",
    deep: "held no memory of uploads",
    a_folder: "cannot be used (it is no file)",
    a_fifo: "cannot be used (it is no file)",
    below_a_file: "cannot be used (Not a directory)",
    a_loop: "cannot be used",
    below_proc: "cannot be used",
    of_another_version: "",
}


@pytest.mark.parametrize("spoil", BROKEN)
def test_a_broken_memory_is_one_sentence_and_no_hindrance(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    # given
    (tmp_path / "1.dcm").write_bytes(make_object())
    memory_file(tmp_path).parent.mkdir()
    spoil(memory_file(tmp_path))
    # when
    with ScriptedPacs(by=Archive()) as service:
        done = client(service.url, tmp_path, "upload", "1.dcm")
    # then
    assert (done.returncode, done.stdout) == (0, "1.dcm\tSTORED\t\n1 of 1 files are stored\n")
    assert done.stderr.count("\n") == bool(BROKEN[spoil]), done.stderr
    assert BROKEN[spoil] in done.stderr


def test_what_was_no_memory_is_kept_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("of value")
    Memory(path, "http://a")
    assert (tmp_path / "thesis.txt.broken").read_text() == "of value"


def test_a_memory_is_shared_by_several_clients(tmp_path: Path) -> None:
    # given four clients that began before each other wrote
    path, files = tmp_path / "state/memory.json", [tmp_path / str(number) for number in range(40)]
    for file in files:
        file.write_bytes(b"x")
    memories = [Memory(path, "http://a") for _ in range(4)]

    def note(number: int) -> None:
        for file in files[number::4]:
            memories[number].remember(file, Facts.of(file), "", stored=number % 2 == 0)
        memories[number].close()

    # when
    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # then
    read = Memory(path, "http://a")
    assert [file for file in files if read.recall(file) is None] == []
    assert os.listdir(path.parent) == [path.name]
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_changes_is_not_taken_for_stored(tmp_path: Path) -> None:
    # given a file that grows while the service is at it
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as entries:
        entries.writestr("1", make_object())
    archive = Archive()

    def answer(asked: Asked) -> Answer:
        if asked.path == "/bucket":
            with path.open("ab") as file:
                file.write(b"more")
        return archive(asked)

    with ScriptedPacs(by=answer) as service:
        archive.url = service.url
        # when
        done = client(service.url, tmp_path, "upload", "x.zip")
    # then
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        "x.zip\tFAILED\tthe file changed while it was sent; send it again",
    )
    assert json.loads(memory_file(tmp_path).read_text()) == {}


def test_a_file_that_becomes_shorter_ends_its_request(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    with ScriptedPacs(Answer(204)) as bucket, pytest.raises(Refusal, match="became shorter"):
        send({"upload": {"url": bucket.url, "fields": {}}}, path, 2, lambda _: None)


def test_a_busy_service_is_asked_again_when_it_says(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(make_object())
    busy = Answer(503, b'{"detail": "later"}', {**JSON, "Retry-After": "0"})
    stored = Answer(body=b'[{"00081199": {"vr": "SQ", "Value": [{}]}}]', headers=JSON)
    with ScriptedPacs(busy, Answer(429, headers={"Retry-After": "1"}), stored) as service:
        done = client(service.url, tmp_path, "upload", "1.dcm")
    assert done.returncode == 0, done.stdout


def test_success_that_names_no_object_is_none(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(make_object())
    for body in (
        b"[]",
        b"[{}]",
        b'[{"00081198": {"Value": [{}]}}]',
        b'[{"00081199": {"vr": "SQ"}}]',
        b'[{"00081199": {"vr": "SQ", "Value": []}}]',
    ):
        with ScriptedPacs(Answer(body=body, headers=JSON)) as service:
            done = client(service.url, tmp_path, "upload", "1.dcm")
        assert (done.returncode, done.stdout.count("FAILED")) == (1, 1), body


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    # given folders within each other, until their path is longer than the system takes
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=place)
        inner = os.open("x" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    # when
    files = files_in([tmp_path])
    # then
    assert list(files.unreadable.values()) == ["the folder cannot be read (File name too long)"]
    done = client("http://127.0.0.1:1", tmp_path, "upload", tmp_path / ("x" * 250))
    assert (done.returncode, done.stdout.count("FAILED")) == (1, 1)


def test_a_named_file_is_taken_once_and_even_where_it_is_hidden(tmp_path: Path) -> None:
    for name in (".hidden.dcm", "DICOMDIR", "1.dcm"):
        (tmp_path / name).write_bytes(b"x")
    named = [tmp_path, tmp_path / ".hidden.dcm", tmp_path / "1.dcm", tmp_path / "DICOMDIR"]
    files = files_in(named)
    assert list(files.files) == [tmp_path / "1.dcm", tmp_path / ".hidden.dcm", tmp_path / "DICOMDIR"]
