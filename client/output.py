"""What a command prints: a table on a terminal, tab-separated lines elsewhere, or JSON.

Never anything that acts on a terminal: names and values come from files, from the PACS, and from whoever answered.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.endings import NotWritten

LEAST_COLUMNS = 60
"""A narrower terminal gets lines too: a table would break every value into single characters."""

ACTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters (C0, C1), those that turn the direction of writing, line separators and lone surrogates."""


def readable(text: object) -> str:
    """A text as it may be shown in one line: a byte of a name that is no UTF-8 as `\\xe9`, what acts as `\\u001b`."""
    return ACTING.sub(_shown, str(text))


def json_text(document: Any) -> str:
    """The document in one line of JSON that is safe on a terminal, in ASCII where the output has no UTF-8."""
    has_utf8 = "utf" in (sys.stdout.encoding or "").lower()
    return ACTING.sub(_escaped, json.dumps(document, ensure_ascii=not has_utf8))


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> None:
    """A table on a terminal, elsewhere a line for each row; then the caption. Raises NotWritten."""
    cells = [[readable(value) for value in row] for row in rows]
    if not sys.stdout.isatty() or (console := Console()).width < LEAST_COLUMNS:
        print_lines(["\t".join(row) for row in cells] + ([caption] if caption else []))
        return
    table = Table(caption=Text(caption))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    try:
        console.print(table)
        sys.stdout.flush()
    except OSError as error:
        raise NotWritten("the output", error) from error


def print_lines(lines: Iterable[str]) -> None:
    """Each in a line of its own, at once; raises NotWritten."""
    try:
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise NotWritten("the output", error) from error


def say(sentence: str) -> None:
    """A sentence on stderr, or nowhere if stderr cannot be written."""
    with suppress(OSError):
        sys.stderr.write(readable(sentence) + "\n")
        sys.stderr.flush()


def open_streams() -> None:
    """Makes any text printable, and gives a command that was started without stdout or stderr something to write to.

    Raises NotWritten where there is no stdout.
    """
    closed = sys.stdout is None
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if closed:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # is a TextIOWrapper
    if closed:
        raise NotWritten("the output", OSError(0, "it is closed"))


def close_streams() -> None:
    """Drops what could not be written, of which the interpreter would complain at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(devnull, stream.fileno())


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else _escaped(match)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
