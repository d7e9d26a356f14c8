"""The measurements of pictures as tables of docs/pictures.md and as a plot."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.log_plot import Series, log_plot
from bench.who_draws import Compared

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PLOT = DOCS / "pictures.md", DOCS / "pictures.svg"
BEGIN, END = "<!-- bench/thumbnails.py writes from here -->", "<!-- to here -->"


@dataclass
class Measured:
    """Milliseconds of one object; None where a program does not show it.

    drawn: CPU of drawing the picture here. dcmtk: CPU of its command. fetched_and_drawn: on the clock, fetching the
    object from Orthanc and drawing it here. rendered: on the clock, having Orthanc draw it.
    """

    name: str
    size: int
    placeholder: bool = False
    scalable: bool | None = None
    drawn: list[float] = field(default_factory=list)
    dcmtk: list[float] = field(default_factory=list)
    fetched_and_drawn: list[float] = field(default_factory=list)
    rendered: list[float] = field(default_factory=list)


def write(files: Sequence[Measured], mammograms: Sequence[Measured], compared: Sequence[Compared]) -> None:
    """Print the tables, put them into the page, and draw the plot."""
    report = "\n\n".join(
        [_summary(files), _ratios(files), f"![CPU per picture]({PLOT.name})", _large(mammograms), _who(compared)]
    )
    print(report)
    page = PAGE.read_text()
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}\n\n{report}\n\n{after}")
    pictures = sorted((each for each in files if not each.placeholder), key=lambda each: min(each.drawn))
    PLOT.write_text(
        log_plot(
            "CPU milliseconds a picture, files of pydicom and pydicom-data, by our time",
            [
                Series("here", "#1f6fb2", [min(each.drawn) for each in pictures]),
                Series("dcmj2pnm", "#d1772a", [min(each.dcmtk) if each.dcmtk else None for each in pictures]),
            ],
        )
    )


def _summary(files: Sequence[Measured]) -> str:
    rows = []
    for name, chosen in (("all", files), ("with a real picture", [each for each in files if not each.placeholder])):
        times = [min(each.drawn) for each in chosen]
        quantiles = statistics.quantiles(times, n=20)
        rate = 1000 / statistics.mean(times)
        rows.append(
            [name, len(times), f"{rate:.0f}", f"{quantiles[9]:.2f}", f"{quantiles[18]:.1f}", f"{max(times):.1f}"]
        )
    return _table(["Files", "", "Pictures a second", "CPU ms, median", "95th percentile", "most"], rows)


def _ratios(files: Sequence[Measured]) -> str:
    """How many times as long the others take, for the files that they show."""
    rows = [
        _ratio("`dcmj2pnm`, the whole command, CPU", files, lambda each: each.dcmtk, lambda each: each.drawn),
        _ratio(
            "Orthanc's `/rendered`, on the clock, beside drawing here, CPU",
            files,
            lambda each: each.rendered,
            lambda each: each.drawn,
        ),
        _ratio(
            "Orthanc's `/rendered`, beside fetching from it and drawing here, on the clock",
            files,
            lambda each: each.rendered,
            lambda each: each.fetched_and_drawn,
        ),
    ]
    heads = ["Beside", "Files it shows", "Its median ms", "Ours", "Ratio, median", "least", "most", "Faster here"]
    return _table(heads, [row for row in rows if row])


type Times = Callable[[Measured], list[float]]


def _ratio(name: str, files: Iterable[Measured], theirs: Times, ours: Times) -> list[object]:
    both = [(min(theirs(each)), min(ours(each))) for each in files if theirs(each) and ours(each)]
    if not both:
        return []
    ratios = [their / our for their, our in both]
    medians = [statistics.median(times) for times in zip(*both, strict=True)]
    faster = sum(ratio > 1 for ratio in ratios)
    return [
        name,
        len(both),
        *(f"{each:.2f}" for each in (*medians, statistics.median(ratios), min(ratios), max(ratios))),
        f"{faster} of {len(both)}",
    ]


def _large(mammograms: Iterable[Measured]) -> str:
    rows = [
        [
            each.name,
            "yes" if each.scalable else "no",
            f"{each.size / 1e6:.1f}",
            *(_shortest(times) for times in (each.drawn, each.dcmtk, each.fetched_and_drawn, each.rendered)),
        ]
        for each in mammograms
    ]
    heads = [
        "14 megapixels",
        "Scalable",
        "MB",
        "CPU ms",
        "`dcmj2pnm`",
        "Fetched from Orthanc, drawn here",
        "`/rendered`",
    ]
    return _table(heads, rows)


def _who(compared: Iterable[Compared]) -> str:
    rows = [
        [each.object, f"{each.size / 1000:,.0f}", each.pacs, _shortest(each.by_pacs), _shortest(each.here)]
        for each in compared
    ]
    return _table(["Object", "kB", "PACS", "Drawn by the PACS, ms", "Fetched and drawn here, ms"], rows)


def _shortest(times: Sequence[float]) -> str:
    return f"{min(times):.1f}" if times else "—"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
