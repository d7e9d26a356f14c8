"""Storing: STOW-RS (PS3.18 section 10.5) in both trees."""

import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pydicom
import pytest
import requests

from local.pacs.server import EmbeddedPacs
from tests.pacs.conftest import StartPacs
from tests.pacs.objects import (
    MULTIPART,
    failure_reasons,
    header,
    make_object,
    multipart,
    real_object,
    send,
    stored_uids,
    uids,
)

PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH_SOP_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000

FOLDER = Path(pydicom.__file__).parent / "data"
REAL_FILES = sorted([*(FOLDER / "test_files").glob("*.dcm"), *(FOLDER / "charset_files").glob("*.dcm")])

STANDARD = "/dicom-web/studies"
O3 = "/o3-dpacs-wado/stowRsListener/AET/studies"


def count(pacs: EmbeddedPacs) -> int:
    return len(requests.get(f"{pacs.url}/dicom-web/instances", timeout=10).json())


def test_several_objects_are_stored_in_one_request(pacs: EmbeddedPacs) -> None:
    # given
    objects = [make_object(), make_object(), real_object("CT_small.dcm")]
    # when
    answer = send(pacs.url + STANDARD, *objects)
    # then
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert stored_uids(answer) == [uids(content)[2] for content in objects]
    assert "00081198" not in answer.json()
    item = answer.json()["00081199"]["Value"][0]
    assert item["00081150"]["Value"] == [header(objects[0]).SOPClassUID]
    assert requests.get(item["00081190"]["Value"][0], timeout=10).status_code == 200


def test_a_single_part_body_is_stored(pacs: EmbeddedPacs) -> None:
    content = make_object()
    answer = requests.post(pacs.url + STANDARD, data=content, headers={"Content-Type": "application/dicom"}, timeout=10)
    assert answer.status_code == 200
    assert stored_uids(answer) == [uids(content)[2]]


def test_o3_answers_the_sequence_alone_with_a_wado_uri(pacs: EmbeddedPacs) -> None:
    # given
    content = make_object()
    # when
    answer = send(pacs.url + O3, content)
    # then
    assert answer.status_code == 200
    assert answer.json().keys() == {"00081199"}
    url = answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    assert f"objectUID={uids(content)[2]}" in url
    assert requests.get(url, timeout=10).content == content


@pytest.mark.parametrize("number", [0, 2])
def test_o3_takes_exactly_one_instance_a_request(pacs: EmbeddedPacs, number: int) -> None:
    answer = send(pacs.url + O3, *[make_object() for _ in range(number)])
    assert answer.status_code == 400
    assert count(pacs) == 0


def test_o3_takes_no_single_part_body(pacs: EmbeddedPacs) -> None:
    answer = requests.post(pacs.url + O3, data=make_object(), headers={"Content-Type": "application/dicom"}, timeout=10)
    assert answer.status_code == 415


