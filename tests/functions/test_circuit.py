"""A PACS that is down is left alone for a while, and callers are told at once."""

import json
import time
from typing import Any

import pytest

from dicom_service.pacs.circuit import FAILURES_TO_OPEN, OPEN_SECONDS
from dicom_service.stores import client
from local.aws import Aws
from tests.conftest import Invoke
from tests.scripted import Answer, Asked, ScriptedPacs


@pytest.fixture(autouse=True)
def kept_in_a_table(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template's own table, which the tests of other things do without."""
    names = aws.client("dynamodb").list_tables()["TableNames"]
    monkeypatch.setenv("CIRCUITS_TABLE", next(name for name in names if "CircuitsTable" in name))


def search(invoke: Invoke) -> dict[str, Any]:
    return invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})


def test_after_failures_in_a_row_the_pacs_is_not_asked_and_callers_are_told_when_to_come_again(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedPacs(Answer(503, headers={"Retry-After": "60"})) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        assert [search(invoke)["statusCode"] for _ in range(FAILURES_TO_OPEN)] == [502] * FAILURES_TO_OPEN
        asked = len(pacs.asked)
        refused = [search(invoke) for _ in range(3)]
        path = "/exams/studies/1.2/series/1.3/instance/1.4"
        refused.append(invoke("retrieve_exam", path=path, query={"fileType": "application/dicom"}))
    assert len(pacs.asked) == asked
    for answer in refused:
        assert answer["statusCode"] == 503
        assert 1 <= int(answer["headers"]["Retry-After"]) <= OPEN_SECONDS
        assert json.loads(answer["body"])["title"] == "PACS Down"


def test_a_pacs_that_refuses_is_not_down(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    script = [Answer(status) for status in (401, 404, 500, 400, 409) * 3]
    with ScriptedPacs(*script, Answer(200, b"[]")) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        statuses = {search(invoke)["statusCode"] for _ in range(15)}
    assert 503 not in statuses
    assert len(pacs.asked) == 15


def test_a_success_in_between_starts_the_count_anew(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [Answer(503, headers={"Retry-After": "60"})] * (FAILURES_TO_OPEN - 1)
    with ScriptedPacs(*failing, Answer(200, b"[]"), *failing, Answer(200, b"[]")) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        statuses = [search(invoke)["statusCode"] for _ in range(2 * FAILURES_TO_OPEN)]
    assert statuses == ([502] * (FAILURES_TO_OPEN - 1) + [200]) * 2


def test_when_the_time_is_up_one_request_shows_that_the_pacs_is_back(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = False

    def answer(_: Asked) -> Answer:
        return Answer(200, b"[]") if up else Answer(503, headers={"Retry-After": "60"})

    monkeypatch.setattr("dicom_service.pacs.circuit.OPEN_SECONDS", 1)
    with ScriptedPacs(by=answer) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        assert search(invoke)["statusCode"] == 503
        up = True
        time.sleep(2)
        statuses = [search(invoke)["statusCode"] for _ in range(3)]
    assert statuses == [200] * 3


def test_another_environment_learns_it_from_the_table(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from dicom_service.pacs import circuit

    with ScriptedPacs(Answer(503, headers={"Retry-After": "60"})) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        circuit._circuit.cache_clear()  # as in a new environment, which remembers nothing
        asked = len(pacs.asked)
        assert search(invoke)["statusCode"] == 503
    assert len(pacs.asked) == asked


def test_while_a_probe_is_under_way_no_other_environment_asks(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from dicom_service.pacs import circuit

    up, meanwhile = False, list[int]()

    def answer(_: Asked) -> Answer:
        if not up:
            return Answer(503, headers={"Retry-After": "60"})
        circuit._circuit.cache_clear()  # as in another environment
        path = "/exams/studies/1.2/series"
        meanwhile.append(invoke("search_series", path=path, query={"PatientId": "P1"})["statusCode"])
        return Answer(200, b"[]")

    monkeypatch.setattr("dicom_service.pacs.circuit.OPEN_SECONDS", 1)
    with ScriptedPacs(by=answer) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        up, asked = True, len(pacs.asked)
        time.sleep(2)
        assert search(invoke)["statusCode"] == 200
    assert meanwhile == [503]
    assert len(pacs.asked) == asked + 1


def test_of_two_environments_that_see_the_time_is_up_one_asks(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from dicom_service.pacs import circuit

    up = False

    def other(**_: Any) -> None:
        """Another environment, which claims the probe before this one does."""
        events.unregister("before-call.dynamodb.PutItem", other)
        circuit._circuit.cache_clear()
        path = "/exams/studies/1.2/series"
        statuses.append(invoke("search_series", path=path, query={"PatientId": "P1"})["statusCode"])

    def answer(_: Asked) -> Answer:
        return Answer(200, b"[]") if up else Answer(503, headers={"Retry-After": "60"})

    monkeypatch.setattr("dicom_service.pacs.circuit.OPEN_SECONDS", 1)
    with ScriptedPacs(by=answer) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        up, asked = True, len(pacs.asked)
        time.sleep(2)
        events, statuses = client("dynamodb").meta.events, list[int]()
        events.register("before-call.dynamodb.PutItem", other)
        statuses.append(search(invoke)["statusCode"])
    assert statuses == [200, 503]
    assert len(pacs.asked) == asked + 1


def test_a_pacs_that_is_down_is_no_other_pacs(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedPacs(Answer(503, headers={"Retry-After": "60"})) as down, ScriptedPacs(Answer(200, b"[]")) as other:
        monkeypatch.setenv("PACS_SERVICE_URL", down.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        assert search(invoke)["statusCode"] == 503
        monkeypatch.setenv("PACS_SERVICE_URL", other.url)
        assert search(invoke)["statusCode"] == 200


def test_readiness_asks_all_the_same(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedPacs(*[Answer(503, headers={"Retry-After": "60"})] * FAILURES_TO_OPEN, Answer(200, b"[]")) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        for _ in range(FAILURES_TO_OPEN):
            search(invoke)
        assert invoke("check_health", path="/-/ready")["statusCode"] == 200
