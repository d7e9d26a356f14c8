"""What is small and costs much: it is drawn by a process whose memory and time the system keeps, or not at all."""

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_service.errors import InvalidRequest
from dicom_service.exams.pictures.apart import process
from dicom_service.exams.pictures.decoding.plain import plain_jpeg, plain_jpeg2000
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest
from dicom_service.exams.pictures.shrink import shrink_jpeg
from tests.unit.pictures.synthetic import array_object, compressed_object, ramp, shown, written
from tests.unit.pictures.test_codecs import COMPRESSED

GREY = ramp(0, 255, "u1", rows=64, columns=64)
SAMPLES = 20_000_000
JPEG_XL = COMPRESSED + "110"
MEMORY = 700 * 2**20
SECONDS = 10


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    process._end_all()
    yield
    process._end_all()


def pdf_object(*objects: bytes) -> bytes:
    """An Encapsulated PDF whose page is object 3."""
    document, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.3"
    dataset.Modality, dataset.MIMETypeOfEncapsulatedDocument = "DOC", "application/pdf"
    dataset.EncapsulatedDocument = bytes(document) + b"\0" * (len(document) % 2)
    return written(dataset)


def page(resources: bytes, content: bytes) -> list[bytes]:
    return [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<" + resources + b">>/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
    ]


PLAIN_PDF = pdf_object(*page(b"", b"0 0 300 300 re f"))


def forms_within_forms(depth: int) -> bytes:
    """Each draws the next one ten times."""
    forms = []
    for level in range(depth):
        last = level == depth - 1
        content = b"0 0 1 1 re f" if last else b"/X Do " * 10
        uses = b"" if last else b"/Resources<</XObject<</X %d 0 R>>>>" % (6 + level)
        head = b"<</Type/XObject/Subtype/Form/BBox[0 0 612 792]" + uses
        forms.append(head + b"/Length %d>>stream\n%s\nendstream" % (len(content), content))
    return pdf_object(*page(b"/XObject<</X 5 0 R>>", b"/X Do"), *forms)


def inflating(count: int) -> bytes:
    """A deflated object of a private value of `count` times 16 MiB."""
    head = array_object(np.zeros((4, 4), "u1"), DeflatedExplicitVRLittleEndian)
    (group_length,) = struct.unpack_from("<I", head, 140)
    squeeze = zlib.compressobj(1, wbits=-15)
    element = struct.pack("<HH2sHI", 0x0009, 0x0010, b"OB", 0, count * 2**24)
    packed = squeeze.compress(element) + b"".join(squeeze.compress(bytes(2**24)) for _ in range(count))
    return head[: 144 + group_length] + packed + squeeze.flush()


def palette_of_segments(count: int) -> bytes:
    """Indirect segments that each repeat many long ones (PS3.3 C.7.9.2)."""
    segments = b"".join(struct.pack("<4H", 2, 65535, 0, 0) for _ in range(count))
    table = {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in ("Red", "Green", "Blue")}
    data = {f"Segmented{colour}PaletteColorLookupTableData": segments for colour in ("Red", "Green", "Blue")}
    return array_object(GREY, PhotometricInterpretation="PALETTE COLOR", **table, **data)


COSTLY = {
    "forms within forms": forms_within_forms(12),
    "a data set that inflates to 1 GB": inflating(64),
    "a palette of segments": palette_of_segments(3000),
    "a JPEG that claims 65,535 rows": compressed_object(
        GREY,
        b"\xff\xd8\xff\xc2" + struct.pack(">HBHHB", 11, 8, 65535, 65535, 1) + b"\x01\x11\0" + bytes(40) + b"\xff\xd9",
        COMPRESSED + "55",
    ),
    "pixels that no memory holds": array_object(GREY, Rows=65535, Columns=65535, BitsAllocated=1, BitsStored=1),
}


MEASURED = """
import json, resource, sys
from dicom_service.exams.pictures.apart import process
from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.request import PictureRequest

placeholder = draw_picture(sys.stdin.buffer.read(), PictureRequest()).placeholder
process._end_all()
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([placeholder, sum(each.ru_utime for each in used), sum(each.ru_maxrss for each in used)]))
"""
"""By a process of its own, as a function is: what its children use is theirs, not that of tests before."""

