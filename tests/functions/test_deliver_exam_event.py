"""What a subscriber gets, and what becomes of it when the subscriber does not take it."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from dicom_service.batch import Postponed
from dicom_service.errors import ConfigurationError
from dicom_service.events.delivery import ATTEMPT_SECONDS, crowded_wait, deliver, handle_delivery
from dicom_service.events.delivery_log import Delivery, read_delivery
from dicom_service.events.messages import DeliveryMessage
from dicom_service.events.outbox import INLINE_BYTES
from dicom_service.events.schedule import RETRY_SECONDS
from dicom_service.events.share import PLACES, place
from dicom_service.events.webhook import Sender
from functions.deliver_exam_event.app import lambda_handler
from local.aws import Aws
from local.context import context_for
from tests.courier import START, STUDY, Clock, Courier
from tests.logs import rendered
from tests.queues import bodies, queue_url, received
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
DAY = 86400


@pytest.fixture
def courier(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """One event on its way; subscribers may be on loopback addresses."""
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    return Courier(aws)


def subscribe(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setenv("CALLBACK_URLS", ",".join(urls))


def test_the_bytes_of_the_pacs_signed(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", SECRET)
    courier.pacs_event = {"StudyInstanceUID": STUDY, "PatientName": "Zoë 山田", "Report": None, "Extra": [1.10]}
    with ScriptedSubscriber(Answer(204)) as subscriber:
        subscribe(monkeypatch, subscriber.url + "/hook?tenant=7#event=COMPLETED", subscriber.url + "/hook?tenant=8")
        [message] = courier.announce()
        assert courier.carry(message) == []
    [asked] = subscriber.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert (asked.method, asked.path, asked.query) == ("POST", "/hook", {"tenant": ["8"]})
    assert asked.body == json.dumps(courier.pacs_event).encode()
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == message.event_id
    assert headers["webhook-timestamp"] == str(int(START))
    expected = Webhook(SECRET).sign(message.event_id, datetime.fromtimestamp(START, UTC), asked.body.decode())
    assert headers["webhook-signature"] == expected
    assert courier.row(message).state == "delivered"


def test_a_payload_from_the_bucket_arrives_byte_for_byte(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    courier.pacs_event = {"StudyInstanceUID": STUDY, "Series": [{"Thumbnail": "A" * INLINE_BYTES}]}
    with ScriptedSubscriber(Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        courier.carry(message)
    assert [asked.body for asked in subscriber.asked] == [json.dumps(courier.pacs_event).encode()]


def test_a_login_in_the_url_is_sent_and_never_logged(
    courier: Courier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedSubscriber(Answer(500)) as subscriber:
        url = subscriber.url.replace("http://", "http://alice:p%40ss@") + "/T0KEN?key=s3cret"
        subscribe(monkeypatch, url)
        [message] = courier.announce()
        courier.attempt(message)
    assert subscriber.asked[0].headers["Authorization"] == "Basic " + base64.b64encode(b"alice:p@ss").decode()
    assert "alice" not in subscriber.asked[0].headers["Host"]
    log = rendered(caplog)
    assert '"status":500' in log
    row = courier.row(message)
    assert not any(word in log + row.url + row.last_error for word in ("p%40ss", "p@ss", "s3cret", "alice", STUDY))
    assert "T0KEN" not in log


@pytest.mark.parametrize("failures", [1, 3])
def test_tried_again_by_the_schedule_until_it_is_taken(
    courier: Courier, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    with ScriptedSubscriber(*[Answer(500)] * failures, Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        assert courier.carry(message) == list(RETRY_SECONDS[:failures])
    row = courier.row(message)
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("delivered", failures + 1, 200, "")
    assert {asked.headers["webhook-id"] for asked in subscriber.asked} == {message.event_id}
    times = [int(asked.headers["webhook-timestamp"]) for asked in subscriber.asked]
    assert times == [START + sum(RETRY_SECONDS[:number]) for number in range(failures + 1)]


def test_after_three_days_it_is_given_up_and_can_be_moved_back(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedSubscriber(Answer(503)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        assert courier.carry(message) == list(RETRY_SECONDS)
        assert len(subscriber.asked) == 12
        assert 3 * DAY < courier.clock.now - START < 3.5 * DAY
        row = courier.row(message)
        assert (row.state, row.attempts, row.last_status, row.last_error) == ("failed", 12, 503, "answered 503")
        assert courier.attempt(message) is None, "the old message is done with"
        [buried] = courier.dead_letters()
        assert buried == {"eventId": message.event_id, "subscriber": message.subscriber, "run": 1}
        moved = replace(message, run=1)
        courier.clock.now += DAY
        assert courier.attempt(moved) == RETRY_SECONDS[0]
        assert (courier.row(message).state, courier.row(message).attempts) == ("pending", 1)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (Answer(301, headers={"Location": "/elsewhere"}), 301, "answered 301"),
        (Answer(404), 404, "answered 404"),
        (Answer(reset=True), 0, "broke the connection off, or answered no HTTP"),
    ],
)
def test_anything_but_2xx_is_a_failure(
    courier: Courier, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int, error: str
) -> None:
    with ScriptedSubscriber(answer) as subscriber:
        subscribe(monkeypatch, subscriber.url + "/hook")
        [message] = courier.announce()
        assert courier.attempt(message) == RETRY_SECONDS[0]
    row = courier.row(message)
    assert (row.state, row.last_status, row.last_error) == ("pending", status, error)
    assert row.next_attempt_at == START + RETRY_SECONDS[0]
    assert [asked.path for asked in subscriber.asked] == ["/hook"]


def test_nobody_listening(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(monkeypatch, "http://127.0.0.1:1/")
    [message] = courier.announce()
    assert courier.attempt(message) == RETRY_SECONDS[0]
    assert courier.row(message).last_error == "refused the connection"


def test_410_ends_it(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(410)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        assert courier.carry(message) == []
    assert (courier.row(message).state, courier.row(message).last_status) == ("gone", 410)
    assert courier.dead_letters() == []


@pytest.mark.parametrize("retry_after", ["900", "Tue, 14 Nov 2023 22:28:20 GMT"])
def test_retry_after_is_honoured(courier: Courier, monkeypatch: pytest.MonkeyPatch, retry_after: str) -> None:
    with ScriptedSubscriber(Answer(429, headers={"Retry-After": retry_after}), Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        assert courier.carry(message) == [900]


def test_too_early_is_too_early(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(500)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        courier.attempt(message)
        courier.clock.now += 2
        assert courier.attempt(message) == 3
    assert len(subscriber.asked) == 1


def test_a_message_that_comes_twice_is_delivered_once(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        assert [courier.attempt(message), courier.attempt(message)] == [None, None]
    assert len(subscriber.asked) == 1


def test_a_worker_that_never_came_back_has_made_its_attempt(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile = []

    def look(asked: Asked) -> Answer:
        meanwhile.append(courier.row(message))
        return Answer(200)

    with ScriptedSubscriber(by=look) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        courier.attempt(message)
    [row] = meanwhile
    assert (row.state, row.attempts, row.last_error) == ("pending", 1, "the attempt did not come to its end")
    assert row.next_attempt_at == START + ATTEMPT_SECONDS


class Overtaken(Clock):
    """At a look at it, something else happens before it answers: the third comes before the claim of an attempt."""

    def __init__(self, look: int, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._looks, self._look, self._meanwhile = 0, look, meanwhile

    def __call__(self) -> float:
        self._looks += 1
        if self._looks == self._look:
            self._meanwhile()
        return self.now


@pytest.mark.parametrize(("status", "wait"), [(200, None), (500, RETRY_SECONDS[0]), (410, None)])
def test_of_two_workers_that_have_read_the_same_row_one_posts(
    courier: Courier, monkeypatch: pytest.MonkeyPatch, status: int, wait: float | None
) -> None:
    with ScriptedSubscriber(Answer(status)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        outcomes: list[float | None] = []
        overtaken = Overtaken(3, lambda: outcomes.append(courier.attempt(message)))
        outcomes.append(deliver(message, Sender(clock=overtaken)))
    assert len(subscriber.asked) == 1
    assert outcomes == [wait, ATTEMPT_SECONDS]
    assert courier.row(message).attempts == 1


def test_an_attempt_that_ends_when_a_later_run_is_under_way_leaves_that_one_alone(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedSubscriber(Answer(200), Answer(500)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        again = replace(message, run=1)
        overtaken = Overtaken(4, lambda: courier.attempt(again))
        assert deliver(message, Sender(clock=overtaken)) is None
    assert len(subscriber.asked) == 2
    row = courier.row(message)
    assert (row.run, row.state, row.attempts, row.last_status) == (1, "pending", 1, 500)


def test_a_subscriber_whose_share_is_taken_waits_and_uses_up_no_attempt(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBACK_CONCURRENCY", "2")
    with ScriptedSubscriber(Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url)
        [message] = courier.announce()
        with place(message.subscriber, START), place(message.subscriber, START) as second:
            assert second
            assert 5 <= (courier.attempt(message) or 0) <= 10
        assert (subscriber.asked, courier.row(message).attempts) == ([], 0)
        with place(message.subscriber, START):
            assert courier.attempt(message) is None
        with place(message.subscriber, START), place(message.subscriber, START) as second:
            assert second, "the attempt gave its place back"
    assert len(subscriber.asked) == 1


@pytest.mark.usefixtures("aws")
def test_places_of_workers_that_never_came_back_are_free_after_a_minute() -> None:
    lost = [place("s", START) for _ in range(PLACES)]
    assert all(one.__enter__() for one in lost)
    with place("s", START + 59) as taken:
        assert not taken
    with place("other", START + 59) as taken:
        assert taken
    with place("s", START + 60) as taken:
        assert taken
    for each in lost:  # what the garbage collector would do in the midst of another test
        each.__exit__(None, None, None)


@pytest.mark.parametrize(("age", "shortest", "longest"), [(0, 5, 10), (600, 60, 120), (86400, 900, 900)])
def test_a_crowd_comes_back_one_by_one_and_seldom(
    courier: Courier, age: float, shortest: float, longest: float
) -> None:
    waits = set()
    for number in range(20):
        delivery = Delivery(f"e{number}", "s", "u", "", 0, START, "pending", 0, 0, "", START)
        waits.add(crowded_wait(delivery, START + age))
    assert shortest <= min(waits) <= max(waits) <= longest
    assert len(waits) == (20 if shortest < longest else 1)


def test_a_url_that_was_taken_out_of_the_configuration_is_given_up(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(monkeypatch, "http://127.0.0.1:1/")
    [message] = courier.announce()
    subscribe(monkeypatch, "")
    assert courier.attempt(message) is None
    assert (courier.row(message).state, courier.row(message).last_error) == ("failed", "is no longer in CALLBACK_URLS")
    assert len(courier.dead_letters()) == 1


def test_a_wrong_signing_secret_uses_up_no_attempt(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(monkeypatch, "http://127.0.0.1:1/")
    monkeypatch.setenv("CALLBACK_SIGNING_SECRET", "whsec_")
    [message] = courier.announce()
    with pytest.raises(ConfigurationError, match="CALLBACK_SIGNING_SECRET"):
        courier.attempt(message)
    assert read_delivery(message.event_id, message.subscriber) is None


def test_a_private_address_is_refused_and_nothing_sent(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(200)) as subscriber:
        subscribe(monkeypatch, subscriber.url.replace("http://", "https://"))
        monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "false")
        [message] = courier.announce()
        assert courier.attempt(message) == RETRY_SECONDS[0]
    assert subscriber.asked == []
    assert courier.row(message).last_error == "the host's address is not public"


@pytest.mark.usefixtures("courier")
class TestHandler:
    """The function, with messages of the queue itself."""

    def test_a_failed_message_stays_and_is_hidden_for_its_wait(
        self, courier: Courier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ScriptedSubscriber(Answer(500)) as subscriber:
            subscribe(monkeypatch, subscriber.url)
            courier.clock.now = time.time()
            [message] = courier.announce()
            queue = queue_url(courier.aws, "DeliveriesQueue")
            courier.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=message.body)
            event = received(courier.aws, queue)
            assert event is not None
            answer = lambda_handler(event, context_for("DeliverExamEvent"))
        assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
        assert bodies(courier.aws, queue) == []

    def test_a_delivered_message_is_not_kept(self, courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
        with ScriptedSubscriber(Answer(200)) as subscriber:
            subscribe(monkeypatch, subscriber.url)
            [message] = courier.announce()
            event = {"Records": [{"messageId": "m1", "receiptHandle": "r1", "body": message.body}]}
            assert lambda_handler(event, context_for("DeliverExamEvent")) == {"batchItemFailures": []}

    def test_the_sample_event_of_which_nothing_is_known_is_a_dead_letter(self, courier: Courier) -> None:
        event = json.loads(Path("events/deliver_exam_event.json").read_text())
        assert lambda_handler(event, context_for("DeliverExamEvent")) == {"batchItemFailures": []}
        [dead] = courier.dead_letters()
        asked = json.loads(event["Records"][0]["body"])
        assert dead == asked | {"run": asked["run"] + 1}
        row = courier.row(DeliveryMessage.parsed(json.dumps(asked)))
        assert (row.state, row.attempts) == ("failed", 0)

    def test_a_message_that_is_none_is_kept_for_the_dead_letter_queue(self, caplog: pytest.LogCaptureFixture) -> None:
        event = {"Records": [{"messageId": "m1", "receiptHandle": "r1", "body": "SECRET^NAME"}]}
        answer = lambda_handler(event, context_for("DeliverExamEvent"))
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
        assert "InvalidRequest" in rendered(caplog)
        assert "SECRET" not in rendered(caplog)

    def test_waits_above_twelve_hours_are_cut_to_what_sqs_takes(
        self, courier: Courier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        subscribe(monkeypatch, "http://127.0.0.1:1/")
        courier.clock = Clock(4_000_000_000.0)
        [message] = courier.announce()
        queue = queue_url(courier.aws, "DeliveriesQueue")
        courier.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=message.body)
        event = received(courier.aws, queue)
        assert event is not None
        with pytest.raises(Postponed):
            handle_delivery(message.body, event["Records"][0]["receiptHandle"])
