"""What is too large to be answered: through the bucket once, by a worker where it takes long, studies as archives."""

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from dicom_service.exams.downloads.prepare import prepare
from dicom_service.exams.downloads.rows import WORKER_LEASE_SECONDS, read, take_over
from dicom_service.exams.downloads.stored_object import World, fetch_object
from dicom_service.pacs.dialects import DIALECTS
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession
from functions.prepare_download.app import lambda_handler as prepare_download
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.file_sets import file_set
from tests.pacs.objects import make_object, real_object, send, uids
from tests.queues import queue_url, received
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import hurry

CT = real_object("CT_small.dcm")
PIXELS = bytes(range(256)) * 40_000
LARGE = make_object(Rows=3200, Columns=1600, PixelData=PIXELS)
INSTANCE = Instance(*uids(LARGE))
DICOM = {"fileType": "application/dicom"}


def path_of(content: bytes) -> str:
    study, series, instance = uids(content)
    return f"/exams/studies/{study}/series/{series}/instances/{instance}"


def store(pacs: EmbeddedPacs, *contents: bytes) -> None:
    for content in contents:
        headers = {"Authorization": PACS_KEY}
        assert send(f"{pacs.url}/dicom-web/studies", content, headers=headers).status_code == 200


def work(aws: Aws) -> int:
    """Lets `prepare_download` handle each message that can be seen now; how many are to come again."""
    url, again = queue_url(aws, "DownloadsQueue"), 0
    while event := received(aws, url):
        if prepare_download(event, context_for("PrepareDownload", timeout=900))["batchItemFailures"]:
            again += 1
            hurry_again = event
        else:
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=event["Records"][0]["receiptHandle"])
    if again:
        hurry(aws, "DownloadsQueue", hurry_again)
    return again


def impatient() -> World:
    """A world in which waiting takes no time."""
    now = [time.time()]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return World(lambda: now[0], sleep)


def session_with(url: str) -> PacsSession:
    return PacsSession(url, "", budget=25.0)


@pytest.mark.parametrize("dialect", ["o3", "dicomweb"])
def test_a_large_object_comes_from_a_signed_address(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, dialect: str
) -> None:
    monkeypatch.setenv("PACS_DIALECT", dialect)
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url + {"o3": "", "dicomweb": "/dicom-web"}[dialect])
    store(pacs, LARGE)
    answers = [invoke("retrieve_exam", path=path_of(LARGE), query=DICOM) for _ in range(2)]
    assert [answer["statusCode"] for answer in answers] == [303, 303]
    fetched = requests.get(answers[1]["headers"]["Location"], timeout=10)
    assert fetched.content == LARGE
    assert fetched.headers["Content-Type"] == "application/dicom"
    assert fetched.headers["Content-Disposition"] == f'attachment; filename="{INSTANCE.instance_uid}.dcm"'


class CountingPacs:
    """Serves one object slowly, and counts how often all of it went out."""

    def __init__(self, content: bytes) -> None:
        self.whole = 0
        pacs = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/dicom")
                self.end_headers()
                for start in range(0, len(content), 1 << 20):
                    self.wfile.write(content[start : start + (1 << 20)])
                    time.sleep(0.02)
                pacs.whole += 1

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "CountingPacs":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_of_several_requests_at_a_time_one_fetches_the_object(aws: Aws) -> None:
    content = make_object(Rows=3200, Columns=3200, NumberOfFrames=2, PixelData=PIXELS * 4)
    instance = Instance(*uids(content))
    with CountingPacs(content) as pacs, ThreadPoolExecutor(6) as threads:

        def fetch(_: int) -> Any:
            return fetch_object(session_with(pacs.url), DIALECTS["o3"], instance)

        urls = list(threads.map(fetch, range(6)))
        assert pacs.whole == 1
    for url in urls:
        assert isinstance(url, str)
        assert requests.get(url, timeout=10).content == content


def test_what_breaks_off_or_takes_long_is_brought_by_a_worker(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(200, LARGE, {"Content-Type": "application/dicom"})
    cut = Answer(200, LARGE, {"Content-Type": "application/dicom"}, cut=1_000_000)
    with ScriptedPacs(cut, cut, answer) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        # given a connection that broke halfway in the request, and once more for the worker
        assert fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient()) is None
        assert work(aws) == 1
        # when
        assert work(aws) == 0
        # then
        found = fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient())
    assert isinstance(found, str)
    assert requests.get(found, timeout=10).content == LARGE


def test_an_object_that_is_not_ready_is_a_202(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_service.exams.downloads.stored_object.MOST_DIRECT_BYTES", 1)
    monkeypatch.setattr("dicom_service.exams.downloads.stored_object.WAITING_SECONDS", 0.0)
    store(pacs, LARGE)
    answer = invoke("retrieve_exam", path=path_of(LARGE), query=DICOM)
    assert answer["statusCode"] == 202
    assert int(answer["headers"]["Retry-After"]) > 0
    assert work(aws) == 0
    answer = invoke("retrieve_exam", path=path_of(LARGE), query=DICOM)
    assert answer["statusCode"] == 303
    assert requests.get(answer["headers"]["Location"], timeout=10).content == LARGE


def test_a_worker_that_cannot_bring_it_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Answer(200, LARGE, {"Content-Type": "application/dicom"}, cut=1_000_000)
    with ScriptedPacs(cut) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        assert fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient()) is None
        assert [work(aws) for _ in range(4)] == [1, 1, 1, 0]
    with ScriptedPacs(Answer(200, LARGE, {"Content-Type": "application/dicom"})) as pacs:
        found = fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient())
        assert isinstance(found, str), "whoever asks again begins anew"


