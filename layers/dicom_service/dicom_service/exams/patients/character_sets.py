"""Specific Character Set (0008,0005): how the bytes of a short text are read (PS3.3 section C.12.1.1.2)."""

DEFAULT = "ascii"
CODECS = {
    "": DEFAULT,
    "ISO_IR 6": DEFAULT,
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 192": "utf_8",
    "ISO_IR 203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
"""By the defined term. Text that switches character sets with escape sequences is not read here."""

WITH_EXTENSIONS = "ISO 2022 IR "
WITHOUT_EXTENSIONS = "ISO_IR "
"""How the terms of the same character set begin; text without an escape sequence is in the first of several."""

ESCAPE = b"\x1b"


def decoded(value: bytes, terms: bytes) -> str:
    """One value of an LO as text; empty where it is not certain which, or where there are several values."""
    first = terms.decode("latin-1").partition("\\")[0].strip("\0 ")
    codec = DEFAULT if value.isascii() else CODECS.get(first.replace(WITH_EXTENSIONS, WITHOUT_EXTENSIONS))
    if codec is None or ESCAPE in value:
        return ""
    try:
        text = value.decode(codec)
    except UnicodeDecodeError:
        return ""
    return "" if "\\" in text else text
