"""What clients are answered when something before the PACS fails: never a wrong yes, never a second copy.

Each fault is made by a proxy before a real PACS, so that what the PACS holds afterwards can be looked at.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from dicom_service.worklist.fields import EXAMPLE
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.fault_proxy import (
    HTML,
    Fault,
    FaultProxy,
    Forward,
    Reply,
    labelled,
    lost_reply,
    lost_request,
    nothing,
    slow,
    status,
    truncated,
)
from tests.pacs.objects import make_object, send, uids

WORKITEM = dict(EXAMPLE)
STOW_NOTHING = b'{"00081199": {"vr": "SQ", "Value": []}}'

FAULTS: dict[str, Fault] = {
    "no fault": nothing,
    "slow": slow(1.5),
    "lost request": lost_request,
    "lost reply": lost_reply,
    "truncated": truncated,
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "409": status(409),
    "413": status(413),
    "429": status(429),
    "503": status(503, **{"Retry-After": "60"}),
    "HTML": status(200, HTML, "text/html"),
    "another label": labelled("text/html"),
    "nothing done": status(200, STOW_NOTHING, "application/dicom+json"),
}

ANSWERED = {
    "no fault": 200,
    "slow": 504,
    "lost request": 502,
    "lost reply": 502,
    "truncated": 502,
    "401": 401,
    "403": 401,
    "404": 502,
    "409": 409,
    "413": 413,
    "429": 502,
    "503": 502,
    "HTML": 502,
    "another label": 200,
    "nothing done": 502,
}
UPLOAD = ANSWERED | {"slow": 200}
"""After an answer that does not come the service looks, and finds the object: here the look is as slow, and in time."""

UPLOAD_SEEN = UPLOAD | {"lost reply": 200, "truncated": 200}
"""Where nothing but the answer to the upload is wrong."""

SEARCH = ANSWERED | {"404": 200, "409": 502, "413": 502, "nothing done": 502}
RETRIEVAL = ANSWERED | {"404": 404, "409": 502, "413": 502}
CREATION = ANSWERED | {"413": 502, "nothing done": 200, "truncated": 502}
DELETION = {**CREATION, "404": 404, "another label": 204, "no fault": 204, "nothing done": 204, "truncated": 204}


@pytest.fixture
def through(pacs: EmbeddedPacs, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FaultProxy]:
    """A proxy before the PACS, to which the environment leads."""

    def started(fault: Fault, methods: tuple[str, ...] = ("GET", "POST", "DELETE")) -> FaultProxy:
        if fault in (FAULTS["slow"], FAULTS["lost request"]):
            monkeypatch.setattr("dicom_service.pacs.session.BUDGET_SECONDS", 1.0)
        proxy = FaultProxy(pacs.url, fault, methods)
        monkeypatch.setenv("PACS_SERVICE_URL", proxy.url)
        return proxy

    return started


def held(pacs: EmbeddedPacs) -> int:
    """How many studies the PACS holds."""
    headers = {"Authorization": PACS_KEY}
    return len(requests.get(f"{pacs.url}/dicom-web/studies", headers=headers, timeout=10).json())


def listed(pacs: EmbeddedPacs) -> int:
    """How many workitems the PACS holds."""
    headers = {"Authorization": PACS_KEY}
    return len(requests.get(f"{pacs.url}/o3-dpacs-wado/mwl/search", headers=headers, timeout=10).json())


@pytest.mark.parametrize("name", FAULTS)
def test_upload(pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str) -> None:
    headers = {"content-type": "application/dicom"}
    with through(FAULTS[name]) as proxy:
        answer = invoke("upload_exam", "POST", "/exams", body=make_object(), headers=headers)
    assert answer["statusCode"] == UPLOAD[name]
    assert [method for method, _ in proxy.received].count("POST") == 1
    assert held(pacs) == proxy.changes()
    assert answer["statusCode"] != 200 or held(pacs) == 1


@pytest.mark.parametrize("name", FAULTS)
def test_upload_of_which_only_the_answer_is_faulty(
    pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str
) -> None:
    content, headers = make_object(), {"content-type": "application/dicom"}
    with through(FAULTS[name], ("POST",)) as proxy:
        answer = invoke("upload_exam", "POST", "/exams", body=content, headers=headers)
    assert answer["statusCode"] == UPLOAD_SEEN[name]
    methods = [method for method, _ in proxy.received]
    assert methods.count("POST") == 1
    assert methods.count("GET") <= 1, "one look, and only after a refusal"
    assert (answer["statusCode"] == 200) == (held(pacs) == 1)
    if answer["statusCode"] == 200:
        [response] = json.loads(answer["body"])
        assert response["00081199"]["Value"][0]["00081155"]["Value"] == [uids(content)[2]]
        assert "changed" not in response


@pytest.mark.parametrize("name", FAULTS)
def test_search(pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str) -> None:
    send(f"{pacs.url}/dicom-web/studies", make_object(), headers={"Authorization": PACS_KEY})
    with through(FAULTS[name]):
        answer = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})
    assert answer["statusCode"] == SEARCH[name]
    if answer["statusCode"] == 200:
        assert len(json.loads(answer["body"])) == (0 if name == "404" else 1)


@pytest.mark.parametrize("name", FAULTS)
def test_retrieval(pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str) -> None:
    content = make_object()
    send(f"{pacs.url}/dicom-web/studies", content, headers={"Authorization": PACS_KEY})
    study, series, instance = uids(content)
    path = f"/exams/studies/{study}/series/{series}/instance/{instance}"
    with through(FAULTS[name]):
        answer = invoke("retrieve_exam", path=path, query={"fileType": "application/dicom"})
    assert answer["statusCode"] == RETRIEVAL[name]
    assert answer["statusCode"] != 200 or base64.b64decode(answer["body"]) == content


@pytest.mark.parametrize("name", FAULTS)
def test_creation_of_a_workitem(
    aws: Aws, pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str
) -> None:
    body = {**WORKITEM, "StudyInstanceUID": "1.2.3"}
    with through(FAULTS[name], ("POST",)) as proxy:
        answer = invoke("create_workitem", "POST", "/workitems", body=body)
    assert answer["statusCode"] == CREATION[name]
    assert [method for method, _ in proxy.received].count("POST") == 1
    assert listed(pacs) == proxy.changes()
    if listed(pacs) and answer["statusCode"] != 200:
        assert "may have been created" in json.loads(answer["body"])["detail"]
        assert invoke("create_workitem", "POST", "/workitems", body=body)["statusCode"] == 409


@pytest.mark.parametrize("name", FAULTS)
def test_deletion_of_a_workitem(
    aws: Aws, pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke, name: str
) -> None:
    body = WORKITEM | {"StudyInstanceUID": "1.2.3"}
    assert invoke("create_workitem", "POST", "/workitems", body=body)["statusCode"] == 200
    with through(FAULTS[name]) as proxy:
        answer = invoke("delete_workitem", "DELETE", "/workitems/1.2.3")
    assert answer["statusCode"] == DELETION[name]
    assert listed(pacs) == 1 - proxy.changes()


def pages_without_end() -> Fault:
    """Each page is full and new."""
    count = 0

    def fault(_: Forward) -> Reply:
        nonlocal count
        page: list[dict[str, Any]] = []
        for _number in range(100):
            count += 1
            study = {"0020000D": {"vr": "UI", "Value": [f"1.2.{count}"]}, "00100020": {"vr": "LO", "Value": ["P1"]}}
            page.append(study)
        return Reply(200, (("Content-Type", "application/dicom+json"),), json.dumps(page).encode())

    return fault


def test_pages_without_end_come_to_one(
    through: Callable[..., FaultProxy], invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_service.pacs.session.BUDGET_SECONDS", 25.0)
    monkeypatch.setattr("dicom_service.pacs.paging.MOST_RESULTS", 2000)
    with through(pages_without_end()) as proxy:
        answer = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})
    assert answer["statusCode"] == 502
    assert len(proxy.received) <= 21


def test_the_same_page_again_and_again_is_read_once(
    pacs: EmbeddedPacs, through: Callable[..., FaultProxy], invoke: Invoke
) -> None:
    send(f"{pacs.url}/dicom-web/studies", make_object(), headers={"Authorization": PACS_KEY})

    def always_more(forward: Forward) -> Reply:
        reply = forward()
        study = json.loads(reply.body or b"[]")[:1]
        warned = (*reply.headers, ("Warning", '299 pacs "There are additional results"'))
        first = study or pages[0]
        pages.append(first)
        return Reply(200, warned, json.dumps(first).encode())

    pages: list[Any] = []
    with through(always_more) as proxy:
        answer = invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})
    assert (answer["statusCode"], len(json.loads(answer["body"]))) == (200, 1)
    assert len(proxy.received) == 2
