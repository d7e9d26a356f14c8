"""The circuit of a subscriber that does not answer: it costs little, and the others nothing."""

import pytest

from dicom_service.events.circuit import FAILURES_TO_OPEN, claim_probe, note_failure, open_seconds, read_circuit
from dicom_service.events.messages import DeliveryMessage
from local.aws import Aws
from tests.courier import START, STUDY, Courier
from tests.scripted import Answer, Asked
from tests.scripted import ScriptedPacs as ScriptedSubscriber


@pytest.fixture
def courier(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Courier:
    """Events on their way; subscribers may be on loopback addresses."""
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
    return Courier(aws)


def announce(courier: Courier, number: int) -> list[DeliveryMessage]:
    courier.pacs_event = {"StudyInstanceUID": STUDY, "n": number}
    return courier.announce()


def test_how_long_it_is_open() -> None:
    assert [open_seconds(failures) for failures in (0, 4, 5, 6, 7, 8, 9, 1000)] == [0, 0, 60, 120, 240, 480, 900, 900]


def test_after_five_failures_only_a_probe_is_sent_now_and_then(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedSubscriber(Answer(500)) as subscriber:
        monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
        messages = [message for number in range(20) for message in announce(courier, number)]
        waits = [courier.attempt(message) for message in messages]
        assert waits == [5] * 5 + [60] * 15
        assert len(subscriber.asked) == 5
        courier.clock.now += 60
        assert sorted(courier.attempt(message) or 0 for message in messages[5:])[:2] == [5, 120]
        assert len(subscriber.asked) == 6, "one probe, and the others go on waiting"
        assert courier.row(messages[-1]).attempts == 0, "waiting uses up no attempt"


def test_when_the_subscriber_is_back_everything_arrives(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    up = False

    def answer(asked: Asked) -> Answer:
        return Answer(200 if up else 503)

    with ScriptedSubscriber(by=answer) as subscriber:
        monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
        messages = [message for number in range(20) for message in announce(courier, number)]
        for message in messages:
            courier.attempt(message)
        up = True
        courier.clock.now += 900
        for message in messages:
            courier.carry(message)
        assert {courier.row(message).state for message in messages} == {"delivered"}
        assert len(subscriber.asked) == 5 + 20


def test_while_a_probe_is_under_way_the_others_wait_a_minute_and_no_longer(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = []

    def answer(asked: Asked) -> Answer:
        if len(subscriber.asked) <= 9:
            return Answer(500)
        meanwhile.append(courier.attempt(messages[-1]))
        return Answer(200)

    with ScriptedSubscriber(by=answer) as subscriber:
        monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
        messages = [message for number in range(11) for message in announce(courier, number)]
        for message in messages[:9]:
            courier.attempt(message)
            courier.clock.now += 900
        assert courier.attempt(messages[9]) is None
        assert meanwhile == [60]
        assert courier.attempt(messages[10]) is None


def test_a_dead_url_costs_the_others_nothing(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(500)) as dead, ScriptedSubscriber(Answer(200)) as alive:
        monkeypatch.setenv("CALLBACK_URLS", f"{dead.url},{alive.url}")
        messages = [message for number in range(10) for message in announce(courier, number)]
        for message in messages:
            courier.attempt(message)
    assert (len(dead.asked), len(alive.asked)) == (5, 10)


def test_a_delivery_that_only_waited_is_given_up_in_the_end(courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSubscriber(Answer(500)) as subscriber:
        monkeypatch.setenv("CALLBACK_URLS", subscriber.url)
        messages = [message for number in range(6) for message in announce(courier, number)]
        for message in messages[:5]:
            courier.attempt(message)
        assert courier.attempt(messages[5]) == 60
        courier.clock.now += 4 * 86400
        assert courier.attempt(messages[5]) is None
    row = courier.row(messages[5])
    assert (row.state, row.attempts) == ("failed", 0)
    assert row.last_error == "was not tried, because other deliveries to the subscriber kept failing"
    assert len(courier.dead_letters()) == 1


def test_failures_of_one_burst_open_it_for_a_minute_and_not_for_longer(aws: Aws) -> None:
    began = read_circuit("s")
    for _ in range(10):
        note_failure(began, START)
    opened = read_circuit("s")
    assert (opened.failures, opened.open_until) == (FAILURES_TO_OPEN, START + 60)
    note_failure(opened, START + 60)
    assert read_circuit("s").open_until == START + 60 + 120, "a probe that fails makes it longer"


def test_of_those_that_come_when_the_time_is_up_one_is_the_probe(aws: Aws) -> None:
    for _ in range(FAILURES_TO_OPEN):
        note_failure(read_circuit("s"), START)
    opened = read_circuit("s")
    assert [claim_probe(opened, START + 60) for _ in range(3)] == [True, False, False]
