"""What a subscriber may do to a delivery, on the wire: the attempt ends in time, and the log says how."""

import itertools
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_service.events.webhook import Outcome, Sender, post
from tests.faults.servers import RawServer, certificate, tls

HEADERS = {"webhook-id": "e1"}
PAYLOAD = b'{"StudyInstanceUID":"1.2"}'
GIGABYTE = 1_000_000_000
NO_HTTP = Outcome(0, "broke the connection off, or answered no HTTP", 0)


@pytest.fixture(autouse=True)
def _anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", "true")


def answering(head: str) -> RawServer:
    """A server that answers so, and ends the connection."""
    return RawServer(lambda connection: connection.sendall(head.replace("\n", "\r\n").encode()))


def test_the_patience_of_a_real_attempt() -> None:
    assert (Sender().connect_seconds, Sender().answer_seconds) == (5, 20)


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
        outcome = post(Sender(answer_seconds=0.2), server.url, PAYLOAD, HEADERS)
    assert outcome == Outcome(0, "did not answer within 0.2 s", 0)


def dripping(text: bytes) -> Callable[[socket.socket], None]:
    """A conversation that sends a byte of the text every tenth of a second, for ever; without one it is silent."""

    def drip(connection: socket.socket) -> None:
        for at in itertools.count():
            connection.sendall(text[at % len(text) :][:1] if text else b"")
            time.sleep(0.1)

    return drip


@pytest.mark.parametrize(
    "text", [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 600, b"HTTP/1.1 102 Processing\r\n\r\n"], ids=["head", "informational"]
)
def test_a_dripping_answer_ends_with_the_whole_time_it_has(text: bytes) -> None:
    with RawServer(dripping(text)) as server:
        started = time.monotonic()
        outcome = post(Sender(answer_seconds=1), server.url, PAYLOAD, HEADERS)
    assert outcome == Outcome(0, "did not answer within 1 s", 0)
    assert 1 <= time.monotonic() - started < 10, "each byte would have given it another second"


@pytest.mark.parametrize("begins", [b"", b"\x16\x03\x03\x40\x00"], ids=["nothing", "a record that never ends"])
def test_a_tls_handshake_ends_with_the_whole_time_it_has(begins: bytes) -> None:
    def linger(connection: socket.socket) -> None:
        connection.sendall(begins)
        dripping(begins and b"\x00")(connection)

    with RawServer(linger) as server:
        url = server.url.replace("http://", "https://")
        assert post(Sender(answer_seconds=1), url, PAYLOAD, HEADERS) == Outcome(0, "did not answer within 1 s", 0)


def test_a_subscriber_that_does_not_read_ends_with_the_whole_time_it_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        outcome = post(Sender(answer_seconds=0.5), url, bytes(30_000_000), HEADERS)
    assert outcome == Outcome(0, "did not answer within 0.5 s", 0)


def test_an_answer_that_comes_before_the_payload_was_read() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1_000_000):
            pass

    with RawServer(refuse) as server:
        outcome = post(Sender(), server.url, bytes(8_000_000), {**HEADERS, "X": "y"})
    assert outcome == Outcome(413, "answered 413", 0)


def test_a_name_that_nobody_looks_up_in_time() -> None:
    def ponder(_host: str, _port: int) -> list[str]:
        time.sleep(5)
        return ["127.0.0.1"]

    outcome = post(Sender(resolve=ponder, connect_seconds=0.2), "http://ris.example/", PAYLOAD, HEADERS)
    assert outcome == Outcome(0, "the host's name was not looked up within 0.2 s", 0)


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
        ("", NO_HTTP),
        ("SSH-2.0-OpenSSH_9.6\n", NO_HTTP),
        ("hello\n\n", NO_HTTP),
        ("HTTP/0.9 200 OK\n\n", NO_HTTP),
        ("HTTP/2 200\n\n", NO_HTTP),
        ("HTTP/1.1 20\n\n", NO_HTTP),
        ("HTTP/1.1 2000 OK\n\n", NO_HTTP),
        ("\n\n", NO_HTTP),
        ("HTTP/1.1 200", NO_HTTP),
        ("HTTP/1.1 200 OK\nX: y\n", NO_HTTP),
        ("HTTP/1.1 200 OK\nX: " + "y" * 70_000 + "\n\n", NO_HTTP),
        ("HTTP/1.1 200 OK\n" + "X: y\n" * 20_000 + "\n", NO_HTTP),
        ("HTTP/1.1 103 Early Hints\n\n" * 5_000 + "HTTP/1.1 200 OK\n\n", NO_HTTP),
        ("HTTP/1.1 103 Early Hints\n\n", NO_HTTP),
        ("HTTP/1.1 200 OK\n" + "X: y\n" * 200 + "\n", Outcome(200, "", 0)),
        ("HTTP/1.0 200\n\n", Outcome(200, "", 0)),
        ("HTTP/1.1 200 \n\n", Outcome(200, "", 0)),
        ("HTTP/1.1 204 No Content\nContent-Length: 5\n\nhello", Outcome(204, "", 0)),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X\n\n5\nhel", Outcome(200, "", 0)),
        ("HTTP/1.1 100 Continue\n\nHTTP/1.1 204 No Content\n\n", Outcome(204, "", 0)),
        ("HTTP/1.1 102 Processing\n\n" * 9 + "HTTP/1.1 503 No\n\n", Outcome(503, "answered 503", 0)),
        ("HTTP/1.1 103 Early\nLink: </a>\nRetry-After: 9\n\nHTTP/1.1 201 Made\n\n", Outcome(201, "", 0)),
        ("HTTP/1.1 101 Switching Protocols\nUpgrade: h2c\n\n", Outcome(101, "answered 101", 0)),
        ("HTTP/1.1 200 OK\nretry-after :4\nRetry-After: Mon, 01 Jan 99999999999 00:00:00 GMT\n\n", Outcome(200, "", 4)),
        ("HTTP/1.1 200 OK\nContent-Length: x\nContent-Encoding: gzip\n\nnot gzip", Outcome(200, "", 0)),
        ("HTTP/1.1 307 Go\nLocation: http://169.254.169.254/\n\n", Outcome(307, "answered 307", 0)),
        ("HTTP/1.1 429 Slow\nRetry-After: 7\nContent-Length: 0\n\n", Outcome(429, "answered 429", 7)),
        ("HTTP/1.1 999 What\n\n", Outcome(999, "answered 999", 0)),
    ],
)
def test_answers_of_all_kinds(head: str, outcome: Outcome) -> None:
    """RFC 9112 sections 4 and 8, RFC 9110 sections 10.2.3 and 15.2; the body is never looked at."""
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