def test_an_object_that_is_there_already_is_stored_again_without_effect(pacs: EmbeddedPacs) -> None:
    content = make_object()
    answers = [send(pacs.url + STANDARD, content) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert count(pacs) == 1


def test_other_bytes_under_a_known_uid_are_refused_and_the_first_copy_stays(pacs: EmbeddedPacs, tmp_path: Path) -> None:
    # given
    first = make_object(PatientID="P1")
    study, series, instance = uids(first)
    send(pacs.url + STANDARD, first)
    # when
    second = make_object(PatientID="P2", StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)
    answer = send(pacs.url + STANDARD, second)
    # then
    assert answer.status_code == 409
    assert failure_reasons(answer) == [DUPLICATE_SOP_INSTANCE]
    kept = requests.get(
        f"{pacs.url}/dicom-web/studies/{study}/series/{series}/instances/{instance}",
        headers={"Accept": "application/dicom"},
        timeout=10,
    )
    assert kept.content == first
    assert len([path for path in (tmp_path / "objects").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("resource", [STANDARD, O3])
def test_the_study_in_the_address_must_be_the_objects(pacs: EmbeddedPacs, resource: str) -> None:
    # given
    content = make_object()
    # when
    other = send(f"{pacs.url}{resource}/1.2.3", content)
    own = send(f"{pacs.url}{resource}/{uids(content)[0]}", content)
    # then
    assert other.status_code == 409
    assert failure_reasons(other) == [DOES_NOT_MATCH_SOP_CLASS]
    assert other.json()["00081198"]["Value"][0]["00081155"]["Value"] == [uids(content)[2]]
    assert own.status_code == 200


def test_some_stored_and_some_refused_is_202(pacs: EmbeddedPacs) -> None:
    good = make_object()
    answer = send(pacs.url + STANDARD, good, b"no DICOM at all", make_object(SeriesInstanceUID=None))
    assert answer.status_code == 202
    assert stored_uids(answer) == [uids(good)[2]]
    assert failure_reasons(answer) == [CANNOT_UNDERSTAND, CANNOT_UNDERSTAND]
    assert count(pacs) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"StudyInstanceUID": None},
        {"SeriesInstanceUID": None},
        {"SOPInstanceUID": None},
        {"StudyInstanceUID": ""},
        {"SeriesInstanceUID": ["1.2", "1.3"]},
    ],
)
def test_an_object_that_does_not_say_where_it_belongs_is_refused(pacs: EmbeddedPacs, wrong: dict[str, object]) -> None:
    answer = send(pacs.url + STANDARD, make_object(**wrong))
    assert answer.status_code == 409
    assert failure_reasons(answer) == [CANNOT_UNDERSTAND]
    assert count(pacs) == 0


@pytest.mark.parametrize("body", [b"", b"text", b"\0" * 128 + b"DICX" + b"\0" * 100, real_object("CT_small.dcm")[:100]])
@pytest.mark.parametrize("resource", [STANDARD, O3])
def test_what_is_not_dicom_is_400(pacs: EmbeddedPacs, resource: str, body: bytes) -> None:
    answer = send(pacs.url + resource, body)
    assert answer.status_code == 400
    assert count(pacs) == 0


def test_a_header_that_is_garbage_is_refused_not_a_fault(pacs: EmbeddedPacs) -> None:
    garbage = b"\0" * 128 + b"DICM" + bytes(range(256)) * 8
    answer = send(pacs.url + STANDARD, garbage)
    assert answer.status_code == 409
    assert failure_reasons(answer) == [CANNOT_UNDERSTAND]


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data; boundary=b", 'multipart/related; type="image/jpeg"; boundary=b'],
)
def test_other_media_types_are_415(pacs: EmbeddedPacs, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = requests.post(pacs.url + STANDARD, data=multipart(make_object()), headers=headers, timeout=10)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type",
    ['multipart/related; type="application/dicom"', 'multipart/related; type="application/dicom"; boundary=another'],
)
def test_a_boundary_that_is_missing_or_wrong_is_400(pacs: EmbeddedPacs, content_type: str) -> None:
    answer = send(pacs.url + STANDARD, make_object(), headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert count(pacs) == 0


@pytest.mark.parametrize("cut", [3, 7, 100])
def test_a_body_that_ends_before_its_closing_boundary_stores_nothing(pacs: EmbeddedPacs, cut: int) -> None:
    body = multipart(make_object(), make_object())[:-cut]
    answer = requests.post(pacs.url + STANDARD, data=body, headers={"Content-Type": MULTIPART}, timeout=10)
    assert answer.status_code == 400
    assert count(pacs) == 0


def test_a_connection_that_breaks_in_the_body_stores_nothing(pacs: EmbeddedPacs) -> None:
    # given
    body = multipart(make_object())
    head = f"POST {STANDARD} HTTP/1.1\r\nHost: pacs\r\nContent-Type: {MULTIPART}\r\nContent-Length: {len(body)}\r\n\r\n"
    address = urlsplit(pacs.url)
    # when
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + body[:-50])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1000)
    # then
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert count(pacs) == 0


