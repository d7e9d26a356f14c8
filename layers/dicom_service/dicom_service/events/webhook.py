"""One POST to one subscriber: to the address that was checked, by the clock, without reading what it answers."""

import base64
import functools
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket
from threading import Thread
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dicom_service.events.address import AddressRefused, Resolve, ascii_host, callable_addresses, system_addresses
from dicom_service.events.exchange import Deadline, ExchangeFailed, connected, encrypted, exchange
from dicom_service.events.schedule import asked_wait

MOST_ADDRESSES = 2

PATH = "/%:@!$&'()*+,;=~"
"""What stands for itself in a path, beside letters, digits and -._ (RFC 3986 section 3.3); a query has ? too."""

NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Outcome:
    """What came of it: an HTTP status, 0 where there was none; what went wrong; the seconds of Retry-After."""

    status: int
    error: str
    retry_after: float

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


@functools.cache
def public_trust() -> ssl.SSLContext:
    """The client's side of TLS, which trusts the authorities that certifi lists."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True)
class Sender:
    """What an attempt needs of the world: the time in seconds since 1970, the addresses of names, whom TLS trusts.

    `answer_seconds` are those of the whole attempt, from the host's name to the end of the answer's head;
    `connect_seconds` those of them that the name, and then each of its addresses, may take.
    """

    clock: Callable[[], float] = time.time
    resolve: Resolve = system_addresses
    trust: Callable[[], ssl.SSLContext] = public_trust
    connect_seconds: float = 5
    answer_seconds: float = 20


def post(sender: Sender, url: str, payload: bytes, headers: Mapping[str, str]) -> Outcome:
    """Sends the bytes as JSON; follows no redirect and reads nothing but the answer's head.

    Raises nothing for what the subscriber does: every fault of its is an Outcome, in words that repeat nothing of the
    URL or the answer. Raises ConfigurationError.
    """
    parts = urlsplit(url)
    deadline = Deadline(sender.answer_seconds)
    try:
        request = _request(parts, payload, headers)
        with _connection(sender, parts, deadline) as connection:
            answer = exchange(connection, request, deadline)
    except (AddressRefused, ExchangeFailed) as error:
        return Outcome(0, str(error), 0.0)
    retry_after = max((asked_wait(text, sender.clock()) for text in answer.retry_after), default=0.0)
    return Outcome(answer.status, "" if 200 <= answer.status < 300 else f"answered {answer.status}", retry_after)


@contextmanager
def _connection(sender: Sender, parts: SplitResult, deadline: Deadline) -> Iterator[socket]:
    host = ascii_host(parts.hostname or "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _addresses(sender, host, port, deadline)[:MOST_ADDRESSES]
    with connected(addresses, port, sender.connect_seconds, deadline) as plain:
        if parts.scheme == "http":
            yield plain
            return
        with encrypted(plain, sender.trust(), host, deadline) as tls:
            yield tls


def _addresses(sender: Sender, host: str, port: int, deadline: Deadline) -> list[str]:
    """Asks in a thread of its own, because nothing else bounds how long the system takes to look a name up."""
    addresses: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            addresses.set_result(callable_addresses(host, port, sender.resolve))
        except Exception as error:  # noqa: BLE001 - it is raised by `result`
            addresses.set_exception(error)

    Thread(target=look_up, daemon=True).start()
    try:
        return addresses.result(min(sender.connect_seconds, deadline.left()))
    except TimeoutError as error:
        raise AddressRefused(f"the host's name was not looked up within {sender.connect_seconds:g} s") from error


def _request(parts: SplitResult, payload: bytes, headers: Mapping[str, str]) -> bytes:
    """The request's bytes. Only ASCII is left in the URL: its host in IDNA, the rest as percent-encoded UTF-8."""
    target = _escaped(parts.path, PATH) or "/"
    if parts.query:
        target += "?" + _escaped(parts.query, PATH + "?")
    fields = {
        "Host": _host_field(parts),
        "User-Agent": "dicom-service",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Content-Length": str(len(payload)),
        "Connection": "close",
        **headers,
    }
    if parts.username or parts.password:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        fields["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + payload


def _host_field(parts: SplitResult) -> str:
    host = ascii_host(parts.hostname or "")
    literal = f"[{host}]" if ":" in host else host
    return literal if parts.port is None else f"{literal}:{parts.port}"


def _escaped(text: str, safe: str) -> str:
    return NO_ESCAPE.sub("%25", quote(text, safe=safe))
