"""How the command-line client ends where it cannot do its work: one sentence and an exit status, never a traceback."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.arguments import parser
from client.endings import STATUSES
from local.stack import LocalStack
from tests.command_line import ROOT, client, command, environment
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs

JSON = {"Content-Type": "application/json"}
STORED = Answer(body=b'[{"00081199": {"vr": "SQ", "Value": [{}]}}]', headers=JSON)
COMMANDS = (["worklist"], ["events"], ["download", "1.2.3", "--patient", "P"], ["upload", "1.dcm"], ["upload", "1.zip"])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a DICOM file and a zip file of it."""
    content = make_object(PatientID="ENDS")
    (tmp_path / "1.dcm").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "1.zip", "w") as archive:
        archive.writestr("1.dcm", content)
    return tmp_path


def ended(done: subprocess.CompletedProcess[str], status: int, sentence: str) -> None:
    """Asserts that it ended so, with one sentence on stderr."""
    assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr + (done.stdout or "")
    assert sentence in done.stderr


def test_every_status_is_in_the_help_and_in_the_documentation() -> None:
    document = (ROOT / "docs/client.md").read_text()
    (commands,) = [action.choices for action in parser()._actions if action.dest == "command"]
    for each in (parser(), *commands.values()):
        listed = each.format_help()
        assert [meaning for meaning in STATUSES.values() if meaning not in listed] == []
    assert re.findall(r"^\| (\d) \| (.+) \|$", document, re.M) == [(str(s), meaning) for s, meaning in STATUSES.items()]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>Log in", headers={"Content-Type": "text/html"}),
        Answer(302, headers={"Location": "/login"}),
        Answer(303, headers={"Location": "https://login.example/"}),
        Answer(400, b"[1]", JSON),
        *(Answer(body=body, headers=JSON) for body in (b"null", b"[1]", b"{}")),
        Answer(
            body=b'{"uploadId": "a", "files": [{"upload": 7}], "events": [], "next": 5, "instances": []}', headers=JSON
        ),
        Answer(400, b'{"errors": {"a": 1}, "responses": 5, "detail": ["x"]}', JSON),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:12].decode('latin-1')}",
)
def test_what_is_not_the_service_is_said(place: Path, answer: Answer) -> None:
    with ScriptedPacs(answer) as stranger:
        for arguments in COMMANDS:
            # when
            done = client(stranger.url, place, *arguments)
            # then
            assert "Traceback" not in done.stderr, arguments
            if arguments[0] == "upload":
                assert (done.returncode, done.stdout.count("FAILED")) == (1, 1), done.stdout + done.stderr
            else:
                assert (done.returncode, done.stderr.count("\n")) == (2, 1), (arguments, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "COMMAND"),
        (["fetch"], "invalid choice: 'fetch'"),
        (["worklist", "--colour"], "unrecognized arguments: --colour"),
        (["upload"], "PATH"),
        (["upload", "--parallel", "0", "1.dcm"], "whole number from 1 to 64"),
        (["upload", "--parallel", "many", "1.dcm"], "whole number from 1 to 64"),
        (["upload", ""], "must not be empty"),
        (["download", "1.2", "--patient", "P", "--to", ""], "--to: must not be empty"),
        (["download", "1.2", "--patient", ""], "--patient: must not be empty"),
        (["worklist", "--patient", ""], "--patient: must not be empty"),
        (["worklist", "--date="], "--date: must not be empty"),
        (["upload", "no\x1b[31m\nfile"], r"there is no no\u001b[31m\u000afile"),
        (["upload", "1.dcm/below"], "1.dcm/below cannot be read (Not a directory)"),
        (["upload", "x" * 300], "cannot be read (File name too long)"),
        (["upload", "/dev/null"], "/dev/null is neither a file nor a folder"),
        (["worklist", "--patient", os.fsdecode(b"caf\xe9")], r"'caf\udce9' is no UTF-8"),
        (["download", "../1.2", "--patient", "P"], "must be a DICOM UID"),
        (["download", "1.2"], "--patient"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(place: Path, arguments: list[str], sentence: str) -> None:
    ended(client("http://127.0.0.1:1", place, *arguments), 2, sentence)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("127.0.0.1:8080", "must be a URL"),
        ("ftp://127.0.0.1", "must be a URL"),
        ("http://", "must be a URL"),
        ("http://host:99999", "must be a URL"),
        (f"http://{'a' * 70}.example", "must be a URL"),
        ("http://host/?x=1", "must be a URL"),
        ("https://{host}", "its certificate is not trusted, or it does not speak TLS"),
    ],
)
def test_a_wrong_address_is_one_sentence(place: Path, url: str, sentence: str) -> None:
    with ScriptedPacs(Answer()) as plain:
        ended(client(url.format(host=plain.url.partition("//")[2]), place, "worklist"), 2, sentence)


