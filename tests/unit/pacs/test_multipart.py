"""Multipart bodies as PACS, browsers and curl write them (RFC 2046 section 5.1)."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_service.errors import InvalidRequest
from dicom_service.pacs.multipart import Part, first_part, related_body, split_parts

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


@given(content=st.binary(max_size=300), sizes=st.lists(st.integers(1, 40), max_size=60))
def test_the_first_part_is_the_same_however_the_body_comes_in_pieces(content: bytes, sizes: list[int]) -> None:
    body, content_type = related_body(content, DICOM)
    assert isinstance(body, bytes)
    cuts = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    pieces = [body[start:end] for start, end in zip(cuts, [*cuts[1:], None], strict=True)]
    assert b"".join(first_part(content_type, iter(pieces))) == content


@pytest.mark.parametrize(
    "body", [b"", b"no boundary", b"--b\r\nContent-Type: x", b"--b\r\n\r\nDATA", b"--b\r\n\r\nDATA\r\n--"]
)
def test_a_first_part_that_does_not_come_to_its_end_is_none(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        list(first_part("multipart/related; boundary=b", iter([body])))


def test_a_body_in_pieces_is_the_same_as_one_in_memory() -> None:
    class Pieces:
        def __len__(self) -> int:
            return 4

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"DA", b"TA")

    body, content_type = related_body(Pieces(), DICOM)
    assert len(body) == len(b"".join(body))
    assert split_parts(content_type, b"".join(body)) == [Part(DICOM, "", b"DATA")]


LONGER = [
    b"\r\n--bb\r\n",
    b"\n--b x\r\n",
    b"\r\n--b-\r\n",
    b"\r\n--b--x\r\n",
    b"\r\n --b\r\n",
    b"\r\n--B\r\n",
    b"\r\n--b\0",
]


@pytest.mark.parametrize("line", LONGER)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_longer_line_that_begins_like_the_boundary_is_content(line: bytes, size: int) -> None:
    """RFC 2046 section 5.1.1: behind the boundary its line holds padding only, or the two hyphens of the last one."""
    body = b"--b\r\n\r\nDATA" + line + b"MORE\r\n--b\r\n\r\nTWO\r\n--b--"
    content_type = "multipart/related; boundary=b"
    assert [part.content for part in split_parts(content_type, body)] == [b"DATA" + line + b"MORE", b"TWO"]
    pieces = iter([body[place : place + size] for place in range(0, len(body), size)])
    assert b"".join(first_part(content_type, pieces)) == b"DATA" + line + b"MORE"


@pytest.mark.parametrize("padding", [b" ", b"\t \t", b" " * 1000])
@pytest.mark.parametrize("end", [b"--", b"-- \t", b"--\r\nan epilogue\r\n--b\r\n", b"--\n"])
def test_padding_behind_a_boundary_means_nothing(padding: bytes, end: bytes) -> None:
    body = b"--b" + padding + b"\r\n\r\nDATA\r\n--b" + padding + b"\r\n\r\nTWO\r\n--b" + end
    content_type = "multipart/related; boundary=b"
    assert [part.content for part in split_parts(content_type, body)] == [b"DATA", b"TWO"]
    assert b"".join(first_part(content_type, iter([body[:-1], body[-1:]]))) == b"DATA"
