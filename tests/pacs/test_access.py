"""Who may do what, the viewer's tokens, and how the server behaves as an HTTP server."""

import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from local.pacs.server import EmbeddedPacs
from tests.pacs.conftest import StartPacs
from tests.pacs.objects import MULTIPART, make_object, multipart, send

TOKEN = {"username": "dr", "role": "patient", "studyUID": "1.2.3", "patientID": "P1"}


@pytest.fixture
def guarded(start_pacs: StartPacs) -> EmbeddedPacs:
    return start_pacs(authorization="raw-key", viewer_authorization="viewer key")


def status(pacs: EmbeddedPacs, path: str, key: str | None = None, **options: object) -> int:
    headers = {} if key is None else {"Authorization": key}
    return requests.get(pacs.url + path, headers=headers, timeout=10, **options).status_code


@pytest.mark.parametrize(
    "path",
    [
        "/dicom-web/studies",
        "/dicom-web/studies/1.2.3/metadata",
        "/o3-dpacs-wado/qido/AET/studies",
        "/o3-dpacs-wado/mwl/search",
        "/o3-dpacs-wado/wado",
        "/dicom-web/nothing/here",
    ],
)
@pytest.mark.parametrize("key", [None, "", "raw-ke", "Bearer raw-key", "viewer key"])
def test_the_pacs_wants_its_own_key_verbatim(guarded: EmbeddedPacs, path: str, key: str | None) -> None:
    assert status(guarded, path, key) == 401
    assert status(guarded, path, "raw-key") != 401


def test_nothing_is_stored_without_the_key(guarded: EmbeddedPacs) -> None:
    refused = send(f"{guarded.url}/dicom-web/studies", make_object())
    stored = send(f"{guarded.url}/dicom-web/studies", make_object(), headers={"Authorization": "raw-key"})
    found = requests.get(f"{guarded.url}/dicom-web/studies", headers={"Authorization": "raw-key"}, timeout=10)
    assert (refused.status_code, stored.status_code, len(found.json())) == (401, 200, 1)


def test_the_viewer_wants_its_own_key(guarded: EmbeddedPacs) -> None:
    assert status(guarded, "/ngv/obscurl", None, params=TOKEN) == 401
    assert status(guarded, "/ngv/obscurl", "raw-key", params=TOKEN) == 401
    assert status(guarded, "/ngv/obscurl", "viewer key", params=TOKEN) == 200


def test_what_the_server_is_needs_no_key(guarded: EmbeddedPacs) -> None:
    assert requests.get(guarded.url + "/", timeout=10).json()["name"] == "Embedded PACS"


def test_a_token_is_new_each_time_and_opens_the_viewer_once(pacs: EmbeddedPacs) -> None:
    # given
    answers = [requests.get(f"{pacs.url}/ngv/obscurl", params=TOKEN, timeout=10) for _ in range(2)]
    first, second = (answer.text for answer in answers)
    # when
    opened = [requests.get(f"{pacs.url}/ngv", params={"q": token}, timeout=10) for token in (first, first, second)]
    # then
    assert answers[0].headers["Content-Type"].startswith("text/plain")
    assert first != second
    assert [page.status_code for page in opened] == [200, 410, 200]
    assert "1.2.3" in opened[0].text
    assert requests.get(f"{pacs.url}/ngv", params={"q": "guess"}, timeout=10).status_code == 404


def test_the_viewers_page_quotes_what_it_shows(pacs: EmbeddedPacs) -> None:
    token = requests.get(f"{pacs.url}/ngv/obscurl", params=TOKEN | {"studyUID": "<script>"}, timeout=10).text
    assert "<script>" not in requests.get(f"{pacs.url}/ngv", params={"q": token}, timeout=10).text


@pytest.mark.parametrize("wrong", [{"username": ""}, {"role": ""}, {"role": "admin"}])
def test_a_token_needs_a_user_and_a_known_role(pacs: EmbeddedPacs, wrong: dict[str, str]) -> None:
    assert status(pacs, "/ngv/obscurl", params=TOKEN | wrong) == 400


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """One answer of a connection that stays open."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head


def test_a_connection_serves_many_requests_even_after_a_body_nobody_read(guarded: EmbeddedPacs) -> None:
    # given
    body = multipart(make_object())
    about_body = f"Content-Type: {MULTIPART}\r\nContent-Length: {len(body)}\r\n"
    post = f"POST /dicom-web/studies HTTP/1.1\r\nHost: pacs\r\n{about_body}"
    address = urlsplit(guarded.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        # when
        refused = exchange(connection, post.encode() + b"\r\n" + body)
        stored = exchange(connection, post.encode() + b"Authorization: raw-key\r\n\r\n" + body)
        about = exchange(connection, b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n")
    # then
    assert [answer.split(b" ")[1] for answer in (refused, stored, about)] == [b"401", b"200", b"200"]


def test_an_unknown_path_and_method_are_client_errors(pacs: EmbeddedPacs) -> None:
    assert status(pacs, "/nothing") == 404
    assert requests.delete(f"{pacs.url}/dicom-web/studies", timeout=10).status_code == 405


def test_a_fault_of_its_own_tells_nothing_of_the_patient(
    pacs: EmbeddedPacs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as connection:
        connection.execute("DROP TABLE instance")
    # when
    answer = requests.get(f"{pacs.url}/dicom-web/studies?PatientName=Secret", timeout=10)
    # then
    assert (answer.status_code, answer.json()) == (500, {"status": 500, "error": "internal error"})
    assert "OperationalError" in caplog.text
    assert "Secret" not in caplog.text


def test_stopping_is_quick_and_leaves_no_thread(start_pacs: StartPacs) -> None:
    # given connections that stay open, one of them in the middle of a request
    before = set(threading.enumerate())
    pacs = start_pacs(webhook_url="http://127.0.0.1:9/")
    address = urlsplit(pacs.url)
    session = requests.Session()
    session.get(pacs.url, timeout=10)
    with socket.create_connection((address.hostname, address.port), timeout=10) as half:
        half.sendall(b"POST /dicom-web/studies HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf")
        # when
        began = time.monotonic()
        pacs.stop()
        took = time.monotonic() - began
    session.close()
    # then
    assert took < 2
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(pacs.url, timeout=1)


def test_a_taken_port_is_an_error(start_pacs: StartPacs) -> None:
    port = urlsplit(start_pacs().url).port
    with pytest.raises(OSError, match="in use"):
        start_pacs(port=port)