def test_a_token_that_no_header_may_hold_is_named(place: Path) -> None:
    done = client("http://127.0.0.1:1", place, "worklist", variables={"DICOM_SERVICE_TOKEN": "a\nHost: b"})
    ended(done, 2, "DICOM_SERVICE_TOKEN must be one word")


def test_a_password_in_the_address_is_not_printed(place: Path) -> None:
    with ScriptedPacs(Answer(body=b"<html>")) as stranger:
        done = client(stranger.url.replace("//", "//user:s3cret@"), place, "worklist")
    ended(done, 2, "is not the DICOM Service")
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("closed", ["pipe", "disk", "descriptor"])
@pytest.mark.parametrize(
    "arguments", [["worklist"], ["worklist", "--json"], ["events"], ["upload", "1.dcm"], ["--help"]]
)
def test_an_output_that_takes_nothing_ends_with_4(place: Path, closed: str, arguments: list[str]) -> None:
    row = {"events": [{"eventId": "x"}], "next": None, "00081199": {"Value": [{}]}}
    answers = {"/exam-events": row, "/workitems": [row], "/exams": [row]}
    with ScriptedPacs(by=lambda asked: Answer(body=json.dumps(answers[asked.path]).encode(), headers=JSON)) as service:
        shell = {"pipe": "{ sleep 0.1; %s; } | true", "disk": "%s > /dev/full", "descriptor": "%s >&-"}[closed]
        line = " ".join(["timeout 60", *command(service.url, *arguments)])
        script = shell % f"{{ {line}; echo status $? >&2; }}"
        done = subprocess.run(
            ["sh", "-c", script], cwd=place, env=environment(place), capture_output=True, text=True, check=False
        )
    sentence, status = done.stderr.splitlines()
    assert (sentence.startswith("the output cannot be written ("), status) == (True, "status 4"), done.stderr


def test_stderr_that_takes_nothing_does_not_matter(place: Path) -> None:
    with ScriptedPacs(Answer(404, b'{"detail": "none"}', JSON)) as service:
        for redirection in ("2> /dev/full", "2>&-"):
            line = " ".join(command(service.url, "worklist"))
            shell = subprocess.run(["sh", "-c", f"{line} {redirection}"], env=environment(place), check=False)
            assert shell.returncode == 2


@pytest.mark.parametrize("folder", ["1.dcm", "1.dcm/below", "/dev/null/below", "/proc/nowhere"])
def test_a_target_that_is_no_folder_ends_with_4(stack: LocalStack, place: Path, folder: str) -> None:
    client(stack.url, place, "upload", "1.dcm")
    study = uids((place / "1.dcm").read_bytes())[0]
    ended(client(stack.url, place, "download", study, "--patient", "ENDS", "--to", folder), 4, "")


def test_a_disk_that_is_full_leaves_nothing_behind(stack: LocalStack, place: Path) -> None:
    # given
    large = make_object(PatientID="ENDS", Rows=300, Columns=300, PixelData=os.urandom(180_000))
    (place / "1.dcm").write_bytes(large)
    assert client(stack.url, place, "upload", "1.dcm").returncode == 0
    # when no file may grow beyond 32 KB
    line = " ".join(command(stack.url, "download", uids(large)[0], "--patient", "ENDS", "--to", "out"))
    script = ["sh", "-c", f"ulimit -f 64; {line}"]
    done = subprocess.run(script, cwd=place, env=environment(place), capture_output=True, text=True, check=False)
    # then
    ended(done, 4, ".zip cannot be written (File too large)")
    assert list((place / "out").iterdir()) == []


def test_an_archive_that_is_a_login_page_is_not_kept(place: Path) -> None:
    def answer(asked: Asked) -> Answer:
        there = asked.path == "/login"
        return Answer(body=b"<html>") if there else Answer(303, headers={"Location": "/login"})

    with ScriptedPacs(by=answer) as stranger:
        done = client(stranger.url, place, "download", "1.2.3", "--patient", "P", "--to", "out")
    ended(done, 2, "what came is no zip file")
    assert list((place / "out").iterdir()) == []


