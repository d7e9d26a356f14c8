"""Between what a worker reads and what it writes another one writes: nothing is lost, and nothing done twice."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from dicom_service.errors import NotFound
from dicom_service.events import feed
from dicom_service.events.circuit import FAILURES_TO_OPEN, PROBE_SECONDS, claim_probe, note_failure, read_circuit
from dicom_service.events.delivery_log import Delivery, write_delivery
from dicom_service.events.exam_event import announcement
from dicom_service.events.feed import Cursor
from dicom_service.events.numbering import number
from dicom_service.events.outbox import StoredEvent, load_event, store_event, timestamp
from dicom_service.events.share import PLACES, place
from dicom_service.stores import client
from dicom_service.worklist.asked import WorkitemSearch
from dicom_service.worklist.fields import EXAMPLE
from dicom_service.worklist.mapper import dataset_of
from dicom_service.worklist.table import TableWorklist
from local.aws import Aws
from tests.courier import START, STUDY, Courier

UID = "1.2.3"
ITEM = dataset_of({**EXAMPLE, "StudyInstanceUID": UID})
MEDICAL_ALERTS, PATIENT_STATE = "00102000", "00380500"

pytestmark = pytest.mark.usefixtures("aws")


def just_before(operation: str, meanwhile: Callable[[], object]) -> None:
    """Has something else happen before the next call of DynamoDB's operation is made, once."""
    events, name = client("dynamodb").meta.events, f"before-call.dynamodb.{operation}"

    def happen(**_: Any) -> None:
        events.unregister(name, happen)
        meanwhile()

    events.register(name, happen)


def give_back(places: list[AbstractContextManager[bool]]) -> None:
    """Ends what would else end with the interpreter's next collection, in the midst of another test."""
    for each in places:
        each.__exit__(None, None, None)


class TestFeed:
    """Numbers of events."""

    def stored(self, n: int) -> StoredEvent:
        pacs_event = {"StudyInstanceUID": STUDY, "n": n}
        event_id = store_event(json.dumps(pacs_event).encode(), announcement(pacs_event))
        assert event_id is not None
        return load_event(event_id)

    def listed(self) -> list[str]:
        return [entry.event_id for entry in feed.read(Cursor(), 100).entries]

    @pytest.mark.parametrize("before", [0, 1])
    def test_two_events_that_see_the_same_count_get_two_numbers(self, before: int) -> None:
        events = [self.stored(n) for n in range(before + 2)]
        for event in events[:before]:
            number([event])
        overtaken, overtaking = events[before:]
        just_before("TransactWriteItems", lambda: number([overtaking]))
        number([overtaken])
        assert self.listed() == [event.event_id for event in (*events[:before], overtaking, overtaken)]
        assert [load_event(event.event_id).position for event in (overtaking, overtaken)] == [before + 1, before + 2]

    def test_an_event_that_two_publishers_have_gets_one_number(self) -> None:
        event = self.stored(0)
        just_before("TransactWriteItems", lambda: number([event]))
        number([event])
        number([event])
        assert self.listed() == [event.event_id]
        assert load_event(event.event_id).position == 1


class TestSubscribers:
    """A subscriber's circuit and its share."""

    @pytest.mark.parametrize("before", [0, 1, 3])
    def test_failures_at_the_same_moment_all_count(self, before: int) -> None:
        for _ in range(before):
            note_failure(read_circuit("s"), START)
        began = read_circuit("s")
        just_before("PutItem", lambda: note_failure(began, START))
        note_failure(began, START)
        assert read_circuit("s").failures == before + 2

    def test_the_last_place_is_given_once(self) -> None:
        held = [place("s", START) for _ in range(PLACES - 1)]
        assert all(one.__enter__() for one in held)
        last = place("s", START)
        just_before("UpdateItem", last.__enter__)
        with place("s", START) as taken:
            assert not taken
        give_back([*held, last])

    def test_places_that_ended_are_not_given_twice(self) -> None:
        ended = [place("s", START) for _ in range(PLACES)]
        assert all(one.__enter__() for one in ended)
        later = [place("s", START + 60) for _ in range(PLACES + 1)]
        assert [one.__enter__() for one in later] == [True] * PLACES + [False]
        give_back([*ended, *later])

    def test_a_place_whose_answer_was_lost_is_had_also_where_others_came_and_went(self) -> None:
        others = [place("s", START) for _ in range(PLACES - 1)]
        assert all(one.__enter__() for one in others)
        events, newcomer = client("dynamodb").meta.events, place("s", START)

        def lose(**_: Any) -> float:
            """Has the SDK repeat the call at once, as after an answer that did not come."""
            events.unregister("needs-retry.dynamodb.UpdateItem", lose)
            others[0].__exit__(None, None, None)
            assert newcomer.__enter__()
            return 0.0

        events.register_first("needs-retry.dynamodb.UpdateItem", lose)
        with place("s", START) as taken:
            assert taken
        with place("s", START) as again:
            assert again, "it was given back"
        give_back([*others[1:], newcomer])


class TestDeliveries:
    """A delivery that two workers have."""

    @pytest.fixture
    def courier(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Courier:
        monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")
        monkeypatch.setenv("CALLBACK_URLS", "http://127.0.0.1:1/hook")
        return Courier(aws)

    def test_one_that_arrives_while_it_is_given_up_has_arrived(
        self, courier: Courier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [message] = courier.announce()
        fresh = Delivery.fresh(message.event_id, timestamp(START), message.subscriber, "", 0, START)
        under_way = replace(fresh, attempts=1)
        assert write_delivery(None, under_way, START)
        monkeypatch.setenv("CALLBACK_URLS", "")
        just_before("PutItem", lambda: write_delivery(under_way, replace(under_way, state="delivered"), START))
        assert courier.attempt(message) is None
        assert courier.row(message).state == "delivered"

    def test_one_that_sees_the_circuit_before_anothers_probe_begins_waits_for_it(self, courier: Courier) -> None:
        [message] = courier.announce()
        for _ in range(FAILURES_TO_OPEN):
            note_failure(read_circuit(message.subscriber), START)
        courier.clock.now = later = START + 60
        just_before("PutItem", lambda: claim_probe(read_circuit(message.subscriber), later))
        assert courier.attempt(message) == PROBE_SECONDS
        assert courier.row(message).attempts == 0


class TestWorklist:
    """The service's own worklist."""

    @pytest.fixture
    def worklist(self) -> TableWorklist:
        worklist = TableWorklist(lambda: START)
        worklist.create(UID, ITEM, fresh=False)
        return worklist

    def test_a_change_in_between_is_kept(self, worklist: TableWorklist) -> None:
        def change(tag: str, value: str) -> None:
            worklist.change(UID, lambda dataset: {**dataset, tag: {"vr": "LO", "Value": [value]}})

        just_before("PutItem", lambda: change(MEDICAL_ALERTS, "Latex"))
        change(PATIENT_STATE, "Stable")
        [item] = worklist.items(WorkitemSearch.of_study(UID))
        assert [item[tag]["Value"] for tag in (MEDICAL_ALERTS, PATIENT_STATE)] == [["Latex"], ["Stable"]]

    def test_an_item_that_is_deleted_in_between_does_not_come_back(self, worklist: TableWorklist) -> None:
        just_before("PutItem", lambda: worklist.delete(UID))
        with pytest.raises(NotFound):
            worklist.change(UID, lambda dataset: dataset)
        assert list(worklist.items(WorkitemSearch())) == []
