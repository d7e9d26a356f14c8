"""What a thousand exams cost in AWS, the arithmetic of the table in docs/costs.md.

    python -m deployment.costs > docs/costs.md

Prices are those of us-east-1 that AWS lists without discounts and free tiers, in US dollars. Change what an exam is, or
the prices, and print it again. The PACS, its storage and its network are not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MILLION = 1e6
EXAMS = 1000

REQUEST_OF_API = 1.00 / MILLION
"""https://aws.amazon.com/api-gateway/pricing/ (HTTP API, up to 512 KB each)"""
INVOCATION, GB_SECOND, GB_SECOND_OF_ARM = 0.20 / MILLION, 0.0000166667, 0.0000133334
"""https://aws.amazon.com/lambda/pricing/"""
WRITE, READ = 0.625 / MILLION, 0.125 / MILLION
"""https://aws.amazon.com/dynamodb/pricing/on-demand/ (1 KB written, 4 KB read; a transaction counts twice)"""
MESSAGE, PUBLISHED = 0.40 / MILLION, 0.50 / MILLION
"""https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/sns/pricing/ (64 KB each)"""
LOGGED_GB, GB_OUT = 0.50, 0.09
"""https://aws.amazon.com/cloudwatch/pricing/ and https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer"""
METRIC, ALARM, SECRET, DASHBOARD = 0.30, 0.10, 0.40, 3.00
"""A month each: https://aws.amazon.com/cloudwatch/pricing/ and https://aws.amazon.com/secrets-manager/pricing/"""

LOG_BYTES = 900
"""Of one request: a line of the function, one of its metrics, one of the access log, what the platform says."""
AUTHORIZED_EVERY = 5
"""Requests for one call of the authorizer, whose answers are remembered for a minute."""


@dataclass(frozen=True)
class Step:
    """What happens `times` in an exam: `milliseconds` of a function with `memory` MB, rows written and read.

    `messages` are requests to SQS, `published` to SNS; `kilobytes` leave AWS. `asked` by way of the API.
    """

    name: str
    times: int
    memory: int
    milliseconds: int
    writes: int = 0
    reads: int = 0
    messages: int = 0
    published: int = 0
    kilobytes: float = 1
    asked: bool = True

    def dollars(self, gb_second: float = GB_SECOND) -> float:
        """Of a thousand exams."""
        once = INVOCATION + self.memory / 1024 * self.milliseconds / 1000 * gb_second
        once += self.writes * WRITE + self.reads * READ + self.messages * MESSAGE + self.published * PUBLISHED
        once += LOG_BYTES / 1e9 * LOGGED_GB + self.kilobytes / 1e6 * GB_OUT
        if self.asked:
            once += REQUEST_OF_API + (INVOCATION + 0.5 * 0.02 * gb_second + READ) / AUTHORIZED_EVERY
        return once * self.times * EXAMS


EXAM = (
    Step("order: `POST /workitems`", 1, 512, 150, writes=14),
    Step("worklist: `GET /workitems`", 4, 512, 150, writes=2, reads=10, kilobytes=4),
    Step("announcement: `POST /new-exam-callback`", 1, 512, 60, writes=4),
    Step("into the topic and the feed", 1, 512, 10, writes=6, reads=1, published=1, asked=False),
    Step("fan-out, and completion of the workitem", 2, 512, 30, writes=6, reads=1, messages=2, asked=False),
    Step("delivery to two subscribers", 2, 512, 250, writes=4, reads=2, messages=4, kilobytes=2, asked=False),
    Step("searches of studies, series, instances", 6, 512, 150, writes=2, kilobytes=20),
    Step("pictures", 20, 1769, 250, writes=2, kilobytes=15),
    Step("objects of 0.5 MB", 4, 1769, 200, writes=2, kilobytes=500),
    Step("viewer tokens: `GET /token`", 1, 512, 150, writes=2),
)
"""A CT of a day: ordered, made, announced, looked at by two people, two series of it in pictures."""

MONTHLY = (
    ("16 metrics of the service", 16 * METRIC),
    ("14 alarms", 14 * ALARM),
    ("a dashboard, the fourth of an account or later", DASHBOARD),
    ("four secrets", 4 * SECRET),
)


ABOUT = (
    "By AWS's list prices of us-east-1, in US dollars, without free tiers. `deployment/costs.py` has the",
    "arithmetic, the prices and what an exam is taken to be: change them there, and print this page again. The",
    "PACS is not counted.",
)
BESIDE = (
    "Nothing runs while nobody calls. The time that functions wait for the PACS is paid too: one that takes a",
    "second for each answer makes the first table several times as much. Audit records are kept for six years by",
    "default, at 0.25 a month and GB: some 40 MB for a thousand exams. A private network adds interface endpoints",
    "(about 7 a month each and zone), `SnapStart` what it keeps, `Tracing` 5 for a million requests.",
)


def page() -> Iterator[str]:
    """The lines of docs/costs.md."""
    yield "# What it costs"
    yield ""
    yield from ABOUT
    yield ""
    yield f"| {EXAMS:,} exams | times an exam | x86_64 | arm64 |"
    yield "| --- | ---: | ---: | ---: |"
    for step in EXAM:
        yield f"| {step.name} | {step.times} | {step.dollars():.3f} | {step.dollars(GB_SECOND_OF_ARM):.3f} |"
    totals = [sum(step.dollars(rate) for step in EXAM) for rate in (GB_SECOND, GB_SECOND_OF_ARM)]
    yield f"| **together** | {sum(step.times for step in EXAM)} | **{totals[0]:.2f}** | **{totals[1]:.2f}** |"
    yield ""
    yield "| A month, whatever is done | |"
    yield "| --- | ---: |"
    for name, dollars in MONTHLY:
        yield f"| {name} | {dollars:.2f} |"
    yield f"| **together** | **{sum(dollars for _, dollars in MONTHLY):.2f}** |"
    yield ""
    yield from BESIDE


if __name__ == "__main__":
    print("\n".join(page()))