@pytest.mark.parametrize("left_out", ["nothing", "hidden", "links", "discs"])
def test_nothing_to_send_ends_with_3(place: Path, left_out: str) -> None:
    # given
    folder = place / left_out
    folder.mkdir()
    (place / "real").mkdir()
    (place / "1.dcm").rename(place / "real/1.dcm")
    if left_out == "hidden":
        (folder / ".git").mkdir()
        (folder / ".git/1.dcm").write_bytes(b"x")
        (folder / "._1.dcm").write_bytes(b"x")
    elif left_out == "links":
        (folder / "study").symlink_to("../real")
        (folder / "again").symlink_to(".")
        (folder / "loop").symlink_to("loop")
        (folder / "nowhere").symlink_to("missing")
        os.mkfifo(folder / "fifo")
    elif left_out == "discs":
        (folder / "dicomdir").write_bytes(b"x")
    # when
    done = client("http://127.0.0.1:1", place, "upload", folder, "--json")
    # then
    *told, sentence = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence.startswith("nothing to send")
    assert (
        told
        == {
            "nothing": [],
            "hidden": ["left out of the folders: 2 hidden"],
            "links": ["left out of the folders: 2 links that lead nowhere, 2 links to folders, 1 that are no files"],
            "discs": ["left out of the folders: 1 DICOMDIR"],
        }[left_out]
    )


@pytest.fixture
def slow(place: Path) -> Iterator[tuple[ScriptedPacs, threading.Event]]:
    """A service that stores small files at once and whose bucket is slow; the event says that a file is on its way."""
    busy = threading.Event()

    def answer(asked: Asked) -> Answer:
        if asked.path == "/exams":
            return STORED
        if asked.path == "/bucket":
            busy.set()
            return Answer(delay=30)
        form = {"url": f"{service.url}/bucket", "fields": {}}
        document = {"uploadId": "a" * 32, "files": [{"id": "0001", "state": "WAITING", "upload": form}]}
        return Answer(201, json.dumps(document).encode(), JSON)

    with ScriptedPacs(by=answer) as service:
        yield service, busy


def wait_until_stored(memory: Path, name: str) -> None:
    """Returns when the client has noted that a file is stored: others may be on their way before it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(memory.read_text())
            if any(key.endswith(f"/{name}") and entry["stored"] for key, entry in known.items()):
                return
        time.sleep(0.05)
    raise AssertionError(f"{name} was never stored")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_an_upload_and_keeps_what_is_known(
    slow: tuple[ScriptedPacs, threading.Event], place: Path, number: signal.Signals
) -> None:
    # given an upload of which one file is stored, and five on their way
    service, busy = slow
    for extra in range(2, 7):
        (place / f"{extra}.zip").write_bytes((place / "1.zip").read_bytes())
    with subprocess.Popen(
        command(service.url, "upload", "--parallel", "4", "."),
        cwd=place,
        env=environment(place / "state"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert busy.wait(30)
        wait_until_stored(place / "state/dicom-service/uploads.json", "1.dcm")
        # when
        before = time.monotonic()
        process.send_signal(number)
        output, said = process.communicate(timeout=30)
    # then, long before the bucket answers
    assert time.monotonic() - before < 15
    assert (process.returncode, output, said) == (2, "", "ended; the same command goes on from here\n")
    known = json.loads((place / "state/dicom-service/uploads.json").read_text())
    states = {key.rpartition("/")[2]: entry["stored"] for key, entry in known.items()}
    assert states.pop("1.dcm") is True
    assert set(states.values()) == {False}
    assert list((place / "state/dicom-service").glob("*.part")) == []


def test_events_say_where_to_go_on(place: Path) -> None:
    page = {"events": [{"eventId": "x"}], "next": "41"}
    with ScriptedPacs(
        Answer(body=json.dumps(page).encode(), headers=JSON), Answer(410, b'{"detail": "gone"}', JSON)
    ) as service:
        done = client(service.url, place, "events", "--follow")
    assert done.stdout == '{"eventId": "x"}\n'
    ended(done, 2, "gone; --after 41 goes on from here")
