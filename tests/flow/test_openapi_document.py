"""docs/openapi.json says what the running service does: schemathesis asks it, with valid and with broken requests.

https://schemathesis.readthedocs.io; what it is told beside the document stands in schemathesis.toml.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from dicom_service.http.parameters import EXAMPLE_INSTANCE, EXAMPLE_SERIES, EXAMPLE_STUDY
from local.stack import LocalStack
from tests.pacs.objects import make_object

ROOT = Path(__file__).parents[2]
EXAMPLES_OF_EACH = 25
SECONDS = 900


def open_document() -> dict[str, Any]:
    """The document as it is without an authorizer: nothing asks for a token, as under `make run`."""
    document: dict[str, Any] = json.loads((ROOT / "docs/openapi.json").read_text())
    del document["security"], document["components"]["securitySchemes"]
    for item in document["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    return document


@pytest.fixture(scope="module")
def exam(stack: LocalStack) -> None:
    """The exam that the document's examples are of."""
    patient = {"PatientID": "SDJ38WMD1MS01", "PatientName": "ROSSI^MARIO"}
    uids = {
        "StudyInstanceUID": EXAMPLE_STUDY,
        "SeriesInstanceUID": EXAMPLE_SERIES,
        "SOPInstanceUID": EXAMPLE_INSTANCE,
    }
    stored = requests.post(
        f"{stack.url}/exams",
        data=make_object(**patient, **uids),
        headers={"Content-Type": "application/dicom"},
        timeout=60,
    )
    assert stored.status_code == 200


def test_the_service_does_what_the_document_says(stack: LocalStack, exam: None, tmp_path: Path) -> None:
    # given
    document, report = tmp_path / "openapi.json", tmp_path / "report.json"
    document.write_text(json.dumps(open_document()))

    # when
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", ROOT / "schemathesis.toml", "run", document]
    bounds = ["--max-examples", str(EXAMPLES_OF_EACH), "--seed", "1", "--request-timeout", "60"]
    output = ["--no-color", "--report", "json", "--report-json-path", report]
    run = subprocess.run(
        [*command, "--url", stack.url, *bounds, *output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    # then
    assert run.returncode == 0, run.stdout[-20_000:]
    summary = json.loads(report.read_text())
    assert summary["operations"]["tested"] == summary["operations"]["total"] >= 29
    assert summary["warnings"]["missing_test_data"] == [], "the document's links no longer lead to what exists"
    assert summary["warnings"]["missing_auth"] == []
