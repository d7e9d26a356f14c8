"""The DICOM Service over HTTP, as a client sees it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from client.credentials import Credentials, GivenToken
from client.endings import Refusal, TurnedAway

TIMEOUT = (5, 60)
UNAUTHORIZED, FORBIDDEN = 401, 403
HOW_TO_SAY = "set DICOM_SERVICE_TOKEN, or give --token-file or --client-id"
PAUSES_SECONDS = (1.0, 3.0, 9.0)
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.2, 60.0
NOT_BEGUN = frozenset({429, 503})
"""Answers after which any request may be repeated: it was turned away at the door."""

WORTH_REPEATING = NOT_BEGUN | {502, 504}


class Service:
    """The service at a URL. One may be used from several threads."""

    def __init__(self, url: str, credentials: Credentials = GivenToken()) -> None:  # noqa: B008 - frozen
        self._url = url.rstrip("/")
        self._credentials = credentials

    @property
    def name(self) -> str:
        """Its URL without a password."""
        parts = urlsplit(self._url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def get(self, path: str, **query: str) -> requests.Response:
        """The answer, redirects not followed; raises Refusal.

        path: below the service's URL, or a whole URL of the service as a `Location` gives it.
        """
        return self._send("GET", path, params={name: value for name, value in query.items() if value})

    def get_json[T](self, kind: type[T], path: str, **query: str) -> T:
        """The answer's JSON, which has to be of that type; raises Refusal."""
        return self.json_of(kind, self.get(path, **query))

    def post_json[T](
        self, kind: type[T], path: str, *, json: Any = None, data: bytes | None = None, content_type: str = ""
    ) -> T:
        """The answer's JSON, which has to be of that type; raises Refusal."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self.json_of(kind, self._send("POST", path, json=json, data=data, headers=headers))

    def json_of[T](self, kind: type[T], answer: requests.Response) -> T:
        """The JSON of an answer, which has to be of that type; raises Refusal, also for a redirect."""
        document = _parsed(answer)
        if not answer.status_code < 300 or not isinstance(document, kind):
            raise self.stranger(answer)
        return document

    def stranger(self, answer: requests.Response) -> Refusal:
        """The refusal to go on with an answer that the DICOM Service would not give."""
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no content type"
        return Refusal(
            answer.status_code,
            f"{self.name} is not the DICOM Service or is behind a login page (it answered with status "
            f"{answer.status_code}, {kind})",
        )

    def where(self, answer: requests.Response) -> str:
        """The URL that a `Location` leads to; raises Refusal where there is none."""
        location = answer.headers.get("Location", "")
        if not location:
            raise self.stranger(answer)
        return urljoin(answer.url, location)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> requests.Response:
        """GETs are repeated where the service, or the way to it, fails for a moment; others where it has not begun."""
        url = path if "://" in path else self._url + path
        if _origin(url) != _origin(self._url):
            raise Refusal(0, f"{self.name} leads to another host, {_origin(url)[1]}: it may be a login page")
        for pause in (*PAUSES_SECONDS, None):
            try:
                answer = self._asked(method, url, headers or {}, **content)
            except requests.RequestException as error:
                if method != "GET" or pause is None or not _may_pass(error):
                    raise Refusal(0, unreachable("the service", error)) from error
            else:
                if pause is None or answer.status_code not in (WORTH_REPEATING if method == "GET" else NOT_BEGUN):
                    return _accepted(answer)
                pause = retry_after(answer, pause)
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _asked(self, method: str, url: str, headers: Mapping[str, str], **content: Any) -> requests.Response:
        """The answer to one request, shown another token where there is one and the first is refused."""

        def send(token: str) -> requests.Response:
            shown = {"Authorization": f"Bearer {token}"} if token else {}
            return requests.request(
                method, url, headers={**shown, **headers}, timeout=TIMEOUT, allow_redirects=False, **content
            )

        token = self._credentials.token()
        answer = send(token)
        if answer.status_code == UNAUTHORIZED and self._credentials.another(token):
            answer = send(self._credentials.token())
        return answer


@contextmanager
def understood() -> Iterator[None]:
    """For reading an answer: raises Refusal where it is JSON of another shape than the service's."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Refusal(0, "the answer is not the DICOM Service's: something else is at this address") from error


def retry_after(answer: requests.Response, default: float) -> float:
    """The seconds to wait before the next request: at most a minute; the default where the answer names none."""
    seconds = answer.headers.get("Retry-After", "")
    if not (seconds.isascii() and seconds.isdigit()):
        return default
    return min(max(float(seconds), LEAST_PAUSE_SECONDS), MOST_PAUSE_SECONDS)


def unreachable(what: str, error: requests.RequestException) -> str:
    """Why there was no answer, in words."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"{what} cannot be reached (its certificate is not trusted, or it does not speak TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"{what} cannot be reached (the proxy did not let the request through)"
    if isinstance(error, requests.Timeout):
        return f"{what} cannot be reached (no answer in time)"
    return f"{what} cannot be reached ({type(error).__name__})"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _may_pass(error: requests.RequestException) -> bool:
    lasting = (requests.exceptions.SSLError, requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader)
    return not isinstance(error, lasting)


def _accepted(answer: requests.Response) -> requests.Response:
    if answer.status_code < 400:
        return answer
    problem = _parsed(answer)
    reasons = _reasons(problem) if isinstance(problem, dict) else []
    _check_let_in(answer, problem, reasons)
    plain = f"the service answered with status {answer.status_code} {answer.reason or ''}".strip()
    raise Refusal(answer.status_code, "; ".join(reasons) or plain, explained=bool(reasons))


def _check_let_in(answer: requests.Response, problem: Any, reasons: list[str]) -> None:
    """Raises TurnedAway where it is the caller who is refused; a PACS that refuses the service is a 401 too."""
    told = "; ".join(reasons)
    challenged = answer.headers.get("WWW-Authenticate", "").lower().startswith("bearer")
    by_platform = not (isinstance(problem, dict) and "detail" in problem)
    if answer.status_code == FORBIDDEN and challenged:
        raise TurnedAway(f"the service does not let the caller do this: {told}")
    if answer.status_code == UNAUTHORIZED and (challenged or by_platform):
        shown = "Authorization" in answer.request.headers
        why = f"does not take what it was shown ({told})" if shown else "asks who is calling"
        raise TurnedAway(f"the service {why}: {HOW_TO_SAY}")


def _reasons(problem: dict[str, Any]) -> list[str]:
    """What a problem document (RFC 9457), or the platform's own `message`, tells of why."""
    reasons = [f"{wrong.get('field')}: {wrong.get('message')}" for wrong in _objects(problem.get("errors"))]
    reasons += [str(refused["reason"]) for refused in _objects(problem.get("responses")) if "reason" in refused]
    general = problem.get("detail") or problem.get("message")
    return reasons or ([general] if isinstance(general, str) else [])


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _parsed(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None
