"""`POST /exams`: the event in, the answer out, the embedded PACS or a scripted one behind it."""

import json
from typing import Any

import pytest
import requests

from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.logs import rendered
from tests.pacs.objects import make_object, real_object, uids
from tests.scripted import Answer, ScriptedPacs

CT = real_object("CT_small.dcm")


def form(*files: bytes, boundary: str = "b") -> bytes:
    head = 'Content-Disposition: form-data; name="file"; filename="ROSSI.dcm"'
    parts = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + file + b"\r\n" for file in files]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def upload(invoke: Invoke, body: bytes, content_type: str = "multipart/form-data; boundary=b") -> tuple[int, Any]:
    answer = invoke("upload_exam", "POST", "/exams", body=body, headers={"content-type": content_type})
    return answer["statusCode"], json.loads(answer["body"])


def stored(pacs: EmbeddedPacs, content: bytes) -> bytes | None:
    study, series, instance = uids(content)
    path = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}"
    headers = {"Authorization": PACS_KEY, "Accept": "application/dicom"}
    answer = requests.get(pacs.url + path, headers=headers, timeout=10)
    return answer.content if answer.status_code == 200 else None


def referenced(response: dict[str, Any]) -> str:
    item = response["00081199"]["Value"][0]
    return str(item["00081155"]["Value"][0])


def test_a_file_is_stored_byte_for_byte(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    status, answered = upload(invoke, form(CT))
    assert status == 200
    assert [referenced(response) for response in answered] == [uids(CT)[2]]
    assert stored(pacs, CT) == CT


def test_files_are_answered_in_the_order_sent(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    files = [make_object(), CT, make_object()]
    status, answered = upload(invoke, form(*files))
    assert status == 200
    assert [referenced(response) for response in answered] == [uids(file)[2] for file in files]


@pytest.mark.parametrize("content_type", ["application/dicom", "application/octet-stream", ""])
def test_a_bare_body_is_a_file_too(pacs: EmbeddedPacs, invoke: Invoke, content_type: str) -> None:
    status, _ = upload(invoke, CT, content_type)
    assert status == 200
    assert stored(pacs, CT) == CT


def test_multipart_related_works_too(pacs: EmbeddedPacs, invoke: Invoke) -> None:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + CT + b"\r\n--b--"
    assert upload(invoke, body, 'multipart/related; type="application/dicom"; boundary="b"')[0] == 200
    assert stored(pacs, CT) == CT


@pytest.mark.parametrize(
    ("name", "wrong", "why"),
    [
        ("a text file", b"just text" * 100, "DICM is missing"),
        ("cut off in its pixels", CT[:-1000], "cut off"),
        ("cut off in its header", CT[:600], "cut off"),
        ("cut off in a sequence", real_object("waveform_ecg.dcm")[:200_000], "cut off"),
        ("cut off in an item", real_object("reportsi.dcm")[:2000], "cut off"),
        ("cut off before the end of its fragments", real_object("JPEG2000.dcm")[:-6], "cut off"),
        ("a deflated file without its end", real_object("image_dfl.dcm")[:-100], "cut off"),
        ("empty", b"", "empty"),
        ("without a study", make_object(StudyInstanceUID=None), "StudyInstanceUID"),
        ("a preamble and nothing else", bytes(128) + b"DICM", "no "),
    ],
)
def test_what_is_no_dicom_is_named_and_nothing_is_stored(
    pacs: EmbeddedPacs, invoke: Invoke, name: str, wrong: bytes, why: str
) -> None:
    good = make_object()
    status, problem = upload(invoke, form(good, wrong))
    assert status == 422, name
    assert [error["field"] for error in problem["errors"]] == ["file 2 (ROSSI.dcm)"]
    assert why in problem["errors"][0]["message"]
    assert stored(pacs, good) is None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=b"),
        (b"", "application/dicom"),
        (form(CT), "multipart/form-data; boundary=wrong"),
        (form(CT), "multipart/form-data"),
        (form(CT)[:-20], "multipart/form-data; boundary=b"),
        (b"--b--\r\n", "multipart/form-data; boundary=b"),
    ],
)
def test_a_body_without_a_file_is_refused(pacs: EmbeddedPacs, invoke: Invoke, body: bytes, content_type: str) -> None:
    status, problem = upload(invoke, body, content_type)
    assert status == 400
    assert problem["status"] == 400
    assert stored(pacs, CT) is None


