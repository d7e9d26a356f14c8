"""Zip files of studies: unpacked, each entry with an outcome of its own, and nothing let in that does harm."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from functions.store_upload.app import lambda_handler as store_upload
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.pacs.objects import make_object, real_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import arrived, hurry, status, upload, work

CT = real_object("CT_small.dcm")


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content, compress_type=method)
    return written.getvalue()


def outcome(aws: Aws, invoke: Invoke, content: bytes) -> dict[str, Any]:
    """Of a zip file that was uploaded and handled."""
    upload_id = upload(invoke, content, "study.zip")
    work(aws)
    (file,) = status(invoke, upload_id)
    return file


def instances_in(pacs: EmbeddedPacs, study_uid: str) -> int:
    answer = requests.get(
        f"{pacs.url}/dicom-web/studies",
        params={"StudyInstanceUID": study_uid},
        headers={"Authorization": PACS_KEY},
        timeout=10,
    )
    return int(answer.json()[0]["00201208"]["Value"][0])


def test_three_hundred_ct(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    # given
    dataset = pydicom.dcmread(io.BytesIO(CT))
    dataset.StudyInstanceUID = generate_uid()
    entries: list[tuple[str | zipfile.ZipInfo, bytes]] = []
    for number in range(1, 301):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number
        written = io.BytesIO()
        dataset.save_as(written)
        entries.append((f"CT/{number:04}.dcm", written.getvalue()))
    # when
    file = outcome(aws, invoke, packed(*entries))
    # then
    assert file["state"] == "STORED"
    assert [entry["state"] for entry in file["entries"]] == ["STORED"] * 300
    assert file["entries"][299]["name"] == "CT/0300.dcm"
    named = {entry["result"]["00081199"]["Value"][0]["00081155"]["Value"][0] for entry in file["entries"]}
    assert named == {uids(content)[2] for _, content in entries}
    assert instances_in(pacs, str(dataset.StudyInstanceUID)) == 300


def test_what_is_no_object_is_left_out_and_named(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    directory = Path(get_testdata_file("DICOMDIR") or "").read_bytes()
    file = outcome(
        aws, invoke, packed(("DICOMDIR", directory), ("README.TXT", b"hello"), ("viewer/", b""), ("IM1", CT))
    )
    assert file["state"] == "STORED"
    assert file["reason"] == "2 of its 3 entries are no DICOM objects"
    assert [(entry["name"], entry["state"], entry.get("reason", "")) for entry in file["entries"]] == [
        ("DICOMDIR", "REFUSED", "it lists objects and is none itself"),
        ("README.TXT", "REFUSED", "it is no DICOM object"),
        ("IM1", "STORED", ""),
    ]


def encrypted(content: bytes) -> bytes:
    """The archive with its entries' flags of encryption set (APPNOTE.TXT 4.4.4)."""
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        content = content[: start + at] + b"\x01" + content[start + at + 1 :]
    return content


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed(("../../etc/ct.dcm", CT)), "its name leads out of the archive"),
        (packed(("/etc/ct.dcm", CT)), "its name leads out of the archive"),
        (packed(("..\\ct.dcm", CT)), "its name leads out of the archive"),
        (packed(("C:\\ct.dcm", CT)), "its name leads out of the archive"),
        (packed(("inner.zip", packed(("ct.dcm", CT)))), "it is an archive within the archive, which is not unpacked"),
        (packed(("inner.gz", b"\x1f\x8b\x08" + CT)), "it is an archive within the archive, which is not unpacked"),
        (packed((link("ct.dcm"), b"/etc/passwd")), "it is a link"),
        (encrypted(packed(("ct.dcm", CT))), "it is encrypted"),
        (packed(("ct.dcm", CT), method=zipfile.ZIP_LZMA), "it is packed in a way that is not taken"),
        (packed(("ct.dcm", CT[:-200])), "it is cut off before its end"),
        (packed(("ct.dcm", make_object(SeriesInstanceUID=None))), "it has no SeriesInstanceUID"),
    ],
)
def test_an_entry_that_is_refused_is_told_why(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes, reason: str
) -> None:
    file = outcome(aws, invoke, content)
    assert file["state"] == "REFUSED"
    assert file["reason"] == "none of its entries is stored"
    assert [entry["state"] for entry in file["entries"]] == ["REFUSED"]
    assert file["entries"][0]["reason"].startswith(reason)


def test_a_corrupt_entry_is_refused_and_the_others_are_stored(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    content = bytearray(packed(("a.dcm", make_object(PatientID="UNIQUE")), ("b.dcm", CT), method=zipfile.ZIP_STORED))
    content[content.index(b"UNIQUE")] ^= 1
    file = outcome(aws, invoke, bytes(content))
    assert file["state"] == "REFUSED"
    assert file["reason"] == "1 of its 2 entries are stored; others are refused"
    assert [entry["state"] for entry in file["entries"]] == ["REFUSED", "STORED"]
    assert file["entries"][0]["reason"] == "it is corrupt and cannot be unpacked"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed(*[(f"{number}.dcm", b"") for number in range(5001)]), "it is a zip file of more than 5000 entries"),
        (
            packed(("zeros.dcm", bytes(150_000_000))),
            "it is a zip file that unpacks to far more than exams do: a zip bomb",
        ),
        (packed(("ct.dcm", CT))[:-30], "it is a zip file that is cut off or corrupt"),
        (packed(), "none of its entries is stored"),
    ],
    ids=["entries", "bomb", "cut", "empty"],
)
def test_an_archive_that_is_refused_as_a_whole(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes, reason: str
) -> None:
    file = outcome(aws, invoke, content)
    assert (file["state"], file["reason"]) == ("REFUSED", reason)


def test_entries_that_are_stored_are_not_stored_again_after_a_failure(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a PACS that goes down after the first of three objects
    objects = [make_object() for _ in range(3)]
    sent: list[str] = []

    def by(asked: Asked) -> Answer:
        uid = next(uids(content)[2] for content in objects if content in asked.body)
        sent.append(uid)
        if len(sent) == 2:
            return Answer(503)
        sop = {"00081155": {"vr": "UI", "Value": [uid]}}
        return Answer(200, json.dumps({"00081199": {"vr": "SQ", "Value": [sop]}}).encode())

    with ScriptedPacs(by=by) as scripted:
        monkeypatch.setenv("PACS_SERVICE_URL", scripted.url)
        upload_id = upload(invoke, packed(*[(f"{at}.dcm", content) for at, content in enumerate(objects)]))
        event = arrived(aws)
        assert len(store_upload(event, context_for("StoreUpload"))["batchItemFailures"]) == 1
        (file,) = status(invoke, upload_id)
        assert [entry["state"] for entry in file["entries"]] == ["STORED"]
        # when
        hurry(aws, "UploadsQueue", event)
        work(aws)
    # then
    (file,) = status(invoke, upload_id)
    assert file["state"] == "STORED"
    first, second, third = (uids(content)[2] for content in objects)
    assert sent == [first, second, second, third]


def test_a_large_entry_is_not_held(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    content = make_object(Rows=4200, Columns=4200, PixelData=bytes(range(256)) * (4200 * 4200 * 2 // 256 + 1))
    file = outcome(aws, invoke, packed(("large.dcm", content), ("ct.dcm", CT)))
    assert [entry["state"] for entry in file["entries"]] == ["STORED", "STORED"]
    assert file["state"] == "STORED"