FORKED = ["sh", "-c", '"$@"; exit $?', "sh"]
"""A process counts the memory of the one that it was forked from as its own: that of a shell is small."""


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_too_much_is_a_placeholder_within_the_budget(name: str) -> None:
    """Also where C code is what takes the memory and the time."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [*FORKED, sys.executable, "-c", MEASURED], input=COSTLY[name], env=environment, capture_output=True, check=True
    )

    placeholder, seconds, kilobytes = json.loads(run.stdout)
    assert placeholder
    assert seconds < SECONDS
    assert kilobytes * 1024 < MEMORY


def test_what_comes_after_something_costly_is_drawn() -> None:
    assert draw_picture(COSTLY["forms within forms"], PictureRequest()).placeholder
    assert not draw_picture(PLAIN_PDF, PictureRequest()).placeholder


def test_a_process_draws_one_object_after_the_other() -> None:
    assert not draw_picture(PLAIN_PDF, PictureRequest()).placeholder
    [first] = process._others
    assert not draw_picture(PLAIN_PDF, PictureRequest()).placeholder
    assert process._others == [first]


def test_a_process_that_was_killed_is_replaced() -> None:
    draw_picture(PLAIN_PDF, PictureRequest())
    [first] = process._others
    os.kill(first._process.pid, signal.SIGKILL)
    first._process.wait()
    assert not draw_picture(PLAIN_PDF, PictureRequest()).placeholder
    assert process._others != [first]


def test_what_cannot_be_drawn_is_the_last_that_a_process_does() -> None:
    assert draw_picture(pdf_object(b"nothing"), PictureRequest()).placeholder
    assert process._others == []


def test_a_request_that_does_not_fit_is_told_as_one() -> None:
    part10 = compressed_object(GREY, imagecodecs.jpegxl_encode(GREY), JPEG_XL)
    assert shown(part10).shape[:2] == GREY.shape
    with pytest.raises(InvalidRequest) as caught:
        draw_picture(part10, PictureRequest(frame=2))
    assert [error.field for error in caught.value.errors] == ["frame"]


def test_no_secret_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_AUTHORIZATION_TOKEN", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    assert "secret" not in process._environment().values()


def test_a_picture_of_the_pacs_that_claims_too_much_is_none() -> None:
    bomb = b"\xff\xd8\xff\xc2" + struct.pack(">HBHHB", 11, 8, 65535, 65535, 1) + b"\x01\x11\0" + bytes(40) + b"\xff\xd9"
    assert shrink_jpeg(bomb, PictureRequest()) is None
    plain = imagecodecs.jpeg8_encode(np.stack([GREY] * 3, axis=-1))
    assert shrink_jpeg(plain, PictureRequest(size=32))


@pytest.mark.parametrize(
    ("stream", "plain"),
    [
        (imagecodecs.jpeg8_encode(GREY), True),
        (imagecodecs.jpeg8_encode(np.stack([GREY] * 3, axis=-1)), True),
        (imagecodecs.ljpeg_encode(GREY), True),
        (imagecodecs.jpegls_encode(GREY), True),
        (imagecodecs.jpeg8_encode(GREY).replace(b"\xff\xc0", b"\xff\xc2"), False),
        (imagecodecs.jpeg8_encode(GREY)[:30], False),
        (imagecodecs.jpeg8_encode(GREY).replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 65535, 65535)), False),
        (b"", False),
    ],
)
def test_a_jpeg_is_plain_if_it_has_one_scan_and_no_more_samples_than_there_is_room_for(
    stream: bytes, plain: bool
) -> None:
    assert plain_jpeg(stream, SAMPLES) == plain


def test_a_codestream_is_plain_if_its_headers_are_ordinary() -> None:
    stream = imagecodecs.jpeg2k_encode(GREY, codecformat="j2k")
    assert plain_jpeg2000(stream, SAMPLES)
    assert not plain_jpeg2000(stream, GREY.size - 1)
    assert not plain_jpeg2000(stream[:60], SAMPLES)
    size = stream.index(b"\xff\x51") + 6
    tiles = stream[: size + 16] + struct.pack(">II", 1, 1) + stream[size + 24 :]
    assert not plain_jpeg2000(tiles, SAMPLES)
    style = stream.index(b"\xff\x52") + 6
    layers = stream[:style] + struct.pack(">H", 65535) + stream[style + 2 :]
    assert not plain_jpeg2000(layers, SAMPLES)
