"""The webhook that announces studies."""

import base64
import json
import queue
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from local.pacs.server import EmbeddedPacs
from tests.pacs.conftest import StartPacs
from tests.pacs.objects import make_object, real_object, send

QUIET_SECONDS = 0.3


class Receiver:
    """A webhook that keeps what it got, with its headers and the time, and answers the statuses that it is told."""

    def __init__(self) -> None:
        self.calls: queue.Queue[tuple[dict[str, Any], dict[str, str], float]] = queue.Queue()
        self.statuses: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.calls.put((body, dict(self.headers), time.monotonic()))
                receiver.hold.wait(20)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/new-exam?secret=s"

    def next(self) -> dict[str, Any]:
        return self.calls.get(timeout=10)[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    thread = threading.Thread(target=running.server.serve_forever, args=(0.05,))
    thread.start()
    yield running
    running.hold.set()
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def store(pacs: EmbeddedPacs, content: bytes) -> None:
    answer = send(f"{pacs.url}/o3-dpacs-wado/stowRsListener/GATEWAY/studies", content)
    assert answer.status_code == 200


def test_a_study_is_announced_once_it_is_quiet(start_pacs: StartPacs, receiver: Receiver) -> None:
    # given
    pacs = start_pacs(webhook_url=receiver.url, webhook_authorization="hook key", quiet_seconds=QUIET_SECONDS)
    for number in range(3):
        series = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": f"1.2.3.{number // 2}"}
        store(pacs, make_object(**series, StationName=f"Station {number // 2}", StudyID="S", AccessionNumber="A"))
    stored = time.monotonic()
    # when
    event, headers, called = receiver.calls.get(timeout=10)
    # then
    assert called - stored > QUIET_SECONDS - 0.1
    assert headers["Authorization"] == "hook key"
    assert headers["Content-Type"].startswith("application/json")
    series = event.pop("Series")
    assert event == {
        "SourceID": "EMBEDDED-PACS",
        "StudyInstanceUID": "1.2.3",
        "AccessionNumber": "A",
        "PatientID": "P1",
        "IssuerOfPatientID": None,
        "NumberOfStudyRelatedSeries": 2,
        "NumberOfStudyRelatedInstances": 3,
        "ModalitiesInStudy": ["CT"],
        "AeTitles": ["GATEWAY"],
        "StationNames": ["Station 0", "Station 1"],
        "EventType": "COMPLETED",
        "StudyDate": None,
        "StudyTime": None,
        "StudyID": "S",
        "ReferringPhysicianName": None,
        "StudyDescription": None,
        "PatientName": "Doe^Jane",
        "PatientBirthDate": None,
        "PatientSex": None,
        "Report": None,
        "HolterUsername": None,
    }
    assert [one["NumberOfSeriesRelatedInstances"] for one in series] == [2, 1]
    assert [one["SeriesInstanceUID"] for one in series] == ["1.2.3.0", "1.2.3.1"]
    assert all(base64.b64decode(one["Thumbnail"]).startswith(b"\xff\xd8\xff") for one in series)
    with pytest.raises(queue.Empty):
        receiver.calls.get(timeout=2 * QUIET_SECONDS)


def test_a_series_without_a_picture_has_no_thumbnail(start_pacs: StartPacs, receiver: Receiver) -> None:
    pacs = start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    store(pacs, make_object(PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR"))
    (series,) = receiver.next()["Series"]
    assert series["Thumbnail"] is None


def test_later_instances_are_announced_as_added_and_repeats_are_not(start_pacs: StartPacs, receiver: Receiver) -> None:
    # given
    pacs = start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    first = make_object(StudyInstanceUID="1.2.3")
    store(pacs, first)
    assert receiver.next()["EventType"] == "COMPLETED"
    # when
    store(pacs, first)
    store(pacs, make_object(StudyInstanceUID="1.2.3"))
    # then
    event = receiver.next()
    assert (event["EventType"], event["NumberOfStudyRelatedInstances"]) == ("INSTANCES_ADDED", 2)
    with pytest.raises(queue.Empty):
        receiver.calls.get(timeout=QUIET_SECONDS)


def test_a_refused_announcement_is_repeated_until_it_is_accepted(start_pacs: StartPacs, receiver: Receiver) -> None:
    # given
    receiver.statuses = [500, 302]
    pacs = start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    # when
    store(pacs, make_object())
    events = [receiver.next() for _ in range(3)]
    # then
    assert events[0] == events[1] == events[2]
    assert events[0]["EventType"] == "COMPLETED"
    with pytest.raises(queue.Empty):
        receiver.calls.get(timeout=QUIET_SECONDS)


def test_what_is_pending_is_announced_after_a_restart(start_pacs: StartPacs, receiver: Receiver) -> None:
    # given a webhook that nobody answers at
    pacs = start_pacs(webhook_url="http://127.0.0.1:9/", quiet_seconds=0.05)
    store(pacs, make_object(StudyInstanceUID="1.2.3"))
    time.sleep(0.2)
    pacs.stop()
    assert receiver.calls.empty()
    # when
    start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    # then
    event = receiver.next()
    assert (event["StudyInstanceUID"], event["EventType"]) == ("1.2.3", "COMPLETED")


def test_a_slow_webhook_delays_neither_storing_nor_the_end(start_pacs: StartPacs, receiver: Receiver) -> None:
    # given
    receiver.hold.clear()
    pacs = start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    store(pacs, make_object(StudyInstanceUID="1.2.3"))
    receiver.next()
    # when
    store(pacs, make_object(StudyInstanceUID="1.2.3"))
    began = time.monotonic()
    pacs.stop()
    # then
    assert time.monotonic() - began < 2
    receiver.hold.set()
    start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    event = receiver.next()
    assert (event["EventType"], event["NumberOfStudyRelatedInstances"]) == ("COMPLETED", 2)


def test_without_a_webhook_nothing_is_kept_for_one(start_pacs: StartPacs, receiver: Receiver) -> None:
    pacs = start_pacs()
    store(pacs, real_object("CT_small.dcm"))
    pacs.stop()
    pacs = start_pacs(webhook_url=receiver.url, quiet_seconds=0.05)
    assert len(requests.get(f"{pacs.url}/dicom-web/studies", timeout=10).json()) == 1
    with pytest.raises(queue.Empty):
        receiver.calls.get(timeout=QUIET_SECONDS)
