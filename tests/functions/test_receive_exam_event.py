"""`POST /new-exam-callback`: what is taken, what is refused, and what the table holds when the PACS has its 204."""

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dicom_service.events.exam_event import announcement
from dicom_service.events.outbox import INLINE_BYTES, StoredEvent, load_event, store_event
from dicom_service.http.exam_events import EXAM_EVENT_EXAMPLE
from functions.receive_exam_event.app import lambda_handler
from local.aws import Aws
from local.context import context_for
from tests.conftest import Invoke
from tests.logs import rendered

STUDY = "1.2.840.113619.2.55.3.604688119.971.1447684838.1"
PATH = "/new-exam-callback"


def stored(aws: Aws) -> list[StoredEvent]:
    """Every event in the table."""
    items = aws.client("dynamodb").scan(TableName=os.environ["EVENTS_TABLE"])["Items"]
    ids = [item["eventId"]["S"] for item in items]
    return [load_event(event_id) for event_id in ids if "#" not in event_id]


def test_the_sample_event_is_stored_as_it_came(aws: Aws) -> None:
    event = json.loads(Path("events/receive_exam_event.json").read_text())
    answer = lambda_handler(event, context_for("ReceiveExamEvent"))
    assert (answer["statusCode"], answer.get("body") or "") == (204, "")
    [found] = stored(aws)
    assert found.payload() == event["body"].encode()
    assert found.facts == announcement(EXAM_EVENT_EXAMPLE)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"StudyInstanceUID":"{STUDY}"}}',
        '{"StudyInstanceUID":"1.2.007.1"}',
        f'  {{ "Series" : [{{"Thumbnail":"/9j/"}}], "StudyInstanceUID":"{STUDY}", "Report":null, "n":1.10e2 }}\r\n',
        f'\ufeff{{"StudyInstanceUID":"{STUDY}","PatientName":"Ré^Zoë 山田","EventType":null,"ModalitiesInStudy":"CT"}}',
        f'{{"StudyInstanceUID":"{STUDY}","EventType":{{"a":1}},"ModalitiesInStudy":[1,null,""],"SourceID":"\\ud800"}}',
    ],
    ids=[
        "least",
        "a leading zero in a component",
        "unknown fields, nulls, spaces",
        "BOM and other alphabets",
        "other types than expected",
    ],
)
def test_whatever_the_pacs_sends_is_kept_byte_for_byte(aws: Aws, invoke: Invoke, body: str) -> None:
    answer = invoke("receive_exam_event", "POST", PATH, body=body, headers={"content-type": "application/json"})
    assert answer["statusCode"] == 204
    assert [event.payload() for event in stored(aws)] == [body.encode()]


def test_a_body_without_a_content_type_is_taken(aws: Aws, invoke: Invoke) -> None:
    body = json.dumps({"StudyInstanceUID": STUDY}).encode()
    assert invoke("receive_exam_event", "POST", PATH, body=body)["statusCode"] == 204
    assert [event.payload() for event in stored(aws)] == [body]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"not json", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"\xff\xfe{}", "body"),
        (b'{"StudyInstanceUID":"1.2","n":NaN}', "body"),
        (b'{"a":' * 200_000, "body"),
        (b"{}", "StudyInstanceUID"),
        (b'{"StudyInstanceUID":null}', "StudyInstanceUID"),
        (b'{"StudyInstanceUID":12}', "StudyInstanceUID"),
        (b'{"StudyInstanceUID":""}', "StudyInstanceUID"),
        (b'{"StudyInstanceUID":"1..2"}', "StudyInstanceUID"),
        (b'{"StudyInstanceUID":"1.2\\n"}', "StudyInstanceUID"),
        (b'{"StudyInstanceUID":"' + b"1." * 32 + b'1"}', "StudyInstanceUID"),
    ],
)
def test_what_announces_no_study_is_a_400_and_not_stored(aws: Aws, invoke: Invoke, body: bytes, field: str) -> None:
    answer = invoke("receive_exam_event", "POST", PATH, body=body)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert stored(aws) == []


def test_a_payload_above_an_items_size_lies_in_the_bucket(aws: Aws, invoke: Invoke) -> None:
    thumbnail = base64.b64encode(bytes(INLINE_BYTES)).decode()
    body = json.dumps({"StudyInstanceUID": STUDY, "Series": [{"Thumbnail": thumbnail}]})
    assert invoke("receive_exam_event", "POST", PATH, body=body)["statusCode"] == 204
    [found] = stored(aws)
    assert found.object_key.startswith("events/")
    assert found.payload() == body.encode()


