"""The whole stack before tiny-pacs, which refuses second copies, draws nothing, counts nothing and calls nobody."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest
import requests
from PIL import Image

from local.stack import LocalStack, Settings
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, ScriptedPacs
from tests.tiny_pacs import AUTHORIZATION, running_tiny_pacs
from tests.transfers import send_form

CONTENT = make_object(PatientID="P1")
STUDY, SERIES, INSTANCE = uids(CONTENT)


@pytest.fixture(scope="module")
def subscriber() -> Iterator[ScriptedPacs]:
    with ScriptedPacs(Answer(204)) as running:
        yield running


@pytest.fixture(scope="module")
def api(subscriber: ScriptedPacs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_tiny_pacs(tmp_path_factory.mktemp("tiny-pacs")) as url:
        variables = {
            "PACS_SERVICE_URL": f"{url}/dicomweb",
            "PACS_DIALECT": "dicomweb",
            "PACS_AUTHORIZATION_TOKEN": AUTHORIZATION,
            "WORKLIST_BACKEND": "dynamodb",
            "CALLBACK_URLS": subscriber.url,
        }
        with LocalStack(Settings(variables=variables)) as stack:
            answer = requests.post(f"{stack.url}/exams", data=CONTENT, timeout=30)
            assert answer.status_code == 200, answer.text
            yield stack.url


def test_uploads_may_be_repeated_either_way(api: str) -> None:
    assert requests.post(f"{api}/exams", files={"file": CONTENT}, timeout=30).status_code == 200
    announced = {"files": [{"name": "a.dcm", "size": len(CONTENT)}]}
    begun = requests.post(f"{api}/exams/uploads", json=announced, timeout=30).json()
    assert send_form(begun["files"][0]["upload"], CONTENT).status_code == 204
    upload = f"{api}/exams/uploads/{begun['uploadId']}"
    (file,) = eventually(lambda: final(requests.get(upload, timeout=30).json()["files"]))
    assert file["state"] == "STORED", file


def test_a_picture(api: str) -> None:
    path = f"/exams/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}?fileType=image/jpeg"
    answer = requests.get(api + path, timeout=30)
    assert "X-Thumbnail" not in answer.headers
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.format == "JPEG"


def test_an_archive(api: str) -> None:
    asked = requests.get(f"{api}/exams/studies/{STUDY}/archive?PatientId=P1", timeout=30)
    assert asked.status_code in (200, 202)

    def ready() -> requests.Response | None:
        answer = requests.get(api + asked.headers["Location"], timeout=30)
        return answer if answer.history else None

    with zipfile.ZipFile(io.BytesIO(eventually(ready).content)) as archive:
        assert archive.namelist() == [f"{SERIES}/{INSTANCE}.dcm"]


def test_an_event(api: str, subscriber: ScriptedPacs) -> None:
    event = {"StudyInstanceUID": STUDY, "EventType": "COMPLETED"}
    assert requests.post(f"{api}/new-exam-callback", json=event, timeout=30).status_code == 204
    (asked,) = eventually(lambda: subscriber.asked)
    assert STUDY.encode() in asked.body


def eventually[Thing](look: Callable[[], Thing | None]) -> Thing:
    """What is there after at most a minute."""
    last = time.monotonic() + 60
    while time.monotonic() < last:
        if there := look():
            return there
        time.sleep(0.2)
    pytest.fail("it did not come within a minute")


def final(files: list[dict[str, str]]) -> list[dict[str, str]]:
    """The files of an upload, once none of them waits."""
    return [] if any(file["state"] in ("WAITING", "STORING") for file in files) else files
