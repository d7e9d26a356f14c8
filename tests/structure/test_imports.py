"""Imports are a budget: what each function loads at its cold start, in a fresh interpreter without configuration."""

import os
import subprocess
import sys

import pytest
from pydicom.data import get_testdata_file

from tests.structure.sources import LAYER, ROOT, handlers

HEAVY = ("PIL", "boto3", "cryptography", "imagecodecs", "jwt", "numpy", "pydantic", "pydicom", "pypdfium2", "requests")

API = {"pydantic"}
PACS = {"pydantic", "requests"}

BUDGET = {
    "archive_study": PACS,
    "authorize_request": set(),
    "check_health": PACS,
    "complete_workitem": set(),
    "create_api_key": API,
    "create_viewer_token": PACS,
    "create_workitem": API,
    "delete_workitem": API,
    "deliver_exam_event": set(),
    "fan_out_exam_event": set(),
    "generate_uid": API,
    "get_archive": PACS,
    "get_exam_event": API,
    "get_upload": API,
    "list_api_keys": API,
    "list_audit_events": API,
    "list_deliveries": API,
    "list_exam_events": API,
    "list_workitems": API,
    "prepare_download": {"requests"},
    "publish_exam_event": set(),
    "receive_exam_event": API,
    "redeliver_exam_event": API,
    "redeliver_exam_events": API,
    "retrieve_exam": PACS,
    "retrieve_thumbnail": PACS,
    "revoke_api_key": API,
    "search_instances": PACS,
    "search_series": PACS,
    "search_studies": PACS,
    "serve_documentation": set(),
    "start_upload": API,
    "store_upload": {"requests"},
    "sweep_exam_events": set(),
    "update_workitem": API,
    "upload_exam": PACS,
}
"""The heavy packages that importing each handler may load; what else it needs it loads when it first needs it."""

IMPORT = """
import sys

def alone(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__" or event == "subprocess.Popen":
        raise AssertionError(f"importing does {event}")

sys.addaudithook(alone)
import functions.FUNCTION.app as handler
assert callable(handler.lambda_handler)
print(*(name for name in HEAVY if name in sys.modules))
"""


def loaded(program: str, *arguments: str) -> set[str]:
    """The heavy packages that the program loads; raises where it fails."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("HEAVY", repr(HEAVY)), *arguments],
        env={"PYTHONPATH": os.pathsep.join([str(LAYER), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("function", BUDGET)
def test_a_handler_loads_only_what_it_is_allowed_to(function: str) -> None:
    """Nor may importing it need configuration or a network."""
    assert loaded(IMPORT.replace("FUNCTION", function)) <= BUDGET[function]


def test_every_function_has_a_budget() -> None:
    assert {source.path.parent.name for source in handlers()} == set(BUDGET)


DRAW = """
import pathlib, sys
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest

for file in sys.argv[1:]:
    assert not draw_picture(pathlib.Path(file).read_bytes(), PictureRequest()).placeholder
print(*(name for name in HEAVY if name in sys.modules))
"""


def test_drawing_needs_no_pydicom() -> None:
    files = [str(get_testdata_file(name)) for name in ("CT_small.dcm", "JPEG2000.dcm", "liver_1frame.dcm")]
    assert loaded(DRAW, *files) == {"PIL", "imagecodecs", "numpy"}