@pytest.fixture
def secret(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PACS must show a secret."""
    monkeypatch.setenv("CALLBACK_SECRET", "päss word=&1")


@pytest.mark.usefixtures("secret")
class TestSecret:
    """CALLBACK_SECRET."""

    @pytest.mark.parametrize(
        "shown",
        [
            {"headers": {"authorization": "päss word=&1"}},
            {"query": {"secret": "päss word=&1"}},
            {"query": {"Secret": "päss word=&1"}},
        ],
    )
    def test_either_way_of_showing_it_is_taken(self, invoke: Invoke, shown: dict[str, Any]) -> None:
        answer = invoke("receive_exam_event", "POST", PATH, body={"StudyInstanceUID": STUDY}, **shown)
        assert answer["statusCode"] == 204

    @pytest.mark.parametrize(
        "shown",
        [
            {},
            {"query": {"secret": ""}},
            {"query": {"secret": "päss word=&1x"}},
            {"query": {"secret": "päss word=&"}},
            {"query": {"secret": "p"}},
            {"query": {"secret": "äss word=&1"}},
            {"query": {"secret": "PÄSS WORD=&1"}},
            {"query": {"secret": "päss word=&1 "}},
            {"query": {"secret": "\tpäss word=&1\n"}},
            {"query": {"secret": "päss word=&1\0"}},
            {"headers": {"authorization": "päss word=&"}},
            {"headers": {"authorization": "Bearer päss word=&1"}},
        ],
    )
    def test_without_it_401_and_nothing_stored(
        self, aws: Aws, invoke: Invoke, shown: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = invoke("receive_exam_event", "POST", PATH, body={"StudyInstanceUID": STUDY}, **shown)
        assert (answer["statusCode"], json.loads(answer["body"])["title"]) == (401, "Unauthorized")
        assert stored(aws) == []
        assert "word" not in rendered(caplog) + answer["body"]

    def test_the_log_has_no_word_of_the_secret_or_the_patient(
        self, invoke: Invoke, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = {"StudyInstanceUID": STUDY, "PatientName": "ROSSI^MARIO"}
        invoke("receive_exam_event", "POST", PATH, query={"secret": "päss word=&1"}, body=body)
        log = rendered(caplog)
        assert "POST /new-exam-callback" in log
        assert not any(word in log for word in ("word", "ROSSI", STUDY))


@pytest.mark.usefixtures("aws")
class TestRepeats:
    """CALLBACK_DEDUPE_SECONDS."""

    PAYLOAD = json.dumps({"StudyInstanceUID": STUDY}).encode()
    FACTS = announcement({"StudyInstanceUID": STUDY})

    def take(self, at: float, payload: bytes = PAYLOAD) -> bool:
        return store_event(payload, self.FACTS, clock=lambda: at) is not None

    def test_the_identical_payload_within_the_window_is_one_event(self, aws: Aws) -> None:
        assert [self.take(0), self.take(1), self.take(599), self.take(599, self.PAYLOAD + b" ")] == [
            True,
            False,
            False,
            True,
        ]
        assert len(stored(aws)) == 2

    def test_after_the_window_it_is_a_new_event_with_a_window_of_its_own(self) -> None:
        assert [self.take(0), self.take(600), self.take(1199), self.take(1200)] == [True, True, False, True]

    def test_a_window_of_zero_lets_every_repeat_through(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CALLBACK_DEDUPE_SECONDS", "0")
        assert [self.take(0), self.take(0)] == [True, True]
        assert len(stored(aws)) == 2

    def test_of_parallel_repeats_exactly_one_is_stored(self, aws: Aws) -> None:
        with ThreadPoolExecutor(10) as threads:
            taken = list(threads.map(lambda _: self.take(0), range(20)))
        assert taken.count(True) == 1
        assert len(stored(aws)) == 1

    def test_a_repeat_is_answered_204(self, aws: Aws, invoke: Invoke) -> None:
        answers = [invoke("receive_exam_event", "POST", PATH, body=self.PAYLOAD)["statusCode"] for _ in range(3)]
        assert answers == [204, 204, 204]
        assert len(stored(aws)) == 1


def test_without_the_table_the_pacs_is_told_to_come_again(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTS_TABLE", "no-such-table")
    answer = invoke("receive_exam_event", "POST", PATH, body={"StudyInstanceUID": STUDY})
    assert answer["statusCode"] == 503


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=ISO-8859-1", "text/plain", ""])
def test_a_body_in_another_character_set_is_refused_and_not_passed_on_with_other_letters(
    aws: Aws, invoke: Invoke, content_type: str
) -> None:
    """A gateway hands over text with U+FFFD in place of such bytes: the name would be another one."""
    body = f'{{"StudyInstanceUID":"{STUDY}","PatientName":"MÜLLER"}}'.encode("latin-1")
    answer = invoke("receive_exam_event", "POST", PATH, body=body, headers={"Content-Type": content_type})
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["errors"] == [{"field": "body", "message": "must be UTF-8 text"}]
    assert stored(aws) == []
