"""Zip files of studies: unpacked, each entry with an outcome of its own, and nothing let in that does harm."""

import gzip
import io
import json
import struct
import tarfile
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from dicom_service.exams.uploads.zip_entries import CORRUPT as CORRUPT_ENTRY
from dicom_service.exams.uploads.zip_entries import Entry, why_no_object, why_not_opened
from dicom_service.exams.uploads.zip_headers import open_zip
from functions.store_upload.app import lambda_handler as store_upload
from local.aws import Aws
from local.context import context_for
from local.pacs.server import EmbeddedPacs
from tests.conftest import PACS_KEY, Invoke
from tests.pacs.objects import make_object, real_object, uids
from tests.scripted import Answer, Asked, ScriptedPacs
from tests.transfers import arrived, hurry, status, upload, work

CT = real_object("CT_small.dcm")
CORRUPT_ARCHIVE = (*CORRUPT_ENTRY, struct.error)


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


JAR = packed(("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("weasis/weasis-launcher.jar", JAR, "it is a program or a document, and no DICOM object"),
        ("Report.DOCX", JAR, "it is a program or a document, and no DICOM object"),
        ("viewer/log.gz", b"\x1f\x8b\x08" + bytes(40), "it is no DICOM object"),
        ("viewer/log.gz", gzip.compress(b"started\n" * 99, mtime=0), "it is no DICOM object"),
        ("viewer/viewer.exe", b"MZ" + bytes(400), "it is no DICOM object"),
        ("AUTORUN.INF", b"[autorun]\r\n", "it is no DICOM object"),
        ("__MACOSX/DICOM/._00000001", b"\0\5\x16\7" + bytes(120), "it is no DICOM object"),
        ("empty", b"", "it is no DICOM object"),
    ],
)
def test_what_a_disc_carries_beside_its_images_does_not_fail_it(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, name: str, content: bytes, reason: str
) -> None:
    file = outcome(aws, invoke, packed(("DICOM/00000001", CT), (name, content), ("DICOM\\", b"")))
    assert (file["state"], file["reason"]) == ("STORED", "1 of its 2 entries are no DICOM objects")
    assert [entry.get("reason") for entry in file["entries"]] == [None, reason]
    assert file["entries"][1]["name"] == name


def test_archives_that_may_hold_exams_are_not_passed_over(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        info = tarfile.TarInfo("ct.dcm")
        info.size = len(CT)
        tar.addfile(info, io.BytesIO(CT))
    second = packed(("ct.dcm", CT))
    file = outcome(aws, invoke, packed(("1.dcm", CT), ("2.tar.gz", written.getvalue()), ("3.zip", second)))
    assert (file["state"], file["reason"]) == ("REFUSED", "1 of its 3 entries are stored; others are refused")
    assert {entry["reason"] for entry in file["entries"][1:]} == {
        "it is an archive within the archive, which is not unpacked"
    }


def renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """The archive with another name of the same length, in its directory and before the entry."""
    assert len(old) == len(new)
    return content.replace(old, new)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (packed(("2024-01-17 10:15:31 CT/1.dcm", CT)), "2024-01-17 10:15:31 CT/1.dcm"),
        (packed(("A: head.dcm", CT)), "A: head.dcm"),
        (packed(("./1.dcm", CT)), "./1.dcm"),
        (packed((".", CT)), "."),
        (packed(("Köpfe/größe.dcm", CT)), "Köpfe/größe.dcm"),
        (renamed(packed(("Qevil.dcm", CT)), b"Qevil", b"\0evil"), "\ufffdevil.dcm"),
        (renamed(packed(("ü.dcm", CT)), "ü".encode(), b"\xff\xfe"), "\u00a0\u25a0.dcm"),
        (packed(("ü.dcm", CT)).replace("ü".encode(), b"\xff\xfe", 1), "ü.dcm"),
        (packed(("folder.dcm/", CT)), "folder.dcm/"),
        (packed(("x" * 5000 + ".dcm", CT)), "x" * 255),
        (packed(("", CT)), ""),
    ],
)
def test_an_object_is_stored_under_whatever_name(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes, name: str
) -> None:
    file = outcome(aws, invoke, content)
    assert [(entry["name"], entry["state"]) for entry in file["entries"]] == [(name, "STORED")]
    assert file["state"] == "STORED"


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
        (
            packed(("ct.dcm.gz", gzip.compress(CT, mtime=0))),
            "it is an archive within the archive, which is not unpacked",
        ),
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


def flagged(content: bytes, bits: int, name: bytes) -> bytes:
    """The archive with general purpose bits of an entry set, in its header and the directory (APPNOTE.TXT 4.4.4)."""
    changed = bytearray(content)
    for before, flags_at in ((30, 6), (46, 8)):
        start = content.find(name) - before if before == 30 else content.rfind(name) - before
        (flags,) = struct.unpack_from("<H", changed, start + flags_at)
        struct.pack_into("<H", changed, start + flags_at, flags | bits)
    return bytes(changed)


