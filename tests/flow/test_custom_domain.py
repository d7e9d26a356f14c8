"""The service as clients reach it behind an API mapping: `https://api.hospital.example/dicom`."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from local import template
from local.gateway import Gateway
from local.stack import LocalStack
from tests.pacs.objects import make_object, uids
from tests.structure.sources import ROOT

KEY = "/dicom"


@pytest.fixture(scope="module")
def mapped(stack: LocalStack) -> Iterator[str]:
    """The API's address behind the mapping: its key is in `rawPath`, and not in `routeKey`."""

    def invoke(function: str, event: Mapping[str, Any]) -> Any:
        route = event["routeKey"].replace(f" {KEY}/", " /", 1)
        context = {**event["requestContext"], "routeKey": route}
        return stack.invoke(function, {**event, "routeKey": route, "requestContext": context})

    gateway = Gateway(0)
    gateway.start([replace(route, path=KEY + route.path) for route in template.routes(stack.resources)], invoke)
    yield gateway.url + KEY
    gateway.stop()


def test_a_study_is_stored_found_and_downloaded_by_the_links_that_come_back(mapped: str, tmp_path: Path) -> None:
    # given
    content = make_object(PatientID="MAPPED")
    assert requests.post(f"{mapped}/exams", files={"file": content}, timeout=20).status_code == 200
    study, series, instance = uids(content)
    found = requests.get(f"{mapped}/exams/studies", params={"PatientId": "MAPPED"}, timeout=20).json()
    assert [row["0020000D"]["Value"] for row in found] == [[study]]
    # when
    asked = requests.get(f"{mapped}/exams/studies/{study}/archive", params={"PatientId": "MAPPED"}, timeout=20)
    # then
    assert asked.url.startswith(mapped) or asked.history
    arguments = ["-m", "client", "download", study, "--patient", "MAPPED", "--to", str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "DICOM_SERVICE_URL": mapped, "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    [archive] = tmp_path.glob("*.zip")
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as entries:
        assert entries.read(f"{series}/{instance}.dcm") == content


def test_a_page_that_is_found_finds_its_files_and_its_api(mapped: str) -> None:
    page = requests.get(f"{mapped}/documentation", timeout=20)
    assert page.status_code == 200
    assert 'src="documentation/start.js"' in page.text, "relative to the page's own address"
    assert requests.get(f"{mapped}/documentation/start.js", timeout=20).status_code == 200
    [server] = requests.get(f"{mapped}/documentation/json", timeout=20).json()["servers"]
    assert server["url"] == KEY


def test_what_is_not_below_the_key_is_not_found(mapped: str) -> None:
    assert requests.get(f"{mapped.removesuffix(KEY)}/uid", timeout=20).status_code == 404
    assert requests.get(f"{mapped}/uid", timeout=20).status_code == 200
