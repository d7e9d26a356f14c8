"""Each VR against vectors from PS3.5 Table 6.2-1, its notes and section 6.2.1."""

import pytest

from dicom_service.worklist.values import CHECKS, unpadded, wrong

GOOD = {
    "AE": ["NGV", "A", "STORE_SCP-1", "lower case", "!#$%&'()*+,-./", "A" * 16],
    "CS": ["CT", "CD123_4", "A B", "0", "_" * 16],
    "DA": ["19930822", "20000229", "20240229", "00010101", "99991231"],
    "LO": ["Tac", "a" * 64, "ù" * 64, "日本語", "a^b=c*?", "😀" * 64, "two  spaces"],
    "PN": [
        "Adams^John Robert Quincy^^Rev.^B.A. M.Div.",
        "Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "Hong^Gildong=洪^吉洞=홍^길동",
        "=山田^太郎",
        "Wang^XiaoDong==",
        "Buc^Jérôme",
        "a" * 64 + "=" + "b" * 64 + "=" + "c" * 64,
        "^First",
    ],
    "SH": ["NDS83JF784N209D2", "é" * 16, "4711"],
    "TM": ["07", "0709", "070907", "070907.0705", "070907.070500", "235960", "000000", "23", "070907.7"],
    "UI": ["1.2.840.10008.1.2", "0", "2.25.329800735698586629295641978511506172918", "1.0.3", "1." + "2" * 62],
}

BAD = {
    "AE": ["", "A" * 17, "A\\B", "A\tB", "É", "A\x7f"],
    "CS": ["", "ct", "A-B", "A" * 17, "A\\B", "É", "A\n"],
    "DA": [
        "",
        "1993082",
        "199308220",
        "1993.08.22",
        "1993-08-22",
        "20010229",
        "19000229",
        "20001301",
        "20000100",
        "20000132",
        "00000101",
        "١٩٩٣٠٨٢٢",
        "19930822\n",
        " 9930822",
        "20000101-",
    ],
    "LO": ["", "a" * 65, "a\\b", "a\nb", "a\x00", "a\x1b$B", "\x85", "\ud800", "a\r"],
    "PN": [
        "",
        "a" * 65,
        "a=" + "b" * 65,
        "a=b=c=d",
        "a^b^c^d^e^f",
        "A=a^b^c^d^e^f",
        "a\\b",
        "^",
        "^^^^",
        "=",
        "^ ^=^",
        "\u3000^\ufeff",
        "a\nb",
    ],
    "SH": ["", "\u3000", "\u00a0 \ufeff", "a" * 17, "a\\b", "\x07"],
    "TM": ["", "7", "24", "0760", "070961", "07:09:07", "070907.", "070907.1234567", "0709.5", "07 ", " 07", "٠٧"],
    "UI": ["", "1.02.3", "1..2", ".1", "1.", "1.a", "1" * 65, "1.2\n", "01", "1.2 ", "1,2"],
}


def vectors(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(vr, value) for vr, values in table.items() for value in values]


@pytest.mark.parametrize(("vr", "value"), vectors(GOOD))
def test_what_the_standard_allows(vr: str, value: str) -> None:
    assert wrong(vr, unpadded(vr, value)) is None


@pytest.mark.parametrize(("vr", "value"), vectors(BAD))
def test_what_the_standard_forbids_is_told_without_the_value(vr: str, value: str) -> None:
    told = wrong(vr, value)
    assert told is not None
    assert told.startswith("must ")
    assert len(value) < 6 or value not in told


def test_every_vr_has_vectors() -> None:
    assert set(CHECKS) == set(GOOD) == set(BAD)


@pytest.mark.parametrize(
    ("vr", "padded", "value"),
    [
        ("AE", "  NGV ", "NGV"),
        ("CS", " CT ", "CT"),
        ("LO", "  a b ", "a b"),
        ("SH", " 1", "1"),
        ("TM", "0709  ", "0709"),
        ("TM", " 0709", " 0709"),
        ("DA", "20000101 ", "20000101 "),
        ("UI", "1.2 ", "1.2 "),
        ("PN", " Wang^Xiao = 王^小 = ", "Wang^Xiao=王^小"),
        ("PN", "A==C", "A==C"),
        ("LO", "\u00a0a", "\u00a0a"),
    ],
)
def test_padding_is_what_the_vr_calls_padding(vr: str, padded: str, value: str) -> None:
    assert unpadded(vr, padded) == value
