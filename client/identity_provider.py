"""An identity provider as a client with credentials sees it: its token endpoint, and what that answers."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from client.endings import Ending

TIMEOUT = (5, 20)
USUAL_SECONDS = 300.0
"""How long a token is taken to last whose end is not told."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
DOCUMENTS = (
    "{issuer}/.well-known/openid-configuration",
    "{origin}/.well-known/oauth-authorization-server{path}",
)


@dataclass(frozen=True)
class Client:
    """The client's credentials at an issuer, and the scopes that it asks for, empty for what it usually gets."""

    issuer: str
    client_id: str
    secret: str
    scope: str = ""


def fetch_token(client: Client) -> tuple[str, float]:
    """An access token and the seconds that it lasts; raises Ending."""
    form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
    answer = _asked("POST", _token_endpoint(client.issuer), data=form, auth=_basic(client))
    token, lasts = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token:
        raise Ending(f"{client.issuer} gave no token{_reason(answer)}")
    known = isinstance(lasts, int | float) and not isinstance(lasts, bool)
    return token, float(lasts) if known else USUAL_SECONDS


def _token_endpoint(issuer: str) -> str:
    parts = urlsplit(issuer)
    places = {
        "issuer": issuer.rstrip("/"),
        "origin": f"{parts.scheme}://{parts.netloc}",
        "path": parts.path.rstrip("/"),
    }
    for document in DOCUMENTS:
        found = _asked("GET", document.format(**places), missing=True)
        endpoint = found.get("token_endpoint")
        if isinstance(endpoint, str) and _is_trusted(endpoint):
            return endpoint
    raise Ending(f"{issuer} tells no token endpoint that can be trusted with a secret")


def _asked(method: str, url: str, *, missing: bool = False, **content: Any) -> dict[str, Any]:
    """The JSON object of an answer, that of an error too; an empty one where it may be missing and is."""
    if not _is_trusted(url):
        raise Ending(f"{url} must be https: a secret would be sent to it in the open")
    try:
        answer = requests.request(
            method, url, headers={"Accept": "application/json"}, timeout=TIMEOUT, allow_redirects=False, **content
        )
    except requests.RequestException as error:
        raise Ending(f"the issuer {url} cannot be reached ({type(error).__name__})") from error
    if missing and answer.status_code == 404:
        return {}
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Ending(f"{url} is no identity provider (it answered with status {answer.status_code})")
    return document


def _basic(client: Client) -> requests.auth.HTTPBasicAuth:
    """RFC 6749 section 2.3.1: both are form-encoded first."""
    quoted = (requests.utils.quote(part, safe="") for part in (client.client_id, client.secret))
    return requests.auth.HTTPBasicAuth(*quoted)


def _reason(answer: dict[str, Any]) -> str:
    told = answer.get("error_description") or answer.get("error")
    return f": {told}" if isinstance(told, str) else ""


def _is_trusted(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
