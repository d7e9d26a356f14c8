"""The documentation page as its reader sees it: in a browser, against the running service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import requests
from pydicom.data import get_testdata_file

from local.stack import LocalStack, Settings
from tests.e2e.browser import Page, browsing
from tests.installed import program

CT_SMALL = "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
"""SOP Instance UID of the file that is uploaded, which comes with pydicom."""


@pytest.fixture
def page(stack: LocalStack, tmp_path: Path) -> Iterator[Page]:
    with browsing(program("chromium", "chromium"), tmp_path / "profile") as page:
        page.open(f"{stack.url}/documentation")
        page.wait_for("document.querySelectorAll('.opblock').length")
        yield page


def operation(page: Page, operation_id: str) -> str:
    """Opens an operation and its form; gives its selector."""
    name = page.wait_for(f"(document.querySelector('[id$=\"-{operation_id}\"].opblock') || {{}}).id")
    selector = f"[id='{name}']"
    page.click(f"{selector} .opblock-summary-control")
    page.click(f"{selector} .try-out__btn")
    return selector


def executed(page: Page, selector: str) -> tuple[str, str]:
    """Executes the open operation; gives status and body of the live answer."""
    page.click(f"{selector} .execute")
    live = f"{selector} .live-responses-table"
    page.wait_for(f"!!document.querySelector(`{live} .response-col_status`)")
    status = page.evaluate(f"document.querySelector(`{live} tbody .response-col_status`).innerText")
    body = page.evaluate(f"(document.querySelector(`{live} .highlight-code code`) || {{}}).innerText || ''")
    return status.split()[0], body


def test_the_page_shows_every_operation_of_the_document(page: Page, stack: LocalStack) -> None:
    paths = page.evaluate("fetch('/documentation/json').then(answer => answer.json())")["paths"]
    operations = {spec["operationId"] for item in paths.values() for spec in item.values()}

    shown = page.evaluate("[...document.querySelectorAll('.opblock')].map(block => block.id)")

    assert {name.rpartition("-")[2] for name in shown} == operations


def test_the_page_loads_nothing_from_another_host_and_breaks_none_of_its_own_rules(
    page: Page, stack: LocalStack
) -> None:
    operation(page, "generate_uid")

    assert page.requests
    assert [url for url in page.requests if not url.startswith((stack.url, "data:", "blob:"))] == []
    assert page.complaints == []


def test_a_uid_is_generated_from_the_page(page: Page) -> None:
    selector = operation(page, "generate_uid")

    status, body = executed(page, selector)

    assert status == "200"
    assert len(json.loads(body)["uid"]) == 64


def test_a_file_is_uploaded_with_the_pages_form(page: Page) -> None:
    selector = operation(page, "upload_exam")
    page.choose_file(f"{selector} input[type=file]", Path(get_testdata_file("CT_small.dcm")))

    status, body = executed(page, selector)

    assert status == "200"
    assert json.loads(body)[0]["00081199"]["Value"][0]["00081155"]["Value"] == [CT_SMALL]


def test_parameters_are_filled_in_and_a_search_is_made_from_the_page(page: Page) -> None:
    selector = operation(page, "search_studies")
    page.type_into(f"{selector} input[placeholder='PatientId']", "nobody-has-this-identifier")

    assert executed(page, selector) == ("200", "[]")


def test_a_thumbnail_is_shown_in_the_page(page: Page, stack: LocalStack) -> None:
    file = Path(get_testdata_file("CT_small.dcm"))
    requests.post(f"{stack.url}/exams", files={"file": file.read_bytes()}, timeout=30).raise_for_status()
    header = pydicom.dcmread(file, stop_before_pixels=True)
    selector = operation(page, "retrieve_exam")
    for name, value in {
        "studyUID": header.StudyInstanceUID,
        "seriesUID": header.SeriesInstanceUID,
        "instanceUID": header.SOPInstanceUID,
    }.items():
        page.type_into(f"{selector} input[placeholder='{name}']", value)
    page.choose(f"{selector} tr[data-param-name=fileType] select", "image/jpeg")
    page.choose(f"{selector} .response-control-media-type select", "image/jpeg")

    status, _ = executed(page, selector)

    shown = page.wait_for(f"(document.querySelector(`{selector} .live-responses-table img`) || {{}}).naturalWidth")
    assert (status, shown) == ("200", header.Columns)
    assert page.complaints == []


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalStack]:
    with LocalStack(Settings(auth=True)) as stack:
        yield stack


def access_token(stack: LocalStack) -> str:
    assert stack.identity_provider is not None
    client = stack.identity_provider.client
    form, who = {"grant_type": "client_credentials"}, (client.client_id, client.secret)
    answer = requests.post(f"{stack.identity_provider.issuer}/token", data=form, auth=who, timeout=30)
    token: str = answer.json()["access_token"]
    return token


@pytest.mark.parametrize("form", ["ApiKey", "Token"])
def test_whoever_is_authorized_in_the_page_may_try_what_is_closed(
    guarded: LocalStack, tmp_path: Path, form: str
) -> None:
    shown = guarded.keys["all"] if form == "ApiKey" else access_token(guarded)
    place = f".auth-container:nth-of-type({['ApiKey', 'Token'].index(form) + 1})"
    with browsing(program("chromium", "chromium"), tmp_path / "profile") as page:
        page.open(f"{guarded.url}/documentation")
        page.wait_for("document.querySelectorAll('.opblock').length")
        selector = operation(page, "generate_uid")
        assert executed(page, selector)[0] == "401"

        page.click(".auth-wrapper .authorize")
        assert page.wait_for(f"document.querySelector(`{place} h4 code`).innerText") == form
        page.type_into(f"{place} input", shown)
        page.click(f"{place} button.authorize")
        page.click(f"{place} .btn-done")
        page.click(f"{selector} .btn-clear")
        status, body = executed(page, selector)

        assert (status, len(json.loads(body)["uid"])) == ("200", 64)
        assert [each for each in page.complaints if "401" not in each] == []