def refusal(instance: str, reason: int) -> bytes:
    item = {"00081155": {"vr": "UI", "Value": [instance]}, "00081197": {"vr": "US", "Value": [reason]}}
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


def acceptance(instance: str) -> bytes:
    return json.dumps({"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [instance]}}]}}).encode()


def at(monkeypatch: pytest.MonkeyPatch, pacs: ScriptedPacs) -> None:
    monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (409, 0xA700, "Out of resources (A700)"),
        (409, 0xA7FF, "Out of resources (A7FF)"),
        (200, 0xC122, "Transfer syntax not supported (C122)"),
        (202, 0x0111, "Duplicate SOP instance"),
        (409, 0x0001, "Not stored (0001)"),
    ],
)
def test_a_refusal_says_why_whatever_its_status(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, status: int, reason: int, words: str
) -> None:
    with ScriptedPacs(Answer(status, refusal(uids(CT)[2], reason))) as pacs:
        at(monkeypatch, pacs)
        answered, problem = upload(invoke, form(CT))
    assert answered == 409
    assert problem["title"] == "Conflict"
    assert words in problem["responses"][0]["reason"]
    assert "00081198" in problem["responses"][0]


def test_some_stored_and_some_refused_is_a_202(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_object(), make_object()
    script = (Answer(200, acceptance(uids(first)[2])), Answer(409, refusal(uids(second)[2], 0xA900)), Answer(404))
    with ScriptedPacs(*script) as pacs:
        at(monkeypatch, pacs)
        status, answered = upload(invoke, form(first, second))
    assert status == 202
    assert referenced(answered[0]) == uids(first)[2]
    assert answered[1]["reason"] == "The data set does not match its SOP class (A900)"
    sent = [request.body for request in pacs.asked if request.method == "POST"]
    assert all(body.count(b"Content-Type: application/dicom") == 1 for body in sent)


def test_a_pacs_that_fails_halfway_is_said_to_leave_doubt(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_object(), make_object()
    with ScriptedPacs(Answer(200, acceptance(uids(first)[2])), Answer(500)) as pacs:
        at(monkeypatch, pacs)
        status, answered = upload(invoke, form(first, second))
    assert status == 202
    assert "not known" in answered[1]["reason"]
    assert [asked.method for asked in pacs.asked].count("POST") == 2


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, b""), 502),
        (Answer(200, b'{"00081199": {"vr": "SQ", "Value": []}}'), 502),
        (Answer(200, b'{"00081199": {"vr": "SQ", "Value": [5, null, "x", []]}}'), 502),
        (Answer(200, b'{"00081198": {"vr": "SQ", "Value": [null]}}'), 502),
        (Answer(409, b'{"00081198": {"vr": "SQ", "Value": [null]}}'), 409),
        (Answer(200, acceptance("1.2.3")), 502),
        (Answer(200, b"<html>welcome</html>"), 502),
        (Answer(500, b"<html>stack trace</html>"), 502),
        (Answer(reset=True), 502),
        (Answer(401), 401),
        (Answer(403), 401),
        (Answer(413), 413),
        (Answer(409, b""), 409),
        (Answer(400, b"not DICOM"), 409),
    ],
)
def test_a_pacs_that_stores_nothing_is_never_believed_nor_asked_twice(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int
) -> None:
    with ScriptedPacs(answer) as pacs:
        at(monkeypatch, pacs)
        answered, problem = upload(invoke, form(CT))
    assert answered == status
    assert problem["status"] == status
    assert [asked.method for asked in pacs.asked].count("POST") == 1


def test_a_slow_pacs_is_a_504(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_service.pacs.session.BUDGET_SECONDS", 0.3)
    with ScriptedPacs(Answer(200, acceptance(uids(CT)[2]), delay=1.0)) as pacs:
        at(monkeypatch, pacs)
        assert upload(invoke, form(CT))[0] == 504


def test_no_log_line_holds_a_name(pacs: EmbeddedPacs, invoke: Invoke, caplog: pytest.LogCaptureFixture) -> None:
    upload(invoke, form(make_object(PatientName="VERDI^GIUSEPPE", PatientID="SECRET-ID"), b"junk"))
    upload(invoke, form(make_object(PatientName="VERDI^GIUSEPPE", PatientID="SECRET-ID")))
    logged = rendered(caplog)
    assert "POST /exams" in logged
    assert not [word for word in ("VERDI", "SECRET-ID", "ROSSI") if word in logged]
