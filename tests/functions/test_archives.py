"""A study as a zip file, with and without a DICOMDIR."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from dicom_service.exams.downloads.prepare import prepare
from dicom_service.exams.downloads.rows import WORKER_LEASE_SECONDS, read, take_over
from dicom_service.stores import client
from local.aws import Aws
from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.file_sets import file_set
from tests.pacs.objects import make_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import store, work_downloads

PIXELS = bytes(range(256)) * 40_000


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
    assert work_downloads(aws) == 0
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
    assert work_downloads(aws) == 0
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
    work_downloads(aws)
    store(pacs, make_object(PatientID="P7", StudyInstanceUID=uids(study[0])[0]))
    answer = archive(invoke, study[0])
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["instances"]["total"] == 4


def test_a_study_that_has_grown_is_another_archive_also_where_the_pacs_counts_nothing(
    aws: Aws, unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every PACS gives Number of Study Related Instances (0020,1208)."""
    instances = ["1.2.1.1"]

    def answered(asked: Asked) -> Answer:
        found = {"studies": [qido(study="1.2")], "series": [qido(study="1.2", series="1.2.1")]}
        found["instances"] = [qido(study="1.2", series="1.2.1", instance=each) for each in instances]
        first = asked.query.get("offset", ["0"]) == ["0"]
        return Answer(200, json.dumps(found[asked.path.rpartition("/")[2]] if first else []).encode())

    with ScriptedPacs(by=answered) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)

        def ask() -> dict[str, Any]:
            return invoke("archive_study", path="/exams/studies/1.2/archive", query={"PatientId": "P7"})

        first = ask()
        assert json.loads(first["body"])["instances"]["total"] == 1
        assert ask()["headers"]["Location"] == first["headers"]["Location"]
        instances.append("1.2.1.2")
        grown = ask()
    assert json.loads(grown["body"])["instances"]["total"] == 2
    assert grown["headers"]["Location"] != first["headers"]["Location"]


@pytest.mark.parametrize("count", ["many", "1.5", [1], True, None])
def test_a_pacs_whose_count_is_no_number_is_one_that_counts_nothing(
    aws: Aws, unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, count: object
) -> None:
    row = qido(study="1.2", series="1.2.1", instance="1.2.1.1") | {"00201208": {"vr": "IS", "Value": [count]}}
    with ScriptedPacs(Answer(200, json.dumps([row]).encode())) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        answer = invoke("archive_study", path="/exams/studies/1.2/archive", query={"PatientId": "P7"})
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["instances"]["total"] == 1


def test_archives_of_two_patients_are_never_one(
    aws: Aws, unconfigured: None, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Patient ID may hold what separates the words of an archive's name."""
    rows = [qido(study="1.2", series="1.2.1", instance=f"1.2.1.{number}") for number in (1, 2)]
    rows[0]["00100020"]["Value"], rows[1]["00100020"]["Value"] = ["P7"], ["P7/dicomdir"]
    with ScriptedPacs(Answer(200, json.dumps(rows).encode())) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        queries = [{"PatientId": "P7", "dicomdir": "true"}, {"PatientId": "P7/dicomdir"}]
        asked = [invoke("archive_study", path="/exams/studies/1.2/archive", query=query) for query in queries]
    assert [answer["statusCode"] for answer in asked] == [202, 202]
    assert asked[0]["headers"]["Location"] != asked[1]["headers"]["Location"]


def qido(**uids_of: str) -> dict[str, Any]:
    """One of a search's answers, with what is needed of it."""
    tags = {"study": "0020000D", "series": "0020000E", "instance": "00080018"}
    found: dict[str, Any] = {tags[level]: {"vr": "UI", "Value": [uid]} for level, uid in uids_of.items()}
    return found | {"00100020": {"vr": "LO", "Value": ["P7"]}}


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
    work_downloads(aws)
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
        assert [work_downloads(aws) for _ in range(4)] == [1, 1, 1, 0]
    assert invoke("get_archive", path=location)["statusCode"] == 502
    assert archive(invoke, study[0])["statusCode"] == 202
    work_downloads(aws)
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
    assert prepare(archive_id, 2, clock=lambda: now + 15) == pytest.approx(WORKER_LEASE_SECONDS - 15, abs=0.01)
    assert prepare(archive_id, 3, clock=lambda: now + WORKER_LEASE_SECONDS) is None
    assert invoke("get_archive", path=location)["statusCode"] == 303


def test_the_message_of_a_killed_worker_is_back_when_its_lease_has_ended(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, study: list[bytes]
) -> None:
    asked: list[int] = []
    client("sqs").meta.events.register(
        "before-parameter-build.sqs.ChangeMessageVisibility",
        lambda params, **_: asked.append(params["VisibilityTimeout"]),
    )
    archive(invoke, study[0])
    assert work_downloads(aws) == 0
    assert asked == [WORKER_LEASE_SECONDS]


def test_an_unknown_archive(aws: Aws, invoke: Invoke) -> None:
    assert invoke("get_archive", path=f"/exams/archives/{'0' * 32}")["statusCode"] == 404
    assert invoke("get_archive", path="/exams/archives/nonsense")["statusCode"] == 400
