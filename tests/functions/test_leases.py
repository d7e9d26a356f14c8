"""Leases on uploads and downloads, with a clock that the test moves: what a stale worker writes is not taken."""

import json
import os
import time
from dataclasses import replace

import pytest

from dicom_service.exams.downloads.prepare import prepare
from dicom_service.exams.downloads.rows import WORKER_LEASE_SECONDS, Download, State, begin, read, take_over, write
from dicom_service.exams.uploads.rows import (
    LEASE_SECONDS,
    Outcome,
    UploadRow,
    claim,
    conclude,
    incoming_key,
    read_upload,
    release,
)
from dicom_service.exams.uploads.store import store_incoming
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.mixed import MixedPacs
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import upload

NOW = float(int(time.time()))
OBJECT = make_object()


@pytest.fixture
def upload_id(aws: Aws, invoke: Invoke) -> str:
    body = {"files": [{"name": "a.dcm", "size": 7}]}
    answer = invoke("start_upload", "POST", "/exams/uploads", body=body)
    return str(json.loads(answer["body"])["uploadId"])


def claimed(upload_id: str, now: float) -> UploadRow:
    row = claim(upload_id, "0001", now)
    assert isinstance(row, UploadRow)
    return row


def test_a_file_is_one_workers_until_its_lease_ends(upload_id: str) -> None:
    claimed(upload_id, NOW)
    assert claim(upload_id, "0001", NOW + LEASE_SECONDS - 1) == pytest.approx(1, abs=1)
    assert claimed(upload_id, NOW + LEASE_SECONDS + 1).attempts == 2


def test_a_stale_worker_neither_concludes_nor_releases_a_file(upload_id: str) -> None:
    stale = claimed(upload_id, NOW)
    later = claimed(upload_id, NOW + LEASE_SECONDS + 1)
    assert not conclude(stale, Outcome("REFUSED", "stale"), NOW)
    assert not release(stale, "stale", NOW, attempts=0)
    assert conclude(later, Outcome("STORED"), NOW)
    assert not conclude(stale, Outcome("REFUSED", "stale"), NOW)
    assert [row.outcome for row in read_upload(upload_id)] == [Outcome("STORED")]


def test_a_stale_worker_is_known_though_the_attempts_are_counted_anew(upload_id: str) -> None:
    """As after a zip file that took longer than one invocation: its next one is the first attempt again."""
    stale = claimed(upload_id, NOW)
    longer = claimed(upload_id, NOW + LEASE_SECONDS + 1)
    assert release(longer, "", NOW, attempts=0)
    latest = claimed(upload_id, NOW + 2 * LEASE_SECONDS)
    assert latest.attempts == stale.attempts
    assert not conclude(stale, Outcome("REFUSED", "stale"), NOW)
    assert [row.outcome.state for row in read_upload(upload_id)] == ["STORING"]


def test_what_is_begun_anew_is_a_file_that_failed_and_no_other(upload_id: str) -> None:
    row = claimed(upload_id, NOW)
    assert isinstance(claim(upload_id, "0001", NOW, again=True), float), "another worker has it"
    assert conclude(row, Outcome("FAILED"), NOW)
    assert claim(upload_id, "0001", NOW) is None
    anew = claim(upload_id, "0001", NOW, again=True)
    assert isinstance(anew, UploadRow)
    assert anew.attempts == 1, "it has all its tries again"
    assert conclude(anew, Outcome("STORED"), NOW)
    assert claim(upload_id, "0001", NOW, again=True) is None


def test_a_stale_worker_leaves_the_bytes_to_the_one_that_has_the_file(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a worker whose lease ends, and whose file is taken over, while the PACS is busy
    upload_id = upload(invoke, OBJECT)
    taken: list[UploadRow] = []

    def by(asked: Asked) -> Answer:
        if asked.method == "POST":
            taken.append(claimed(upload_id, NOW + LEASE_SECONDS + 60))
        return Answer(409, b"{}") if asked.method == "POST" else Answer(404)

    with ScriptedPacs(by=by) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        # when
        assert store_incoming(upload_id, "0001", clock=lambda: NOW) is None
    # then
    bucket, key = os.environ["TRANSFER_BUCKET"], incoming_key(upload_id, "0001")
    assert aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == OBJECT
    assert conclude(taken[0], Outcome("STORED"), NOW)


def test_what_no_one_has_thought_of_is_tried_again_and_not_without_an_end(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, waits = upload(invoke, OBJECT), [0.0]

    def overflow(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr("dicom_service.exams.uploads.store.identify_file", overflow)
    while (wait := store_incoming(upload_id, "0001", clock=lambda: NOW + sum(waits))) is not None:
        waits.append(wait)
    (row,) = read_upload(upload_id)
    assert row.outcome.state == "FAILED"
    assert row.outcome.reason == "The service failed in a way that it did not expect; given up after 9 attempts"


def test_a_stale_worker_does_not_overwrite_a_download(aws: Aws) -> None:
    wanted = Download("0" * 32, ("study", "1.2"), "QUEUED", "", NOW + 60)
    row, mine = begin(wanted, NOW)
    assert mine
    assert begin(wanted, NOW)[1] is False
    stale = take_over(row, NOW)
    assert stale is not None
    assert take_over(row, NOW) is None
    later = take_over(row, NOW + WORKER_LEASE_SECONDS + 1)
    assert later is not None
    assert not write(stale, NOW)
    assert write(later, NOW)
    assert read(wanted.download_id) == later


@pytest.mark.parametrize("state", ["READY", "FAILED"])
def test_a_message_that_comes_again_for_what_has_ended_does_nothing(aws: Aws, state: State) -> None:
    row, _ = begin(Download("0" * 32, ("archive", "1.2", "P1"), "QUEUED", "", NOW + 60), NOW)
    taken = take_over(row, NOW)
    assert taken is not None
    ended = replace(taken, state=state, until=NOW + 60)
    assert write(ended, NOW)
    assert prepare(row.download_id, 1, clock=lambda: NOW + WORKER_LEASE_SECONDS + 1) is None
    assert read(row.download_id) == ended


@pytest.mark.parametrize("kind", ["object", "archive"])
def test_a_stale_worker_neither_ends_a_download_nor_goes_on_with_it(
    aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # given a worker whose lease ends, and whose download is taken over, before the object comes
    study, series, instance = uids(OBJECT)
    what = {"object": ("object", study, series, instance), "archive": ("archive", study, "P1")}[kind]
    row, _ = begin(Download("0" * 32, what, "QUEUED", "", NOW + 60), NOW)
    later: list[Download] = []

    class Busy(MixedPacs):
        def _answer(self, asked: Asked) -> Answer:
            if asked.path.endswith(instance):
                taken = take_over(row, NOW + WORKER_LEASE_SECONDS + 1)
                assert taken is not None
                later.append(taken)
            return super()._answer(asked)

    with Busy([OBJECT]) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        # when
        prepare(row.download_id, 1, clock=lambda: NOW)
    # then
    assert later == [read(row.download_id)]
    made = aws.client("s3").list_objects_v2(Bucket=os.environ["TRANSFER_BUCKET"])["KeyCount"]
    assert made == (0 if kind == "archive" else 1)
