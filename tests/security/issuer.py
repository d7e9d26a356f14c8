"""An issuer of tokens under the tests' control: it signs whatever it is asked to, rightly or wrongly."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "dicom-service"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


@dataclass
class Issuer:
    """What it publishes may be changed; `asked` are the paths that were fetched, `active` what introspection knows."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [rsa_jwk(RSA_KEY, "one"), ec_jwk(EC_KEY, "ec")])
    discovery: dict[str, Any] = field(default_factory=dict)
    active: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    down: bool = False

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.url, "sub": "tester", "aud": AUDIENCE, "iat": now, "exp": now + 600, "scope": "exams:read"}
        return {name: value for name, value in {**usual, **claims}.items() if value is not None}

    def token(self, key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
        """A signed token; a claim of None is left out."""
        headers = {"kid": kid} if kid is not None else {}
        return jwt.encode(self.claims(**claims), key, algorithm, headers)

    def answer(self, path: str, body: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if self.down:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **self.discovery}
        if path == "/jwks":
            return 200, {"keys": self.keys}
        if path == "/introspect":
            token = body.partition("token=")[2].partition("&")[0]
            return 200, self.active.get(token, {"active": False})
        return 404, {}


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            issuer.shown.append(self.headers.get("authorization", ""))
            status, content = issuer.answer(self.path, self.rfile.read(length).decode())
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class finds it by this name

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
