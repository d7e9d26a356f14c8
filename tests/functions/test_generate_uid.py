"""`GET /uid`: with DynamoDB behind it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from dicom_service.uid import is_existing_uid, is_uid, random_uid
from dicom_service.uid_registry import hand_out_uid
from local.aws import Aws
from tests.conftest import Invoke

ROOT = "1.2.826.0.1.3680043.10.1"


def test_a_uid_of_the_root_with_64_characters(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICOM_UID_ROOT", ROOT)
    answer = invoke("generate_uid", path="/uid")
    uid = json.loads(answer["body"])["uid"]
    assert answer["statusCode"] == 200
    assert uid.startswith(ROOT + ".")
    assert len(uid) == 64
    assert is_uid(uid)


def test_two_thousand_from_twenty_threads_are_distinct_and_valid(aws: Aws) -> None:
    with ThreadPoolExecutor(20) as threads:
        uids = list(threads.map(lambda _: hand_out_uid(), range(2000)))
    assert len(set(uids)) == 2000
    assert all(len(uid) == 64 and is_uid(uid) for uid in uids)


def test_a_uid_that_was_handed_out_is_not_handed_out_again(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, fresh = f"{ROOT}.{'1' * 39}", f"{ROOT}.{'2' * 39}"
    drawn = iter([taken, taken, fresh])
    monkeypatch.setattr("dicom_service.uid_registry.random_uid", lambda _root: next(drawn))
    assert [hand_out_uid(), hand_out_uid()] == [taken, fresh]


@pytest.mark.parametrize("lowest", [True, False])
@pytest.mark.parametrize("root", ["1", "1.2.3", ROOT, "1." + "2" * 41])
def test_the_random_part_fills_the_uid_without_a_leading_zero(root: str, lowest: bool) -> None:
    uid = random_uid(root, below=lambda end: 0 if lowest else end - 1)
    assert len(uid) == 64
    assert is_uid(uid)


@pytest.mark.parametrize("root", ["", "1.02", "a.b", "1." + "2" * 42, "1..2", "٣"])
def test_a_wrong_root_is_a_configuration_error(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    monkeypatch.setenv("DICOM_UID_ROOT", root)
    answer = invoke("generate_uid", path="/uid")
    assert answer["statusCode"] == 500
    assert "DICOM_UID_ROOT" in json.loads(answer["body"])["detail"]


def test_a_table_that_cannot_be_written_is_a_503(aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UIDS_TABLE", "no-such-table")
    assert invoke("generate_uid", path="/uid")["statusCode"] == 503


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", True),
        ("1.2.840.10008.1.1", True),
        ("1.0.2", True),
        ("1.02.3", False),
        ("1.2.", False),
        (".1", False),
        ("", False),
        ("1.2\n", False),
        ("1.2.٣", False),
        ("1." + "2" * 62, True),
        ("1." + "2" * 63, False),
    ],
)
def test_what_a_uid_is(text: str, expected: bool) -> None:
    """PS3.5 section 9.1."""
    assert is_uid(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.02.3", True),
        ("00", True),
        ("01." + "0" * 61, True),
        ("1." + "0" * 63, False),
        ("", False),
        (".", False),
        ("..", False),
        ("1..2", False),
        (".1", False),
        ("1.", False),
        ("1.2\n", False),
        ("1.2\0", False),
        ("1/2", False),
        ("1.2.٣", False),
    ],
)
def test_what_may_name_a_study_that_exists(text: str, expected: bool) -> None:
    assert is_existing_uid(text) is expected
