"""An upload that is repeated, or whose answer was lost, before a real PACS that refuses every second copy."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pydicom
import pytest
import requests

from local.aws import Aws
from tests.conftest import Invoke
from tests.fault_proxy import FaultProxy, Forward, Reply, lost_reply, lost_request, nothing, slow
from tests.functions.test_upload_exam import acceptance, form, refusal
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.tiny_pacs import AUTHORIZATION, running_tiny_pacs
from tests.transfers import status, upload, work

ANOTHER = "The PACS holds another object with this SOP Instance UID"


@pytest.fixture(scope="module")
def tiny_pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_tiny_pacs(tmp_path_factory.mktemp("tiny-pacs")) as url:
        yield url


@pytest.fixture(autouse=True)
def configured(tiny_pacs: str, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    monkeypatch.setenv("PACS_SERVICE_URL", f"{tiny_pacs}/dicomweb")
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", AUTHORIZATION)


@pytest.fixture
def through(tiny_pacs: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FaultProxy]:
    """A proxy before the PACS that does something to what is stored, and to nothing else."""

    def started(fault: Callable[[Forward], Reply]) -> FaultProxy:
        proxy = FaultProxy(f"{tiny_pacs}/dicomweb", fault, ("POST",))
        monkeypatch.setenv("PACS_SERVICE_URL", proxy.url)
        return proxy

    return started


def post(invoke: Invoke, body: bytes, content_type: str = "application/dicom") -> tuple[int, Any]:
    answer = invoke("upload_exam", "POST", "/exams", body=body, headers={"content-type": content_type})
    return answer["statusCode"], json.loads(answer["body"])


def changed(content: bytes, **attributes: Any) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()


def held(tiny_pacs: str, content: bytes) -> bool:
    study, series, instance = uids(content)
    address = f"{tiny_pacs}/dicomweb/studies/{study}/series/{series}/instances/{instance}"
    return requests.get(address, headers={"Authorization": AUTHORIZATION}, timeout=10).ok


def test_a_second_copy_is_stored(invoke: Invoke) -> None:
    content = make_object()
    answers = [post(invoke, content) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 200]
    named = [response["00081199"]["Value"][0]["00081155"]["Value"] for _, [response] in answers]
    assert named == [[uids(content)[2]]] * 3


def test_a_form_with_one_that_is_there_and_one_that_is_not(invoke: Invoke, through: Callable[..., FaultProxy]) -> None:
    first, second = make_object(), make_object()
    assert post(invoke, first)[0] == 200
    with through(nothing) as proxy:
        answer = post(invoke, form(first, second), "multipart/form-data; boundary=b")
    assert answer[0] == 200
    assert [method for method, _ in proxy.received] == ["POST", "GET", "POST"], "one look, and only after a refusal"


def test_what_the_pacs_holds_with_other_attributes_is_stored_and_they_are_named(invoke: Invoke) -> None:
    content = make_object(PatientName="Doe^Jane")
    assert post(invoke, content)[0] == 200
    again = changed(content, PatientName="Doe^Janet", StudyDescription="Head")
    code, [response] = post(invoke, form(again), "multipart/form-data; boundary=b")
    assert code == 200
    assert response["changed"] == ["StudyDescription", "PatientName"]
    assert response["file"] == "file 1 (ROSSI.dcm)"
    assert response["00081199"]["Value"][0]["00081196"]["Value"] == [0xB000]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"PixelData": bytes(128)}, ANOTHER),
        ({"PatientID": "P2"}, f"{ANOTHER}, which says that it is of another patient"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, ANOTHER),
    ],
)
def test_another_object_of_the_same_uid_is_a_409(invoke: Invoke, attributes: dict[str, Any], reason: str) -> None:
    content = make_object()
    assert post(invoke, content)[0] == 200
    code, problem = post(invoke, changed(content, **attributes))
    assert code == 409
    [response] = problem["responses"]
    assert response["reason"] == reason
    assert "00081198" in response


@pytest.mark.parametrize("lost", [lost_reply, slow(2.5)], ids=["reset", "slow"])
def test_an_answer_that_is_lost_does_not_matter(
    tiny_pacs: str,
    invoke: Invoke,
    through: Callable[..., FaultProxy],
    monkeypatch: pytest.MonkeyPatch,
    lost: Callable[[Forward], Reply],
) -> None:
    monkeypatch.setattr("dicom_service.pacs.session.BUDGET_SECONDS", 2.0)
    content = make_object()
    with through(lost) as proxy:
        code, [response] = post(invoke, content)
    assert code == 200
    assert response["00081199"]["Value"][0]["00081155"]["Value"] == [uids(content)[2]]
    assert [method for method, _ in proxy.received] == ["POST", "GET"]
    assert held(tiny_pacs, content)


def test_a_request_that_is_lost_is_a_502_and_may_be_repeated(
    tiny_pacs: str, invoke: Invoke, through: Callable[..., FaultProxy]
) -> None:
    content = make_object()
    with through(lost_request):
        code, problem = post(invoke, content)
    assert (code, problem["status"]) == (502, 502)
    assert not held(tiny_pacs, content)
    with through(nothing):
        assert post(invoke, content)[0] == 200


def test_an_answer_that_is_lost_of_another_object_is_a_409(invoke: Invoke, through: Callable[..., FaultProxy]) -> None:
    content = make_object()
    assert post(invoke, content)[0] == 200
    with through(lost_reply):
        code, problem = post(invoke, changed(content, PixelData=bytes(128)))
    assert code == 409
    assert problem["responses"][0]["reason"] == ANOTHER


def packed(*contents: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.dcm", content)
    return written.getvalue()


def test_uploads_through_the_bucket_and_zip_files_may_be_repeated_too(aws: Aws, invoke: Invoke) -> None:
    content = make_object()
    again = changed(content, PatientName="Doe^Janet")
    other = changed(content, PixelData=bytes(128))
    uploads = [upload(invoke, body) for body in (content, content, packed(content, again), packed(content, other))]
    work(aws)
    files = [status(invoke, upload_id)[0] for upload_id in uploads]
    assert [file["state"] for file in files] == ["STORED", "STORED", "STORED", "REFUSED"]
    assert files[2]["entries"][1]["reason"] == "the PACS holds it with changes in PatientName"
    assert files[3]["entries"][1]["reason"] == ANOTHER


@pytest.mark.parametrize("large", [False, True])
def test_a_worker_whose_answer_is_lost_stores_the_file_at_once(
    aws: Aws, invoke: Invoke, through: Callable[..., FaultProxy], large: bool
) -> None:
    size = {"Rows": 3000, "Columns": 3000, "PixelData": bytes(range(250)) * 72_000} if large else {}
    content = make_object(**size)
    with through(lost_reply) as proxy:
        uploads = [upload(invoke, body) for body in (content, packed(make_object()))]
        work(aws)
    assert [status(invoke, upload_id)[0]["state"] for upload_id in uploads] == ["STORED", "STORED"]
    assert [method for method, _ in proxy.received] == ["POST", "GET"] * 2


class TestWhatThePacsSays:
    """A scripted PACS refuses; what the look shows decides what is told."""

    CONTENT = make_object()

    def posted(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, stow: Answer, wado: Answer) -> tuple[int, Any]:
        def by(asked: Asked) -> Answer:
            return stow if asked.method == "POST" else wado

        with ScriptedPacs(by=by) as pacs:
            monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
            answer = post(invoke, self.CONTENT)
        looks = [asked for asked in pacs.asked if asked.method == "GET"]
        assert len(looks) <= 3, "one look, which is patient"
        return answer

    @pytest.mark.parametrize("reason", [0x0110, 0x0111, 0xC122, 45070, 0xA700])
    def test_held_and_the_same(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
        stow = Answer(409, refusal(uids(self.CONTENT)[2], reason))
        assert self.posted(invoke, monkeypatch, stow, Answer(200, self.CONTENT))[0] == 200

    @pytest.mark.parametrize(
        ("reason", "words"),
        [(0xC122, "Transfer syntax not supported (C122)"), (0xA700, "Out of resources (A700)")],
    )
    def test_not_held(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, reason: int, words: str) -> None:
        stow = Answer(409, refusal(uids(self.CONTENT)[2], reason))
        code, problem = self.posted(invoke, monkeypatch, stow, Answer(404))
        assert (code, problem["responses"][0]["reason"]) == (409, words)

    @pytest.mark.parametrize("wado", [Answer(500), Answer(200, b"<html>"), Answer(200, CONTENT, cut=100)])
    def test_not_to_be_seen(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, wado: Answer) -> None:
        stow = Answer(409, refusal(uids(self.CONTENT)[2], 0x0110))
        code, problem = self.posted(invoke, monkeypatch, stow, wado)
        assert code in (409, 502)
        if code == 409:
            assert problem["responses"][0]["reason"] == (
                "Processing failure (0110); whether the PACS holds the object could not be seen"
            )

    @pytest.mark.parametrize("stow", [Answer(500), Answer(413), Answer(200, b""), Answer(200, acceptance("1.2"))])
    def test_any_answer_but_yes_is_looked_into(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, stow: Answer
    ) -> None:
        assert self.posted(invoke, monkeypatch, stow, Answer(200, self.CONTENT))[0] == 200
        assert self.posted(invoke, monkeypatch, stow, Answer(404))[0] == (413 if stow.status == 413 else 502)

    def test_refused_credentials_are_not_shown_again(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        with ScriptedPacs(Answer(401)) as pacs:
            monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
            assert post(invoke, self.CONTENT)[0] == 401
        assert len(pacs.asked) == 1
