"""`make run` as a process: what it prints, how it ends, what it leaves behind."""

import os
import re
import shlex
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from pydicom.data import get_testdata_file

from tests.processes import running, session_processes, started


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_five_seconds_and_leaves_nothing_behind(tmp_path: Path, signal_number: signal.Signals) -> None:
    with running(tmp_path) as (process, url):
        # given a service that has worked
        assert len(requests.get(f"{url}/uid", timeout=20).json()["uid"]) == 64
        assert len(session_processes(process.pid)) > 2

        # when the whole foreground group is told to end, as a terminal does
        began = time.monotonic()
        os.killpg(process.pid, signal_number)

        # then
        assert process.wait(5) == 0
        while session_processes(process.pid) and time.monotonic() - began < 5:
            time.sleep(0.05)
        assert session_processes(process.pid) == []
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=1)


def test_it_ends_while_a_request_waits_for_the_pacs(tmp_path: Path) -> None:
    # given a PACS that takes a request and says nothing
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as client:
        pacs = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running(tmp_path, PACS_SERVICE_URL=pacs) as (process, url):
            client.submit(requests.get, f"{url}/exams/studies?PatientId=1", timeout=20)
            accepted, _ = silent.accept()

            # when
            process.terminate()

            # then
            assert process.wait(5) == 0
            accepted.close()


@pytest.mark.parametrize("after_seconds", [0.5, 1.5])
def test_it_ends_while_it_starts(tmp_path: Path, after_seconds: float) -> None:
    with started(tmp_path, PORT="0") as process:
        time.sleep(after_seconds)
        os.killpg(process.pid, signal.SIGINT)

        assert process.communicate(timeout=5) == ("", "")
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_it_was_killed_with_takes_everything_with_it(tmp_path: Path) -> None:
    with running(tmp_path) as (process, url):
        requests.get(f"{url}/uid", timeout=20)

        process.kill()

        deadline = time.monotonic() + 5
        while session_processes(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert session_processes(process.pid) == []


def test_the_printed_commands_work_when_pasted_and_log_a_line_each(tmp_path: Path) -> None:
    with running(tmp_path) as (process, url):
        # given what is printed before the first request
        assert process.stdout is not None
        printed = []
        while not (printed and printed[-1].startswith("Ctrl-C")):
            printed.append(process.stdout.readline())
        commands = [line.strip() for line in printed if line.startswith("  curl ")]
        assert len(commands) == 3
        assert any(f"{url}/documentation" in line for line in printed)

        # when
        statuses = []
        for command in commands:
            options = ["-s", "-o", str(tmp_path / "answer"), "-w", "%{http_code}"]
            curl = [*shlex.split(command), *options]
            statuses.append(subprocess.run(curl, capture_output=True, text=True, check=True).stdout)
            (tmp_path / "answer").unlink()

        # then
        assert statuses == ["200", "200", "200"]
        logged = [process.stdout.readline() for _ in commands]
        assert re.fullmatch(r"\d\d:\d\d:\d\d generate_uid GET /uid 200 \d+ ms\n", logged[0])
        assert re.fullmatch(r"\d\d:\d\d:\d\d upload_exam POST /exams 200 \d+ ms\n", logged[1])


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started(tmp_path, PORT=port) as process:
            out, err = process.communicate(timeout=10)

    assert process.returncode == 1
    assert out == ""
    assert err.count("\n") == 1
    assert port in err
    assert "in use" in err


@pytest.mark.parametrize(
    ("port", "nearest"), [("http", ""), ("-1", "; the nearest is 0"), ("65536", "; the nearest is 65535")]
)
def test_a_port_that_is_none_is_one_clear_line(tmp_path: Path, port: str, nearest: str) -> None:
    with started(tmp_path, PORT=port) as process:
        _, err = process.communicate(timeout=10)

    assert process.returncode == 1
    assert err == f"The service cannot start: PORT must be a whole number from 0 to 65535{nearest}\n"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "CALLBACK_URLS",
            "http://a.example/t0ken;http://b.example",
            "CALLBACK_URLS: entry 1 has a space, a line break, ",
        ),
        ("CALLBACK_URLS", "http://a.example,http://b.example#secret=t0ken", "CALLBACK_URLS: entry 2: secret 1 is not "),
        ("CALLBACK_SIGNING_SECRET", "t0ken", "CALLBACK_SIGNING_SECRET: secret 1 is not whsec_ and the base64 "),
    ],
)
def test_subscribers_and_secrets_that_are_wrong_are_one_clear_line(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    with started(tmp_path, PORT="0", **{name: value}) as process:
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"The service cannot start: {complaint}")
    assert "t0ken" not in err


def test_every_wrong_setting_is_named_before_anything_starts(tmp_path: Path) -> None:
    variables = {
        "PACS_DIALECT": "orthnac",
        "PACS_SERVICE_URL": "ftp://x",
        "CALLBACK_URLS": "t0ken.example",
        "DICOM_UID_ROOT": "abc",
        "PORT": "http",
        "DATA_DIR": "/dev/null/data",
        # and what looks like a setting, beside what does not
        "CALLBACK_URL": "https://t0ken.example",
        "PACS_URL": "https://pacs.example",
        "HOME": "/",
        "AWS_CA_BUNDLE": "/etc/ssl",
    }
    with started(tmp_path, **variables) as process:
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (1, "")
    warnings, _, problems = err.partition("The service cannot start, 6 settings are wrong:\n")
    assert warnings.splitlines() == [
        "Warning: CALLBACK_URL is no setting of the service and changes nothing; did you mean CALLBACK_URLS?",
        "Warning: PACS_URL is no setting of the service and changes nothing; did you mean PACS_SERVICE_URL?",
    ]
    assert [line.split()[0].rstrip(":") for line in problems.splitlines()] == [
        "PORT", "DATA_DIR", "PACS_SERVICE_URL", "PACS_DIALECT", "DICOM_UID_ROOT", "CALLBACK_URLS",
    ]  # fmt: skip
    assert "did you mean orthanc?" in problems
    assert "t0ken" not in err
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_comes_from_the_environment(tmp_path: Path) -> None:
    # given a PACS of one's own, which does not answer
    variables = {"PACS_SERVICE_URL": "http://127.0.0.1:1/pacs", "DICOM_UID_ROOT": "1.2.3", "DATA_DIR": str(tmp_path)}
    with running(tmp_path, **variables) as (process, url):
        # then no PACS is started, and the functions have the variables
        assert process.stdout is not None
        assert any("http://127.0.0.1:1/pacs" in process.stdout.readline() for _ in range(4))
        assert requests.get(f"{url}/uid", timeout=20).json()["uid"].startswith("1.2.3.")
        assert requests.get(f"{url}/exams/studies?PatientId=1", timeout=20).status_code == 502
        assert list(tmp_path.glob("**/index.sqlite")) == []


def test_data_dir_keeps_the_exams(tmp_path: Path) -> None:
    exam = Path(get_testdata_file("CT_small.dcm"))
    for _ in range(2):
        with running(tmp_path, DATA_DIR=str(tmp_path / "kept")) as (process, url):
            found = requests.get(f"{url}/exams/studies?PatientId=1CT1", timeout=20).json()
            requests.post(f"{url}/exams", files={"file": exam.read_bytes()}, timeout=20).raise_for_status()
            process.terminate()
            process.wait(5)

    # then the second run found what the first one stored
    assert len(found) == 1
