"""Multipart bodies as PACS, browsers and curl write them (RFC 2046 section 5.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_service.errors import InvalidRequest
from dicom_service.pacs.multipart import Part, related_body, split_parts

DICOM = "application/dicom"


@pytest.mark.parametrize("boundary", ["b", '"b"'])
@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--",
        b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--\r\n",
        b"a preamble\r\n--b\r\ncontent-type:application/dicom\r\nContent-Length: 4\r\n\r\nDATA\r\n--b--\r\nan epilogue",
        b"--b\nContent-Type: application/dicom\n\nDATA\n--b--\n",
        b"--b \r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--",
    ],
)
def test_one_part_however_it_is_written(boundary: str, body: bytes) -> None:
    assert split_parts(f"multipart/related; boundary={boundary}", body) == [Part(DICOM, "", b"DATA")]


def test_a_form_of_two_files() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a;b.dcm"\r\n\r\n\r\n\r\n1\r\n'
        b'--b\r\nContent-Disposition: form-data; name=x; filename="\xc3\xbc.dcm"\r\n'
        b"Content-Type: application/dicom\r\n\r\n"
        b"\r\n--b--\r\n"
    )
    assert split_parts("multipart/form-data; boundary=b", body) == [
        Part("", "a;b.dcm", b"\r\n\r\n1"),
        Part(DICOM, "ü.dcm", b""),
    ]


def test_a_part_without_headers() -> None:
    assert split_parts("multipart/related; boundary=b", b"--b\r\n\r\nDATA\r\n--b--") == [Part("", "", b"DATA")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b\r\n\r\nDATA\r\n--b--"),
        ("multipart/form-data; boundary=c", b"--b\r\n\r\nDATA\r\n--b--"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nDATA\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nDATA\r\n--b\r\n\r\nMO"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: 1\r\n--b--"),
    ],
)
def test_a_body_that_is_not_whole_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        split_parts(content_type, body)


@given(st.binary(max_size=300))
def test_what_is_written_is_read_back(content: bytes) -> None:
    body, content_type = related_body(content, DICOM)
    assert split_parts(content_type, body) == [Part(DICOM, "", content)]
