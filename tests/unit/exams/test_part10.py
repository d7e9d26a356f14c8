"""A file is whole when every element, item and fragment of it is, to the last byte (PS3.5 and PS3.10, section 7)."""

import io
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from struct import pack

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import data_element_generator

from dicom_service.errors import NotDicom
from dicom_service.exams.part10 import Part10, identify, identify_file
from dicom_service.exams.reading.budget import DEEPEST, Budget
from tests.pacs.objects import make_object

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, on odd files

LONG_VALUE = 96
STRIDE = 1009
"""Within a long value one cut is like another."""

CUT_FILES = ("CT_small.dcm", "JPEG2000.dcm", "waveform_ecg.dcm", "reportsi.dcm", "liver.dcm")
NOT_WHOLE = {"MR_truncated.dcm", "rtplan_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}
NO_IMAGES = {"chrJapMultiExplicitIR6.dcm", "chrJapMulti.dcm", "chrKoreanMulti.dcm"}
"""Images whose pixel data was taken out: as if they were cut off before it."""

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
META = 132
"""Where the file meta information begins."""


def content_of(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def ends(content: bytes) -> list[int]:
    """Where each top-level element of the data set ends, by pydicom."""
    file, syntax = io.BytesIO(content), meta_of(content).TransferSyntaxUID
    file.seek(data_set_start(content))
    return [file.tell() for _ in data_element_generator(file, syntax.is_implicit_VR, syntax.is_little_endian)]


def meta_of(content: bytes) -> FileMetaDataset:
    return pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True).file_meta


def data_set_start(content: bytes) -> int:
    return META + 12 + int(meta_of(content).FileMetaInformationGroupLength)


def cuts(content: bytes) -> Iterator[int]:
    """Every place but most of those within a long value."""
    borders = [0, *ends(content), len(content)]
    for start, end in pairwise(borders):
        near = LONG_VALUE // 2
        yield from (cut for cut in range(start, end) if min(cut - start, end - cut) < near or cut % STRIDE == 0)


def refusal(content: bytes, budget: Budget | None = None) -> str:
    with pytest.raises(NotDicom) as caught:
        identify(content, budget)
    assert caught.value.detail
    return caught.value.detail


def taken(content: bytes) -> bool:
    """Whether it is, in memory and as a file alike."""
    try:
        in_memory: Part10 | str = identify(content)
    except NotDicom as error:
        in_memory = error.detail
    try:
        as_file: Part10 | str = identify_file(io.BytesIO(content), len(content))
    except NotDicom as error:
        as_file = error.detail
    assert in_memory == as_file
    return isinstance(in_memory, Part10)


@pytest.mark.parametrize("name", CUT_FILES)
def test_a_file_that_is_cut_off_is_refused_wherever_that_shows(name: str) -> None:
    content = content_of(name)
    between_elements = set(ends(content))
    last = max(between_elements)

    accepted = [cut for cut in cuts(content) if taken(content[:cut])]

    assert taken(content)
    assert set(accepted) <= between_elements | set(range(last, len(content)))
    pixels = pydicom.dcmread(io.BytesIO(content)).get_item("PixelData")
    if pixels is not None:
        before_pixels = max(end for end in between_elements if end < pixels.value_tell)
        assert before_pixels not in accepted


def test_a_deflated_file_is_whole_when_its_data_set_inflates_to_its_end() -> None:
    content = content_of("image_dfl.dcm")
    start = data_set_start(content)
    for cut in range(start, len(content) + 1):
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflater.decompress(content[start:cut])
        assert taken(content[:cut]) == inflater.eof, cut


def test_every_whole_file_is_taken() -> None:
    """All of pydicom's files that name themselves, also the odd ones; what is refused is refused for its own reason."""
    folders = [Path(pydicom.__path__[0]) / "data", Path(str(get_testdata_file("liver.dcm", download=False))).parent]
    refused = set()
    seen = 0
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if content[128:132] != b"DICM":
            continue
        dataset = pydicom.dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
        if all(dataset.get(keyword) for keyword in UIDS):
            seen += 1
            if not taken(content):
                refused.add(path.name)
    assert seen > 200
    assert refused == NOT_WHOLE | NO_IMAGES | {"bad_sequence.dcm"}  # whose UIDs are none


def element(tag: int, vr: bytes, value: bytes, big_endian: bool = False) -> bytes:
    order = ">" if big_endian else "<"
    head = pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + vr + b"\0\0" + pack(f"{order}I", len(value)) + value
    return head + vr + pack(f"{order}H", len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


ITEM = bytes.fromhex("feff00e0")
ITEM_END = bytes.fromhex("feff0de0 00000000")
SEQUENCE_END = bytes.fromhex("feffdde0 00000000")
UNDEFINED = b"\xff\xff\xff\xff"


def file_of(*elements: bytes, syntax: bytes = b"1.2.840.10008.1.2.1", more_meta: bytes = b"") -> bytes:
    padded = syntax + b"\0" * (len(syntax) % 2)
    meta = element(0x00020010, b"UI", padded) + more_meta
    return bytes(128) + b"DICM" + element(0x00020000, b"UL", pack("<I", len(meta))) + meta + b"".join(elements)


SOP = [element(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.88.11\0"), element(0x00080018, b"UI", b"1.2.3.4\0")]
STUDY = [element(0x0020000D, b"UI", b"1.2.3\0"), element(0x0020000E, b"UI", b"1.2.3.3\0")]
NAME = element(0x00100010, b"PN", b"A^B ")
IDENTITY = Part10("1.2.3", "1.2.3.3", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.4")


def sequence(content: bytes, *, length: bytes = UNDEFINED, vr: bytes = b"SQ") -> bytes:
    return pack("<HH", 0x0040, 0xA730) + vr + b"\0\0" + length + content


ODD = {
    "a VR of two spaces": file_of(*SOP, NAME.replace(b"PN", b"  "), *STUDY),
    "a VR of question marks": file_of(*SOP, NAME.replace(b"PN", b"??"), *STUDY),
    "implicit VR within explicit": file_of(*SOP, implicit(0x00100010, b"A^B "), *STUDY),
    "all implicit VR, said to be explicit": file_of(
        implicit(0x00080016, b"1.2.840.10008.5.1.4.1.1.88.11\0"),
        implicit(0x00080018, b"1.2.3.4\0"),
        implicit(0x0020000D, b"1.2.3\0"),
        implicit(0x0020000E, b"1.2.3.3\0"),
    ),
    "explicit VR, said to be implicit": file_of(*SOP, NAME, *STUDY, syntax=b"1.2.840.10008.1.2"),
    "group 2 again in the data set": file_of(element(0x00020010, b"UI", b"1.2.840.10008.1.2\0"), *SOP, NAME, *STUDY),
    "NULs and spaces behind UIDs": file_of(*SOP, element(0x0020000D, b"UI", b"1.2.3\0\0 \0\0"), STUDY[1]),
    "leading zeros in UIDs": file_of(*SOP, element(0x0020000D, b"UI", b"1.02.3"), STUDY[1]),
    "a private UN of undefined length": file_of(
        *SOP,
        pack("<HH", 9, 0x1010)
        + b"UN\0\0"
        + UNDEFINED
        + ITEM
        + pack("<I", 8)
        + implicit(0x00091011, b"")
        + SEQUENCE_END,
        *STUDY,
    ),
    "items of defined length": file_of(*SOP, *STUDY, sequence(ITEM + pack("<I", len(NAME)) + NAME + SEQUENCE_END)),
    "items of undefined length": file_of(*SOP, *STUDY, sequence(ITEM + UNDEFINED + NAME + ITEM_END + SEQUENCE_END)),
    "an empty sequence": file_of(*SOP, *STUDY, sequence(SEQUENCE_END)),
    "a sequence without its last item's delimiter": file_of(
        *SOP, *STUDY, sequence(ITEM + UNDEFINED + NAME + SEQUENCE_END)
    ),
    "trailing padding": file_of(*SOP, *STUDY, element(0xFFFCFFFC, b"OB", bytes(10))),
    "zeros behind the end": file_of(*SOP, *STUDY) + bytes(600),
    "big endian": file_of(
        *(
            element(tag, b"UI", value, big_endian=True)
            for tag, value in (
                (0x00080016, b"1.2.840.10008.5.1.4.1.1.88.11\0"),
                (0x00080018, b"1.2.3.4\0"),
                (0x0020000D, b"1.2.3\0"),
                (0x0020000E, b"1.2.3.3\0"),
            )
        ),
        syntax=b"1.2.840.10008.1.2.2",
    ),
    "meta information without its length": bytes(128)
    + b"DICM"
    + element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
    + b"".join([*SOP, *STUDY]),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_that_readers_understand_is_taken(name: str) -> None:
    identity = identify(ODD[name])
    assert taken(ODD[name])
    assert identity == IDENTITY or (name == "leading zeros in UIDs" and identity.study_uid == "1.02.3")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"GIF89a" * 40, "DICM is missing"),
        (file_of(*SOP), "it has no StudyInstanceUID, SeriesInstanceUID"),
        (file_of(*SOP, element(0x0020000D, b"UI", b"../../x "), STUDY[1]), "StudyInstanceUID must be digits and dots"),
        (file_of(*SOP, element(0x0020000D, b"UI", b"1" * 66), STUDY[1]), "StudyInstanceUID must be digits and dots"),
        (
            file_of(*SOP, *STUDY, sequence(ITEM + UNDEFINED + NAME)),
            "cut off before its end, inside element (0040,A730)",
        ),
        (file_of(*SOP, *STUDY, sequence(ITEM + UNDEFINED + NAME + ITEM_END)), "inside element (0040,A730)"),
        (file_of(*SOP, *STUDY, sequence(NAME + NAME, length=UNDEFINED)), "holds something else than items"),
        (file_of(*SOP, *STUDY, ITEM + pack("<I", 0)), "an item stands outside of a sequence"),
        (file_of(*SOP, *STUDY, element(0x00420011, b"OB", bytes(4))[:-3]), "should have 4 bytes, and 1 are there"),
        (file_of(*SOP, *STUDY, element(0x00420011, b"OB", b"")[:-2]), "inside the header of an element"),
        (make_object()[:-1], "should have 128 bytes, and 127 are there"),
    ],
)
def test_a_refusal_tells_its_reason(content: bytes, reason: str) -> None:
    assert reason in refusal(content)
    assert not taken(content)


def test_an_image_that_ends_before_its_pixels_is_cut_off() -> None:
    whole = make_object()
    start = whole.index(bytes.fromhex("e07f1000"))
    assert "the pixel data that its Rows and Columns announce is missing" in refusal(whole[:start])
    assert taken(make_object(Rows=None, Columns=None, PixelData=None))


@pytest.mark.parametrize("count", [1, 5])
def test_a_budget_of_elements_is_that_of_all_files_together(count: int) -> None:
    content = file_of(*SOP, NAME, *STUDY)
    budget = Budget(elements=8 * count, inflated_bytes=0)
    for _ in range(count):
        assert identify(content, budget) == IDENTITY
    assert "more elements" in refusal(content, budget)


def test_items_and_fragments_count_as_elements() -> None:
    empty_items = sequence((ITEM + pack("<I", 0)) * 1000 + SEQUENCE_END)
    assert "more elements" in refusal(file_of(*SOP, *STUDY, empty_items), Budget(elements=1000, inflated_bytes=0))
    assert identify(file_of(*SOP, *STUDY, empty_items), Budget(elements=1010, inflated_bytes=0)) == IDENTITY


def test_what_a_deflated_data_set_inflates_to_is_bounded() -> None:
    deflater = zlib.compressobj(wbits=-15)
    elements = b"".join([*SOP, *STUDY, element(0x00420011, b"OB", bytes(2_000_000))])
    content = file_of(deflater.compress(elements) + deflater.flush(), syntax=b"1.2.840.10008.1.2.1.99")
    assert identify(content, Budget(elements=100, inflated_bytes=2_100_000)) == IDENTITY
    assert "larger, when inflated" in refusal(content, Budget(elements=100, inflated_bytes=1_900_000))


def test_sequences_are_followed_to_a_depth_that_no_report_has() -> None:
    def nested(depth: int) -> bytes:
        return file_of(*SOP, *STUDY, sequence(ITEM + UNDEFINED) * depth + (ITEM_END + SEQUENCE_END) * depth)

    assert identify(nested(DEEPEST)) == IDENTITY
    assert "nested" in refusal(nested(DEEPEST + 1))
    assert "nested" in refusal(nested(100_000))


def test_little_of_a_large_file_is_read() -> None:
    """A worker reads an object from the bucket: a value is passed over, not fetched."""
    read = 0

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            piece = super().read(size)
            read += len(piece)
            return piece

    content = file_of(*SOP, *STUDY, element(0x00420011, b"OB", bytes(20_000_000)))
    assert identify_file(Counted(content), len(content)) == IDENTITY
    assert read < 200_000
