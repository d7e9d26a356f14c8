"""The whole service over HTTP: many clients at once, and an event on its way to its subscribers."""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from pydicom.data import get_testdata_file
from standardwebhooks import Webhook

from local.stack import LocalStack, Settings
from tests.scripted import Answer, Asked, ScriptedPacs

SECRET = "callback-secret"
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_uids_for_twenty_clients_are_distinct(stack: LocalStack) -> None:
    def generate(_: int) -> str:
        uid: str = requests.get(f"{stack.url}/uid", timeout=40).json()["uid"]
        return uid

    with ThreadPoolExecutor(20) as clients:
        uids = set(clients.map(generate, range(200)))

    assert len(uids) == 200
    assert {len(uid) for uid in uids} == {64}


@pytest.fixture(scope="module")
def subscribers() -> Iterator[tuple[ScriptedPacs, ScriptedPacs]]:
    """One that takes everything, and one that takes an event at the second try only."""
    with ScriptedPacs(Answer(204)) as willing, ScriptedPacs(Answer(500), Answer(204)) as hesitant:
        yield willing, hesitant


@pytest.fixture(scope="module")
def announcing(subscribers: tuple[ScriptedPacs, ScriptedPacs]) -> Iterator[LocalStack]:
    """A service with these subscribers, and secrets to and from it."""
    variables = {
        "CALLBACK_URLS": ",".join(subscriber.url for subscriber in subscribers),
        "CALLBACK_SECRET": SECRET,
        "CALLBACK_SIGNING_SECRET": SIGNING_SECRET,
    }
    with LocalStack(Settings(variables=variables)) as stack:
        yield stack


def asked(subscriber: ScriptedPacs, text: bytes, times: int) -> list[Asked]:
    """What the subscriber was asked with a text in its body, once it was asked so often."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [one for one in subscriber.asked if text in one.body]
        if len(found) >= times:
            return found
        time.sleep(0.1)
    pytest.fail(f"the subscriber was not asked {times} times within 30 s")


def test_an_upload_is_announced_to_every_subscriber_signed_and_again_where_one_refuses(
    announcing: LocalStack, subscribers: tuple[ScriptedPacs, ScriptedPacs]
) -> None:
    # when a CT is uploaded
    exam = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    requests.post(f"{announcing.url}/exams", files={"file": exam}, timeout=40).raise_for_status()

    # then the PACS tells the service by itself, and the service its subscribers
    willing, hesitant = subscribers
    (first,) = asked(willing, b"1.3.6.1.4.1.5962.1.2.1.20040119072730.12322", 1)
    refused, taken = asked(hesitant, b"1.3.6.1.4.1.5962.1.2.1.20040119072730.12322", 2)
    assert json.loads(first.body)["EventType"] == "COMPLETED"
    assert refused.body == taken.body == first.body
    headers = [{name.lower(): value for name, value in one.headers.items()} for one in (first, refused, taken)]
    assert len({one["webhook-id"] for one in headers}) == 1
    for one in headers:
        Webhook(SIGNING_SECRET).verify(first.body, one)


def test_an_event_of_a_megabyte_arrives_as_it_was_sent(
    announcing: LocalStack, subscribers: tuple[ScriptedPacs, ScriptedPacs]
) -> None:
    # given more than a table's item or a topic's message holds
    body = json.dumps({"StudyInstanceUID": "1.2.3.4", "Report": "x" * 1_000_000, "Own": None}).encode()

    # when
    answer = requests.post(
        f"{announcing.url}/new-exam-callback", data=body, headers={"Authorization": SECRET}, timeout=40
    )

    # then
    assert answer.status_code == 204
    assert [one.body for one in asked(subscribers[0], b'"1.2.3.4"', 1)] == [body]


def test_an_event_without_the_secret_is_refused(announcing: LocalStack) -> None:
    answer = requests.post(f"{announcing.url}/new-exam-callback", json={"StudyInstanceUID": "1.2.3"}, timeout=40)

    assert answer.status_code == 401


SEED_CALL = {
    "SourceID": "O3PROD",
    "StudyInstanceUID": "1.3.76.13.90696.2.20130926082332.5279531.1",
    "AccessionNumber": "62476609-1",
    "PatientID": "46803338",
    "NumberOfStudyRelatedSeries": 1,
    "NumberOfStudyRelatedInstances": 239,
    "ModalitiesInStudy": ["CT"],
    "AeTitles": ["O3-PACS-57"],
    "StationNames": ["Station ALFA", "Station BETA"],
    "EventType": "COMPLETED",
    "StudyDate": "20130926",
    "StudyTime": "082329",
    "StudyID": None,
    "ReferringPhysicianName": "NO_DOC_NAME^NO_DOC_SURNAME",
    "StudyDescription": "DENTALSCAN SUP",
    "PatientName": "NO_SURNAME^NO_NAME",
    "PatientBirthDate": "19600101",
    "PatientSex": "F",
}
"""What O3-DPACS sends."""


def test_without_a_secret_of_ones_own_anybody_may_announce_an_exam_as_curl_does(
    stack: LocalStack, tmp_path: Path
) -> None:
    # when curl sends a form's content type, as it does where it is told none
    (tmp_path / "event.json").write_text(json.dumps(SEED_CALL, indent=2))
    curl = ["curl", "-s", "-w", "%{http_code}", "--request", "POST", "--url", f"{stack.url}/new-exam-callback"]
    called = subprocess.run(
        [*curl, "--data", f"@{tmp_path / 'event.json'}"], capture_output=True, text=True, check=True
    )

    # then
    assert called.stdout == "204"
    deadline = time.monotonic() + 30
    announced: list[object] = []
    while SEED_CALL not in announced and time.monotonic() < deadline:
        page = requests.get(f"{stack.url}/exam-events?limit=200", timeout=40).json()
        announced = [event["pacsEvent"] for event in page["events"]]
        time.sleep(0.1)
    assert SEED_CALL in announced
