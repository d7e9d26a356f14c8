"""IHE's Basic Audit Log Patterns 1.1.4 as checks: what each profile asks of an AuditEvent beside FHIR itself.

https://profiles.ihe.net/ITI/BALP/1.1.4/artifacts.html
"""

from typing import Any

from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle

PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
SOURCE, DESTINATION, APPLICATION = "110153", "110152", "110150"
AUTHORS = {"AUT", "INF", "CST"}

RULES: dict[str, tuple[str, str, str, str, set[str], str]] = {
    "Query": ("E", "search", SOURCE, DESTINATION, {"IRCP"}, "24"),
    "Read": ("R", "read", DESTINATION, SOURCE, {"IRCP"}, "4"),
    "Create": ("C", "create", SOURCE, DESTINATION, AUTHORS, "4"),
    "Update": ("U", "update", SOURCE, DESTINATION, AUTHORS, "4"),
    "Delete": ("D", "delete", APPLICATION, "custodian", AUTHORS, "4"),
}
"""By profile: action, subtype, the roles of client, server and user, and the role of the other entity."""


def check_bundle(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """A searchset that is FHIR R4; its AuditEvents, each checked against the profile that it claims."""
    Bundle.model_validate(bundle)
    events = [entry["resource"] for entry in bundle.get("entry", [])]
    for event in events:
        check_event(event)
    return events


def check_event(event: dict[str, Any]) -> None:
    AuditEvent.model_validate(event)
    (kind,) = [profile.removeprefix(PROFILES) for profile in event.get("meta", {}).get("profile", [""])]
    if not kind:
        return
    action, subtype, client, server, users, role = RULES[kind.removeprefix("Patient")]
    assert event["type"]["code"] == "rest"
    assert [each["code"] for each in event["subtype"]] == [subtype]
    assert (event["action"], event["outcome"]) == (action, "0")
    roles = [agent["type"]["coding"][0]["code"] for agent in event["agent"]]
    assert roles[:2] == [client, server]
    assert set(roles[2:]) <= users
    for agent in event["agent"][:2]:
        assert agent["network"]["address"]
        assert agent["who"]
    assert event["agent"][2]["requestor"] is True
    assert "network" not in event["agent"][2]
    entities = {(entity["type"]["code"], entity.get("role", {}).get("code", "")): entity for entity in event["entity"]}
    other = entities["2", role]
    assert ("query" in other) is (role == "24")
    assert ("what" in other) is (role != "24")
    assert kind.startswith("Patient") is (("1", "1") in entities)
    if kind.startswith("Patient"):
        assert entities["1", "1"]["what"]["identifier"]["value"]
