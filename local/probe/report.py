"""What a probe has found out, and how it is told."""

import re
from dataclasses import dataclass, field

PLAIN = re.compile(r"[\w/:.,-]*")
"""What a shell takes as it stands."""


@dataclass
class Report:
    """Findings in the order in which they were made, and the settings that follow from them."""

    findings: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def found(self, subject: str, what: str) -> None:
        """Adds a finding, such as `searching` and `204 for nothing found`."""
        self.findings.append((subject, what))

    def text(self) -> str:
        """The report as it is printed: a line for each finding, then the settings as shell assignments."""
        width = max((len(subject) for subject, _ in self.findings), default=0)
        lines = [f"  {subject:<{width}}  {what}" for subject, what in self.findings]
        settings = [f"  {name}={_quoted(value)}" for name, value in self.settings.items()]
        return "\n".join(["What was found", *lines, "", "Settings to use", *(settings or ["  none: this is no PACS"])])


def _quoted(value: str) -> str:
    return value if PLAIN.fullmatch(value) else f"'{value}'"
