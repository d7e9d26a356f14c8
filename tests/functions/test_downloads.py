"""What is too large to be answered: through the bucket once, by a worker where it takes long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from dicom_service.exams.downloads.stored_object import World, fetch_object
from dicom_service.pacs.dialects import DIALECTS
from dicom_service.pacs.retrieve import Instance
from dicom_service.pacs.session import PacsSession
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.pacs.objects import make_object, real_object, uids
from tests.scripted import Answer, ScriptedPacs
from tests.transfers import store, work_downloads

CT = real_object("CT_small.dcm")
PIXELS = bytes(range(256)) * 40_000
LARGE = make_object(Rows=3200, Columns=1600, PixelData=PIXELS)
INSTANCE = Instance(*uids(LARGE))
DICOM = {"fileType": "application/dicom"}


def path_of(content: bytes) -> str:
    study, series, instance = uids(content)
    return f"/exams/studies/{study}/series/{series}/instances/{instance}"


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


def test_large_objects_of_one_series_are_not_taken_for_each_other(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    uids_of = {"StudyInstanceUID": INSTANCE.study_uid, "SeriesInstanceUID": INSTANCE.series_uid}
    contents = [LARGE, make_object(Rows=3200, Columns=1600, PixelData=PIXELS[::-1], **uids_of)]
    store(pacs, *contents)
    answers = [invoke("retrieve_exam", path=path_of(content), query=DICOM) for content in contents]
    assert [requests.get(answer["headers"]["Location"], timeout=10).content for answer in answers] == contents


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
        assert work_downloads(aws) == 1
        # when
        assert work_downloads(aws) == 0
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
    assert work_downloads(aws) == 0
    answer = invoke("retrieve_exam", path=path_of(LARGE), query=DICOM)
    assert answer["statusCode"] == 303
    assert requests.get(answer["headers"]["Location"], timeout=10).content == LARGE


def test_a_worker_that_cannot_bring_it_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Answer(200, LARGE, {"Content-Type": "application/dicom"}, cut=1_000_000)
    with ScriptedPacs(cut) as pacs:
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        assert fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient()) is None
        assert [work_downloads(aws) for _ in range(4)] == [1, 1, 1, 0]
    with ScriptedPacs(Answer(200, LARGE, {"Content-Type": "application/dicom"})) as pacs:
        found = fetch_object(session_with(pacs.url), DIALECTS["o3"], INSTANCE, impatient())
        assert isinstance(found, str), "whoever asks again begins anew"
