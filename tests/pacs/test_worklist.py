"""The worklist as O3 has it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.pacs.server import EmbeddedPacs
from tests.pacs.conftest import StartPacs


def item(study_uid: str = "1.2.3", patient_id: str = "P1") -> dict[str, Any]:
    return {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Zoë"}]},
        "00100020": {"vr": "LO", "Value": [patient_id]},
        "00100040": {"vr": "CS"},
        "0020000D": {"vr": "UI", "Value": [study_uid]},
        "00400100": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}}]},
    }


def create(pacs: EmbeddedPacs, content: Any) -> requests.Response:
    return requests.post(f"{pacs.url}/o3-dpacs-wado/mwl/create", json=content, timeout=30)


def search(pacs: EmbeddedPacs, **query: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{pacs.url}/o3-dpacs-wado/mwl/search", params=query, timeout=10)
    assert answer.status_code == 200
    return answer.json()


def delete(pacs: EmbeddedPacs, study_uid: str) -> int:
    return requests.delete(f"{pacs.url}/o3-dpacs-wado/mwl/delete/{study_uid}", timeout=10).status_code


def test_an_item_is_created_found_and_deleted(pacs: EmbeddedPacs) -> None:
    # given
    first, second = item("1.2.3", "P1"), item("1.2.4", "P2")
    # when
    assert [create(pacs, one).status_code for one in (first, second)] == [200, 200]
    # then
    assert search(pacs) == [first, second]
    assert search(pacs, patientID="P2") == [second]
    assert search(pacs, patientID="p2") == search(pacs, patientID="*") == []
    assert delete(pacs, "1.2.3") == 200
    assert delete(pacs, "1.2.3") == 404
    assert search(pacs) == [second]


def test_an_empty_worklist_is_an_empty_array(pacs: EmbeddedPacs) -> None:
    assert search(pacs) == []


def test_items_are_there_after_a_restart(start_pacs: StartPacs) -> None:
    # given
    pacs = start_pacs()
    create(pacs, item())
    # when
    pacs.stop()
    # then
    assert search(start_pacs()) == [item()]


def test_a_second_item_for_a_study_is_409(pacs: EmbeddedPacs) -> None:
    assert create(pacs, item()).status_code == 200
    assert create(pacs, item(patient_id="P2")).status_code == 409
    assert search(pacs) == [item()]


def test_of_twenty_racing_creations_one_wins(pacs: EmbeddedPacs) -> None:
    with ThreadPoolExecutor(20) as creators:
        statuses = list(creators.map(lambda number: create(pacs, item(patient_id=f"P{number}")).status_code, range(20)))
    assert sorted(statuses) == [200] + [409] * 19
    assert len(search(pacs)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'[{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]',
        b'{"0020000D": {"vr": "UI"}}',
        b'{"0020000D": {"vr": "UI", "Value": ["x.y"]}}',
        b'{"0020000D": {"vr": "UI", "Value": "1.2"}}',
        b'{"0020000D": "1.2"}',
        b'{"0020000D": {"Value": ["1.2"]}}',
        b'{"StudyInstanceUID": "1.2"}',
        b'{"0020000D": {"vr": "UI", "Value": ["1.2"]}, "00400100": {"vr": "SQ", "Value": [1]}}',
        b'{"0020000D": {"vr": "UI", "Value": ["1.2"]}, "00101030": {"vr": "DS", "Value": [NaN]}}',
        b"[" * 500_000,
        b'{"a":' * 200_000,
    ],
)
def test_a_body_that_is_no_dataset_with_a_study_is_400(pacs: EmbeddedPacs, body: bytes) -> None:
    answer = requests.post(f"{pacs.url}/o3-dpacs-wado/mwl/create", data=body, timeout=30)
    assert answer.status_code == 400
    assert search(pacs) == []
