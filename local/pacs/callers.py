"""Who may call the PACS: by a key as it stands, by an access token that is given out here, or by an AWS signature."""

import hashlib
import hmac
import io
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from flask import Blueprint, Request, Response, request

from local.pacs.answers import json_answer

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass
class Tokens:
    """OAuth2 client credentials (RFC 6749 section 4.4): one client, tokens that end after `seconds`."""

    client_id: str
    client_secret: str
    seconds: int = 3600
    clock: Callable[[], float] = time.time
    given: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def give(self, client_id: str, client_secret: str) -> str:
        """A new token; empty for another client."""
        if (client_id, client_secret) != (self.client_id, self.client_secret):
            return ""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.given[token] = self.clock() + self.seconds
        return token

    def know(self, caller: Request) -> bool:
        """Whether the caller shows a token that has not ended."""
        scheme, _, token = caller.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and self.given.get(token, 0) > self.clock()


def token_routes(tokens: Tokens) -> Blueprint:
    """The token endpoint."""
    routes = Blueprint("tokens", __name__)

    @routes.post("/oauth2/token")
    def give() -> Response:
        asked = request.form
        basic = request.authorization
        client = (basic.username, basic.password) if basic else (asked.get("client_id"), asked.get("client_secret"))
        if asked.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        token = tokens.give(str(client[0]), str(client[1]))
        if not token:
            return json_answer({"error": "invalid_client"}, 401)
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": tokens.seconds})

    return routes


@dataclass(frozen=True)
class SigningKey:
    """An AWS access key whose Signature Version 4 a caller must show.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """

    access_key: str
    secret_key: str
    service: str = "medical-imaging"

    def know(self, caller: Request) -> bool:
        """Whether the request carries this key's signature of its method, path, query, headers and body."""
        scheme, _, rest = caller.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        scope = parts.get("Credential", "").split("/")
        if scheme != ALGORITHM or len(scope) != 5 or scope[0] != self.access_key or scope[3] != self.service:
            return False
        expected = self._signature(caller, scope[1:], parts["SignedHeaders"])
        return hmac.compare_digest(expected, parts.get("Signature", ""))

    def _signature(self, caller: Request, scope: list[str], signed: str) -> str:
        query = sorted(parse_qsl(caller.query_string.decode(), keep_blank_values=True))
        canonical = "\n".join(
            [
                caller.method,
                quote(caller.environ["RAW_URI"].partition("?")[0], safe="/-_.~"),
                "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query),
                *(f"{name}:{caller.headers.get(name, '').strip()}" for name in signed.split(";")),
                "",
                signed,
                hashlib.sha256(_body(caller)).hexdigest(),
            ]
        )
        text = "\n".join(
            [
                ALGORITHM,
                caller.headers["X-Amz-Date"],
                "/".join(scope),
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        key = f"AWS4{self.secret_key}".encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def _body(caller: Request) -> bytes:
    """The whole body, which whoever answers the request reads again."""
    body: bytes = caller.environ["wsgi.input"].read()
    caller.environ["wsgi.input"] = io.BytesIO(body)
    return body
