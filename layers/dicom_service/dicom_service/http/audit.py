"""The audit record of a request: kept before its answer leaves."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from dicom_service import correlation
from dicom_service.access.bounds import Access, Subject
from dicom_service.access.caller import Caller
from dicom_service.audit.record import Action, Agent, AuditRecord
from dicom_service.audit.trail import keep
from dicom_service.errors import ServiceError
from dicom_service.faults import log_fault
from dicom_service.http.door import access_of

CHANGES: frozenset[Action] = frozenset({"create", "update", "delete", "execute"})


def keep_record(event: Mapping[str, Any], access: Access, action: Action, status: int) -> None:
    """Keeps one record for each patient whom the request showed or changed something of, also where it failed.

    A request that could not be read leaves none. Raises StoreUnavailable where a record is not kept; for an answer that
    is a fault already it is logged instead.
    """
    if status == 400 or (status >= 500 and action not in CHANGES):
        return
    subjects = access.subjects or [Subject()]
    try:
        keep([_record(event, access, action, status, subject) for subject in subjects])
    except ServiceError as error:
        if status < 400:
            raise
        log_fault(error)


def agent(app: APIGatewayHttpResolver) -> Agent:
    """Who sent the request that is being answered, for whoever goes on with it."""
    return _agent(access_of(app).caller, app.current_event.raw_event)


def _agent(caller: Caller, event: Mapping[str, Any]) -> Agent:
    address = str(event["requestContext"]["http"].get("sourceIp", ""))
    return Agent(caller.subject, caller.name, caller.issuer, address, correlation.current())


def _record(event: Mapping[str, Any], access: Access, action: Action, status: int, subject: Subject) -> AuditRecord:
    context = event["requestContext"]
    query = str(event.get("rawQueryString") or "")
    return AuditRecord(
        action=action,
        agent=_agent(access.caller, event),
        operation=str(event.get("routeKey", "")),
        status=status,
        patient=subject.patient,
        study=subject.study,
        series=subject.series,
        instance=subject.instance,
        accession=subject.accession,
        server=str(context.get("domainName", "")),
        query=f"{context['http']['method']} {event.get('rawPath', '')}" + (f"?{query}" if query else ""),
        request_id=str(context.get("requestId", "")),
    )
