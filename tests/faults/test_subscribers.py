"""What a subscriber may do to a delivery, on the wire: the attempt ends in time, and the log says how."""

import socket
import time
from pathlib import Path

import pytest
from requests import Session

from dicom_service.events.webhook import Outcome, Sender, pinned_session, post
from tests.faults.servers import RawServer, certificate, tls

HEADERS = {"webhook-id": "e1"}
PAYLOAD = b'{"StudyInstanceUID":"1.2"}'
GIGABYTE = 1_000_000_000


@pytest.fixture(autouse=True)
def _anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")


def answering(head: str) -> RawServer:
    """A server that answers so, and ends the connection."""
    return RawServer(lambda connection: connection.sendall(head.replace("\n", "\r\n").encode()))


def test_the_patience_of_a_real_attempt() -> None:
    assert (Sender().connect_seconds, Sender().read_seconds) == (5, 20)


def test_a_body_of_a_gigabyte_is_not_read() -> None:
    sent = []

    def pour(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n".encode())
        block = bytes(65536)
        while sum(sent) < GIGABYTE:
            sent.append(connection.send(block))

    with RawServer(pour) as server:
        started = time.monotonic()
        outcome = post(Sender(), server.url, PAYLOAD, HEADERS)
    assert outcome == Outcome(200, "", 0)
    assert sum(sent) < 20_000_000
    assert time.monotonic() - started < 5


def test_an_answer_that_takes_19_seconds_is_taken() -> None:
    def ponder(connection: socket.socket) -> None:
        time.sleep(19)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with RawServer(ponder) as server:
        assert post(Sender(), server.url, PAYLOAD, HEADERS) == Outcome(200, "", 0)


def test_no_answer_in_time() -> None:
    with RawServer(lambda _connection: time.sleep(5)) as server:
        outcome = post(Sender(read_seconds=0.2), server.url, PAYLOAD, HEADERS)
    assert outcome == Outcome(0, "did not answer within 0.2 s", 0)


def test_a_connection_that_is_not_taken_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        outcome = post(Sender(connect_seconds=0.2), f"http://127.0.0.1:{port}", PAYLOAD, HEADERS)
        for one in waiting:
            one.close()
    assert outcome == Outcome(0, "did not take the connection within 0.2 s", 0)


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        ("", Outcome(0, "broke the connection off, or answered no HTTP", 0)),
        ("SSH-2.0-OpenSSH_9.6\n", Outcome(0, "broke the connection off, or answered no HTTP", 0)),
        ("HTTP/1.1 200 OK\n" + "X: y\n" * 200 + "\n", Outcome(0, "broke the connection off, or answered no HTTP", 0)),
        ("HTTP/1.1 200 OK\nContent-Length: x\nContent-Encoding: gzip\n\nnot gzip", Outcome(200, "", 0)),
        ("HTTP/1.1 307 Go\nLocation: http://169.254.169.254/\n\n", Outcome(307, "answered 307", 0)),
        ("HTTP/1.1 429 Slow\nRetry-After: 7\nContent-Length: 0\n\n", Outcome(429, "answered 429", 7)),
        ("HTTP/1.1 999 What\n\n", Outcome(999, "answered 999", 0)),
    ],
)
def test_answers_of_all_kinds(head: str, outcome: Outcome) -> None:
    with answering(head) as server:
        assert post(Sender(), server.url, PAYLOAD, HEADERS) == outcome


def test_the_first_of_two_addresses_that_takes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering("HTTP/1.1 200 OK\n\n") as server:
        sender = Sender(resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
        outcome = post(sender, f"http://subscriber.example:{server.port}/a%20b?c=d%26e", PAYLOAD, HEADERS)
    assert outcome.delivered
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%20b?c=d%26e HTTP/1.1\r\n")
    assert f"\r\nHost: subscriber.example:{server.port}\r\n".encode() in head
    assert body == PAYLOAD


class TestTls:
    """The certificate must be the name's, though the connection is to an address."""

    def sender(self, trusted: Path | None) -> Sender:
        def session(host: str) -> Session:
            made = pinned_session(host)
            if trusted:
                made.verify = str(trusted)
            return made

        return Sender(resolve=lambda _host, _port: ["127.0.0.1"], new_session=session)

    def outcome(self, tmp_path: Path, name: str, host: str, *, trusted: bool) -> Outcome:
        pem = certificate(tmp_path, name)
        answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        with RawServer(lambda connection: connection.sendall(answer), tls(pem)) as server:
            sender = self.sender(pem if trusted else None)
            return post(sender, f"https://{host}:{server.port}/", PAYLOAD, HEADERS)

    def test_a_certificate_of_the_hosts_name(self, tmp_path: Path) -> None:
        assert self.outcome(tmp_path, "ris.example", "ris.example", trusted=True) == Outcome(204, "", 0)

    def test_a_certificate_of_an_address(self, tmp_path: Path) -> None:
        assert self.outcome(tmp_path, "127.0.0.1", "127.0.0.1", trusted=True) == Outcome(204, "", 0)

    @pytest.mark.parametrize(
        ("name", "host", "trusted"),
        [
            ("ris.example", "ris.example", False),
            ("other.example", "ris.example", True),
            ("127.0.0.1", "ris.example", True),
        ],
        ids=["of nobody who is trusted", "of another name", "of the address"],
    )
    def test_any_other_certificate(self, tmp_path: Path, name: str, host: str, trusted: bool) -> None:
        outcome = self.outcome(tmp_path, name, host, trusted=trusted)
        assert outcome == Outcome(0, "TLS failed: the certificate or the handshake is not valid", 0)

    def test_a_server_that_speaks_no_tls(self) -> None:
        with answering("HTTP/1.1 200 OK\n\n") as server:
            outcome = post(Sender(), server.url.replace("http://", "https://"), PAYLOAD, HEADERS)
        assert outcome == Outcome(0, "TLS failed: the certificate or the handshake is not valid", 0)