@pytest.fixture
def study(pacs: EmbeddedPacs) -> list[bytes]:
    """A study of two series, with an object of more than a part among them."""
    first = make_object(PatientID="P7")
    uid = uids(first)[0]
    second = make_object(PatientID="P7", StudyInstanceUID=uid, SeriesInstanceUID=uids(first)[1])
    large = make_object(PatientID="P7", StudyInstanceUID=uid, Rows=3200, Columns=3200, PixelData=PIXELS * 2)
    contents = [first, second, large]
    store(pacs, *contents)
    return contents


def archive(invoke: Invoke, content: bytes, patient_id: str = "P7", **options: str) -> dict[str, Any]:
    path = f"/exams/studies/{uids(content)[0]}/archive"
    return invoke("archive_study", path=path, query={"PatientId": patient_id, **options})


def test_a_study_is_an_archive_of_all_its_objects(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes]
) -> None:
    # given
    asked = archive(invoke, study[0])
    assert asked["statusCode"] == 202
    status = json.loads(asked["body"])
    assert (status["state"], status["instances"]) == ("QUEUED", {"done": 0, "total": 3})
    assert invoke("get_archive", path=asked["headers"]["Location"])["statusCode"] == 202
    assert archive(invoke, study[0])["headers"]["Location"] == asked["headers"]["Location"]
    # when
    assert work(aws) == 0
    # then
    ready = invoke("get_archive", path=asked["headers"]["Location"])
    assert ready["statusCode"] == 303
    fetched = requests.get(ready["headers"]["Location"], timeout=10)
    assert fetched.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as found:
        assert found.testzip() is None
        expected = {"/".join(uids(content)[1:]) + ".dcm": content for content in study}
        assert {name: found.read(name) for name in found.namelist()} == expected
    assert archive(invoke, study[0])["statusCode"] == 303


def test_an_archive_with_a_directory_is_a_file_set(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes], tmp_path: Path
) -> None:
    # given an archive without one
    without = archive(invoke, study[0])["headers"]["Location"]
    asked = archive(invoke, study[0], dicomdir="true")["headers"]["Location"]
    assert asked != without
    # when
    assert work(aws) == 0
    # then
    fetched = requests.get(invoke("get_archive", path=asked)["headers"]["Location"], timeout=10)
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as found:
        assert sum(name == "DICOMDIR" for name in found.namelist()) == 1
        found.extractall(tmp_path)
    assert sorted(Path(each.path).read_bytes() for each in file_set(tmp_path)) == sorted(study)


def test_whether_a_directory_is_wanted_is_yes_or_no(aws: Aws, invoke: Invoke, study: list[bytes]) -> None:
    answer = archive(invoke, study[0], dicomdir="perhaps")
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["errors"][0]["field"] == "dicomdir"


def test_a_study_that_has_grown_is_another_archive(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes]
) -> None:
    archive(invoke, study[0])
    work(aws)
    store(pacs, make_object(PatientID="P7", StudyInstanceUID=uids(study[0])[0]))
    answer = archive(invoke, study[0])
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["instances"]["total"] == 4


def test_progress_counts_instances(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dicom_service.exams.downloads import study_archive

    seen: list[dict[str, int]] = []
    asked = archive(invoke, study[0])
    pack: Callable[..., bytes] = study_archive._pack

    def watched(*arguments: Any) -> bytes:
        answer = invoke("get_archive", path=asked["headers"]["Location"])
        seen.append(json.loads(answer["body"])["instances"])
        return pack(*arguments)

    monkeypatch.setattr(study_archive, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(study_archive, "_pack", watched)
    work(aws)
    assert [instances["done"] for instances in seen] == [0, 1, 2]


@pytest.mark.parametrize("patient_id", ["P8", "p7"])
def test_no_archive_of_another_patients_study(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes], patient_id: str
) -> None:
    assert archive(invoke, study[0], patient_id)["statusCode"] == 404


def test_an_archive_that_cannot_be_made_says_so_and_can_be_asked_for_again(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    location = archive(invoke, study[0])["headers"]["Location"]
    with monkeypatch.context() as down:
        down.setenv("PACS_SERVICE_URL", "http://127.0.0.1:1")
        assert [work(aws) for _ in range(4)] == [1, 1, 1, 0]
    assert invoke("get_archive", path=location)["statusCode"] == 502
    assert archive(invoke, study[0])["statusCode"] == 202
    work(aws)
    assert invoke("get_archive", path=location)["statusCode"] == 303


def test_an_archive_that_another_worker_makes_is_left_to_it_until_its_lease_ends(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes]
) -> None:
    # given a worker that took it and was killed
    location = archive(invoke, study[0])["headers"]["Location"]
    archive_id, now = location.rpartition("/")[2], time.time()
    queued = read(archive_id)
    assert queued is not None
    assert take_over(queued, now) is not None
    # when, then
    assert prepare(archive_id, 2, lambda: now + 15) == pytest.approx(WORKER_LEASE_SECONDS - 15, abs=0.01)
    assert prepare(archive_id, 3, lambda: now + WORKER_LEASE_SECONDS) is None
    assert invoke("get_archive", path=location)["statusCode"] == 303


def test_an_unknown_archive(aws: Aws, invoke: Invoke) -> None:
    assert invoke("get_archive", path=f"/exams/archives/{'0' * 32}")["statusCode"] == 404
    assert invoke("get_archive", path="/exams/archives/nonsense")["statusCode"] == 400
