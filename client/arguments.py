"""The command line: what each command takes, and what may be said for it."""

import argparse
import os
import re
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from client.endings import STATUSES, Ending
from client.memory import default_path
from client.output import print_lines

MOST_PARALLEL = 64
UID = re.compile(r"[0-9.]{1,64}")
DESCRIPTION = """\
The DICOM Service from a command line. Results go to stdout: a table on a terminal,
tab-separated lines elsewhere, JSON with --json. What goes wrong is one sentence on stderr."""


_STATUSES = "\n".join(f"  {status}  {meaning}" for status, meaning in STATUSES.items())


class _Parser(argparse.ArgumentParser):
    """Lists the exit statuses in its help, and says in one sentence what is wrong with a command line."""

    def __init__(self, **options: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(**options, epilog=f"exit status:\n{_STATUSES}", formatter_class=formatter)

    def error(self, message: str) -> NoReturn:
        raise Ending(f"{message}; see {self.prog} --help")

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's signature
        print_lines([self.format_help().rstrip()])


def parser() -> argparse.ArgumentParser:
    """Parses `command` and what belongs to it; raises Ending for what is wrong."""
    main = _Parser(prog="python -m client", description=DESCRIPTION)
    main.add_argument(
        "--url",
        type=_url,
        default=os.environ.get("DICOM_SERVICE_URL", "http://127.0.0.1:8080"),
        help="of the service; or DICOM_SERVICE_URL",
    )
    who = main.add_argument_group("who is asking", "DICOM_SERVICE_TOKEN holds an API key or an access token; or:")
    who.add_argument("--token-file", type=_path, metavar="FILE", help="holds it, and is read again when it is refused")
    who.add_argument("--issuer", type=_url, metavar="URL", help="where to fetch tokens; or DICOM_SERVICE_ISSUER")
    who.add_argument("--client-id", type=_text, metavar="ID", help="for a client that fetches its tokens there")
    who.add_argument(
        "--client-secret-file", type=_path, metavar="FILE", help="its secret; or DICOM_SERVICE_CLIENT_SECRET"
    )
    who.add_argument("--scope", type=_text, metavar="SCOPES", help="to ask for; else what the client usually gets")
    who.set_defaults(issuer=os.environ.get("DICOM_SERVICE_ISSUER") or None)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("upload", help="store files, folders of files, zip files of studies")
    command.add_argument("paths", nargs="+", type=_path, metavar="PATH")
    command.add_argument(
        "--parallel", type=_parallel, default=4, metavar="N", help=f"files at a time, 1 to {MOST_PARALLEL}; default 4"
    )
    command.add_argument(
        "--memory", type=_path, default=default_path(), metavar="FILE", help="of earlier uploads; default %(default)s"
    )
    command = commands.add_parser("download", help="fetch a study as a zip file")
    command.add_argument("study", type=_uid, metavar="STUDY", help="its Study Instance UID")
    command.add_argument("--patient", type=_text, required=True, metavar="ID", help="whose it is: the Patient ID")
    command.add_argument("--to", type=_path, default=Path(), metavar="FOLDER", help="default: here")
    command.add_argument("--dicomdir", action="store_true", help="with a DICOMDIR, to put onto a disc")
    command = commands.add_parser("worklist", help="list workitems")
    command.add_argument("--patient", type=_text, metavar="ID", help="Patient ID")
    command.add_argument("--date", type=_text, help="YYYYMMDD or YYYYMMDD-YYYYMMDD")
    command.add_argument("--modality", type=_text)
    command = commands.add_parser("events", help="print new-exam events, a line of JSON each")
    command.add_argument("--after", type=_text, default="0", metavar="CURSOR", help="`next` of an earlier page")
    command.add_argument("--follow", action="store_true", help="and those to come, until Ctrl-C")
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="the result as one line of JSON")
    return main


def _text(text: str) -> str:
    """A filter that is empty, as a shell's unset variable is, would show what was not asked for."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no UTF-8") from error
    return text


def _path(text: str) -> Path:
    """The empty path would be the folder that one happens to be in."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return Path(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(_text(text))
        host = (parts.hostname or "").encode("idna")
        valid = parts.scheme in ("http", "https") and host and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} must be a URL such as https://dicom.example.org")
    return text


def _uid(text: str) -> str:
    if not UID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a DICOM UID: digits and dots, at most 64 characters")
    return text


def _parallel(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_PARALLEL):
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 to {MOST_PARALLEL}")
    return int(text)
