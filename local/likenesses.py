"""Variables of the environment that look like a setting and are none: somebody has misspelt one."""

import re
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher

PREFIXES = ("CALLBACK_", "CORS_", "DICOM_", "PACS_", "VIEWER_", "WORKLIST_")
"""What the names of our settings begin with, and seldom those of others."""

ALIKE, HARDLY_ALIKE = 0.85, 0.65

SHORTEST = 7
"""Of names without such a beginning: shorter ones are like too many."""


def misspelt(names: Collection[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each name that looks like one that is known, with the nearest of those, or an empty text where none is near.

    Small letters and the spelling of the template's parameters (`PacsServiceUrl`) are seen through. A slip of the
    finger is seldom the first letter, so `AWS_CA_BUNDLE` is not `PACS_CA_BUNDLE`.
    """
    for name in sorted(set(names) - set(known)):
        upper = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper().replace("-", "_")
        ours = upper.startswith(PREFIXES)
        nearest = max(known, key=lambda each: _likeness(upper, each))
        likeness = _ratio(upper, nearest)
        if ours or (len(upper) >= SHORTEST and upper[0] == nearest[0] and likeness >= ALIKE):
            near = likeness >= HARDLY_ALIKE or _likeness(upper, nearest)[0]
            yield name, nearest if near else ""


def _likeness(name: str, known: str) -> tuple[int, float]:
    """First whether a word was left out, then how many letters are the same in the same order."""
    words, of_known = name.split("_"), known.split("_")
    left_out = (set(words) <= set(of_known)) + (set(words) <= set(of_known) and words[-1] == of_known[-1])
    return left_out, _ratio(name, known)


def _ratio(name: str, known: str) -> float:
    return SequenceMatcher(None, name, known).ratio()
