"""DATA_DIR: what `make run` takes up again where it was, ended or killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom.data import get_testdata_file

from tests.pacs.objects import make_object, uids
from tests.processes import gone, running, started
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber

SECONDS = 30.0
SECRET = "callback-secret"
STUDY = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
ORDER = {
    "PatientID": "KEPT",
    "PatientName": "ROSSI^MARIO",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20300115",
    "ScheduledProcedureStepStartTime": "101500",
    "ScheduledProcedureStepDescription": "CT of the head",
    "Modality": "CT",
    "AccessionNumber": "A1",
}


def eventually[Found](look: Callable[[], Found], what: str, seconds: float = SECONDS) -> Found:
    """What is found at last; fails the test where it is never found."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {seconds} s")


def get(url: str) -> Any:
    answer = requests.get(url, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def post(url: str, body: Any) -> Any:
    answer = requests.post(url, json=body, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def announce(url: str, study: str) -> None:
    headers = {"Authorization": SECRET}
    body = {"StudyInstanceUID": study}
    requests.post(f"{url}/new-exam-callback", json=body, headers=headers, timeout=SECONDS).raise_for_status()


def send(form: dict[str, Any], content: bytes) -> None:
    requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=SECONDS).raise_for_status()


def states(url: str, upload: dict[str, Any]) -> list[str]:
    return [file["state"] for file in get(f"{url}/exams/uploads/{upload['uploadId']}")["files"]]


def deliveries(url: str, event: str) -> list[tuple[str, int]]:
    rows = get(f"{url}/exam-events/{event}/deliveries")["deliveries"]
    return [(row["state"], row["attempts"]) for row in rows]


class Subscriber(ScriptedSubscriber):
    """Takes everything, or refuses events of the studies that it is told to."""

    def __init__(self) -> None:
        super().__init__(by=self._take)
        self.refused: set[str] = set()

    def _take(self, asked: Asked) -> Answer:
        return Answer(503 if any(study.encode() in asked.body for study in self.refused) else 204)

    def times(self, study: str) -> int:
        return sum(study.encode() in asked.body for asked in self.asked)


@pytest.mark.parametrize(("how", "worklist"), [(signal.SIGTERM, "pacs"), (signal.SIGKILL, "dynamodb")])
def test_all_goes_on_where_it_was(tmp_path: Path, how: signal.Signals, worklist: str) -> None:
    delivered, waiting = "1.2.3.1", "1.2.3.2"
    exam = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    late = make_object(PatientID="KEPT")
    with Subscriber() as subscriber:
        subscriber.refused = {waiting}
        variables = {
            "DATA_DIR": str(tmp_path / "kept"),
            "CALLBACK_URLS": subscriber.url,
            "CALLBACK_SECRET": SECRET,
            "WORKLIST_BACKEND": worklist,
        }
        with running(tmp_path, **variables) as (process, url):
            # given an order, an exam, a file that is announced, an archive, and two events of which one was not taken
            order = post(f"{url}/workitems", ORDER)
            stored = post(f"{url}/exams/uploads", {"files": [{"name": "a.dcm", "size": len(exam)}]})
            send(stored["files"][0]["upload"], exam)
            eventually(lambda: states(url, stored) == ["STORED"], "the upload")
            announced = post(f"{url}/exams/uploads", {"files": [{"name": "b.dcm", "size": len(late)}]})
            archive = requests.get(f"{url}/exams/studies/{STUDY}/archive?PatientId=1CT1", timeout=SECONDS)
            location = f"{url}{archive.headers['Location']}"
            signed = eventually(lambda: _redirection(location), "the archive")
            eventually(lambda: get(f"{url}/exam-events?limit=1")["events"], "the exam's event")
            announce(url, delivered)
            eventually(lambda: subscriber.times(delivered) == 1, "the delivery")
            announce(url, waiting)
            eventually(lambda: subscriber.times(waiting) == 1, "the attempt")
            page = eventually(lambda: _whole(get(f"{url}/exam-events"), 3), "three events")
            identifiers = [event["eventId"] for event in page["events"]]
            eventually(lambda: deliveries(url, identifiers[2]) == [("pending", 1)], "the log")

            # when
            os.kill(process.pid, how)
            assert gone(process)

        subscriber.refused = set()
        with running(tmp_path, **variables | {"PORT": url.rpartition(":")[2]}) as (_, again):
            # then everything is there, at its old address
            assert again == url
            workitems = get(f"{url}/workitems?patientID=KEPT&format=simple")
            assert [item["StudyInstanceUID"] for item in workitems] == [order["StudyInstanceUID"]]
            assert [event["eventId"] for event in get(f"{url}/exam-events")["events"]] == identifiers
            assert states(url, stored) == ["STORED"]
            assert requests.get(signed, timeout=SECONDS).content[:2] == b"PK"
            assert _redirection(location)

            # and what was under way goes on: the file that was announced, the delivery that waited, and that alone
            send(announced["files"][0]["upload"], late)
            eventually(lambda: states(url, announced) == ["STORED"], "the other upload")
            eventually(lambda: deliveries(url, identifiers[2]) == [("delivered", 2)], "the delivery")
            cursor = page["next"]
            new = eventually(lambda: get(f"{url}/exam-events?after={cursor}")["events"], "the event of the other file")
            assert [event["pacsEvent"]["StudyInstanceUID"] for event in new] == [uids(late)[0]]
            assert (subscriber.times(delivered), subscriber.times(STUDY), subscriber.times(waiting)) == (1, 1, 2)


def _redirection(location: str) -> str | None:
    answer = requests.get(location, timeout=SECONDS, allow_redirects=False)
    return answer.headers["Location"] if answer.status_code == 303 else None


def _whole(page: dict[str, Any], count: int) -> dict[str, Any] | None:
    return page if len(page["events"]) == count else None


def test_an_event_that_was_confirmed_outlives_a_kill_at_any_moment(tmp_path: Path) -> None:
    confirmed: list[str] = []
    variables = {"DATA_DIR": str(tmp_path / "kept"), "CALLBACK_SECRET": SECRET}

    def announce_many(url: str, client: int) -> None:
        with suppress(requests.RequestException):
            for number in count():
                announce(url, f"1.2.{client}.{number}")
                confirmed.append(f"1.2.{client}.{number}")

    # given clients that announce exams one after the other
    with running(tmp_path, **variables) as (process, url), ThreadPoolExecutor(3) as clients:
        for client in range(3):
            clients.submit(announce_many, url, client)
        eventually(lambda: len(confirmed) >= 10, "ten events")
        # when
        process.kill()
        assert gone(process)

    # then each is in the feed, and once
    with running(tmp_path, **variables) as (_, url):
        eventually(lambda: set(confirmed) <= set(studies(url)), "the feed with all of them", 2 * SECONDS)
        listed = studies(url)
        assert len(listed) == len(set(listed))


def studies(url: str) -> list[str]:
    """Of all events of the feed."""
    events = get(f"{url}/exam-events?limit=200")["events"]
    return [event["pacsEvent"]["StudyInstanceUID"] for event in events]


def summary(process: subprocess.Popen[str]) -> str:
    """What is printed at the start, after the first line."""
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "Ctrl-C ends it.\n")
    return "".join(lines)


def test_the_summary_says_what_is_kept_and_a_second_service_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as (process, _):
        assert "  data           gone when it ends: exams, worklist, events and all else" in summary(process)
    data_dir = tmp_path / "kept"
    with running(tmp_path, DATA_DIR=str(data_dir)) as (process, url):
        assert f"  data           kept in {data_dir}; found there: nothing yet\n" in summary(process)
        get(f"{url}/uid")
        with started(tmp_path, PORT="0", DATA_DIR=str(data_dir)) as second:
            _, err = second.communicate(timeout=SECONDS)
        assert (second.returncode, err) == (
            1,
            f"The service cannot start: another service uses the data in {data_dir}\n",
        )
        process.kill()
        assert gone(process)
    with running(tmp_path, DATA_DIR=str(data_dir)) as (process, _):
        assert f"  data           kept in {data_dir}; found there: 1 in UidsTable" in summary(process)
