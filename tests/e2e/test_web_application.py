"""A page of another origin, in a browser: it schedules, uploads and shows exams where its origin is allowed."""

import functools
import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from local.stack import LocalStack, Settings
from tests.e2e.browser import Page, browsing
from tests.installed import program
from tests.pacs.objects import make_object, uids
from tests.structure.sources import ROOT

SMALL = make_object(PatientID="PAGE")
LARGE = make_object(PatientID="PAGE", Rows=2000, Columns=1600, PixelData=bytes(range(256)) * 25_000)
UPLOAD = re.findall(r"```js\n(.*?)```", (ROOT / "docs/transfers.md").read_text(), re.DOTALL)
"""What the documentation has application teams write."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The origin of a page, and of a file that its user has."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<title>An application</title>")
    (folder / "large.dcm").write_bytes(LARGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(site: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Page, LocalStack]]:
    """The page in a browser, and the service, which allows the origins that the test names."""
    chromium = program("chromium", "chromium")
    with ExitStack() as running:
        variables = {"CORS_ALLOWED_ORIGINS": request.param.replace("SITE", site)}
        stack = running.enter_context(LocalStack(Settings(variables=variables)))
        page = running.enter_context(browsing(chromium, tmp_path / "profile"))
        page.open(f"{site}/")
        page.wait_for("document.title == 'An application'")
        yield page, stack


@pytest.mark.parametrize("opened", ["https://app.example.org,SITE"], indirect=True)
def test_a_page_uploads_a_file_of_any_size_and_fetches_it_back(opened: tuple[Page, LocalStack]) -> None:
    page, stack = opened
    (upload,) = UPLOAD
    # when
    told = page.evaluate(
        f"""(async () => {{
          {upload}
          const content = await (await fetch("/large.dcm")).blob();
          return await upload("{stack.url}", "a token", new File([content], "large.dcm"));
        }})()"""
    )
    # then
    assert told["state"] == "STORED", told
    # when
    study, series, instance = uids(LARGE)
    path = f"/exams/studies/{study}/series/{series}/instances/{instance}"
    digest = page.evaluate(
        f"""(async () => {{
          const answer = await fetch("{stack.url}{path}?fileType=application/dicom");
          const digest = await crypto.subtle.digest("SHA-256", await answer.arrayBuffer());
          return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, "0")).join("");
        }})()"""
    )
    # then
    assert digest == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.parametrize("opened", ["SITE"], indirect=True)
def test_a_page_may_ask_in_every_way_and_reads_what_headers_tell(opened: tuple[Page, LocalStack]) -> None:
    page, stack = opened
    study, series, _ = uids(SMALL)
    requests.post(f"{stack.url}/exams", files={"file": SMALL}, timeout=20).raise_for_status()
    # when it asks for a picture that it has
    picture = f"{stack.url}/exams/studies/{study}/series/{series}/thumbnail"
    etag = page.evaluate(f"fetch('{picture}').then(answer => answer.headers.get('ETag'))")
    again = f"fetch('{picture}', {{headers: {{'If-None-Match': '{etag}'}}, cache: 'no-store'}})"
    # then
    assert page.evaluate(f"{again}.then(answer => answer.status)") == 304
    # when it changes a workitem that there is not
    changed = f"fetch('{stack.url}/workitems/1.2', {{method: 'PATCH', body: '{{\"status\": \"ARRIVED\"}}'}})"
    # then
    assert page.evaluate(f"{changed}.then(answer => answer.json()).then(problem => problem.status)") == 404


@pytest.mark.parametrize("opened", ["https://app.example.org"], indirect=True)
def test_a_page_of_an_origin_that_is_not_allowed_reads_nothing(opened: tuple[Page, LocalStack]) -> None:
    page, stack = opened
    failed = page.evaluate(f"fetch('{stack.url}/uid').then(() => 'read', error => error.name)")
    assert failed == "TypeError"
