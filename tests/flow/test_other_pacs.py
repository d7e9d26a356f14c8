"""The whole stack before other PACS: a real Orthanc, whose worklist the service keeps, and the stand-in in a part."""

from pathlib import Path

import pytest

from local.demo.client import Client
from local.demo.story import tell
from local.stack import LocalStack, Settings
from tests.orthanc import AUTHORIZATION, running_orthanc


def test_the_story_is_told_before_orthanc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orthanc = tmp_path / "orthanc"
    orthanc.mkdir()
    with running_orthanc(orthanc) as url:
        variables = {
            "PACS_SERVICE_URL": url,
            "PACS_DIALECT": "orthanc",
            "PACS_AUTHORIZATION_TOKEN": AUTHORIZATION,
            "WORKLIST_BACKEND": "dynamodb",
        }
        with LocalStack(Settings(variables=variables)) as stack:
            tell(Client(stack.url), tmp_path / "pictures")
    told = capsys.readouterr().out
    assert "The workitem is done with" in told
    assert {picture.name for picture in (tmp_path / "pictures").iterdir()} == {"CT_small.jpg", "MR_small.jpg"}


@pytest.mark.parametrize("dialect", ["dcm4chee", "healthimaging"])
def test_the_story_is_told_before_the_stand_in_that_plays_another(tmp_path: Path, dialect: str) -> None:
    backend = "dynamodb" if dialect == "healthimaging" else "pacs"
    variables = {"PACS_DIALECT": dialect, "WORKLIST_BACKEND": backend}
    with LocalStack(Settings(variables=variables)) as stack:
        tell(Client(stack.url), tmp_path)
