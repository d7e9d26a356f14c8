"""The story of one exam: scheduled, done, stored, found, shown, announced."""

import secrets
import time
from pathlib import Path
from typing import Any

from local.demo.client import Client
from local.demo.files import new_study, uids

PATIENCE_SECONDS = 30.0
CALLBACK_PATIENCE_SECONDS = 10.0


def tell(client: Client, pictures: Path) -> None:
    """Runs every step; raises StepFailed at the first that goes wrong. The thumbnails go to the folder `pictures`."""
    patient_id = f"DEMO-{secrets.token_hex(4).upper()}"
    client.say("The service is ready")
    client.call("GET", "/-/ready", 200)
    client.say("A new UID for the study")
    study = client.call("GET", "/uid", 200).json()["uid"]
    accession = schedule(client, patient_id, study)
    files = new_study(study, patient_id, accession)
    upload(client, files)
    find(client, patient_id, study, files)
    fetch(client, study, files)
    show(client, study, files, pictures)
    open_viewer(client, study, patient_id)
    announced(client, study, patient_id)
    if client.token:
        let_the_patient_in(client, study, patient_id)
    client.say("The workitem is done with")
    client.call("DELETE", f"/workitems/{study}", 204)
    left = client.call("GET", "/workitems", 200, params={"patientID": patient_id}).json()
    client.expect(left == [], "no workitem left")


def schedule(client: Client, patient_id: str, study: str) -> str:
    """Creates the workitem, finds it, and cannot create it twice; gives its accession number."""
    workitem = {
        "StudyInstanceUID": study,
        "PatientID": patient_id,
        "PatientName": "DEMO^PATIENT",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepDescription": "CT of the head",
        "ScheduledProcedureStepStartDate": "20260115",
        "ScheduledProcedureStepStartTime": "101500",
        "Modality": "CT",
        "AccessionNumber": secrets.token_hex(6).upper(),
    }
    client.say("The exam is scheduled, once")
    client.call("POST", "/workitems", 200, json=workitem)
    client.call("POST", "/workitems", 409, json=workitem)
    query = {"patientID": patient_id, "format": "simple"}
    found = client.call("GET", "/workitems", 200, params=query).json()
    client.expect([item["StudyInstanceUID"] for item in found] == [study], "exactly the workitem of this study")
    return str(workitem["AccessionNumber"])


def upload(client: Client, files: dict[str, bytes]) -> None:
    """Stores the files; the PACS names each of them."""
    client.say("The images are uploaded")
    form = [("file", (name, content)) for name, content in files.items()]
    answered = client.call("POST", "/exams", 200, files=form).json()
    stored = [response["00081199"]["Value"][0]["00081155"]["Value"][0] for response in answered]
    client.expect(stored == [uids(content)[1] for content in files.values()], "every image named as stored")


def find(client: Client, patient_id: str, study: str, files: dict[str, bytes]) -> None:
    """Finds study, series and instances by the patient, and nothing by another one."""
    client.say("The exam is found by its patient")
    query = {"PatientId": patient_id}
    studies = client.call("GET", "/exams/studies", 200, params=query).json()
    client.expect(_values(studies, "0020000D") == [study], "the study")
    series = client.call("GET", f"/exams/studies/{study}/series", 200, params=query).json()
    expected = {uids(content)[0] for content in files.values()}
    client.expect(set(_values(series, "0020000E")) == expected, "both series")
    path = f"/exams/studies/{study}/series/{expected.pop()}/instances"
    client.expect(len(client.call("GET", path, 200, params=query).json()) == 1, "one instance")
    client.expect(client.call("GET", path, 200, params={"PatientId": "ANOTHER"}).json() == [], "nothing of another")


def fetch(client: Client, study: str, files: dict[str, bytes]) -> None:
    """Brings each object back byte for byte."""
    client.say("The objects come back byte for byte")
    for content in files.values():
        answer = client.call("GET", _path(study, content), 200, params={"fileType": "application/dicom"})
        client.expect(answer.content == content, "the bytes that were stored")