def test_a_chunked_body_is_stored_and_a_broken_one_is_not(pacs: EmbeddedPacs) -> None:
    # given
    body = multipart(make_object())
    address = urlsplit(pacs.url)
    head = f"POST {STANDARD} HTTP/1.1\r\nHost: pacs\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n\r\n"
    # when
    whole = requests.post(
        pacs.url + STANDARD, data=iter([body[:500], body[500:]]), headers={"Content-Type": MULTIPART}, timeout=10
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"zz\r\nnot a chunk\r\n")
        connection.shutdown(socket.SHUT_WR)
        broken = connection.recv(1000)
    # then
    assert whole.status_code == 200
    assert broken.startswith(b"HTTP/1.1 400 ")


def test_a_boundary_line_inside_an_object_does_not_end_it(pacs: EmbeddedPacs) -> None:
    pixels = b"\r\n--a-boundary-of-another\r\n".ljust(128, b"\0")
    content = make_object(PixelData=pixels)
    answer = send(pacs.url + STANDARD, content)
    assert answer.status_code == 200
    assert (
        requests.get(
            answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0],
            headers={"Accept": "application/dicom"},
            timeout=10,
        ).content
        == content
    )


@pytest.mark.parametrize("path", REAL_FILES, ids=lambda path: path.name)
def test_real_objects_are_kept_byte_for_byte_or_refused_with_a_reason(shared_pacs: EmbeddedPacs, path: Path) -> None:
    # given
    content = path.read_bytes()
    # when
    answer = send(shared_pacs.url + STANDARD, content)
    # then
    if answer.status_code != 200:
        assert answer.status_code == (409 if content[128:132] == b"DICM" else 400)
        assert failure_reasons(answer) in ([CANNOT_UNDERSTAND], [DUPLICATE_SOP_INSTANCE], [])
        return
    url = answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    assert requests.get(url, headers={"Accept": "application/dicom"}, timeout=10).content == content
    assert requests.get(f"{url}/metadata", timeout=10).json()[0]["00080018"]["Value"] == [uids(content)[2]]


def test_objects_of_many_writers_are_all_there_after_a_restart(start_pacs: StartPacs) -> None:
    # given
    study = "1.2.3.4"
    objects = [make_object(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.{i % 4}") for i in range(160)]
    pacs = start_pacs(page_limit=200)
    # when
    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(lambda content: send(pacs.url + O3, content).status_code, objects))
    pacs.stop()
    pacs = start_pacs(page_limit=200)
    # then
    assert answers == [200] * 160
    found = requests.get(f"{pacs.url}/dicom-web/studies/{study}/instances", timeout=30).json()
    assert {one["00080018"]["Value"][0] for one in found} == {uids(content)[2] for content in objects}
    (found_study,) = requests.get(f"{pacs.url}/dicom-web/studies", timeout=30).json()
    assert found_study["00201206"]["Value"] == [4]
    assert found_study["00201208"]["Value"] == [160]


def test_a_full_or_broken_disk_is_told_as_out_of_resources(pacs: EmbeddedPacs, tmp_path: Path) -> None:
    # given a folder that can no longer be written to
    (tmp_path / "objects").rename(tmp_path / "gone")
    (tmp_path / "objects").write_text("in the way")
    # when
    answer = send(pacs.url + STANDARD, make_object())
    # then
    assert answer.status_code == 409
    assert failure_reasons(answer) == [OUT_OF_RESOURCES]
    assert count(pacs) == 0


def test_a_broken_index_is_told_as_a_processing_failure(pacs: EmbeddedPacs, tmp_path: Path) -> None:
    # given
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as connection:
        connection.execute("DROP TABLE instance")
    # when
    answer = send(pacs.url + STANDARD, make_object())
    # then
    assert answer.status_code == 409
    assert failure_reasons(answer) == [PROCESSING_FAILURE]


def test_of_different_objects_under_one_uid_one_wins(pacs: EmbeddedPacs) -> None:
    # given
    objects = [
        make_object(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2", SeriesInstanceUID=f"1.2.{i}") for i in range(8)
    ]
    # when
    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(lambda content: send(pacs.url + STANDARD, content).status_code, objects))
    # then
    assert sorted(answers) == [200] + [409] * 7
    kept = requests.get(f"{pacs.url}/dicom-web/instances", params={"SOPInstanceUID": "1.2.3"}, timeout=10).json()
    assert len(kept) == 1
    assert requests.get(kept[0]["00081190"]["Value"][0], timeout=10).status_code == 200
