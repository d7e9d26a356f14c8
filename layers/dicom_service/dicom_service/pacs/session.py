"""One conversation with the PACS over HTTP: who we are, how long we wait, what is repeated, what an answer must be."""

import random
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from urllib.parse import quote, urlencode

import requests
from urllib3.exceptions import ReadTimeoutError

from dicom_service import correlation, settings
from dicom_service.errors import PacsError, PacsTimeout, PacsUnreachable
from dicom_service.pacs.answers import FAULTS, FAULTS_OF_GET, SUCCESS, PacsAnswer, accepted
from dicom_service.pacs.authorization import Credentials, VerbatimAuthorization, credentials
from dicom_service.pacs.circuit import Guard, circuit, unguarded
from dicom_service.pacs.connections import connections
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.streams import PacsStream, SizedBody
from dicom_service.pacs.tally import Tally
from dicom_service.pacs.tls import Tls, tls

CONNECT_SECONDS = 3.0
BUDGET_SECONDS = 25.0
"""What all calls of one invocation may take together: the function ends at 29 s, the HTTP API at 30 s."""

PAUSES_SECONDS = (0.2, 0.8)
"""Before the second and the third try of a request that may be repeated."""

WORTH_REPEATING = frozenset({429, 502, 503, 504})
PIECE_BYTES = 256 * 1024
MOST_BYTES = 400 * 1024 * 1024
"""The largest answer that is read: more would not fit into a function's memory."""