def show(client: Client, study: str, files: dict[str, bytes], pictures: Path) -> None:
    """Saves a thumbnail of each object."""
    client.say("Thumbnails")
    pictures.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        answer = client.call("GET", _path(study, content), 200, params={"fileType": "image/jpeg"})
        client.expect(answer.content.startswith(b"\xff\xd8\xff"), "a JPEG")
        client.expect("X-Thumbnail" not in answer.headers, "the image itself, no placeholder")
        picture = pictures / name.replace(".dcm", ".jpg")
        picture.write_bytes(answer.content)
        print(f"   saved {picture}")


def open_viewer(client: Client, study: str, patient_id: str) -> None:
    """Gets a token of the viewer; goes on without one where the service was told of no viewer."""
    client.say("A token for the viewer")
    answer = client.call("GET", "/token", 200, 500, params={"studyUID": study, "patientID": patient_id})
    if answer.status_code == 500:
        client.expect("DICOM_VIEWER_URL is not set" in answer.json()["detail"], "a token, or no viewer at all")
        print("   no viewer is configured; going on without one")


def announced(client: Client, study: str, patient_id: str) -> None:
    """Waits until the exam's event was delivered to every subscriber; calls back itself where the PACS does not."""
    client.say("The new exam is announced to the subscriber")
    events = _wait_for_events(client, study, CALLBACK_PATIENCE_SECONDS)
    if not events:
        print("   the PACS does not call back; calling in its place")
        event = {"StudyInstanceUID": study, "PatientID": patient_id, "EventType": "COMPLETED"}
        client.call("POST", "/new-exam-callback", 204, json=event)
        events = _wait_for_events(client, study, CALLBACK_PATIENCE_SECONDS)
    client.expect(bool(events), "an event for the study")
    path = f"/exam-events/{events[0]['eventId']}/deliveries"
    last = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < last and not _delivered(client, path):
        time.sleep(0.3)
    deliveries = client.call("GET", path, 200).json()["deliveries"]
    client.expect(bool(deliveries), "at least one subscriber in CALLBACK_URLS")
    client.expect({delivery["state"] for delivery in deliveries} == {"delivered"}, "every delivery done")


def let_the_patient_in(client: Client, study: str, patient_id: str) -> None:
    """A key for the patient shows the patient's exam and nobody else's, until it is revoked."""
    client.say("The patient's own application sees the patient and nobody else")
    wanted = {"name": "the patient's application", "scopes": ["exams:read"], "patientId": patient_id}
    key = client.call("POST", "/api-keys", 201, json=wanted).json()
    patient = client.with_token(key["key"])
    own = patient.call("GET", "/exams/studies", 200, params={"PatientId": patient_id}).json()
    client.expect(_values(own, "0020000D") == [study], "the patient's study")
    others = patient.call("GET", "/exams/studies", 200, params={"PatientId": "1CT1"}).json()
    client.expect(others == [], "nothing of another")
    patient.call("GET", "/exam-events", 403)
    client.call("DELETE", f"/api-keys/{key['keyId']}", 204)


def _wait_for_events(client: Client, study: str, seconds: float) -> list[dict[str, Any]]:
    last = time.monotonic() + seconds
    while True:
        answer = client.quietly(f"/exam-events?StudyInstanceUID={study}")
        if answer["events"] or time.monotonic() > last:
            return list(answer["events"])
        time.sleep(0.3)


def _delivered(client: Client, path: str) -> bool:
    deliveries = client.quietly(path)["deliveries"]
    return bool(deliveries) and all(delivery["state"] == "delivered" for delivery in deliveries)


def _path(study: str, content: bytes) -> str:
    series, instance = uids(content)
    return f"/exams/studies/{study}/series/{series}/instance/{instance}"


def _values(datasets: list[dict[str, Any]], tag: str) -> list[str]:
    return [dataset[tag]["Value"][0] for dataset in datasets]
