"""Why a PACS did not store an object: the values of FailureReason (0008,1197) in words.

PS3.18 Table I.2-2 (store instances response), PS3.7 Annex C for the status codes that PACS pass on from C-STORE, and
what single PACS are known to answer.
"""

REASONS = {
    0x0105: "No such attribute",
    0x0106: "Invalid attribute value",
    0x0110: "Processing failure",
    0x0111: "Duplicate SOP instance: another object with this SOP Instance UID is stored already",
    0x0117: "Invalid SOP instance",
    0x0122: "SOP class not supported",
    0x0124: "Refused: not authorized",
    0x0131: "A retired transfer syntax or SOP class is not taken",
    0xA700: "Out of resources",
    0xA770: "Out of resources: the disk is full",
    0xA900: "The data set does not match its SOP class",
    0xC000: "The data set cannot be understood",
    0xC122: "Transfer syntax not supported",
    0xC409: "The study, series or patient does not match what is stored",
    45063: "A required attribute is missing or invalid",
    45070: "An object with this SOP Instance UID exists already",
}

OUT_OF_RESOURCES = range(0xA700, 0xA800)

RANGES = (
    (OUT_OF_RESOURCES[0], OUT_OF_RESOURCES[-1], "Out of resources"),
    (0xA900, 0xA9FF, "The data set does not match its SOP class"),
    (0xC000, 0xCFFF, "The data set cannot be understood"),
)


def in_words(reason: int | None) -> str:
    """A FailureReason in words, with its code in hexadecimal; a sentence of its own where there is none."""
    if reason is None:
        return "The PACS gave no reason"
    words = REASONS.get(reason) or next((text for low, high, text in RANGES if low <= reason <= high), "Not stored")
    return f"{words} ({reason:04X})"
