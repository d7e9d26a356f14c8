"""The worklist over HTTP, through the gateway: creations that race, and a workitem from its creation to its end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from dicom_service.uid import random_uid
from dicom_service.worklist.fields import EXAMPLE
from local.stack import LocalStack


@pytest.fixture
def workitem() -> dict[str, Any]:
    """Of a study that no other test has."""
    return {**EXAMPLE, "StudyInstanceUID": random_uid("1.2.826.0.1.3680043.10.1")}


def test_of_twenty_parallel_creations_one_wins(stack: LocalStack, workitem: dict[str, Any]) -> None:
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda _: _post(stack, workitem).status_code, range(20)))
    assert sorted(statuses) == [200] + [409] * 19


def test_a_workitem_is_created_listed_and_deleted(stack: LocalStack, workitem: dict[str, Any]) -> None:
    uid = workitem["StudyInstanceUID"]
    created = _post(stack, workitem)
    assert (created.status_code, created.json()["StudyInstanceUID"]) == (200, uid)

    [listed] = _get(stack, patientID=workitem["PatientID"], StudyInstanceUID=uid).json()
    assert listed["0020000D"] == {"vr": "UI", "Value": [uid]}

    deleted = requests.delete(f"{stack.url}/workitems/{uid}", timeout=20)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert _get(stack, StudyInstanceUID=uid).json() == []


def _post(stack: LocalStack, workitem: dict[str, Any]) -> requests.Response:
    return requests.post(f"{stack.url}/workitems", json=workitem, timeout=20)


def _get(stack: LocalStack, **query: str) -> requests.Response:
    return requests.get(f"{stack.url}/workitems", params=query, timeout=20)
