"""`make sbom`: the licences of every package in the built layers, their texts as they came, in one file.

python -m deployment.licences .aws-sam/build > dist/licences.txt
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path

TEXTS = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)
REFUSED = re.compile(r"\b([AL]?GPL|General Public License)", re.IGNORECASE)
"""In the name of a licence: what may not be shipped."""


@dataclass(frozen=True)
class Package:
    """A package of a layer: what it says of its own licence, and the licences' texts by their names."""

    layer: str
    name: str
    version: str
    licence: str
    texts: dict[str, str]


def packages(built: Path) -> Iterator[Package]:
    """Those of every layer that was built."""
    for folder in sorted(built.glob("*Layer/python/*.dist-info")):
        metadata = message_from_string((folder / "METADATA").read_text(errors="replace"))
        classified = [
            each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if each.startswith("License")
        ]
        stated = metadata.get("License-Expression") or metadata.get("License") or ", ".join(classified)
        texts = {
            str(path.relative_to(folder)): path.read_text(errors="replace")
            for path in sorted(folder.rglob("*"))
            if path.is_file() and TEXTS.search(str(path.relative_to(folder)))
        }
        yield Package(folder.parts[-3], metadata["Name"], metadata["Version"], (stated or "").splitlines()[0], texts)


def main() -> int:
    """The exit status: 1 where a package states no licence, or one that may not be shipped."""
    found = list(packages(Path(sys.argv[1])))
    wrong = [each for each in found if not each.licence or REFUSED.search(each.licence)]
    for each in wrong:
        print(f"{each.layer}: {each.name} {each.version}: {each.licence or 'no licence'}", file=sys.stderr)
    for each in found:
        print(f"{each.name} {each.version} ({each.layer}): {each.licence}")
    for each in found:
        for name, text in each.texts.items():
            print(f"\n{'=' * 80}\n{each.name} {each.version}, {name}\n{'=' * 80}\n{text.rstrip()}")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
