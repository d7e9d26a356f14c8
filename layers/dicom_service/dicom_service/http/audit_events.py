"""The audit trail as the API shows it."""

from typing import Any

from dicom_service.audit.fhir import bundle
from dicom_service.audit.record import Agent, AuditRecord, record_id_at
from dicom_service.audit.trail import AuditPage
from dicom_service.http.parameters import EXAMPLE_STUDY

EXAMPLE = bundle(
    AuditPage(
        [
            AuditRecord(
                action="read",
                agent=Agent("key:5d41402abc4b2a76", "reception", "", "203.0.113.7"),
                operation="GET /exams/studies/{studyUID}/thumbnail",
                status=200,
                patient="SDJ38WMD1MS01",
                study=EXAMPLE_STUDY,
                server="api.hospital.example",
                request_id="JKJaXmPLvHcESHA=",
                recorded_at=1768469400000,
                record_id=record_id_at(1768469400000, 1),
            )
        ],
        "",
    ),
    "/audit-events",
    {"patient": "SDJ38WMD1MS01"},
)
AUDIT_EVENTS: dict[int, Any] = {
    200: {
        "description": "A Bundle (https://hl7.org/fhir/R4/bundle.html)",
        "content": {"application/fhir+json": {"schema": {"type": "object"}, "example": EXAMPLE}},
    }
}
