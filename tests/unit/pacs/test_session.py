"""What the PACS client makes of a PACS that fails: over a real socket, with time passed in."""

import pytest

from dicom_service.errors import (
    PacsConflict,
    PacsError,
    PacsObjectUnknown,
    PacsRefusedCredentials,
    PacsRejected,
    PacsTimeout,
    PacsUnreachable,
)
from dicom_service.pacs.answers import PacsAnswer
from dicom_service.pacs.session import PacsSession
from tests.scripted import Answer, ScriptedPacs


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def session(pacs: ScriptedPacs, clock: Clock | None = None, budget: float = 25.0) -> PacsSession:
    clock = clock or Clock()
    return PacsSession(pacs.url, "a key", clock=clock, sleep=clock.sleep, budget=budget)


def test_the_key_is_sent_verbatim_and_the_query_is_percent_encoded() -> None:
    with ScriptedPacs(Answer(200, b"[]")) as pacs:
        session(pacs).send("GET", "/studies", query={"PatientID": "A B+C&D/ü"})
    assert pacs.asked[0].headers["Authorization"] == "a key"
    assert pacs.asked[0].query == {"PatientID": ["A B+C&D/ü"]}


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, PacsRefusedCredentials),
        (403, PacsRefusedCredentials),
        (404, PacsObjectUnknown),
        (410, PacsObjectUnknown),
        (409, PacsError),
        (408, PacsTimeout),
        (504, PacsTimeout),
        (302, PacsError),
        (400, PacsRejected),
        (500, PacsError),
        (502, PacsUnreachable),
        (503, PacsUnreachable),
    ],
)
def test_a_status_becomes_a_fault_of_its_own(status: int, fault: type[PacsError]) -> None:
    with (
        ScriptedPacs(Answer(status, b"<html>who knows</html>", {"Location": "/elsewhere"})) as pacs,
        pytest.raises(fault) as raised,
    ):
        session(pacs).send("GET", "/studies")
    assert raised.type is fault
    assert "html" not in raised.value.detail
    assert len(pacs.asked) == 1


def test_a_conflict_is_one_of_what_changes_something() -> None:
    with ScriptedPacs(Answer(409)) as pacs, pytest.raises(PacsConflict):
        session(pacs).send("POST", "/studies", body=b"x")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_repeatable_request_is_tried_three_times(status: int) -> None:
    clock = Clock()
    with ScriptedPacs(Answer(status), Answer(status), Answer(200, b"[]")) as pacs:
        assert session(pacs, clock).send("GET", "/studies", repeatable=True).dicom_json() == []
    assert len(pacs.asked) == 3
    assert 0.1 <= clock.slept[0] <= 0.2
    assert 0.4 <= clock.slept[1] <= 0.8


def test_a_lost_connection_is_tried_again_only_where_a_repeat_is_harmless() -> None:
    with ScriptedPacs(Answer(reset=True), Answer(200, b"[]")) as pacs:
        assert session(pacs).send("GET", "/studies", repeatable=True).status == 200
    with ScriptedPacs(Answer(reset=True), Answer(200, b"[]")) as pacs, pytest.raises(PacsError):
        session(pacs).send("POST", "/studies", body=b"x")
    assert len(pacs.asked) == 1


def test_retry_after_is_honoured_within_the_budget() -> None:
    clock = Clock()
    with ScriptedPacs(Answer(503, headers={"Retry-After": "3"}), Answer(200, b"[]")) as pacs:
        session(pacs, clock).send("GET", "/studies", repeatable=True)
    assert clock.slept == [3.0]
    with (
        ScriptedPacs(Answer(503, headers={"Retry-After": "120"}), Answer(200, b"[]")) as pacs,
        pytest.raises(PacsError),
    ):
        session(pacs).send("GET", "/studies", repeatable=True)
    assert len(pacs.asked) == 1


def test_a_slow_pacs_is_a_timeout_before_the_function_ends() -> None:
    with ScriptedPacs(Answer(200, b"[]", delay=2.0)) as pacs, pytest.raises(PacsTimeout):
        session(pacs, budget=0.2).send("GET", "/studies")


def test_an_answer_that_is_cut_off_is_a_fault() -> None:
    with ScriptedPacs(Answer(200, b"[" + b" " * 5000 + b"]", cut=3000)) as pacs, pytest.raises(PacsError):
        session(pacs).send("GET", "/studies")


def test_a_pacs_that_is_down_is_a_fault_that_does_not_name_the_address() -> None:
    with ScriptedPacs(Answer()) as pacs:
        gone = session(pacs)
    with pytest.raises(PacsError) as raised:
        gone.send("GET", "/studies")
    assert raised.type is PacsUnreachable
    assert "127.0.0.1" not in raised.value.detail


def test_all_calls_share_one_budget() -> None:
    clock = Clock()
    with ScriptedPacs(Answer(200, b"[]")) as pacs:
        calls = session(pacs, clock, budget=10.0)
        calls.send("GET", "/studies")
        clock.now += 10.0
        with pytest.raises(PacsTimeout):
            calls.send("GET", "/studies")
    assert len(pacs.asked) == 1


@pytest.mark.parametrize(
    "body", [b"<html></html>", b"[1]", b'"text"', b"nul", b"[" * 100_000, b"\xff\xfe", b"[\xed\xa0\x80]"]
)
def test_what_is_no_dicom_json_is_a_fault(body: bytes) -> None:
    with pytest.raises(PacsError):
        PacsAnswer(200, {}, body).dicom_json()


@pytest.mark.parametrize(
    ("value", "served"),
    [
        (b"NaN", None),
        (b"-Infinity", None),
        (b"1e999", None),
        (b"1.5", 1.5),
        (rb'"a\ud800"', "a\ufffd"),
        (rb'"\uDC00\uD800"', "\ufffd\ufffd"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
    ],
)
def test_what_json_cannot_hold_is_not_served_on(value: bytes, served: object) -> None:
    """RFC 8259 sections 6 and 8.2: the service's own answer has to be JSON, and UTF-8."""
    [dataset] = PacsAnswer(200, {}, b'[{"00181063": {"Value": [' + value + b"]}}]").dicom_json()
    assert dataset["00181063"]["Value"] == [served]


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b" \n"), (200, b"[]")])
def test_nothing_found_has_many_faces(status: int, body: bytes) -> None:
    assert PacsAnswer(status, {}, body).dicom_json() == []
