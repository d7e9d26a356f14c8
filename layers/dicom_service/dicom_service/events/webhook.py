"""One POST to one subscriber: to the address that was checked, by the clock, without reading what it answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from dicom_service.events.address import AddressRefused, Resolve, callable_addresses, system_addresses
from dicom_service.events.schedule import asked_wait

if TYPE_CHECKING:
    from requests import Response, Session

MOST_ADDRESSES = 2


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


def pinned_session(host: str) -> "Session":
    """A session that asks no environment for proxies or passwords, and whose TLS is with `host`.

    It connects to addresses, so the name that the certificate must bear is set beside them:
    https://urllib3.readthedocs.io/en/stable/advanced-usage.html#custom-sni-hostname
    """
    from requests import Session
    from requests.adapters import HTTPAdapter

    class Pinned(HTTPAdapter):
        def init_poolmanager(self, *sizes: Any, **keywords: Any) -> None:
            super().init_poolmanager(*sizes, server_hostname=host, assert_hostname=host, **keywords)

    session = Session()
    session.trust_env = False
    session.mount("https://", Pinned())
    return session


@dataclass(frozen=True)
class Sender:
    """What an attempt needs of the world: the time in seconds since 1970, the addresses of names, HTTP sessions.

    `read_seconds` are those without a byte of the answer's head.
    """

    clock: Callable[[], float] = time.time
    resolve: Resolve = system_addresses
    new_session: Callable[[str], "Session"] = pinned_session
    connect_seconds: float = 5
    read_seconds: float = 20


def post(sender: Sender, url: str, payload: bytes, headers: Mapping[str, str]) -> Outcome:
    """Sends the bytes as JSON; follows no redirect and reads nothing but the answer's head.

    Raises nothing for what the subscriber does: every fault of its is an Outcome, in words that repeat nothing of the
    URL or the answer. Raises ConfigurationError.
    """
    from requests.exceptions import RequestException

    parts = urlsplit(url)
    host = str(parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = callable_addresses(host, port, sender.resolve)
        places = [_literal(address, port) for address in addresses[:MOST_ADDRESSES]]
        with sender.new_session(host.encode("idna").decode()) as session:
            response = _send(session, sender, parts, places, payload, headers)
    except AddressRefused as error:
        return Outcome(0, str(error), 0.0)
    except (RequestException, OSError, ValueError) as error:
        return Outcome(0, _in_words(error, sender), 0.0)
    retry_after = asked_wait(response.headers.get("Retry-After"), sender.clock())
    error_text = "" if 200 <= response.status_code < 300 else f"answered {response.status_code}"
    return Outcome(response.status_code, error_text, retry_after)


def _send(
    session: "Session",
    sender: Sender,
    parts: SplitResult,
    places: list[str],
    payload: bytes,
    headers: Mapping[str, str],
) -> "Response":
    """Posts to the first of the places that takes the connection."""
    from requests import exceptions

    login = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
    for place in places:
        try:
            with session.post(
                parts._replace(netloc=place, fragment="").geturl(),
                data=payload,
                headers={**headers, "Host": parts.netloc.rpartition("@")[2], "Content-Type": "application/json"},
                auth=login,
                timeout=(sender.connect_seconds, sender.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response
        except exceptions.ConnectionError as error:
            if place == places[-1] or not (isinstance(error, exceptions.ConnectTimeout) or _never_connected(error)):
                raise
    raise AddressRefused("the host's name has no address")


def _never_connected(error: Exception) -> bool:
    from urllib3.exceptions import NewConnectionError

    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _literal(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _in_words(error: Exception, sender: Sender) -> str:
    from requests.exceptions import ConnectTimeout, ReadTimeout, SSLError

    if isinstance(error, ConnectTimeout):
        return f"did not take the connection within {sender.connect_seconds} s"
    if isinstance(error, ReadTimeout):
        return f"did not answer within {sender.read_seconds} s"
    if isinstance(error, SSLError):
        return "TLS failed: the certificate or the handshake is not valid"
    if _never_connected(error):
        return "refused the connection"
    return "broke the connection off, or answered no HTTP"
