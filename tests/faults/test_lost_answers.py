"""An answer of DynamoDB or S3 that is lost: boto3 asks once more, and nothing fails by what it did itself.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from dicom_service import stores
from dicom_service.exams.downloads.rows import Download, begin, read, take_over, write
from dicom_service.exams.uploads.rows import Outcome, claim, conclude, read_upload, release
from dicom_service.pacs.circuit import FAILURES_TO_OPEN
from dicom_service.worklist.fields import EXAMPLE
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.faults.proxy import KillingProxy
from tests.pacs.objects import make_object, send, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import in_pacs, status, upload, work, work_downloads

UID = "1.2.826.0.1.3680043.10.1.9"
OBJECT = make_object(PatientID="P7")


class LosingProxy(KillingProxy):
    """Loses the answer to the call at number `fatal`, and kills nobody: AWS has done what it was asked."""

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def losing(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LosingProxy]:
    """Stands before AWS for all that the service asks of it."""
    with LosingProxy(aws.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        stores.client.cache_clear()  # type: ignore[attr-defined]  # the overloads hide it
        yield proxy


def each_answer_lost(losing: LosingProxy, prepare: Callable[[], Any], do: Callable[[Any], Any]) -> list[str]:
    """Does it once with all answers and once without each of them; gives the calls. What it gives must not differ."""
    losing.arm(0, "after")
    given = prepare()
    losing.arm(0, "after")
    expected = do(given)
    calls = list(losing.calls)
    for number in range(1, len(calls) + 1):
        losing.arm(0, "after")
        given = prepare()
        losing.arm(number, "after")
        assert do(given) == expected, f"without the answer to {calls[number - 1]}, call {number}"
        assert losing.killed
    return calls


@pytest.mark.usefixtures("pacs")
class TestWorkitems:
    @pytest.fixture(autouse=True, params=["pacs", "dynamodb"])
    def backend(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("WORKLIST_BACKEND", request.param)
        return str(request.param)

    @pytest.fixture
    def fresh(self) -> Callable[[], dict[str, Any]]:
        """A workitem with a Study Instance UID that no earlier one has."""
        count = iter(range(1, 99))
        return lambda: {**EXAMPLE, "StudyInstanceUID": f"{UID}.{next(count)}"}

    def create(self, invoke: Invoke, workitem: dict[str, Any]) -> int:
        return int(invoke("create_workitem", "POST", "/workitems", body=workitem)["statusCode"])

    def test_a_creation(self, losing: LosingProxy, invoke: Invoke, fresh: Callable[[], dict[str, Any]]) -> None:
        def do(workitem: dict[str, Any]) -> tuple[int, int]:
            return self.create(invoke, workitem), self.create(invoke, workitem)

        assert "PutItem" in each_answer_lost(losing, fresh, do)
        assert do(fresh()) == (200, 409)

    def test_a_change_and_a_deletion(
        self, losing: LosingProxy, invoke: Invoke, fresh: Callable[[], dict[str, Any]]
    ) -> None:
        def prepare() -> str:
            workitem = fresh()
            assert self.create(invoke, workitem) == 200
            return f"/workitems/{workitem['StudyInstanceUID']}"

        def do(path: str) -> list[int]:
            return [
                invoke("update_workitem", "PATCH", path, body={"status": "ARRIVED"})["statusCode"],
                invoke("delete_workitem", "DELETE", path)["statusCode"],
                invoke("delete_workitem", "DELETE", path)["statusCode"],
            ]

        each_answer_lost(losing, prepare, do)
        assert do(prepare())[1:] == [204, 404]


def test_a_uid(losing: LosingProxy, aws: Aws, invoke: Invoke) -> None:
    def handed_out(_: None) -> int:
        return int(invoke("generate_uid", path="/uid")["statusCode"])

    assert each_answer_lost(losing, lambda: None, handed_out) == ["PutItem"]
    dynamodb = aws.client("dynamodb")
    table = next(name for name in dynamodb.list_tables()["TableNames"] if "Uids" in name)
    assert dynamodb.scan(TableName=table)["Count"] == 2, "one per request: none was lost for want of an answer"


def test_an_upload(losing: LosingProxy, aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    def do(upload_id: str) -> tuple[str, bytes | None]:
        work(aws)
        return status(invoke, upload_id)[0]["state"], in_pacs(pacs, OBJECT)

    work(aws)  # the bucket's test event
    calls = each_answer_lost(losing, lambda: upload(invoke, OBJECT), do)
    assert calls.count("UpdateItem") == 2
    assert do(upload(invoke, OBJECT)) == ("STORED", OBJECT)


def test_a_row_of_an_upload_that_is_claimed_released_and_concluded(losing: LosingProxy, invoke: Invoke) -> None:
    body = {"files": [{"name": "a.dcm", "size": 7}]}

    def prepare() -> str:
        answer = invoke("start_upload", "POST", "/exams/uploads", body=body)
        return str(json.loads(answer["body"])["uploadId"])

    def do(upload_id: str) -> list[Any]:
        first = claim(upload_id, "0001", time.time())
        assert not isinstance(first, float | None)
        released = release(first, "", time.time(), attempts=first.attempts)
        second = claim(upload_id, "0001", time.time())
        assert not isinstance(second, float | None)
        concluded = conclude(second, Outcome("STORED"), time.time())
        return [first.attempts, released, second.attempts, concluded, [row.outcome for row in read_upload(upload_id)]]

    each_answer_lost(losing, prepare, do)
    assert do(prepare()) == [1, True, 2, True, [Outcome("STORED")]]


def test_a_row_of_a_download(losing: LosingProxy) -> None:
    count = iter(range(99))

    def prepare() -> Download:
        return Download(f"download-{next(count)}", ("study", "1.2"), "QUEUED", "", time.time() + 60)

    def do(wanted: Download) -> list[Any]:
        row, mine = begin(wanted, time.time())
        taken = take_over(row, time.time())
        assert taken is not None
        written = write(taken, time.time())
        latest = read(wanted.download_id)
        return [mine, written, latest is not None and latest.holder == taken.holder]

    assert each_answer_lost(losing, prepare, do).count("PutItem") == 3
    assert do(prepare()) == [True, True, True]


def test_an_archive_and_a_large_object(losing: LosingProxy, aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    def prepare() -> bytes:
        content = make_object(PatientID="P7", Rows=1600, Columns=1600, PixelData=bytes(range(256)) * 20_000)
        assert send(f"{pacs.url}/dicom-web/studies", content, headers={"Authorization": PACS_KEY}).status_code == 200
        return content

    def do(content: bytes) -> list[Any]:
        study, series, instance = uids(content)
        path = f"/exams/studies/{study}/series/{series}/instances/{instance}"
        answer = invoke("retrieve_exam", path=path, query={"fileType": "application/dicom"})
        asked = invoke("archive_study", path=f"/exams/studies/{study}/archive", query={"PatientId": "P7"})
        again = work_downloads(aws)
        ready = invoke("get_archive", path=asked["headers"]["Location"])
        address = answer["headers"]["Location"].replace(losing.url, aws.url)
        fetched = requests.get(address, timeout=10).content
        return [answer["statusCode"], fetched == content, asked["statusCode"], again, ready["statusCode"]]

    each_answer_lost(losing, prepare, do)
    assert do(prepare()) == [303, True, 202, 0, 303]


def test_the_probe_of_a_pacs_that_was_down(
    losing: LosingProxy, aws: Aws, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = aws.client("dynamodb").list_tables()["TableNames"]
    monkeypatch.setenv("CIRCUITS_TABLE", next(name for name in names if "CircuitsTable" in name))
    monkeypatch.setattr("dicom_service.pacs.circuit.OPEN_SECONDS", 1)
    up = False

    def answer(_: Asked) -> Answer:
        return Answer(200, b"[]") if up else Answer(503, headers={"Retry-After": "60"})

    def search(_: object) -> int:
        return int(invoke("search_studies", path="/exams/studies", query={"PatientId": "P1"})["statusCode"])

    def prepare() -> None:
        """A PACS with a circuit of its own that has been open for its second; the PACS is up again."""
        nonlocal up
        up = False
        monkeypatch.setenv("PACS_SERVICE_URL", running.enter_context(ScriptedPacs(by=answer)).url)
        assert [search(None) for _ in range(FAILURES_TO_OPEN)] == [502] * FAILURES_TO_OPEN
        up = True
        time.sleep(2)

    with ExitStack() as running:
        assert "PutItem" in each_answer_lost(losing, prepare, search)
        prepare()
        assert search(None) == 200
