"""Audit records as FHIR R4 AuditEvents, in the patterns of IHE's Basic Audit Log Patterns (BALP 1.1.4).

https://profiles.ihe.net/ITI/BALP/1.1.4/content.html
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from dicom_service.audit.record import Action, AuditRecord
from dicom_service.audit.rows import moment
from dicom_service.audit.trail import AuditPage

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SOURCE = {"system": DCM, "code": "110153", "display": "Source Role ID"}
DESTINATION = {"system": DCM, "code": "110152", "display": "Destination Role ID"}
APPLICATION = {"system": DCM, "code": "110150", "display": "Application"}
CUSTODIAN = {"system": f"{TERMINOLOGY}provenance-participant-type", "code": "custodian", "display": "Custodian"}
RECIPIENT = {"system": f"{TERMINOLOGY}v3-ParticipationType", "code": "IRCP", "display": "information recipient"}
AUTHOR = {"system": f"{TERMINOLOGY}v3-ParticipationType", "code": "AUT", "display": "author (originator)"}
OBSERVER = "dicom-service"
UNKNOWN_ADDRESS = "unknown"


@dataclass(frozen=True)
class Pattern:
    """How a kind of deed is written down; the last three are the roles of the client, the server and the user."""

    profile: str
    code: str
    subtype: str
    client: Mapping[str, str]
    server: Mapping[str, str]
    user: Mapping[str, str]


PATTERNS: Mapping[Action, Pattern] = MappingProxyType(
    {
        "query": Pattern("Query", "E", "search", SOURCE, DESTINATION, RECIPIENT),
        "read": Pattern("Read", "R", "read", DESTINATION, SOURCE, RECIPIENT),
        "create": Pattern("Create", "C", "create", SOURCE, DESTINATION, AUTHOR),
        "update": Pattern("Update", "U", "update", SOURCE, DESTINATION, AUTHOR),
        "delete": Pattern("Delete", "D", "delete", APPLICATION, CUSTODIAN, AUTHOR),
        "execute": Pattern("", "E", "operation", SOURCE, DESTINATION, AUTHOR),
    }
)


def bundle(page: AuditPage, address: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A searchset of the page; `address` and `query` are those of the request, for its links."""
    links = [{"relation": "self", "url": _link(address, query)}]
    if page.after:
        links.append({"relation": "next", "url": _link(address, {**query, "after": page.after})})
    entries = [
        {
            "fullUrl": f"urn:uuid:{record.record_id}",
            "resource": audit_event(record),
            "search": {"mode": "match"},
        }
        for record in page.records
    ]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, **({"entry": entries} if entries else {})}


def audit_event(record: AuditRecord) -> dict[str, Any]:
    """The record as an AuditEvent; a profile is claimed for what went well."""
    pattern = PATTERNS[record.action]
    well = record.status < 400
    name = f"{'Patient' if record.patient else ''}{pattern.profile}"
    return {
        "resourceType": "AuditEvent",
        "id": record.record_id,
        **({"meta": {"profile": [PROFILES + name]}} if well and pattern.profile else {}),
        "type": {"system": f"{TERMINOLOGY}audit-event-type", "code": "rest", "display": "Restful Operation"},
        "subtype": [
            {"system": "http://hl7.org/fhir/restful-interaction", "code": pattern.subtype, "display": pattern.subtype}
        ],
        "action": pattern.code,
        "recorded": f"{moment(record.recorded_at):%Y-%m-%dT%H:%M:%S}.{record.recorded_at % 1000:03}Z",
        "outcome": "0" if well else "8" if record.status >= 500 else "4",
        "outcomeDesc": f"{record.operation}: {record.status}",
        "agent": _agents(record, pattern),
        "source": {
            "site": record.server or OBSERVER,
            "observer": {"display": OBSERVER},
            "type": [{"system": f"{TERMINOLOGY}security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": _entities(record),
    }


def _agents(record: AuditRecord, pattern: Pattern) -> list[dict[str, Any]]:
    agent = record.agent
    who: dict[str, Any] = {"identifier": {"value": agent.subject}}
    if agent.issuer:
        who["identifier"]["system"] = agent.issuer
    return [
        {
            "type": {"coding": [dict(pattern.client)]},
            "who": {"display": agent.subject},
            "requestor": False,
            "network": {"address": agent.address or UNKNOWN_ADDRESS, "type": "2"},
        },
        {
            "type": {"coding": [dict(pattern.server)]},
            "who": {"display": record.server or OBSERVER},
            "requestor": False,
            "network": {"address": record.server or OBSERVER, "type": "1"},
        },
        {
            "type": {"coding": [dict(pattern.user)]},
            "who": who,
            **({"name": agent.name} if agent.name else {}),
            "requestor": True,
        },
    ]


def _entities(record: AuditRecord) -> list[dict[str, Any]]:
    entities = [_query(record) if record.action == "query" else _data(record)]
    if record.patient:
        entities.insert(
            0,
            {
                "what": {"type": "Patient", "identifier": {"value": record.patient}},
                "type": _entity_type("1", "Person"),
                "role": _role("1", "Patient"),
            },
        )
    if record.request_id:
        transaction = {
            "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
            "code": "XrequestId",
        }
        entities.append({"what": {"identifier": {"value": record.request_id}}, "type": transaction})
    return entities


def _query(record: AuditRecord) -> dict[str, Any]:
    return {
        "type": _entity_type("2", "System Object"),
        "role": _role("24", "Query"),
        "query": base64.b64encode(record.query.encode()).decode(),
    }


def _data(record: AuditRecord) -> dict[str, Any]:
    """The study, or what the deed was about where there is none."""
    what: dict[str, Any] = {"display": record.operation}
    if record.study:
        identifier = {"system": "urn:dicom:uid", "value": f"urn:oid:{record.study}"}
        kind = "ServiceRequest" if "/workitems" in record.operation else "ImagingStudy"
        what = {"type": kind, "identifier": identifier, "display": record.operation}
    below = {"SeriesInstanceUID": record.series, "SOPInstanceUID": record.instance, "AccessionNumber": record.accession}
    detail = [{"type": name, "valueString": value} for name, value in below.items() if value]
    return {
        "what": what,
        "type": _entity_type("2", "System Object"),
        "role": _role("4", "Domain Resource"),
        **({"detail": detail} if detail else {}),
    }


def _entity_type(code: str, display: str) -> dict[str, str]:
    return {"system": f"{TERMINOLOGY}audit-entity-type", "code": code, "display": display}


def _role(code: str, display: str) -> dict[str, str]:
    return {"system": f"{TERMINOLOGY}object-role", "code": code, "display": display}


def _link(address: str, query: Mapping[str, str]) -> str:
    return address + (f"?{urlencode(query)}" if query else "")
