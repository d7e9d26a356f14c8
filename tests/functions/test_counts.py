"""Parts of a search, and what is counted where the PACS leaves it out."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local.pacs.server import EmbeddedPacs
from tests.conftest import Invoke
from tests.fault_proxy import FaultProxy, nothing
from tests.pacs.objects import make_object, send
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.tiny_pacs import AUTHORIZATION, running_tiny_pacs
from tests.transfers import store

STUDIES = "/exams/studies"
MODALITIES, SERIES, INSTANCES, OF_SERIES = "00080061", "00201206", "00201208", "00201209"
STUDY = "1.2.826.0.1.3680043.10.1.33"


def search(invoke: Invoke, path: str = STUDIES, **query: Any) -> tuple[int, Any, dict[str, str]]:
    name = "search_series" if path.endswith("/series") else "search_instances" if "series" in path else "search_studies"
    answer = invoke(name, path=path, query={"PatientId": "P1", **query})
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def objects() -> list[bytes]:
    """A study of P1: three instances of CT in two series, and one of SR."""
    made = {"StudyInstanceUID": STUDY, "PatientID": "P1"}
    series = [
        {"SeriesInstanceUID": f"{STUDY}.{number}", "Modality": modality}
        for number, modality in ((1, "CT"), (1, "CT"), (2, "CT"), (3, "SR"))
    ]
    return [make_object(**made, **each) for each in series]


@pytest.fixture(scope="module")
def tiny_pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_tiny_pacs(tmp_path_factory.mktemp("tiny-pacs")) as url:
        for content in [*objects(), make_object(PatientID="P1")]:
            assert send(f"{url}/dicomweb/studies", content, headers={"Authorization": AUTHORIZATION}).ok
        yield url


@pytest.fixture
def at_tiny_pacs(tiny_pacs: str, unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_DIALECT", "dicomweb")
    monkeypatch.setenv("PACS_SERVICE_URL", f"{tiny_pacs}/dicomweb")
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", AUTHORIZATION)


@pytest.mark.usefixtures("at_tiny_pacs")
class TestAtAPacsThatDoesNotCount:
    def test_studies(self, invoke: Invoke) -> None:
        _, plain, _ = search(invoke)
        assert all("Value" not in study[tag] for study in plain for tag in (MODALITIES, SERIES, INSTANCES))
        status, counted, _ = search(invoke, counts="true")
        assert status == 200
        told = {study["0020000D"]["Value"][0]: study for study in counted}
        assert told[STUDY][MODALITIES] == {"vr": "CS", "Value": ["CT", "SR"]}
        assert told[STUDY][SERIES] == {"vr": "IS", "Value": [3]}
        assert told[STUDY][INSTANCES] == {"vr": "IS", "Value": [4]}
        assert [list(study) for study in counted] == [sorted(study) for study in counted]
        assert sorted(study[INSTANCES]["Value"][0] for study in counted) == [1, 4]

    def test_series(self, invoke: Invoke) -> None:
        status, series, _ = search(invoke, f"{STUDIES}/{STUDY}/series", counts="true")
        told = {row["0020000E"]["Value"][0]: row[OF_SERIES] for row in series}
        assert status == 200
        assert told == {
            f"{STUDY}.{number}": {"vr": "IS", "Value": [count]} for number, count in ((1, 2), (2, 1), (3, 1))
        }


def test_what_the_pacs_says_stays_and_is_not_asked_for(
    pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(pacs, *objects())
    with FaultProxy(pacs.url, nothing) as proxy:
        monkeypatch.setenv("PACS_SERVICE_URL", proxy.url)
        _, [plain], _ = search(invoke)
        asked = len(proxy.received)
        _, [counted], _ = search(invoke, counts="true")
        assert counted == plain
        assert len(proxy.received) == 2 * asked


def row(number: int) -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        INSTANCES: {"vr": "IS", "Value": [77]},
    }


@pytest.fixture
def many(unconfigured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedPacs]:
    """A PACS with 101 studies of a series each; it counts instances and nothing else."""

    def by(asked: Asked) -> Answer:
        if asked.path.endswith("/series"):
            study = {"vr": "UI", "Value": [asked.path.split("/")[-2]]}
            series = {"0020000D": study, "0020000E": {"vr": "UI", "Value": ["1.3"]}}
            series |= {"00080060": {"vr": "CS", "Value": ["US"]}, "00100020": {"vr": "LO", "Value": ["P1"]}}
            return Answer(200, json.dumps([series]).encode())
        offset, limit = (int(asked.query.get(name, ["0"])[0]) for name in ("offset", "limit"))
        return Answer(200, json.dumps([row(number) for number in range(1, 102)][offset : offset + limit]).encode())

    with ScriptedPacs(by=by) as pacs:
        monkeypatch.setenv("PACS_DIALECT", "dicomweb")
        monkeypatch.setenv("PACS_SERVICE_URL", pacs.url)
        yield pacs


def test_more_than_a_hundred_studies_are_counted_in_parts(many: ScriptedPacs, invoke: Invoke) -> None:
    status, problem, _ = search(invoke, counts="true")
    assert status == 400
    assert [error["field"] for error in problem["errors"]] == ["counts"]
    assert "`limit`" in problem["errors"][0]["message"]
    assert not [asked for asked in many.asked if asked.path.endswith("/series")]
    status, studies, headers = search(invoke, counts="true", limit=100)
    assert (status, len(studies)) == (200, 100)
    assert {study[INSTANCES]["Value"][0] for study in studies} == {77}, "what the PACS says"
    assert {study[MODALITIES]["Value"][0] for study in studies} == {"US"}
    rest = dict(parse_qsl(urlsplit(headers["Link"].partition("<")[2].partition(">")[0]).query))
    assert rest == {"PatientId": "P1", "counts": "true", "limit": "100", "offset": "100"}
    status, studies, headers = search(invoke, **{name: value for name, value in rest.items() if name != "PatientId"})
    assert [study["0020000D"]["Value"] for study in studies] == [["1.2.101"]]
    assert "Link" not in headers


@pytest.mark.parametrize(("limit", "offset", "count", "linked"), [(3, 0, 3, True), (3, 1, 3, False), (2, 9, 0, False)])
def test_parts_of_each_search(
    pacs: EmbeddedPacs, invoke: Invoke, limit: int, offset: int, count: int, linked: bool
) -> None:
    contents = [make_object(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1") for _ in range(4)]
    contents += [make_object(StudyInstanceUID=STUDY) for _ in range(3)]
    contents += [make_object() for _ in range(3)]
    store(pacs, *contents)
    for path in ("", f"/{STUDY}/series", f"/{STUDY}/series/{STUDY}.1/instances"):
        _, whole, headers = search(invoke, STUDIES + path)
        assert len(whole) == 4
        assert "Link" not in headers
        status, part, headers = search(invoke, STUDIES + path, limit=limit, offset=offset)
        assert (status, part, "Link" in headers) == (200, whole[offset : offset + limit], linked)
        assert len(part) == count
        if linked:
            assert headers["Link"].startswith(f"<{STUDIES}{path}?PatientId=P1&limit=3&offset=3>")
            assert headers["Link"].endswith('; rel="next"')


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"offset": -1}, {"counts": "yes"}])
def test_wrong_values_are_a_400(pacs: EmbeddedPacs, invoke: Invoke, query: dict[str, Any]) -> None:
    status, problem, _ = search(invoke, **query)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, list(query))
