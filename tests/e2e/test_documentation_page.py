"""The documentation page as its reader sees it: in a browser, against the running service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.e2e.browser import Page, browsing
from tests.installed import program


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


def test_the_page_loads_nothing_from_another_host_and_breaks_none_of_its_own_rules(page: Page, stack: LocalStack) -> None:
    operation(page, "generate_uid")

    assert page.requests
    assert [url for url in page.requests if not url.startswith((stack.url, "data:", "blob:"))] == []
    assert page.complaints == []


def test_a_uid_is_generated_from_the_page(page: Page) -> None:
    selector = operation(page, "generate_uid")

    status, body = executed(page, selector)

    assert status == "200"
    assert len(json.loads(body)["uid"]) == 64
