"""`AUTH=on make run` as a process: what it prints lets in whom it says, also after a restart."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from pydicom.data import get_testdata_file

from tests.processes import ROOT, running, started


def printed(process: "subprocess.Popen[str]") -> dict[str, str]:
    """The lines behind the `ready` line that let somebody in, by all but their last word."""
    assert process.stdout is not None
    lines: dict[str, str] = {}
    while not (line := process.stdout.readline()).startswith("  API"):
        name, _, value = line.strip().rpartition(" ")
        lines[name] = value
    return lines


def get(url: str, token: str = "") -> requests.Response:
    return requests.get(url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=30)


def token_of(lines: dict[str, str], **form: str) -> requests.Response:
    (client_id, secret) = next((name.split()[1], value) for name, value in lines.items() if name.startswith("client "))
    return requests.post(
        f"{lines['issuer']}/token",
        data={"grant_type": "client_credentials", **form},
        auth=(client_id, secret),
        timeout=30,
    )


def test_what_it_prints_lets_in_whom_it_says(tmp_path: Path) -> None:
    with running(tmp_path, AUTH="on") as (process, url):
        lines = printed(process)
        every, own, reads = lines["key all"], lines["key patient:1CT1"], lines["key read-only"]

        assert get(f"{url}/uid").status_code == 401
        assert get(f"{url}/documentation").status_code == 200
        assert get(f"{url}/uid", every).status_code == 200
        assert get(f"{url}/uid", reads).status_code == 403
        assert get(f"{url}/exam-events", reads).status_code == 200
        with open(get_testdata_file("CT_small.dcm"), "rb") as exam:
            stored = requests.post(
                f"{url}/exams", files={"file": exam}, headers={"Authorization": f"Bearer {own}"}, timeout=30
            )
        assert stored.status_code == 200
        assert len(get(f"{url}/exams/studies?PatientId=1CT1", own).json()) == 1
        assert get(f"{url}/exam-events", own).status_code == 403


def test_its_issuer_gives_out_tokens_that_it_takes(tmp_path: Path) -> None:
    with running(tmp_path, AUTH="on") as (process, url):
        lines = printed(process)

        for_all = token_of(lines).json()
        for_one = token_of(lines, scope="exams:read", patient="1CT1").json()

        assert get(f"{url}/exam-events", for_all["access_token"]).status_code == 200
        assert get(f"{url}/exams/studies?PatientId=4MR1", for_one["access_token"]).json() == []
        assert get(f"{url}/workitems", for_one["access_token"]).status_code == 403
        assert token_of(lines, scope="everything").json() == {"error": "invalid_scope"}
        assert token_of(lines, grant_type="password").json() == {"error": "unsupported_grant_type"}
        assert token_of({"issuer": lines["issuer"], "client demo": "wrong"}).status_code == 401


def test_keys_and_issuer_are_the_same_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(tmp_path, AUTH="on", DATA_DIR=str(data)) as (process, _):
        before = printed(process)
        token = token_of(before).json()["access_token"]
        process.terminate()
        process.wait(10)
    with running(tmp_path, AUTH="on", DATA_DIR=str(data)) as (process, url):
        assert printed(process) == before
        assert get(f"{url}/uid", before["key all"]).status_code == 200
        assert get(f"{url}/uid", token).status_code == 200

    private = [path for path in (data / "aws").iterdir() if "key" in path.name or "client" in path.name]
    assert len(private) >= 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_without_it_everyone_is_let_in_and_that_is_said(tmp_path: Path) -> None:
    with running(tmp_path) as (process, url):
        assert printed(process) == {}
        said = "".join(process.stdout.readline() for _ in range(6)) if process.stdout else ""

        assert "AUTH=none" in said
        assert get(f"{url}/exam-events").status_code == 200


def test_the_demo_tells_its_story_there_too_and_says_what_it_lacks(tmp_path: Path) -> None:
    with running(tmp_path, AUTH="on") as (process, url):
        lines = printed(process)
        path = os.pathsep.join((str(ROOT / "layers/dicom_service"), str(ROOT)))

        def demo(token: str) -> "subprocess.CompletedProcess[str]":
            environment = {**os.environ, "DEMO_URL": url, "PYTHONPATH": path, "DICOM_SERVICE_TOKEN": token}
            command = [sys.executable, "-m", "local.demo"]
            return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)

        told, turned_away = demo(lines["key all"]), demo("")

    assert told.returncode == 0, told.stdout + told.stderr
    assert "sees the patient and nobody else" in told.stdout
    assert lines["key all"] not in told.stdout
    assert turned_away.returncode == 1
    assert "set DICOM_SERVICE_TOKEN" in turned_away.stderr


@pytest.mark.parametrize("value", ["yes", "ON!", "nobody"])
def test_another_value_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with started(tmp_path, PORT="0", AUTH=value) as process:
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "AUTH must be one of none, on" in errors
