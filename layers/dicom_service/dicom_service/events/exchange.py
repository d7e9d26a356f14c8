"""One HTTP/1.1 request over a connection of its own, every step of it held to one deadline by the clock.

A timeout per read bounds nothing: a server that sends a byte a second holds its client for as long as it likes.
"""

import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

MOST_HEAD_BYTES = 65_536
"""Of an answer, everything before its body, informational answers included."""

SEND_BYTES = 65_536

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?:[ \t].*)?\r?\n", re.DOTALL)
"""RFC 9112 section 4; the reason phrase, and the space before it, are often left out."""

SWITCHING_PROTOCOLS = 101


class ExchangeFailed(Exception):
    """There is no answer; the text says why and repeats nothing of what was sent or received."""


@dataclass(frozen=True)
class Answer:
    """The status, and the values of Retry-After, mostly none."""

    status: int
    retry_after: tuple[str, ...]


class Deadline:
    """A moment that is `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds until then; raises ExchangeFailed where it has passed."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> ExchangeFailed:
        """What an exchange that did not end in time fails with."""
        return ExchangeFailed(f"did not answer within {self._seconds:g} s")


@contextmanager
def connected(addresses: Sequence[str], port: int, seconds: float, deadline: Deadline) -> Iterator[socket.socket]:
    """A connection to the first of the addresses that takes it within `seconds`; raises ExchangeFailed."""
    for address in addresses:
        try:
            connection = socket.create_connection((address, port), min(seconds, deadline.left()))
        except TimeoutError:
            failure = ExchangeFailed(f"did not take the connection within {seconds:g} s")
        except OSError:
            failure = ExchangeFailed("refused the connection")
        else:
            with connection:
                yield connection
            return
    raise failure


@contextmanager
def encrypted(
    connection: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline
) -> Iterator[socket.socket]:
    """The connection under TLS with `host`, whose name or address the certificate must bear; raises ExchangeFailed."""
    connection.settimeout(deadline.left())
    try:
        tls = context.wrap_socket(connection, server_hostname=host.removesuffix("."))  # RFC 6066 section 3
    except TimeoutError as error:
        raise deadline.passed() from error
    except OSError as error:
        raise ExchangeFailed("TLS failed: the certificate or the handshake is not valid") from error
    with tls:
        yield tls


def exchange(connection: socket.socket, request: bytes, deadline: Deadline) -> Answer:
    """Sends the request and reads the head of the final answer, nothing behind it; raises ExchangeFailed."""
    try:
        _send(connection, request, deadline)
        return _answer(io.BufferedReader(_Received(connection, deadline)))
    except TimeoutError as error:
        raise deadline.passed() from error
    except OSError as error:
        raise ExchangeFailed("broke the connection off, or answered no HTTP") from error


def _send(connection: socket.socket, request: bytes, deadline: Deadline) -> None:
    """Sends what the other side takes: one that closes before it has read all may have answered why."""
    rest = memoryview(request)
    try:
        while rest:
            connection.settimeout(deadline.left())
            rest = rest[connection.send(rest[:SEND_BYTES]) :]
    except (BrokenPipeError, ConnectionResetError):
        return


class _Received(io.RawIOBase):
    """The bytes of an answer's head as they come."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._room = MOST_HEAD_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(self._deadline.left())
        size = self._connection.recv_into(buffer[: self._room]) if self._room else 0
        self._room -= size
        return size


def _answer(received: io.BufferedReader) -> Answer:
    """The final answer: informational ones before it are passed over (RFC 9110 section 15.2).

    101 is final, for nobody asked for another protocol.
    """
    while True:
        head = _head(received)
        status_line = STATUS_LINE.fullmatch(head[0]) if head else None
        if status_line is None:
            raise ConnectionError("no HTTP")
        status = int(status_line[1])
        if status >= 200 or status == SWITCHING_PROTOCOLS:
            fields = [line.partition(b":") for line in head[1:]]
            waits = [value for name, _, value in fields if name.strip().lower() == b"retry-after"]
            return Answer(status, tuple(value.strip().decode("latin-1") for value in waits))


def _head(received: io.BufferedReader) -> list[bytes]:
    """The lines before the empty one. A head that is cut off is none: it may lack what counts (RFC 9112 section 8)."""
    lines: list[bytes] = []
    while (line := received.readline()) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            raise ConnectionError("the head is cut off, or too long")
        lines.append(line)
    return lines
