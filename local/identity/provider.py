"""A small identity provider for one machine: an authorization server with one client and client credentials.

It is for trying the service out: it has no users, and no page to log in on.
https://datatracker.ietf.org/doc/html/rfc6749#section-4.4
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from local.identity.client import Client, basic_credentials
from local.identity.tokens import TOKEN_SECONDS, Signer

AUDIENCE = "dicom-service"
MOST_BYTES = 64 * 1024


class IdentityProvider:
    """From `start` to `stop`; `issuer` is its URL, `client` who may have tokens of it."""

    def __init__(self, folder: Path | None, port: int = 0) -> None:
        """The folder keeps the client and the signing key; raises OSError where the port is taken."""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self.port: int = self._server.server_port
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._server.signer = Signer(self.issuer, folder)
        self.client = self._server.client = Client.kept(folder)
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="identity", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    signer: Signer
    client: Client


class _Refused(Exception):
    """An error of RFC 6749 section 5.2; its text is the code."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        issuer = self.server.signer.issuer
        documents: dict[str, dict[str, Any]] = {
            "/jwks": self.server.signer.jwks(),
            "/.well-known/openid-configuration": {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
        }
        found = documents.get(self.path)
        self._answer(404 if found is None else 200, {"error": "not_found"} if found is None else found)

    def do_POST(self) -> None:
        if self.path != "/token":
            self._answer(404, {"error": "not_found"})
            return
        try:
            self._answer(200, self._token())
        except _Refused as refused:
            self._answer(401 if str(refused) == "invalid_client" else 400, {"error": str(refused)})

    def _token(self) -> dict[str, Any]:
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise _Refused("invalid_request")
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(int(length)).decode("latin-1")).items()}
        shown = basic_credentials(self.headers.get("authorization", "")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if not self.server.client.is_shown(*shown):
            raise _Refused("invalid_client")
        if form.get("grant_type") != "client_credentials":
            raise _Refused("unsupported_grant_type")
        scopes = self.server.client.granted(form.get("scope", ""))
        if not scopes:
            raise _Refused("invalid_scope")
        token = self.server.signer.access_token(shown[0], scopes, AUDIENCE, form.get("patient", ""))
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": " ".join(scopes)}

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("cache-control", "no-store")
        self.send_header("content-length", str(len(body)))
        if status == 401:
            self.send_header("www-authenticate", 'Basic realm="identity"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: requests hold credentials."""
