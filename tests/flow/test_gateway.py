"""The gateway over HTTP: what reaches a function, what comes back, and the limits of the platform."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event
from urllib.parse import urlsplit

import pytest
import requests

from local.gateway import Gateway
from local.stack import LocalStack
from local.template import Route

MEGABYTE = 1024 * 1024


def test_a_request_reaches_the_function_as_an_event(odd_stack: LocalStack) -> None:
    # when
    answer = requests.get(f"{odd_stack.url}/echo/a%2Fb?x=1&X=2&x=3", headers={"Accept": "text/html"}, timeout=20)

    # then
    event = answer.json()["event"]
    assert answer.headers["apigw-requestid"] == event["requestContext"]["requestId"]
    assert event["routeKey"] == "GET /echo/{word}"
    assert event["pathParameters"] == {"word": "a/b"}
    assert event["queryStringParameters"] == {"x": "1,3", "X": "2"}
    assert event["headers"]["accept"] == "text/html"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_headers_that_come_twice_are_joined(odd_stack: LocalStack) -> None:
    # given a request that no client library would send
    connection = http.client.HTTPConnection(urlsplit(odd_stack.url).netloc, timeout=20)
    connection.putrequest("GET", "/echo/word")
    connection.putheader("X-Twice", "1")
    connection.putheader("x-twice", "2")
    connection.putheader("Cookie", "a=1; b=2")
    connection.endheaders()

    # when
    event = json.loads(connection.getresponse().read())["event"]
    connection.close()

    # then
    assert event["headers"]["x-twice"] == "1,2"
    assert event["cookies"] == ["a=1", "b=2"]


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "TRACE", "PROPFIND", "CONNECT", "get"])
def test_a_method_without_a_route_is_not_found(odd_stack: LocalStack, method: str) -> None:
    # when
    connection = http.client.HTTPConnection(urlsplit(odd_stack.url).netloc, timeout=20)
    connection.request(method, "/echo/word")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    # then
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert body == (b"" if method == "HEAD" else b'{"message":"Not Found"}')


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /echo/word HTTP/2.0", 505),
        (b"GET /echo/word HTTP/x", 400),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1", 414),
        (b"GET a b c d", 400),
    ],
    ids=["version 2", "no version", "long", "words"],
)
def test_a_request_that_cannot_be_read_is_answered_in_json(
    odd_stack: LocalStack, request_line: bytes, status: int
) -> None:
    # when
    address = urlsplit(odd_stack.url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=20) as client:
        client.sendall(request_line + b"\r\n\r\n")
        answer = client.makefile("rb").read()

    # then
    assert f" {status} ".encode() in answer.partition(b"\r\n")[0]
    assert b'{"message":"' in answer
    assert b"<html" not in answer.lower()


def test_a_function_sees_its_own_environment_and_no_other(odd_stack: LocalStack) -> None:
    told = requests.get(f"{odd_stack.url}/echo/word", timeout=20).json()

    environment, context = told["environment"], told["context"]
    assert environment["GREETING"] == "good day"
    assert environment["TABLE"].startswith("dicom-service-Table")
    assert environment["QUEUE_URL"].endswith(environment["QUEUE_URL"].rpartition("/")[2])
    assert environment["DEAD_LETTERS"].endswith(" in eu-central-1")
    assert environment["AWS_ENDPOINT_URL"] == odd_stack.aws.url
    assert not {"HOME", "HOSTNAME", "PACS_SERVICE_URL", "PYTEST_CURRENT_TEST"} & set(environment)
    assert context["function_name"] == environment["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
    assert context["memory_limit_in_mb"] == environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert 0 < context["remaining"] <= 5000


def test_each_environment_handles_one_event_at_a_time(odd_stack: LocalStack) -> None:
    # when ten clients ask at once
    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(lambda _: requests.get(f"{odd_stack.url}/sleep", timeout=20).json(), range(20)))

    # then they were served side by side, but never two by one process
    assert len({answer["process"] for answer in answers}) > 1
    by_process: dict[int, list[tuple[float, float]]] = {}
    for answer in answers:
        by_process.setdefault(answer["process"], []).append((answer["started"], answer["ended"]))
    for spans in by_process.values():
        spans.sort()
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_a_connection_serves_many_requests(odd_stack: LocalStack) -> None:
    connection = http.client.HTTPConnection(urlsplit(odd_stack.url).netloc, timeout=20)
    statuses = []
    for path in ("/echo/1", "/nowhere", "/odd/well", "/echo/2"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        assert not answer.will_close
    connection.close()

    assert statuses == [200, 404, 204, 200]


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/echo"), ("OPTIONS", "/echo")])
def test_what_is_no_route_is_not_found(odd_stack: LocalStack, method: str, path: str) -> None:
    answer = requests.request(method, odd_stack.url + path, timeout=20)

    assert (answer.status_code, answer.text) == (404, '{"message":"Not Found"}')


def test_head_has_no_body(odd_stack: LocalStack) -> None:
    answer = requests.head(f"{odd_stack.url}/echo/word", timeout=20)

    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("content_type", "size"),
    [
        ("text/plain", 10 * MEGABYTE + 1),  # more than the API takes
        ("application/dicom", 5 * MEGABYTE),  # more than a function takes, once it is base64
        ("text/plain", 6 * MEGABYTE),  # more than a function takes, with the rest of the event
        ("text/plain", 40 * MEGABYTE),
    ],
)
def test_a_body_that_is_too_large_is_a_413(odd_stack: LocalStack, content_type: str, size: int) -> None:
    answer = requests.post(
        f"{odd_stack.url}/echo", data=b"x" * size, headers={"Content-Type": content_type}, timeout=20
    )

    assert (answer.status_code, answer.text) == (413, '{"message":"Request Entity Too Large"}')


def test_a_body_in_chunks_that_is_too_large_is_a_413(odd_stack: LocalStack) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * MEGABYTE

    answer = requests.post(f"{odd_stack.url}/echo", data=chunks(), timeout=20)

    assert answer.status_code == 413


def test_a_body_in_chunks_arrives_whole(odd_stack: LocalStack) -> None:
    answer = requests.post(
        f"{odd_stack.url}/echo", data=iter([b"one ", b"two"]), headers={"Content-Type": "text/plain"}, timeout=20
    )

    assert answer.json()["event"]["body"] == "one two"


def test_a_body_below_the_limit_passes(odd_stack: LocalStack) -> None:
    body = b"x" * (4 * MEGABYTE)

    answer = requests.post(f"{odd_stack.url}/echo", data=body, headers={"Content-Type": "text/plain"}, timeout=20)

    assert len(answer.json()["event"]["body"]) == len(body)


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("hugely", 502, "Internal Server Error"),
        ("slowly", 503, "Service Unavailable"),
        ("never", 500, "Internal Server Error"),
        ("failing", 500, "Internal Server Error"),
        ("brokenly", 500, "Internal Server Error"),
    ],
)
def test_a_function_that_fails_is_answered_as_the_platform_does(
    odd_stack: LocalStack, capfd: pytest.CaptureFixture[str], how: str, status: int, message: str
) -> None:
    # when
    began = time.monotonic()
    answer = requests.get(f"{odd_stack.url}/odd/{how}", timeout=20)

    # then
    assert (answer.status_code, answer.text) == (status, f'{{"message":"{message}"}}')
    assert time.monotonic() - began < 8
    assert "Doe" not in capfd.readouterr().out
    # and the next one is served
    assert requests.get(f"{odd_stack.url}/odd/well", timeout=20).status_code == 204


def test_an_environment_that_ended_while_it_was_idle_is_replaced(odd_stack: LocalStack) -> None:
    assert requests.get(f"{odd_stack.url}/odd/before_it_ends", timeout=20).status_code == 204
    time.sleep(1)

    assert requests.get(f"{odd_stack.url}/odd/well", timeout=20).status_code == 204


def test_a_function_that_cannot_be_imported_is_a_500(odd_stack: LocalStack, capfd: pytest.CaptureFixture[str]) -> None:
    answer = requests.get(f"{odd_stack.url}/broken", timeout=20)

    assert answer.status_code == 500
    printed = capfd.readouterr().out
    assert "could not be imported: RuntimeError in" in printed
    assert "Doe" not in printed


def test_the_largest_answer_passes(odd_stack: LocalStack) -> None:
    assert len(requests.get(f"{odd_stack.url}/odd/largely", timeout=20).content) == 6 * MEGABYTE - 101


@pytest.mark.parametrize(
    "heads",
    [
        "Content-Length: -1",
        "Content-Length: many",
        "Content-Length: +2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_body_whose_end_is_not_certain_is_a_400(odd_stack: LocalStack, heads: str) -> None:
    """RFC 9112 section 6.3: what is left of it would be taken for the next request."""
    address = urlsplit(odd_stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(f"POST /echo HTTP/1.1\r\nHost: x\r\n{heads}\r\n\r\n".encode())

        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("sent", "query"), [(b"M\xc3\xbc", "x=M%C3%BC"), (b"M\xfc", "x=M%FC"), (b"%2a+", "x=%2a+")])
def test_bytes_that_a_client_does_not_encode_are_not_read_in_another_character_set(
    odd_stack: LocalStack, sent: bytes, query: str
) -> None:
    """Another Patient ID would be asked for."""
    address = urlsplit(odd_stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(b"GET /echo/word?x=" + sent + b" HTTP/1.0\r\n\r\n")
        answer = connection.makefile("rb").read()

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["event"]["rawQueryString"] == query


def test_a_function_whose_environments_are_all_busy_is_throttled(odd_stack: LocalStack) -> None:
    # given a function that may have one environment, which is busy until the function times out
    with ThreadPoolExecutor(1) as busy:
        first = busy.submit(requests.get, f"{odd_stack.url}/odd/slowly", timeout=20)
        time.sleep(0.3)

        # when
        throttled = requests.get(f"{odd_stack.url}/odd/well", timeout=20)

        # then
        assert (throttled.status_code, throttled.text) == (503, '{"message":"Service Unavailable"}')
        assert not first.done()
        assert first.result().status_code == 503


def test_the_integration_is_waited_for_no_longer_than_the_api_does() -> None:
    # given an API that waits a tenth of a second
    released = Event()
    gateway = Gateway(0, integration_seconds=0.1)
    gateway.start([Route("GET", "/slow", "Slow")], lambda _function, _event: released.wait(20))

    # when
    answer = requests.get(f"{gateway.url}/slow", timeout=20)
    released.set()
    gateway.stop()

    # then
    assert (answer.status_code, answer.text) == (504, '{"message":"Gateway Timeout"}')
