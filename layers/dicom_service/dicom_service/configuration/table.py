"""Every setting of the service, once: its name, its form, its default, what it means, which functions read it.

`/-/ready` and `make run` check all at once, the template's parameters and docs/settings.md are held to the table.
No function but check_health loads it.
"""

from collections.abc import Iterable
from typing import get_args

from dicom_service import settings, uid
from dicom_service.audit import rows as audit_rows
from dicom_service.configuration.callers import OF_CALLERS
from dicom_service.configuration.checks import ORIGINS, for_oauth2, origins
from dicom_service.configuration.events import CALLBACK, OF_EVENTS
from dicom_service.configuration.setting import Setting, choice, header, path, text, url, whole_number, words
from dicom_service.errors import ConfigurationError
from dicom_service.pacs import dialects, tls
from dicom_service.worklist import backends, table_rows

WORKLIST = frozenset({"create_workitem", "list_workitems", "update_workitem", "delete_workitem"})
PACS = WORKLIST | {
    "search_studies", "search_series", "search_instances", "upload_exam", "store_upload", "retrieve_exam",
    "retrieve_thumbnail", "archive_study", "prepare_download", "create_viewer_token",
}  # fmt: skip
VIEWER = frozenset({"create_viewer_token"})
API = PACS | CALLBACK | {
    "create_api_key", "generate_uid", "get_archive", "get_exam_event", "get_upload", "list_api_keys",
    "list_audit_events", "list_deliveries", "list_exam_events", "redeliver_exam_event", "redeliver_exam_events",
    "revoke_api_key", "serve_documentation", "start_upload",
}  # fmt: skip
"""Whatever answers a request, and the workers that go on with one."""


def wrong_settings(table: Iterable[Setting] | None = None) -> dict[str, str]:
    """What is wrong with the environment, by the setting's name; no value that is secret is in it."""
    wrong: dict[str, str] = {}
    for setting in TABLE if table is None else table:
        try:
            setting.check()
        except ConfigurationError as error:
            wrong[setting.name] = error.detail
    return wrong


