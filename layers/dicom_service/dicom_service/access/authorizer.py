"""What the authorizer answers to API Gateway: always that the request may go on, and who calls or why nobody does.

A refusal by the platform would be a 403 that no client understands; the functions answer 401 with the reason instead,
and let nobody in whose context they do not understand.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import re
from typing import Any

from dicom_service.access.caller import REFUSALS, UNAVAILABLE, Caller, refusal_context, to_context
from dicom_service.access.keys import KEY_START, caller_with_key
from dicom_service.errors import CallerUnknown, ServiceError
from dicom_service.faults import log_fault

BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
"""RFC 6750 section 2.1."""

LONGEST_TOKEN = 16_384


def authorize(header: str) -> dict[str, Any]:
    """The answer to an `Authorization` header, in the simple form of payload 2.0; never raises."""
    try:
        context = to_context(_caller(header))
    except CallerUnknown as error:
        context = refusal_context(error.detail if error.detail in REFUSALS else "unknown")
    except ServiceError as error:
        log_fault(error)
        context = refusal_context(UNAVAILABLE)
    except Exception as error:  # noqa: BLE001 - the platform would answer a 500 that says nothing
        log_fault(error)
        context = refusal_context(UNAVAILABLE)
    return {"isAuthorized": True, "context": context}


def _caller(header: str) -> Caller:
    bearer = BEARER.fullmatch(header)
    if bearer is None or len(bearer[1]) > LONGEST_TOKEN:
        raise CallerUnknown("malformed")
    token = bearer[1]
    if token.startswith(KEY_START):
        return caller_with_key(token)
    from dicom_service.access.tokens.in_time import in_time
    from dicom_service.access.tokens.verify import caller_with_token  # cryptography, which keys need none of

    return in_time(lambda: caller_with_token(token))
