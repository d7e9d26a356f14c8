"""What can go wrong, and the HTTP status that each fault is answered with.

    ServiceError                     500  a fault of our own
    ├── InvalidRequest               400  what the client sent is wrong; names every wrong field
    ├── CallerRefused                401  the caller did not show the secret that this endpoint asks for
    │   └── CallerUnknown            401  nobody that the service knows: no token, or one that is not valid
    ├── Forbidden                    403  the caller is known, and may not do this
    ├── NotFound                     404  no such object
    ├── Conflict                     409  it exists already
    ├── CursorGone                   410  a place in the feed behind which events are no longer kept
    ├── RequestTooLarge              413  more than the platform or an endpoint takes
    ├── NotDicom                     422  a file that is no DICOM Part 10 object
    ├── PatientRefused               422  something of another patient than the caller's own
    ├── AnswerTooLarge               500  an answer of more than the platform carries
    ├── ConfigurationError           500  an environment variable is missing or wrong; names it
    ├── StoreUnavailable             503  DynamoDB, SNS, SQS or S3 failed
    ├── NotReady                     503  something that the service depends on cannot be reached
    └── PacsError                    502  the PACS, or its viewer, failed or answered nonsense
        ├── PacsRefusedCredentials   401  it refused our credentials
        ├── PacsObjectUnknown        404  it does not know the object
        ├── PacsConflict             409  it has one already
        ├── PacsRejected             502  it will not take what it was sent
        ├── PacsUnreachable          502  nothing of it answered, or what stands before it said that it is down
        ├── PacsDown                 503  it was found down a moment ago and was not asked
        └── PacsTimeout              504  it did not answer in time

Foreign exceptions (requests, botocore, pydicom, Pillow) are translated into these where they enter. No message holds a
patient's data or a credential: `detail` goes to the client and to the log.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One wrong field: its name as the client spelled it, and what is wrong with it."""

    field: str
    message: str


class ServiceError(Exception):
    """Base of every fault that the service answers: `title` is the problem's, `detail` the occurrence's (RFC 9457).

    `extensions` are further members of the problem document.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"

    def __init__(
        self, detail: str, errors: list[FieldError] | None = None, extensions: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.extensions = extensions or {}


class InvalidRequest(ServiceError):
    status = 400
    title = "Bad Request"


class CallerRefused(ServiceError):
    status = 401
    title = "Unauthorized"


class CallerUnknown(CallerRefused):
    """`error` is the code of RFC 6750 section 3.1, empty where no token was shown."""

    def __init__(self, detail: str, error: str = "invalid_token") -> None:
        super().__init__(detail)
        self.error = error


class Forbidden(ServiceError):
    """`scope` is the one that is needed, empty where none would help."""

    status = 403
    title = "Forbidden"

    def __init__(self, detail: str, scope: str = "") -> None:
        super().__init__(detail)
        self.scope = scope


class NotFound(ServiceError):
    status = 404
    title = "Not Found"


class Conflict(ServiceError):
    status = 409
    title = "Conflict"


class CursorGone(ServiceError):
    status = 410
    title = "Gone"


class RequestTooLarge(ServiceError):
    status = 413
    title = "Content Too Large"


class NotDicom(ServiceError):
    status = 422
    title = "Unprocessable Content"


class PatientRefused(ServiceError):
    status = 422
    title = "Unprocessable Content"


class AnswerTooLarge(ServiceError):
    title = "Answer Too Large"


class ConfigurationError(ServiceError):
    title = "Service Misconfigured"


class StoreUnavailable(ServiceError):
    status = 503
    title = "Service Unavailable"


class NotReady(ServiceError):
    status = 503
    title = "Service Unavailable"


class PacsError(ServiceError):
    status = 502
    title = "PACS Failure"


class PacsRefusedCredentials(PacsError):
    status = 401
    title = "PACS Refused Credentials"


class PacsObjectUnknown(PacsError):
    status = 404
    title = "Not Found"


class PacsConflict(PacsError):
    status = 409
    title = "Conflict"


class PacsRejected(PacsError):
    """A PACS's final word: nothing was changed there."""


class PacsUnreachable(PacsError):
    """No connection, or a status of a proxy that found nobody behind it."""


class PacsDown(PacsError):
    """Not asked at all: `retry_after` says in how many seconds it may be."""

    status = 503
    title = "PACS Down"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class PacsTimeout(PacsError):
    status = 504
    title = "PACS Timeout"
