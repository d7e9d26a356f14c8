"""What the command-line client shows of names and values: all of it, and nothing that acts on a terminal."""

import json
import os
import pty
import struct
import subprocess
import termios
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
import requests

from client.output import readable
from local.stack import LocalStack
from tests.command_line import client, command, environment
from tests.pacs.objects import make_object
from tests.scripted import Answer, Asked, ScriptedPacs

ODD_NAMES = {
    b"CT[old].dcm": "CT[old].dcm",
    b"b[\\x].dcm": "b[\\x].dcm",
    b"[red]x[": "[red]x[",
    b"[bold": "[bold",
    b":smile:.dcm": ":smile:.dcm",
    b"\x1b[31m.dcm": r"\u001b[31m.dcm",
    b"a\tb\nc.dcm": r"a\u0009b\u000ac.dcm",
    b"caf\xe9.dcm": r"caf\xe9.dcm",
    "\u202egnp.dcm".encode(): r"\u202egnp.dcm",
    "山田^太郎\u3000.dcm".encode(): "山田^太郎\u3000.dcm",
    b"-n.dcm": "-n.dcm",
    b"x" * 255: "x" * 255,
}


def on_a_terminal(columns: int, url: str, state: Path, *arguments: object) -> tuple[int, str]:
    """The exit status, and all that a terminal of so many columns gets."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    variables = {"TERM": "xterm", "LANG": "C.UTF-8"}
    line = command(url, *arguments)
    with subprocess.Popen(
        line, cwd=state, env=environment(state, **variables), stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        output = b""
        while piece := _read(ours):
            output += piece
    os.close(ours)
    return process.returncode, output.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # its other end is closed
        return b""


def workitem(**values: str) -> dict[str, str]:
    return {
        "PatientID": "SHOWN",
        "PatientName": "ROSSI^MARIO",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepDescription": "CT of the head",
        "ScheduledProcedureStepStartDate": "20300115",
        "ScheduledProcedureStepStartTime": "101500",
        "Modality": "CT",
        "StudyInstanceUID": "1.2.826.0.1.3680043.10.1.123456789012345678901234567890123456789",
        **values,
    }


def worklist_of(*workitems: dict[str, Any]) -> ScriptedPacs:
    return ScriptedPacs(Answer(body=json.dumps(workitems).encode(), headers={"Content-Type": "application/json"}))


def test_every_name_of_a_file_is_shown_and_sent(stack: LocalStack, tmp_path: Path) -> None:
    # given
    folder = tmp_path / "exam"
    folder.mkdir()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(make_object())
    shown = {f"exam/{name}" for name in ODD_NAMES.values()}
    # when
    plain = client(stack.url, tmp_path, "upload", "exam", variables={"PYTHONIOENCODING": "utf-8:strict"})
    # then
    assert (plain.returncode, plain.stderr) == (0, "")
    *lines, sums = plain.stdout.splitlines()
    assert {tuple(line.split("\t")) for line in lines} == {(name, "STORED", "") for name in shown}
    assert sums == f"{len(ODD_NAMES)} of {len(ODD_NAMES)} files are stored"
    # when
    document = json.loads(client(stack.url, tmp_path, "upload", "exam", "--json").stdout)
    # then
    assert {file["path"] for file in document["files"]} == shown
    assert document["stored"] == len(ODD_NAMES)
    # when
    status, table = on_a_terminal(400, stack.url, tmp_path, "upload", "exam")
    # then
    assert status == 0, table
    assert [name for name in shown if name not in table] == []
    assert "\x1b[31m.dcm" not in table


def test_a_name_that_is_no_utf_8_is_announced_readably(tmp_path: Path) -> None:
    # given a zip file, which goes through the bucket
    name = os.fsdecode(b"\xc3\xa9" * 100 + b"stud\xefo.zip")
    (tmp_path / name).write_bytes(b"PK\x05\x06" + bytes(18))

    def answer(asked: Asked) -> Answer:
        announced = json.loads(asked.body)["files"][0]["name"] if asked.body else ""
        assert announced in ("", "é" * 100 + r"stud\xefo.zip")
        file = {"id": "0001", "state": "STORED"}
        return Answer(201, json.dumps({"uploadId": "a" * 32, "files": [file]}).encode())

    with ScriptedPacs(by=answer) as service:
        done = client(service.url, tmp_path, "upload", ".", variables={"LANG": "C", "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_well_formed_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    odd = workitem(PatientName="MÜLLER^山田\x9b31m\u2028\ud800", ScheduledProcedureStepDescription='"[/b]\n')
    with worklist_of(odd) as service:
        done = client(service.url, tmp_path, "worklist", "--json", variables={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert json.loads(done.stdout.encode("utf-8", "surrogateescape").decode(encoding)) == [odd]
    assert "\x9b" not in done.stdout


def test_lines_hold_whole_values_and_one_workitem_each(tmp_path: Path) -> None:
    later = workitem(ScheduledProcedureStepStartTime="1430", ScheduledProcedureStepDescription="US [/b]\x1b]0;x\x07\tß")
    with worklist_of(later, workitem()) as service:
        done = client(service.url, tmp_path, "worklist", variables={"COLUMNS": "80"})
    first, second = done.stdout.splitlines()
    assert first.split("\t") == [
        "20300115", "101500", "CT1", "CT", "ROSSI^MARIO", "SHOWN", "CT of the head", workitem()["StudyInstanceUID"]
    ]  # fmt: skip
    assert second.split("\t")[6] == r"US [/b]\u001b]0;x\u0007\u0009ß"


@pytest.mark.parametrize("columns", [40, 60, 80, 250])
def test_a_terminal_of_any_width_cuts_nothing(tmp_path: Path, columns: int) -> None:
    odd = workitem(ScheduledProcedureStepDescription="CT head [with contrast] \x1b[2J")
    with worklist_of(odd) as service:
        status, table = on_a_terminal(columns, service.url, tmp_path, "worklist")
    assert status == 0, table
    assert "…" not in table
    assert "\x1b[2J" not in table
    shown = sum(character.isalnum() or character in "[]^" for character in table.partition("Study")[2] or table)
    assert shown >= sum(len(readable(value)) for value in odd.values()) - 25
    if columns != 80 and columns != 60:
        assert odd["StudyInstanceUID"] in table
        assert r"[with contrast] \u001b[2J" in table


def test_every_command_answers_in_json(stack: LocalStack, tmp_path: Path) -> None:
    # given
    content = make_object(PatientID="JSON", StudyInstanceUID="1.2.826.0.1.3680043.10.1.99.1")
    (tmp_path / "1.dcm").write_bytes(content)
    assert requests.get(f"{stack.url}/-/healthz", timeout=10).ok
    # when
    uploaded, downloaded, listed, events = (
        client(stack.url, tmp_path, *arguments, "--json")
        for arguments in (
            ["upload", "1.dcm"],
            ["download", "1.2.826.0.1.3680043.10.1.99.1", "--patient", "JSON", "--to", "out"],
            ["worklist", "--patient", "NOBODY"],
            ["events"],
        )
    )
    # then
    assert json.loads(uploaded.stdout) == {"files": [{"path": "1.dcm", "state": "STORED", "reason": ""}], "stored": 1}
    archive = tmp_path / "out/1.2.826.0.1.3680043.10.1.99.1.zip"
    assert json.loads(downloaded.stdout) == {
        "study": "1.2.826.0.1.3680043.10.1.99.1",
        "path": "out/1.2.826.0.1.3680043.10.1.99.1.zip",
        "bytes": archive.stat().st_size,
    }
    assert json.loads(listed.stdout) == []
    page = json.loads(events.stdout)
    assert all("eventId" in event for event in page["events"])
    assert page["next"]
