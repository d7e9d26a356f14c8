"""An authorization server of Authlib's, as a hospital's might be: client credentials, RFC 8414, RFC 9068, RFC 7662.

Its issuer has a path, and it publishes no OpenID configuration. Whoever asks below `opaque` gets tokens that say
nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response, jsonify
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

AUDIENCE = "dicom-service"
PATH = "/realms/hospital"


@dataclass(frozen=True)
class Registered(ClientMixin):
    """A confidential client; `patient` is put into its tokens where it is bound to one."""

    client_id: str
    client_secret: str
    scopes: str = ""
    patient: str = ""

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = (scope or self.scopes).split()
        return " ".join(each for each in asked if each in self.scopes.split())

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


@dataclass
class Opaque(TokenMixin):
    """A token that the server has given out."""

    client: Registered
    scope: str
    ends_at: int
    revoked: bool = False

    def is_expired(self) -> bool:
        return time.time() >= self.ends_at

    def is_revoked(self) -> bool:
        return self.revoked


@dataclass
class Hospital:
    """The server: its `issuer`, its clients, the keys that it signs with and publishes, the opaque tokens given out."""

    clients: dict[str, Registered]
    issuer: str = ""
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    algorithm: str = "RS256"
    given_out: dict[str, Opaque] = field(default_factory=dict)
    _signer: JWTBearerTokenGenerator | None = None

    def rotate(self, algorithm: str) -> None:
        """Signs with a new key from now on, and publishes that one alone."""
        kind = {"kid": f"key-{time.monotonic_ns()}", "use": "sig", "alg": algorithm}
        new = RSAKey.generate_key(2048, kind) if algorithm.startswith("RS") else ECKey.generate_key("P-256", kind)
        self.keys, self.algorithm = [new], algorithm
        if self._signer:
            self._signer.alg = algorithm

    def application(self) -> Flask:
        app = Flask("hospital")
        signed, opaque = self._server(app, self._keep_nothing), self._server(app, self._keep)
        self._signer = _Signed(self)
        signed.register_token_generator("default", self._signer)
        opaque.register_endpoint(_introspection(self))

        @app.get(f"/.well-known/oauth-authorization-server{PATH}")
        def metadata() -> Response:
            return jsonify(
                issuer=self.issuer,
                token_endpoint=f"{self.issuer}/token",
                jwks_uri=f"{self.issuer}/jwks",
                introspection_endpoint=f"{self.issuer}/introspect",
            )

        app.get(f"{PATH}/jwks", endpoint="jwks")(lambda: jsonify(KeySet(self.keys).as_dict(private=False)))
        app.post(f"{PATH}/token", endpoint="token")(signed.create_token_response)
        app.post(f"{PATH}/opaque/token", endpoint="opaque")(opaque.create_token_response)
        app.post(f"{PATH}/introspect", endpoint="introspect")(
            lambda: opaque.create_endpoint_response(IntrospectionEndpoint.ENDPOINT_NAME)
        )
        return app

    def _server(self, app: Flask, save: Any) -> AuthorizationServer:
        server = AuthorizationServer(app, query_client=self.clients.get, save_token=save)
        server.register_grant(ClientCredentialsGrant)
        return server

    def _keep_nothing(self, token: dict[str, Any], request: Any) -> None: ...

    def _keep(self, token: dict[str, Any], request: Any) -> None:
        ends_at = int(time.time()) + token["expires_in"]
        self.given_out[token["access_token"]] = Opaque(request.client, token.get("scope", ""), ends_at)


class _Signed(JWTBearerTokenGenerator):
    def __init__(self, hospital: Hospital) -> None:
        super().__init__(issuer=hospital.issuer, alg=hospital.algorithm)
        self._hospital = hospital

    def get_jwks(self) -> KeySet:
        return KeySet(self._hospital.keys)

    def get_audiences(self, client: Registered, user: object, scope: str) -> list[str]:
        return [AUDIENCE, "another-service"]

    def get_extra_claims(self, client: Registered, grant_type: str, user: object, scope: str) -> dict[str, Any]:
        return {"patient": client.patient} if client.patient else {}


def _introspection(hospital: Hospital) -> type[IntrospectionEndpoint]:
    class Introspection(IntrospectionEndpoint):
        def query_token(self, token_string: str, token_type_hint: str) -> Opaque | None:
            return hospital.given_out.get(token_string)

        def check_permission(self, token: Opaque, client: Registered, request: object) -> bool:
            return client.client_id == "dicom service"

        def introspect_token(self, token: Opaque) -> dict[str, Any]:
            told = {"active": True, "client_id": token.client.client_id, "scope": token.scope, "exp": token.ends_at}
            return told | ({"patient": token.client.patient} if token.client.patient else {})

    return Introspection


@contextmanager
def hospital(*clients: Registered) -> Iterator[Hospital]:
    """The server on a port of this machine, until the end."""
    running = Hospital({client.client_id: client for client in clients})
    running.rotate("RS256")
    placeholder = Flask("placeholder")
    server = make_server("127.0.0.1", 0, placeholder, threaded=True)
    running.issuer = f"http://127.0.0.1:{server.server_port}{PATH}"
    server.app = running.application()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