@pytest.mark.parametrize(
    ("host", "asked", "field"),
    [
        ("straße.example", "xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("user:pass@Straße.Example", "xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("RIS_1.example.", "ris_1.example.", "ris_1.example."),
        ("日本語。example", "xn--wgv71a119e.example", "xn--wgv71a119e.example"),
        ("[2001:DB8::1]", "2001:db8::1", "[2001:db8::1]"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_hosts_in_idna_2008_and_as_addresses(host: str, asked: str, field: str) -> None:
    """RFC 5891 and UTS 46; the Host field has the same name, and the URL's own port (RFC 9110 section 7.2)."""
    looked_up = []

    def resolve(name: str, _port: int) -> list[str]:
        looked_up.append(name)
        return ["127.0.0.1"]

    with answering("HTTP/1.1 200 OK\n\n") as server:
        outcome = post(Sender(resolve=resolve), f"http://{host}:{server.port}/", PAYLOAD, HEADERS)
    assert outcome.delivered
    assert looked_up == [asked]
    assert f"\r\nHost: {field}:{server.port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("host", ["a..example", "☃.example", "x" * 64 + ".example", "[fe80::1%25eth0]", "a%62.example"])
def test_a_host_that_is_none(host: str) -> None:
    outcome = post(Sender(), f"http://{host}/", PAYLOAD, HEADERS)
    assert (outcome.status, outcome.error.startswith("the host's ")) == (0, True)


def test_paths_and_queries_as_they_are_configured_but_in_ascii() -> None:
    with answering("HTTP/1.1 200 OK\n\n") as server:
        url = f"http://us%20er:p%40ss@127.0.0.1:{server.port}/a/ü/100%/%2F;v=1?q=é&r=a%20b?"
        assert post(Sender(), url, PAYLOAD, HEADERS).delivered
    head = server.requests[0].partition(b"\r\n\r\n")[0]
    assert head.startswith(b"POST /a/%C3%BC/100%25/%2F;v=1?q=%C3%A9&r=a%20b? HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Basic dXMgZXI6cEBzcw==" in head


class TestTls:
    """The certificate must be the name's, though the connection is to an address."""

    def sender(self, trusted: Path | None) -> Sender:
        if trusted is None:
            return Sender(resolve=lambda _host, _port: ["127.0.0.1"])
        context = ssl.create_default_context(cafile=trusted)
        return Sender(resolve=lambda _host, _port: ["127.0.0.1"], trust=lambda: context)

    def outcome(self, tmp_path: Path, name: str, host: str, *, trusted: bool) -> Outcome:
        pem = certificate(tmp_path, name)
        answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        with RawServer(lambda connection: connection.sendall(answer), tls(pem)) as server:
            sender = self.sender(pem if trusted else None)
            return post(sender, f"https://{host}:{server.port}/", PAYLOAD, HEADERS)

    def test_a_certificate_of_the_hosts_name(self, tmp_path: Path) -> None:
        assert self.outcome(tmp_path, "ris.example", "ris.example", trusted=True) == Outcome(204, "", 0)

    def test_a_name_in_another_alphabet_and_one_with_a_dot_at_its_end(self, tmp_path: Path) -> None:
        name = "xn--strae-oqa.example"
        assert self.outcome(tmp_path, name, "straße.example.", trusted=True) == Outcome(204, "", 0)

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