class PacsSession:
    """The calls of one invocation to the PACS or to its viewer, all within one budget of time.

    `name` is what error texts call the other side, `budget` the seconds for all calls, `patience`
    those for a connection and for each piece of a body to be taken; `clock` is monotonic. `authorization` is sent as
    it stands where it is text. `guard` is what each request passes through: it may refuse one. `tally` is told
    what becomes of each.
    """

    def __init__(
        self,
        base_url: str,
        authorization: str | Credentials,
        *,
        tls: Tls = Tls(),  # noqa: B008 - frozen
        guard: Guard = unguarded,
        name: str = "PACS",
        tally: Tally = Tally(),  # noqa: B008 - frozen
        budget: float,
        patience: float = CONNECT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url
        self._credentials: Credentials = (
            VerbatimAuthorization(authorization) if isinstance(authorization, str) else authorization
        )
        self._tls = tls
        self._guard = guard
        self._name = name
        self._tally = tally
        self._correlation = correlation.headers()
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + budget

    def prolonged(self, seconds: float) -> "PacsSession":
        """The same session with so much more time."""
        longer = copy(self)
        longer._deadline += seconds
        return longer

    @property
    def address(self) -> str:
        """The base URL, which tells one PACS from another."""
        return self._base_url

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | SizedBody | None = None,
        repeatable: bool = False,
        answers: Container[int] = SUCCESS,
    ) -> PacsAnswer:
        """One request below the base URL, its answer where the status is among `answers`.

        A repeatable request (one that changes nothing) is tried up to three times where the connection fails or the
        status is 429, 502, 503 or 504. Raises PacsRefusedCredentials for 401 and 403, PacsObjectUnknown for 404 and
        410, PacsConflict for 409, PacsTimeout where there is no answer in time, PacsError for everything else.
        """
        url = self._url(path, query)
        pauses = PAUSES_SECONDS if repeatable else ()

        def ask() -> PacsAnswer:
            answer = self._patiently(lambda: self._once(method, url, headers, body), pauses)
            return accepted(answer, answers, FAULTS if method != "GET" else FAULTS_OF_GET, self._name)

        asked: PacsAnswer = self._guard(ask)
        return asked

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str], answers: Container[int]
    ) -> Iterator[PacsStream]:
        """A GET whose answer is read while it comes; closed at the end, also where it was not read to its end.

        It is tried and raises as a repeatable request of `send` until the body begins, and no longer after that.
        """
        url = self._url(path, query)

        def ask() -> PacsStream:
            begun = self._patiently(lambda: self._begun(url, headers, answers), PAUSES_SECONDS)
            return accepted(begun, answers, FAULTS_OF_GET, self._name)

        stream: PacsStream = self._guard(ask)
        try:
            yield stream
        finally:
            stream.close()

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        """A comma stays one: Orthanc 1.10 takes no encoded one in the viewport of a picture."""
        return self._base_url + path + ("?" + urlencode(query, safe=",", quote_via=quote) if query else "")

    def _patiently[Answer: PacsAnswer | PacsStream](self, ask: Callable[[], Answer], pauses: Iterable[float]) -> Answer:
        for pause in pauses:
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
            try:
                answer = ask()
            except PacsError:
                if wait >= self._left():
                    raise
            else:
                wait = max(wait, _retry_after(answer.headers))
                if answer.status not in WORTH_REPEATING or wait >= self._left():
                    return answer
            self._sleep(wait)
        return ask()

    def _once(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | SizedBody | None
    ) -> PacsAnswer:
        with self._translated(), self._request(method, url, headers, body) as response:
            return PacsAnswer(response.status_code, response.headers, self._read(response))

    def _begun(self, url: str, headers: Mapping[str, str], answers: Container[int]) -> PacsStream:
        with self._translated():
            response = self._request("GET", url, {**headers, "Accept-Encoding": "identity"}, None)
        if response.status_code not in answers:
            response.close()
        length = response.headers.get("Content-Length", "")
        known = int(length) if length.isdigit() and not response.headers.get("Content-Encoding") else 0
        return PacsStream(response.status_code, response.headers, known, self._pieces(response), response.close)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | SizedBody | None
    ) -> requests.Response:
        """The answer with its body to come; asked for anew, once, where other credentials are to be had after a 401."""
        response = self._requested(method, url, headers, body)
        if response.status_code == 401 and self._credentials.renew():
            response.close()
            response = self._requested(method, url, headers, body)
        return response

    def _requested(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | SizedBody | None
    ) -> requests.Response:
        """A certificate authority given here goes before one that REQUESTS_CA_BUNDLE names."""
        begun = self._clock()
        response = connections().request(
            method,
            url,
            headers={**(headers or {}), **self._correlation},
            data=body,
            auth=self._credentials,
            timeout=(min(self._patience, self._left()), self._left()),
            verify=self._tls.authorities,
            cert=self._tls.certificate,
            allow_redirects=False,
            stream=True,
        )
        self._tally.answered(self._clock() - begun, response.status_code)
        return response

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        with self._translated():
            for piece in response.iter_content(PIECE_BYTES):
                self._left()
                yield piece

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in self._pieces(response):
            body += piece
            if len(body) > MOST_BYTES:
                raise PacsError(f"The {self._name} answered more than {MOST_BYTES} bytes")
        return bytes(body)

    def _left(self) -> float:
        left = self._deadline - self._clock()
        if left <= 0:
            raise PacsTimeout(f"The {self._name} did not answer in time")
        return left

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except requests.Timeout as error:
            self._tally.failed()
            raise PacsTimeout(f"The {self._name} did not answer in time") from error
        except (requests.RequestException, ValueError) as error:
            self._tally.failed()
            if error.args and isinstance(error.args[0], ReadTimeoutError):  # a body that stops coming
                raise PacsTimeout(f"The {self._name} did not answer in time") from error
            lost = isinstance(error, requests.ConnectionError)
            fault = PacsUnreachable if lost else PacsError
            raise fault(f"The {self._name} could not be reached ({type(error).__name__})") from error


def pacs_session(
    budget: float | None = None, patience: float = CONNECT_SECONDS, *, guarded: bool = True
) -> PacsSession:
    """A session with the PACS that the environment names; call it once per invocation, its budget starts then.

    One that is not `guarded` asks the PACS also while it is held to be down.
    """
    url, tally = settings.url("PACS_SERVICE_URL"), Tally(settings.optional("PACS_DIALECT", "o3"))
    return PacsSession(
        url,
        credentials(dialect().authorization, url),
        tls=tls(),
        guard=tally.guard(circuit(url) if guarded else unguarded),
        tally=tally,
        budget=budget or BUDGET_SECONDS,
        patience=patience,
    )


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
