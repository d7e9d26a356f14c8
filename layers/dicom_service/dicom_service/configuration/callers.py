"""The settings of who may call: issuers of tokens, and how their claims are read."""

from dicom_service import settings
from dicom_service.access.tokens import claims, configured
from dicom_service.configuration.setting import Setting
from dicom_service.pacs import tls

AUTHORIZER = frozenset({"authorize_request"})


def _introspects(name: str) -> object:
    if configured.introspection_url():
        return settings.required(name) and settings.secret(name)
    return None


OF_CALLERS = (
    Setting(
        "JWT_ISSUER",
        "https URLs, separated by spaces",
        "issuers of the access tokens that callers show; without one API keys alone are taken",
        AUTHORIZER,
        configured.issuers,
    ),
    Setting(
        "JWT_AUDIENCE",
        "texts, separated by spaces or commas",
        "audiences of which a token must be for one; required with `JWT_ISSUER`",
        AUTHORIZER,
        configured.audiences,
    ),
    Setting(
        "JWT_PATIENT_CLAIM",
        "text",
        "claim with the one Patient ID that a caller is bound to; `patient`, then `patient_id`, where it is not set",
        AUTHORIZER,
        lambda: settings.optional("JWT_PATIENT_CLAIM"),
    ),
    Setting(
        "JWT_SCOPE_CLAIM",
        "text",
        "claim with the scopes; `scope`, then `scp`, then `scopes`, where it is not set",
        AUTHORIZER,
        lambda: settings.optional("JWT_SCOPE_CLAIM"),
    ),
    Setting(
        "JWT_SCOPES",
        "entries such as `theirs=exams:read uids:write`, separated by `;`",
        "what an issuer's own scopes mean here, beside ours and SMART's",
        AUTHORIZER,
        claims.scope_table,
    ),
    Setting(
        "JWT_CA_BUNDLE",
        "PEM, or the path of a file with it",
        "certificates of a private authority, which issuers are checked against",
        AUTHORIZER,
        lambda: tls.check_authorities("JWT_CA_BUNDLE"),
        public_arn=True,
    ),
    Setting(
        "TOKEN_INTROSPECTION_URL",
        "https URL",
        "where to ask about tokens that are no JWT of `JWT_ISSUER` (RFC 7662)",
        AUTHORIZER,
        configured.introspection_url,
        pattern=f"({settings.URL})?",
    ),
    Setting(
        "TOKEN_INTROSPECTION_CLIENT_ID",
        "text",
        "the service's client ID there",
        AUTHORIZER,
        lambda: _introspects("TOKEN_INTROSPECTION_CLIENT_ID"),
    ),
    Setting(
        "TOKEN_INTROSPECTION_CLIENT_SECRET",
        "text",
        "the service's client secret there",
        AUTHORIZER,
        lambda: _introspects("TOKEN_INTROSPECTION_CLIENT_SECRET"),
        secret=True,
    ),
)