TABLE = (
    url("PACS_SERVICE_URL", "base URL of the PACS", PACS, required=True),
    header(
        "PACS_AUTHORIZATION_TOKEN",
        "sent verbatim as `Authorization`: a raw key, `Basic …`, `Bearer …`",
        PACS,
    ),
    choice("PACS_DIALECT", "how the PACS speaks", PACS, tuple(dialects.DIALECTS), dialects.DEFAULT),
    choice(
        "PACS_AUTHORIZATION",
        "how the service shows the PACS who it is, where it is not the dialect's way",
        PACS,
        get_args(dialects.Authorization),
    ),
    Setting(
        "PACS_OAUTH_TOKEN_URL",
        "http or https URL without a user or a fragment",
        "where access tokens for the PACS are given out; required for `oauth2`",
        PACS,
        for_oauth2("PACS_OAUTH_TOKEN_URL", lambda: settings.url("PACS_OAUTH_TOKEN_URL", settings.URL)),
        pattern=f"({settings.URL})?",
    ),
    Setting(
        "PACS_OAUTH_CLIENT_ID",
        "text",
        "the service's client ID there; required for `oauth2`",
        PACS,
        for_oauth2("PACS_OAUTH_CLIENT_ID", lambda: settings.required("PACS_OAUTH_CLIENT_ID")),
    ),
    Setting(
        "PACS_OAUTH_CLIENT_SECRET",
        "text",
        "the service's client secret there; required for `oauth2`",
        PACS,
        for_oauth2(
            "PACS_OAUTH_CLIENT_SECRET",
            lambda: settings.required("PACS_OAUTH_CLIENT_SECRET") and settings.secret("PACS_OAUTH_CLIENT_SECRET"),
        ),
        secret=True,
    ),
    text("PACS_OAUTH_SCOPE", "scope to ask for there", PACS),
    Setting(
        "PACS_CLIENT_CERTIFICATE",
        "PEM, or the path of a file with it",
        "client certificate and its private key, without a passphrase",
        PACS,
        tls.check_certificate,
        secret=True,
    ),
    Setting(
        "PACS_CA_BUNDLE",
        "PEM, or the path of a file with it",
        "certificates of a private authority",
        PACS,
        tls.check_authorities,
        public_arn=True,
    ),
    path("PACS_POST_EXAM_ENDPOINT", "STOW-RS path, where it is not the dialect's", PACS),
    path("PACS_EXAMS_RETRIEVING_ENDPOINT", "QIDO-RS path, where it is not the dialect's", PACS),
    path("PACS_WADO_ENDPOINT", "retrieval path, where it is not the dialect's", PACS),
    choice(
        "PACS_RETRIEVAL",
        "protocol of retrieval, where it is not the dialect's",
        PACS,
        get_args(dialects.Retrieval),
    ),
    words(
        "PACS_RETRIEVAL_TYPES",
        "what to ask for an object as, in this order, where it is not the dialect's",
        PACS,
        tuple(dialects.ACCEPTS),
        lambda: settings.words("PACS_RETRIEVAL_TYPES", tuple(dialects.ACCEPTS)),
        none=False,
    ),
    words(
        "PACS_PICTURES",
        "ways to ask for a picture, where they are not the dialect's",
        PACS,
        get_args(dialects.PictureWay),
        dialects.picture_ways,
        none=True,
    ),
    choice(
        "PACS_WORKLIST",
        "protocol of the PACS's worklist, where it is not the dialect's",
        PACS,
        get_args(dialects.WorklistKind),
    ),
    path(
        "PACS_PATIENT_CREATION_ENDPOINT", "path that patients are created on, for a worklist that asks for them", PACS
    ),
    path("PACS_WORKITEM_CREATION_ENDPOINT", "path that workitems are created on", PACS),
    path("PACS_WORKITEM_RETRIEVAL_ENDPOINT", "path that workitems are listed on", PACS),
    path(
        "PACS_WORKITEM_DELETION_ENDPOINT",
        f"path that workitems are deleted on, with `{dialects.STUDY_PLACE}` or without",
        PACS,
        place=dialects.STUDY_PLACE,
    ),
    choice(
        "WORKLIST_BACKEND",
        "who keeps the worklist: the PACS, or the service itself",
        WORKLIST | {"complete_workitem"},
        backends.BACKENDS,
        backends.BACKENDS[0],
    ),
    url("DICOM_VIEWER_URL", "base URL of the viewer", VIEWER),
    path("VIEWER_GET_TOKEN_ENDPOINT", "path that the viewer gives out tokens on", VIEWER, "/ngv/obscurl"),
    header("VIEWER_AUTHORIZATION_TOKEN", "sent verbatim to the viewer as `Authorization`", VIEWER),
    text("VIEWER_DEFAULT_USER", "user that the viewer is told where a request names none", VIEWER, "dicom-service"),
    text("VIEWER_ROLE_PATIENT", "the viewer's name for the role patient", VIEWER, "patient"),
    text("VIEWER_ROLE_DIAGNOSTIC", "the viewer's name for the role diagnostic", VIEWER, "diagnostic"),
    Setting(
        "DICOM_UID_ROOT",
        f"UID of at most {uid.LONGEST_ROOT} characters",
        "root of the UIDs that are generated",
        frozenset({"generate_uid", "create_workitem", "prepare_download"}),
        uid.uid_root,
        required=True,
        pattern=uid.ROOT_PATTERN,
        most_characters=uid.LONGEST_ROOT + 1,
    ),
    *OF_EVENTS,
    whole_number(
        "WORKITEM_RETENTION_DAYS",
        "days after which a completed or canceled workitem leaves the service's own worklist; 0 keeps it for ever",
        WORKLIST | {"complete_workitem"},
        table_rows.RETENTION_DAYS,
        table_rows.RETENTION_LIMITS,
        table_rows.retention_days,
    ),
    whole_number(
        "AUDIT_RETENTION_DAYS",
        "days for which the audit trail is kept; six years by default",
        API,
        audit_rows.RETENTION_DAYS,
        audit_rows.RETENTION_LIMITS,
        audit_rows.retention_days,
    ),
    Setting(
        "CORS_ALLOWED_ORIGINS",
        "origins, separated by commas without spaces; or `*`",
        "web applications whose pages may call the API; none by default",
        frozenset(),
        origins,
        pattern=ORIGINS,
    ),
    *OF_CALLERS,
)