def patched_directory(content: bytes, name: bytes, at: int, value: bytes) -> bytes:
    """The archive with bytes of an entry's header in the directory changed (4.3.12)."""
    start = content.rfind(name) - 46 + at
    return content[:start] + value + content[start + len(value) :]


TWO = packed(("a/1.dcm", CT), ("b.txt", b"hello"))
CORRUPT, PACKING = "it is corrupt and cannot be unpacked", "it is packed in a way that is not taken"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (flagged(TWO, 1 << 0, b"b.txt"), "it is encrypted"),
        (flagged(TWO, 1 << 6, b"b.txt"), "it is encrypted"),
        (flagged(TWO, 1 << 13, b"b.txt"), "it is encrypted"),
        (flagged(TWO, 1 << 5, b"b.txt"), PACKING),
        *[(patched_directory(TWO, b"b.txt", 10, bytes([method, 0])), PACKING) for method in (1, 6, 9, 12, 14, 93, 99)],
        (patched_directory(TWO, b"b.txt", 42, b"\xff\xff\xff\x7f"), CORRUPT),
        (patched_directory(TWO, b"b.txt", 20, b"\xff\xff\0\0"), CORRUPT),
        (patched_directory(TWO, b"b.txt", 16, b"\0\0\0\0"), CORRUPT),
        (patched_directory(packed(("a", CT), ("b.dcm", CT)), b"b.dcm", 24, b"\xff\xff\0\0"), CORRUPT),
    ],
)
def test_an_entry_that_cannot_be_unpacked_leaves_the_others_alone(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes, reason: str
) -> None:
    file = outcome(aws, invoke, content)
    assert [entry["state"] for entry in file["entries"]] == ["STORED", "REFUSED"]
    assert file["entries"][1]["reason"].startswith(reason)


def with_extra(fields: bytes) -> bytes:
    info = zipfile.ZipInfo("1.dcm")
    info.extra = fields
    return packed((info, CT))


def streamed(content: bytes) -> bytes:
    """A zip file that was written to where nothing can be sought: sizes stand behind the content (4.4.4, bit 3)."""

    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: Any) -> int:
            self.written += bytes(piece)
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.dcm", content)
    return pipe.written


def zip64(content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive, archive.open("1.dcm", "w", force_zip64=True) as entry:
        entry.write(content)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        with_extra(b"\x55\x54\xff\x00\x01"),
        with_extra(b"\x75\x70\x06\x00\x01\xff\xff\xff\xff\xff"),
        with_extra(bytes(7)),
        patched_directory(packed(("1.dcm", CT)), b"1.dcm", 6, b"\xff\0"),
        streamed(CT),
        zip64(CT),
        packed(("1.dcm", CT)) + b"",
        packed(("1.dcm", CT))[:-2] + b"\x05\0hello",
        packed(("1.dcm", make_object(PatientID="P8", Rows=3000, Columns=2000, PixelData=bytes(12_000_000))), method=0),
    ],
    ids=["extra", "unicode path", "padding", "version", "streamed", "zip64", "plain", "comment", "stored, 12 MB"],
)
def test_odd_but_whole_archives_are_stored(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, content: bytes) -> None:
    assert outcome(aws, invoke, content)["state"] == "STORED"


def test_two_entries_of_one_name_are_two(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke) -> None:
    with warnings.catch_warnings(action="ignore"):  # zipfile's own, of the name
        content = packed(("1.dcm", CT), ("1.dcm", make_object()))
    assert [entry["state"] for entry in outcome(aws, invoke, content)["entries"]] == ["STORED", "STORED"]


@pytest.mark.parametrize("cut", [1, 10, 22, 23, 60, 80])
def test_a_directory_that_is_cut_off(aws: Aws, pacs: EmbeddedPacs, invoke: Invoke, cut: int) -> None:
    file = outcome(aws, invoke, TWO[:-cut])
    assert (file["state"], file["reason"]) == ("REFUSED", "it is a zip file that is cut off or corrupt")


@given(st.lists(st.tuples(st.integers(0, len(TWO) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_change_of_bytes_raises_anything_else(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(TWO)
    for at, value in changes:
        changed[at] = value
    with suppress(*CORRUPT_ARCHIVE), open_zip(io.BytesIO(changed)) as archive:
        for entry in (Entry(archive, info) for info in archive.infolist()):
            assert isinstance(entry.name, str)
            with suppress(*CORRUPT_ENTRY):
                assert why_not_opened(entry) or why_no_object(entry) or b"".join(entry)


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


def test_entries_that_are_cut_off_are_refused_and_the_others_stored(
    aws: Aws, pacs: EmbeddedPacs, invoke: Invoke
) -> None:
    cut = {name: real_object(name)[:length] for name, length in (("waveform_ecg.dcm", 200_000), ("reportsi.dcm", 2000))}
    file = outcome(aws, invoke, packed(*cut.items(), ("whole.dcm", CT)))
    reasons = {entry["name"]: (entry["state"], entry.get("reason", "")) for entry in file["entries"]}
    assert reasons.pop("whole.dcm")[0] == "STORED"
    assert all(state == "REFUSED" and "cut off" in reason for state, reason in reasons.values())
    assert set(reasons) == set(cut)
